"""FF1: a column as each text by itself, back again, and what the standard refuses."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.keys.blocks import Cipher
from gateway.keys.ff1 import Ff1
from gateway.spi import Octets


@st.composite
def texts(draw: st.DrawFn) -> tuple[Octets, int]:
    radix = draw(st.integers(2, 62))
    least = next(length for length in range(2, 64) if radix**length >= 1_000_000)
    length = draw(st.integers(least, least + 14))
    count = draw(st.integers(0, 30))
    numerals = draw(st.lists(st.integers(0, radix - 1), min_size=count * length, max_size=count * length))
    return np.array(numerals, np.uint8).reshape(count, length), radix


@settings(max_examples=150, deadline=None)
@given(texts(), st.binary(max_size=20), st.sampled_from(list(Cipher)), st.binary(min_size=32, max_size=32))
def test_a_column_is_each_text_by_itself_and_turns_back(
    given_texts: tuple[Octets, int], tweak: bytes, cipher: Cipher, key: bytes
) -> None:
    numerals, radix = given_texts
    by_column, one_by_one = Ff1(cipher=cipher, key=key, few=0), Ff1(cipher=cipher, key=key, few=1_000)
    enciphered = by_column.encrypt(numerals, radix, tweak)
    assert enciphered.shape == numerals.shape
    assert np.array_equal(enciphered, one_by_one.encrypt(numerals, radix, tweak))
    assert np.array_equal(by_column.decrypt(enciphered, radix, tweak), numerals)
    assert np.array_equal(one_by_one.decrypt(enciphered, radix, tweak), numerals)


def test_more_texts_than_are_done_together() -> None:
    numbers = np.array([[int(digit) for digit in f"{number:018d}"] for number in range(40_000)], np.uint8)
    ff1 = Ff1(cipher=Cipher.AES, key=bytes(32))
    enciphered = ff1.encrypt(numbers, 10)
    assert len(np.unique(enciphered, axis=0)) == 40_000
    alone = Ff1(cipher=Cipher.AES, key=bytes(32), few=10**9)
    for at in (0, 32_767, 32_768, 39_999):
        assert np.array_equal(enciphered[at : at + 1], alone.encrypt(numbers[at : at + 1], 10))


@pytest.mark.parametrize(("radix", "length"), [(10, 5), (2, 19), (62, 3), (1, 30), (257, 8)])
def test_too_small_a_domain_and_no_alphabet_are_refused(radix: int, length: int) -> None:
    with pytest.raises(ValueError, match="domain"):
        Ff1(cipher=Cipher.AES, key=bytes(32)).encrypt(np.zeros((1, length), np.uint8), radix)


@pytest.mark.parametrize("copies", [1, 100])
def test_a_numeral_that_is_none_is_refused(copies: int) -> None:
    with pytest.raises(ValueError, match="radix"):
        Ff1(cipher=Cipher.AES, key=bytes(32)).encrypt(np.full((copies, 10), 10, np.uint8), 10)


def test_no_key_is_shown() -> None:
    assert repr(Ff1(cipher=Cipher.AES, key=bytes(32))) == "<Ff1>"
