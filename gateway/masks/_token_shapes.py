"""The shapes that `token` knows: which characters are enciphered, over which alphabet, and the check character.

A shape turns rows of characters of one length into numerals and back. A text with a wrong check character has not the
shape: its token could not be turned back into it.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gateway.masks._check_digits import DIGITS, ID_CHECKS, USCC_ALPHABET, id_check, luhn_check, uscc_check
from gateway.spi import Octets

NO_NUMERAL: Final = 255
Fits = NDArray[np.bool_]
Crypt = Callable[[Octets, int], Octets]


@dataclass(frozen=True, slots=True)
class Alphabet:
    """Distinct ASCII characters; a numeral is a character's place."""

    characters: str

    def numerals(self, rows: Octets) -> Octets:
        """NO_NUMERAL for a character that isn't of it."""
        octets = self._octets()
        if self._is_range:
            found: Octets = rows - octets[0]
            outside = found >= len(octets)
            if outside.any():
                found[outside] = NO_NUMERAL
            return found
        table = np.full(256, NO_NUMERAL, np.uint8)
        table[octets] = np.arange(len(octets), dtype=np.uint8)
        return np.take(table, rows, mode="clip")

    def rows(self, numerals: Octets) -> Octets:
        """The characters."""
        octets = self._octets()
        found: Octets = numerals + octets[0] if self._is_range else np.take(octets, numerals, mode="clip")
        return found

    def fits(self, numerals: Octets) -> Fits:
        """Which rows are of numerals throughout."""
        strange = numerals == NO_NUMERAL
        return ~strange.any(axis=1) if strange.any() else np.ones(len(numerals), np.bool_)

    @property
    def _is_range(self) -> bool:
        """Whether each character is the one after the last, as digits are."""
        return self.characters == "".join(map(chr, range(ord(self.characters[0]), ord(self.characters[-1]) + 1)))

    def _octets(self) -> Octets:
        return np.frombuffer(self.characters.encode("ascii"), np.uint8)


class TokenShape(ABC):
    """One shape of a token; a token has the shape of what it stands for."""

    has_check: bool = False
    lengths: frozenset[int]

    @abstractmethod
    def recognise(self, rows: Octets, *, offset: int) -> Fits:
        """Which rows (of one of the lengths) have the shape, their check character moved on by `offset` places."""

    @abstractmethod
    def crypt(self, rows: Octets, crypt: Crypt, *, offset: int) -> Octets:
        """Rows that were recognised, enciphered or deciphered; their check character moved on by `offset` places."""


class _Checked(TokenShape):
    """Numerals of one alphabet and a check character after them; `offset` 1 is never valid."""

    has_check = True

    def __init__(
        self, alphabet: str, checks: str, check: Callable[[Octets], NDArray[np.intp]], lengths: frozenset[int]
    ) -> None:
        self._alphabet = Alphabet(alphabet)
        self._checks = np.frombuffer(checks.encode("ascii"), np.uint8)
        self._check = check
        self.lengths = lengths

    def recognise(self, rows: Octets, *, offset: int) -> Fits:
        numerals = self._alphabet.numerals(rows[:, :-1])
        known = self._alphabet.fits(numerals)
        if not known.all():
            numerals[~known] = 0
        last = np.where(rows[:, -1] == ord("x"), np.uint8(ord("X")), rows[:, -1])
        fits: Fits = known & (self._character(numerals, offset) == last)
        return fits

    def crypt(self, rows: Octets, crypt: Crypt, *, offset: int) -> Octets:
        numerals = crypt(self._alphabet.numerals(rows[:, :-1]), len(self._alphabet.characters))
        return np.concatenate(
            [self._alphabet.rows(numerals), self._character(numerals, offset)[:, None]], axis=1, dtype=np.uint8
        )

    def _character(self, numerals: Octets, offset: int) -> Octets:
        # as many again after them, so that moving on needs no division
        return np.take(np.concatenate([self._checks, self._checks]), self._check(numerals) + offset, mode="clip")


