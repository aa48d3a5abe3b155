"""Whom the entries of a segment are about -> postings, by the first bits of a person's keyed hash. Pure.

A posting for each person would be a row for nearly each entry. Here a posting is of all persons whose hash begins with
the same bits: a byte 2, then for each entry and person 18 bytes, in order: the hash, and the position (little-endian).
A small segment has few such postings, a large one up to 256, and a search reads one of each segment.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gateway.audit.postings import PositionSet, PostingMalformed

TAG: Final = b"s"
HASH_BYTES: Final = 16
_FORM: Final = b"\x02"
_ENTRIES_EACH: Final = 256  # of a segment, for one of its postings
_PAIR: Final = np.dtype([("high", ">u8"), ("low", ">u8"), ("position", "<u2")])


def person_term(subject: str, size: int) -> bytes:
    """The term of the posting that a person is in, in segments of this size; `subject`: 32 hex digits."""
    return _term(int(subject[:2], 16), size)


def people_postings(people: Sequence[bytes], size: int) -> dict[bytes, bytes]:
    """The postings of a segment; `people`: of each entry the hashes, one after another."""
    counts = np.fromiter(map(len, people), dtype=np.int64, count=len(people)) // HASH_BYTES
    pairs = np.zeros(int(counts.sum()), dtype=_PAIR)
    hashes = np.frombuffer(b"".join(people), dtype=">u8").reshape(-1, 2)
    pairs["high"], pairs["low"] = hashes[:, 0], hashes[:, 1]
    pairs["position"] = np.repeat(np.arange(len(people)), counts)
    return _postings(pairs, size)


def merge_people(kept: Iterable[tuple[int, bytes]], size: int) -> dict[bytes, bytes]:
    """Those of one segment of `size`, from postings of the smaller ones in it, each with where its segment begins."""
    moved = []
    for offset, posting in kept:
        pairs = _pairs(posting).copy()
        pairs["position"] += np.uint16(offset)
        moved.append(pairs)
    # put together they would lose the order of their bytes
    return _postings(np.concatenate(moved).astype(_PAIR), size) if moved else {}


def positions_about(posting: bytes, subject: str) -> PositionSet:
    """The rising positions of a person's entries; raises PostingMalformed."""
    pairs = _pairs(posting)
    high, low = int(subject[:16], 16), int(subject[16:], 16)
    found: PositionSet = pairs["position"][(pairs["high"] == high) & (pairs["low"] == low)]
    return found.astype(np.uint16)


def positions_of_all(posting: bytes) -> set[tuple[int, int, int]]:
    """Each hash, in two halves, with a position; raises PostingMalformed."""
    return set(_pairs(posting).tolist())


def _pairs(posting: bytes) -> NDArray[np.void]:
    if posting[:1] != _FORM or (len(posting) - 1) % _PAIR.itemsize:
        raise PostingMalformed("a posting of people that can't be read")
    return np.frombuffer(posting, dtype=_PAIR, offset=1)


def _postings(pairs: NDArray[np.void], size: int) -> dict[bytes, bytes]:
    pairs = pairs[np.lexsort((pairs["position"], pairs["low"], pairs["high"]))]
    places = (
        (pairs["high"] >> np.uint64(64 - _bits(size))).astype(np.int64) if _bits(size) else np.zeros(len(pairs), int)
    )
    starts = np.flatnonzero(np.diff(places, prepend=-1)) if len(pairs) else np.zeros(0, dtype=np.int64)
    ends = np.append(starts[1:], len(pairs))
    return {
        TAG + bytes((int(places[start]),)): _FORM + pairs[start:end].tobytes()
        for start, end in zip(starts.tolist(), ends.tolist(), strict=False)
    }


def _term(first_byte: int, size: int) -> bytes:
    return TAG + bytes((first_byte >> (8 - _bits(size)),))


def _bits(size: int) -> int:
    """How many first bits of a hash tell a posting: at most eight."""
    return min(8, max(0, (size // _ENTRIES_EACH).bit_length() - 1))
