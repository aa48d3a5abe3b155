"""The bytes of a column eight at a time, from any position, and texts put together of such words.

A word holds bytes p to p + 7 of the column, the first of them lowest. Bytes are first copied into a buffer with room
before and after, so that no word is read from outside it, wherever a text begins or ends.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from gateway.masks._octets import Texts, text_array
from gateway.spi import Mask, Octets, Offsets

MOST: Final = 8
"""Words that can be read from a text's beginning on, or from eight bytes before it."""

HIGH: Final = np.uint64(0x8080_8080_8080_8080)
"""The highest bit of each byte, which ASCII characters don't have."""

Words = NDArray[np.uint64]
_WORD: Final = np.dtype("<u8")
_BEFORE: Final = 32  # bytes of room; a text's last words are read backwards
_AFTER: Final = 8 * MOST + 16
_BYTES: Final = np.uint64(0x0101_0101_0101_0101)
_AT_ONCE: Final = 4  # words
_FIRST_BYTES: Final = np.array([2 ** (8 * count) - 1 for count in range(9)], np.uint64)
_SEEDS: Final = (0x9E37_79B9_7F4A_7C15, 0xC2B2_AE3D_27D4_EB4F, 0x1656_67B1_9E37_79F9)
_SLOTS: Final = 16  # bits; as many rows are told apart by a table as fit it
_TOGETHER: Final = 65_536  # bytes that stay in the first cache from one step to the next
_OF_SET: Final = np.uint64(52)  # of 64 bits 12 are left: a table that stays in the first cache


