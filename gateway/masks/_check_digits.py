"""Check characters of ID numbers (GB 11643, ISO 7064 MOD 11-2), USCC (GB 32100) and bank cards (Luhn, ISO/IEC 7812)."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from gateway.spi import Octets

DIGITS: Final = "0123456789"
USCC_ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
ID_CHECKS: Final = "10X98765432"
"""The check character by the weighted sum modulo 11."""

_ID_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_USCC_WEIGHTS: Final = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)


def id_check(digits: Octets) -> NDArray[np.intp]:
    """Places in ID_CHECKS for rows of 17 digits (numerals, not characters)."""
    return _weighted(digits, _ID_WEIGHTS) % 11


def uscc_check(numerals: Octets) -> NDArray[np.intp]:
    """Places in USCC_ALPHABET for rows of 17 numerals of it."""
    return (31 - _weighted(numerals, _USCC_WEIGHTS) % 31) % 31


def luhn_check(digits: Octets) -> NDArray[np.intp]:
    """The digit that follows rows of digits."""
    total = np.zeros(len(digits), np.intp)
    for from_end in range(digits.shape[1]):
        digit = digits[:, -1 - from_end]
        total += np.where(digit > 4, 2 * digit - 9, 2 * digit) if from_end % 2 == 0 else digit
    return (10 - total % 10) % 10


def _weighted(numerals: Octets, weights: tuple[int, ...]) -> NDArray[np.intp]:
    total = np.zeros(len(numerals), np.intp)
    for at, weight in enumerate(weights):
        total += numerals[:, at].astype(np.intp) * weight
    return total
