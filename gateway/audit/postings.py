"""Sets of positions in a segment: kept as sorted 16-bit numbers or as a bitmap, whichever is smaller. Pure.

In memory a set is an array of uint16 (positions, rising) or of uint8 (a bitmap, most significant bit first). One set
has one form of bytes: what is kept can be compared byte by byte.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

PositionSet = NDArray[Any]
_POSITIONS, _BITMAP = b"\x00", b"\x01"


class PostingMalformed(ValueError):
    """Bytes that are no set of positions."""


def encode(positions: PositionSet, size: int) -> bytes:
    """The one form of a set of rising positions below `size`."""
    if 2 * len(positions) <= size // 8:
        return _POSITIONS + positions.astype("<u2").tobytes()
    return _BITMAP + bitmap_of(positions, size).tobytes()


def decode(kept: bytes, size: int) -> PositionSet:
    """The set of kept bytes; raises PostingMalformed."""
    tag, length = kept[:1], len(kept) - 1
    if tag == _BITMAP and length == size // 8:
        return np.frombuffer(kept, dtype=np.uint8, offset=1)
    if tag == _POSITIONS and length % 2 == 0:
        found = np.frombuffer(kept, dtype="<u2", offset=1)
        if len(found) == 0 or int(found.max()) < size:
            return found
    raise PostingMalformed("a posting that can't be read")


def bitmap_of(positions: PositionSet, size: int) -> PositionSet:
    """The bitmap of rising positions; a segment's size is a multiple of eight."""
    marked = np.zeros(size, dtype=bool)
    marked[positions] = True
    return np.packbits(marked)


def everything(size: int) -> PositionSet:
    """The set of all positions."""
    return np.full(size // 8, 0xFF, dtype=np.uint8)


def both(one: PositionSet, other: PositionSet, size: int) -> PositionSet:
    """The intersection."""
    met: PositionSet
    match _is_bitmap(one), _is_bitmap(other):
        case True, True:
            met = one & other
        case False, False:
            few, many = (one, other) if len(one) <= len(other) else (other, one)
            marked = np.zeros(size, dtype=bool)
            marked[many] = True
            met = few[marked[few]]
        case is_bitmap, _:
            few, bits = (other, one) if is_bitmap else (one, other)
            met = few[(bits[few >> 3] >> (7 - (few & 7))) & 1 != 0]
    return met


def any_of(sets: Sequence[PositionSet], size: int) -> PositionSet:
    """The union."""
    if len(sets) == 1:
        return sets[0]
    union = np.zeros(size // 8, dtype=np.uint8)
    for one in sets:
        union |= one if _is_bitmap(one) else bitmap_of(one, size)
    return union


def positions_of(found: PositionSet) -> NDArray[np.int64]:
    """Rising positions."""
    if _is_bitmap(found):
        return np.flatnonzero(np.unpackbits(found))
    return found.astype(np.int64)


def _is_bitmap(found: PositionSet) -> bool:
    return found.dtype == np.uint8


def is_empty(found: PositionSet) -> bool:
    """Whether there is none."""
    return not (found.any() if _is_bitmap(found) else len(found))
