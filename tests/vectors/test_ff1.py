"""FF1 against NIST's samples (FF1samples.pdf), one by one and by column."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gateway.keys.blocks import Cipher
from gateway.keys.ff1 import Ff1

_SAMPLES = json.loads((Path(__file__).parent / "data" / "nist_ff1_samples.json").read_text(encoding="utf-8"))["cases"]


@pytest.mark.parametrize("sample", _SAMPLES, ids=lambda sample: f"sample {sample['sample']}")
@pytest.mark.parametrize("copies", [1, 3, 40])
def test_a_sample(sample: dict[str, Any], copies: int) -> None:
    alphabet, tweak = sample["alphabet"], bytes.fromhex(sample["tweak"])
    plain, enciphered = (
        np.array([[alphabet.index(one) for one in sample[name]]] * copies, np.uint8)
        for name in ("plaintext", "ciphertext")
    )
    ff1 = Ff1(cipher=Cipher.AES, key=bytes.fromhex(sample["key"]))
    assert np.array_equal(ff1.encrypt(plain, sample["radix"], tweak), enciphered)
    assert np.array_equal(ff1.decrypt(enciphered, sample["radix"], tweak), plain)


def test_there_are_nine_samples() -> None:
    assert len(_SAMPLES) == 9