class _IdNumber(TokenShape):
    """18 characters with a check, or the 15 digits of before 1999."""

    has_check = True
    lengths = frozenset({15, 18})

    def __init__(self) -> None:
        self._of_18 = _Checked(DIGITS, ID_CHECKS, id_check, frozenset({18}))
        self._of_15 = Plain(DIGITS, frozenset({15}))

    def recognise(self, rows: Octets, *, offset: int) -> Fits:
        return self._of(rows).recognise(rows, offset=offset)

    def crypt(self, rows: Octets, crypt: Crypt, *, offset: int) -> Octets:
        return self._of(rows).crypt(rows, crypt, offset=offset)

    def _of(self, rows: Octets) -> TokenShape:
        return self._of_18 if rows.shape[1] == 18 else self._of_15


class Plain(TokenShape):
    """Any text over an alphabet, all of it enciphered; `kept` characters before it stay, each one of its own set."""

    def __init__(self, alphabet: str, lengths: frozenset[int], kept: tuple[str, ...] = ()) -> None:
        self._alphabet = Alphabet(alphabet)
        self._kept = kept
        self.lengths = lengths

    def recognise(self, rows: Octets, *, offset: int) -> Fits:
        del offset
        fits = self._alphabet.fits(self._alphabet.numerals(rows[:, len(self._kept) :]))
        for at, allowed in enumerate(self._kept):
            fits &= np.isin(rows[:, at], np.frombuffer(allowed.encode("ascii"), np.uint8))
        return fits

    def crypt(self, rows: Octets, crypt: Crypt, *, offset: int) -> Octets:
        del offset
        numerals = crypt(self._alphabet.numerals(rows[:, len(self._kept) :]), len(self._alphabet.characters))
        return np.concatenate([rows[:, : len(self._kept)], self._alphabet.rows(numerals)], axis=1)


class _Passport(TokenShape):
    """Letters stay; of the kind's two forms each has its own domain of digits."""

    lengths = frozenset({9})

    def __init__(self) -> None:
        self._with_letter = Plain(DIGITS, self.lengths, ("E", "ABCDEFGHJKLMNPQRSTUVWXYZ"))
        self._of_digits = Plain(DIGITS, self.lengths, ("DEGHPS",))

    def recognise(self, rows: Octets, *, offset: int) -> Fits:
        return self._of_digits.recognise(rows, offset=offset) | self._with_letter.recognise(rows, offset=offset)

    def crypt(self, rows: Octets, crypt: Crypt, *, offset: int) -> Octets:
        found = rows.copy()
        has_letter = rows[:, 1] > ord("9")
        for shape, chosen in ((self._with_letter, has_letter), (self._of_digits, ~has_letter)):
            if chosen.any():
                found[chosen] = shape.crypt(rows[chosen], crypt, offset=offset)
        return found


class _Mobile(TokenShape):
    """1, then 3 to 9, then nine digits. Enciphered again and again until the second digit is one that exists."""

    lengths = frozenset({11})
    _LEAST: Final = 3

    def recognise(self, rows: Octets, *, offset: int) -> Fits:
        del offset
        numerals = Alphabet(DIGITS).numerals(rows)
        is_number = Alphabet(DIGITS).fits(numerals)
        is_number &= (numerals[:, 0] == 1) & (numerals[:, 1] >= self._LEAST)
        return is_number

    def crypt(self, rows: Octets, crypt: Crypt, *, offset: int) -> Octets:
        del offset
        # cycle walking: a permutation of all ten-digit texts, followed from one that begins with 3 to 9 to the next
        # that does, is a permutation of those
        numerals = crypt(Alphabet(DIGITS).numerals(rows[:, 1:]), 10)
        while len(left := np.flatnonzero(numerals[:, 0] < self._LEAST)):
            numerals[left] = crypt(numerals[left], 10)
        return np.concatenate([rows[:, :1], Alphabet(DIGITS).rows(numerals)], axis=1)


TOKEN_SHAPES: Final[Mapping[str, TokenShape]] = MappingProxyType(
    {
        "bank_card": _Checked(DIGITS, DIGITS, luhn_check, frozenset(range(15, 20))),
        "id_number": _IdNumber(),
        "mobile": _Mobile(),
        "passport": _Passport(),
        "uscc": _Checked(USCC_ALPHABET, USCC_ALPHABET, uscc_check, frozenset({18})),
    }
)
"""Every shape by the name that masks.yaml uses."""
