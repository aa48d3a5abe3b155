"""SM3 (GB/T 32905) and SM4 (GB/T 32907) as this gateway uses them: single blocks, and the hash under its HMAC."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cryptography.hazmat.primitives import hashes

from gateway.keys.blocks import BlockCipher, Cipher
from gateway.keys.digests import keyed_digest

_DATA = Path(__file__).parent / "data"


def _cases(name: str) -> list[dict[str, Any]]:
    cases: list[dict[str, Any]] = json.loads((_DATA / f"{name}.json").read_text(encoding="utf-8"))["cases"]
    return cases


@pytest.mark.parametrize("case", [case for case in _cases("sm4") if case["mode"] == "ecb"], ids=str)
def test_blocks_of_sm4(case: dict[str, str]) -> None:
    blocks = np.frombuffer(bytes.fromhex(case["plaintext"]), np.uint8).reshape(-1, 16)
    cipher = BlockCipher(cipher=Cipher.SM4, key=bytes.fromhex(case["key"]))
    assert cipher.encipher(blocks).tobytes().hex() == case["ciphertext"].lower()


@pytest.mark.parametrize("case", _cases("sm3"), ids=str)
def test_sm3_and_the_hmac_over_it(case: dict[str, str]) -> None:
    message = bytes.fromhex(case["msg_hex"])

    def sm3(octets: bytes) -> bytes:
        digest = hashes.Hash(hashes.SM3())
        digest.update(octets)
        return digest.finalize()

    assert sm3(message).hex() == case["md"].lower()
    # RFC 2104 over a block of 64 bytes
    key = bytes(range(32))
    inner = sm3(bytes(0x36 ^ octet for octet in key.ljust(64, b"\0")) + message)
    outer = sm3(bytes(0x5C ^ octet for octet in key.ljust(64, b"\0")) + inner)
    assert keyed_digest("hmac-sm3", key).digest(message) == outer[:16]
