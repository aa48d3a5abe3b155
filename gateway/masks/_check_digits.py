"""Check characters of ID numbers (GB 11643, ISO 7064 MOD 11-2), USCC (GB 32100) and bank cards (Luhn, ISO/IEC 7812)."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from gateway.spi import Octets

DIGITS: Final = "0123456789"
USCC_ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
ID_CHECKS: Final = "10X98765432"
"""The check character by the weighted sum modulo 11."""

_WORD: Final = np.dtype("<u8")
_EVEN: Final = np.uint64(0x00FF_00FF_00FF_00FF)
_SUM: Final = np.uint64(48)
_ID_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_USCC_WEIGHTS: Final = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)


def id_check(digits: Octets) -> NDArray[np.intp]:
    """Places in ID_CHECKS for rows of 17 digits (numerals, not characters)."""
    return _remainder(_weighted(digits, _ID_WEIGHTS), 11)


def uscc_check(numerals: Octets) -> NDArray[np.intp]:
    """Places in USCC_ALPHABET for rows of 17 numerals of it."""
    return _remainder(31 - _remainder(_weighted(numerals, _USCC_WEIGHTS), 31), 31)


def luhn_check(digits: Octets) -> NDArray[np.intp]:
    """The digit that follows rows of digits."""
    total = np.zeros(len(digits), np.intp)
    for from_end in range(digits.shape[1]):
        digit = digits[:, -1 - from_end]
        total += np.where(digit > 4, 2 * digit - 9, 2 * digit) if from_end % 2 == 0 else digit
    return (10 - total % 10) % 10


def _remainder(numbers: NDArray[np.uint64] | NDArray[np.intp], by: int) -> NDArray[np.intp]:
    """By a product and a difference: numpy divides by a constant faster than it finds what is left."""
    found = numbers.astype(np.uint64)
    found -= found // np.uint64(by) * np.uint64(by)
    return found.view(np.intp)


def _weighted(numerals: Octets, weights: tuple[int, ...]) -> NDArray[np.uint64]:
    """Sums of numerals by weights; below 2**16, so that four products fit a word."""
    count, length = numerals.shape
    adjacent = np.ascontiguousarray(numerals)
    total = np.zeros(count, np.uint64)
    wide = length - length % 8
    for at in range(0, wide, 8):
        words = np.ndarray(count, _WORD, adjacent.data, at, (length,))
        for first in (0, 1):
            four = weights[at + first : at + 8 : 2]
            # of the product the highest sixteen bits are the sum, the weights standing in it the other way round
            factor = sum(weight << 16 * (3 - number) for number, weight in enumerate(four))
            total += ((words >> np.uint64(8 * first) & _EVEN) * np.uint64(factor)) >> _SUM
    for at in range(wide, length):
        total += numerals[:, at] * np.uint64(weights[at])
    return total
