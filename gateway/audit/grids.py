"""Texts of one length as a grid of letters, so that all of them are looked at in one step. Pure."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, TypeAdapter, ValidationError

Letters = NDArray[np.uint8]
"""Of each text a row."""

MOMENT_LETTERS: Final = len("2026-11-23T08:00:00.000000Z")
_MOMENT: Final = b"0000-00-00T00:00:00.000000Z"
_ZEROES: Final = bytes(48 if 48 <= byte <= 57 else byte for byte in range(256))
_DIGITS: Final = [place for place, letter in enumerate(_MOMENT) if letter == 48]
_PARTS: Final = (4, 2, 2, 2, 2, 2, 6)  # digits of year, month, day, hour, minute, second, microsecond
_AT_ONCE: Final = 64  # texts of some kilobytes that are compared in one step
_PAD, _NOUGHT = ord("="), ord("A")
_NO_LETTERS: Final = b'"\\-_='  # not of base64's standard alphabet, or no base64 at all
_BASE64 = TypeAdapter(bytes, config=ConfigDict(val_json_bytes="base64"))
_HEX: Final = b"0123456789abcdef"
_DECIMAL: Final = b"0123456789"


def _weights() -> NDArray[np.int64]:
    weights = np.zeros((len(_DIGITS), len(_PARTS)), dtype=np.int64)
    row = 0
    for part, digits in enumerate(_PARTS):
        for place in reversed(range(digits)):
            weights[row, part] = 10**place
            row += 1
    return weights


_WEIGHTS: Final = _weights()


class Grid:
    """Texts of one length, at least one. A copy: what is made even here stays as it was elsewhere."""

    def __init__(self, texts: Sequence[bytes]) -> None:
        self._whole = bytearray().join(texts)
        self._count = len(texts)
        self._width = len(texts[0])
        self._letters: Letters = np.frombuffer(self._whole, dtype=np.uint8).reshape(self._count, self._width)

    def at(self, place: slice) -> Letters:
        """What stands at one place: a copy, which stays as it is."""
        return self._letters[:, place].copy()

    def others(self, template: bytes, places: Sequence[slice]) -> list[int]:
        """Which of the texts are not the template, whatever stands at these places; they are made even by that."""
        wanted = np.frombuffer(template, dtype=np.uint8)
        for place in places:
            self._letters[:, place] = wanted[place]
        width, whole = self._width, self._whole
        some = template * min(self._count, _AT_ONCE)  # which stay in the processor's memory
        if all(whole.startswith(some[: len(whole) - at], at) for at in range(0, len(whole), len(some) or 1)):
            return []
        return [row for row in range(self._count) if whole[row * width : (row + 1) * width] != template]


def are_hex(letters: Letters) -> bool:
    """Whether there is nothing but lower-case hexadecimal digits."""
    return not letters.tobytes().translate(None, _HEX)


def are_numbers(letters: Letters) -> bool:
    """Whether each is a number as JSON writes it."""
    if letters.tobytes().translate(None, _DECIMAL):
        return False
    return letters.shape[1] == 1 or not (letters[:, 0] == 48).any()


def look_like_moments(letters: Letters) -> bool:
    """Whether each has digits where a moment has them, and its signs between them."""
    return letters.shape[1] == MOMENT_LETTERS and letters.tobytes().translate(_ZEROES) == _MOMENT * len(letters)


def moments_of(letters: Letters) -> NDArray[np.int64] | None:
    """In microseconds since 1970; None where one is no moment of the calendar in its one form."""
    if not look_like_moments(letters):
        return None
    year, month, day, hour, minute, second, micro = ((letters[:, _DIGITS] - 48).astype(np.int64) @ _WEIGHTS).T
    if year.min() < 1 or month.min() < 1 or month.max() > 12 or day.min() < 1:
        return None
    if hour.max() > 23 or minute.max() > 59 or second.max() > 59:
        return None
    months = (year - 1970) * 12 + month - 1
    first, following = (
        (months + later).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64) for later in (0, 1)
    )
    if (first + day > following).any():
        return None
    seconds = (((first + day - 1) * 24 + hour) * 60 + minute) * 60 + second
    told: NDArray[np.int64] = seconds * 1_000_000 + micro
    return told


def decoded(letters: Letters) -> Letters | None:
    """The bytes of texts in base64; None where one is not in its one form, or not padded as the first is."""
    count, width = letters.shape
    if width == 0 or width % 4:
        return np.zeros((count, 0), np.uint8) if width == 0 else None
    pads = int((letters[0, -2:] == _PAD).sum())
    if pads:
        if not (letters[:, width - pads :] == _PAD).all():
            return None
        letters = letters.copy()
        letters[:, width - pads :] = _NOUGHT  # then it is all one text, and what that adds must be nothing
    told = letters.tobytes()
    if any(one in told for one in _NO_LETTERS):
        return None
    try:
        data = _BASE64.validate_json(b'"' + told + b'"')
    except ValidationError:
        return None
    found = np.frombuffer(data, dtype=np.uint8)
    if len(found) != count * width // 4 * 3:
        return None
    found = found.reshape(count, width // 4 * 3)
    kept = found.shape[1] - pads
    return None if found[:, kept:].any() else np.ascontiguousarray(found[:, :kept])
