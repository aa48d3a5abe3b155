"""Keyed digests: published values, a column as each value by itself, no key shown."""

import hashlib
import hmac

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.keys.digests import keyed_digest

ALGORITHMS = ["aes-cmac", "hmac-sha256", "hmac-sm3", "sm4-cmac"]
KEY = bytes.fromhex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4")
_MESSAGE = bytes.fromhex(
    "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
    "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
)


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        (0, "028962f61b7bf89efc6b551f4667d983"),
        (16, "28a7023f452e8f82bd4bf28d8c37c35c"),
        (40, "aaf3d8f1de5640c232f5b169b9c911e6"),
        (64, "e1992190549f6ed5696a2c056c315410"),
    ],
)
@pytest.mark.parametrize("copies", [1, 100])
def test_cmac_of_nist_s_examples(length: int, expected: str, copies: int) -> None:
    # NIST SP 800-38B, D.3, AES-256
    message = _MESSAGE[:length]
    data = np.frombuffer(message * copies, np.uint8)
    rows = keyed_digest("aes-cmac", KEY).digests(data, np.arange(copies + 1, dtype=np.int64) * length)
    assert [row.tobytes().hex() for row in rows] == [expected] * copies
    assert keyed_digest("aes-cmac", KEY).digest(message).hex() == expected


def test_hmac_is_the_standard_library_s() -> None:
    expected = hmac.digest(KEY, b"34052419800101001X", hashlib.sha256)[:16]
    assert keyed_digest("hmac-sha256", KEY).digest(b"34052419800101001X") == expected


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.binary(max_size=70) | st.binary(min_size=1_020, max_size=1_030), max_size=80),
    st.binary(max_size=5),
    st.sampled_from(ALGORITHMS),
)
def test_a_column_is_each_value_by_itself(values: list[bytes], before: bytes, algorithm: str) -> None:
    function = keyed_digest(algorithm, KEY)
    values = values * 2
    data = np.frombuffer(before + b"".join(values) + b"after", np.uint8)
    offsets = np.cumsum([len(before), *map(len, values)]).astype(np.int64)
    rows = function.digests(data, offsets)
    assert rows.shape == (len(values), 16)
    assert [row.tobytes() for row in rows] == function.of_few(values) == [function.digest(value) for value in values]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_more_values_than_are_done_together_and_one_of_ten_megabytes(algorithm: str) -> None:
    function = keyed_digest(algorithm, KEY)
    values = [f"{number:018d}".encode() for number in range(33_000)]
    values[7] = b"1" * 10_000_000
    offsets = np.cumsum([0, *map(len, values)]).astype(np.int64)
    rows = function.digests(np.frombuffer(b"".join(values), np.uint8), offsets)
    for at in (0, 6, 7, 8, 32_767, 32_768, 32_999):
        assert rows[at].tobytes() == function.digest(values[at])


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_no_key_is_shown(algorithm: str) -> None:
    assert repr(keyed_digest(algorithm, KEY)) == "<keyed digest>"


def test_another_algorithm_is_refused() -> None:
    with pytest.raises(ValueError, match="no keyed digest"):
        keyed_digest("md5", KEY)