@dataclass(frozen=True, slots=True)
class Readable:
    """The texts of a column in a buffer of their own: text i is `octets[starts[i]:ends[i]]`, all of them adjacent."""

    octets: Octets
    starts: Offsets
    ends: Offsets

    @classmethod
    def of(cls, array: pa.Array) -> Self:
        """A copy; NULLs aren't looked for."""
        texts = Texts.of(array)
        begun, end = int(texts.offsets[0]), int(texts.offsets[-1])
        octets = np.empty((_BEFORE + end - begun + _AFTER) // 8 * 8, np.uint8)
        octets[:_BEFORE] = octets[_BEFORE + end - begun :] = 0
        octets[_BEFORE : _BEFORE + end - begun] = texts.data[begun:end]
        bounds = texts.offsets + (_BEFORE - begun)
        return cls(octets, bounds[:-1], bounds[1:])

    @property
    def lengths(self) -> Offsets:
        """Bytes of each."""
        return self.ends - self.starts

    @property
    def written(self) -> Octets:
        """The bytes of all texts; position 0 of it is the first text's first byte."""
        return self.octets[_BEFORE : int(self.ends[-1]) if len(self.ends) else _BEFORE]

    def words(self, positions: Offsets, count: int = 1) -> list[Words]:
        """`count` words from each position on. What follows a text is what follows it in the column.

        Positions are from 32 bytes before a text's beginning to its end; a place outside the buffer can't be read.
        """
        whole = self.octets.view(_WORD)
        right = positions.view(np.uint64) << np.uint64(3)
        right &= np.uint64(56)
        left = np.uint64(64) - right  # a shift by all 64 bits gives 0
        at = positions >> 3
        found = []
        low = np.take(whole, at, mode="clip")
        for number in range(1, count + 1):
            high = np.take(whole[number:], at, mode="clip")
            low >>= right
            low |= high << left
            found.append(low)
            low = high
        return found

    def pieces(self, begins: Offsets, lengths: Offsets) -> list[Words]:
        """The words of pieces of at most 64 bytes, with zeros after each: pieces are the same where these are."""
        least, most = int(lengths.min(initial=8 * MOST)), int(lengths.max(initial=1))
        words = self.words(begins, (most + 7) // 8)
        return [
            column if 8 * number + 8 <= least else cut(column, lengths - 8 * number)
            for number, column in enumerate(words)
        ]

    def found(self, marks: NDArray[np.bool_]) -> Offsets:
        """Positions where `marks`, one for each byte of `written`, is set."""
        return np.flatnonzero(marks) + _BEFORE

    def owners(self, positions: Offsets) -> NDArray[np.intp]:
        """Which text each byte belongs to."""
        if len(positions) == len(self.starts) and ((positions >= self.starts) & (positions < self.ends)).all():
            return np.arange(len(positions))  # one in each, as an @ in a mail address
        return np.searchsorted(self.ends, positions, side="right")


def assembled(lengths: Offsets, words: Sequence[Words]) -> pa.Array:
    """Texts of these lengths in bytes, of each text its words in turn; what a word has beyond the length is dropped."""
    count = len(lengths)
    width = int(lengths[0]) if count else 0
    if width and (lengths == width).all():
        return text_array(matrix(words, width))
    offsets = np.zeros(count + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    total = int(offsets[-1])
    begun = np.stack(words[:_AT_ONCE], axis=1)
    item = np.dtype((np.void, begun.shape[1] * _WORD.itemsize))
    written = np.empty(total + item.itemsize, np.uint8)
    # INVARIANT: what is written of a text reaches into the texts after its own. Those are written later: within one
    # assignment in their order, and the beginnings of all texts after the rest of the few that are longer.
    anywhere = np.ndarray(total + 1, _WORD, written.data, 0, (1,))
    for number in range(len(words) - 1, _AT_ONCE - 1, -1):
        rows = np.flatnonzero(lengths > 8 * number)
        anywhere[offsets[rows] + 8 * number] = words[number][rows]
    np.ndarray(total + 1, item, written.data, 0, (1,))[offsets[:-1]] = begun.view(item)[:, 0]
    written[total:] = 0  # nothing of a value stays behind the last text
    short = offsets.astype(np.int32)
    return pa.Array.from_buffers(pa.string(), count, [None, pa.py_buffer(short), pa.py_buffer(written[:total])])


def matrix(words: Sequence[Words], width: int) -> Octets:
    """Rows of so many bytes, of each row its words in turn."""
    count = len(words[0])
    written = np.empty(count * width + 8, np.uint8)
    for number in range((width + 7) // 8 - 1, -1, -1):  # a row's surplus is in the next, as in `assembled`
        np.ndarray(count, _WORD, written.data, 8 * number, (width,))[:] = words[number]
    written[count * width :] = 0
    return written[: count * width].reshape(count, width)


def put_singly(
    texts: Readable,
    places: NDArray[np.intp],
    kernel: Callable[[str], str | None],
    longest: int,
    *,
    lengths: Offsets,
    words: list[Words],
) -> None:
    """Write what the kernel gives of the texts at these places into what `assembled` takes, which grows as needed.

    Hidden are those of which it gives none, and those of more than `longest` characters, which it doesn't see.
    """
    begins, ends = texts.starts[places].tolist(), texts.ends[places].tolist()
    for place, begin, end in zip(places.tolist(), begins, ends, strict=True):
        text = texts.octets[begin:end].tobytes().decode() if end - begin <= 4 * longest else None
        masked = (kernel(text) if text is not None and len(text) <= longest else None) or Mask.HIDDEN
        octets = masked.encode()
        lengths[place] = len(octets)
        for number in range((len(octets) + 7) // 8):
            if number == len(words):
                words.append(np.zeros(len(lengths), np.uint64))
            words[number][place] = word(octets[8 * number : 8 * number + 8])


def word(octets: bytes) -> int:
    """At most eight bytes; zeros follow."""
    return int.from_bytes(octets, "little")


def cut(words: Words | np.uint64, counts: Offsets | int) -> Words:
    """The first bytes, 0 to 8 as counted (fewer or more count as these), and zeros."""
    return words & np.take(_FIRST_BYTES, counts, mode="clip")


def within(words: Words, first: str, last: str) -> Words:
    """Of each byte, which must be ASCII, the highest bit: whether it is one of these characters."""
    from_first = words + _BYTES * np.uint64(0x80 - ord(first))
    over_last = words + _BYTES * np.uint64(0x7F - ord(last))
    return from_first & ~over_last & HIGH


class WordSet:
    """Words of which is asked whether they are among a few."""

    def __init__(self, members: Iterable[str]) -> None:
        """At most eight bytes each, not empty."""
        known = np.array(sorted({word(member.encode()) for member in members}), np.uint64)
        # each has a slot of its own under some odd multiplier
        self._seed = next(
            seed
            for seed in (np.uint64(_SEEDS[0] * (2 * step + 1) % 2**64) for step in range(10_000))
            if len(np.unique(known * seed >> _OF_SET)) == len(known)
        )
        self._slots = np.zeros(1 << 64 - int(_OF_SET), np.uint64)
        self._slots[known * self._seed >> _OF_SET] = known

    def has(self, words: Words) -> NDArray[np.bool_]:
        """Which are members."""
        slots = words * self._seed
        slots >>= _OF_SET
        found: NDArray[np.bool_] = np.take(self._slots, slots.view(np.intp), mode="clip") == words
        found &= words != 0
        return found


def alike(columns: Sequence[Words]) -> NDArray[np.intp]:
    """For each row a row that has the same words, of equal rows always the same: `alike[alike[i]] == alike[i]`."""
    chosen, is_same = _by_slots(columns, _SEEDS[0])
    left = np.flatnonzero(~is_same)
    for seed in _SEEDS[1:]:
        if len(left):
            same, is_same = _by_slots([column[left] for column in columns], seed)
            chosen[left] = left[same]
            left = left[~is_same]
    if len(left):  # under every seed they share their slots with others
        rows = np.stack([column[left] for column in columns], axis=1)
        _, first, which = np.unique(rows, axis=0, return_index=True, return_inverse=True)
        chosen[left] = left[first[which.reshape(-1)]]
    return chosen


def _by_slots(columns: Sequence[Words], seed: int) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Another row of the same slot in a table, for all rows of the slot the same; and whether it has the same words."""
    mixed: Words = np.zeros(len(columns[0]), np.uint64)
    for column in columns:
        mixed ^= column
        mixed *= np.uint64(seed)
    mixed ^= mixed >> np.uint64(32)
    mixed *= np.uint64(seed)
    mixed >>= np.uint64(64 - _SLOTS)
    slot = mixed.view(np.intp)
    rows = np.empty(1 << _SLOTS, np.intp)
    rows[slot] = np.arange(len(slot))
    other = np.take(rows, slot, mode="clip")
    is_same = np.ones(len(slot), np.bool_)
    for column in columns:
        is_same &= column == np.take(column, other, mode="clip")
    return other, is_same


def strangers(octets: Octets) -> NDArray[np.bool_]:
    """Bytes of valid UTF-8 that are of no character U+4E00 to U+9FFF. Of the others a first byte is marked at least."""
    found = np.empty(len(octets), np.bool_)
    for start in range(0, len(octets), _TOGETHER):
        part = octets[start : start + _TOGETHER]
        is_own = (part ^ np.uint8(0x80)) < 0x40  # a character's second and third
        is_own |= (part - np.uint8(0xE4)) < 6
        # of U+4000 to U+4FFF what is below U+4E00
        following = octets[start + 1 : start + 1 + len(part)]
        is_own[: len(following)] &= (part[: len(following)] != 0xE4) | (following >= 0xB8)
        np.logical_not(is_own, out=found[start : start + len(part)])
    return found


def among(octets: Octets, *ranges: tuple[str, str]) -> NDArray[np.bool_]:
    """Bytes that are of one of these ranges, each told by its first and last character."""
    found = np.empty(len(octets), np.bool_)
    for start in range(0, len(octets), _TOGETHER):
        part, here = octets[start : start + _TOGETHER], found[start : start + _TOGETHER]
        here[:] = False
        for first, last in ranges:
            here |= (part - np.uint8(ord(first))) <= ord(last) - ord(first)
    return found


def both(octets: Octets, one: tuple[int, int], other: tuple[int, int]) -> NDArray[np.bool_]:
    """Where two bytes stand so far after a place: each is told by its distance, 0 to 7, and what it is."""
    found = np.zeros(len(octets), np.bool_)
    count = len(octets) - max(one[0], other[0])
    for start in range(0, count, _TOGETHER):
        end = min(start + _TOGETHER, count)
        here = octets[start + one[0] : end + one[0]] == one[1]
        np.logical_and(here, octets[start + other[0] : end + other[0]] == other[1], out=found[start:end])
    return found
