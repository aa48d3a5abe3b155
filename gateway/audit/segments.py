"""Facts of consecutive entries -> a segment of the index: who, when, and for each term where it occurs. Pure.

A segment is small (1,024 entries) or large (65,536) and begins at a multiple of its size. What is kept of it is a
projection of its entries alone: made anew from the same entries it is the same bytes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from gateway.audit.facts import FactColumns, columns_of
from gateway.audit.people import TAG, merge_people, people_postings
from gateway.audit.postings import decode, encode, positions_of
from gateway.audit.search_terms import Facts
from gateway.store import SegmentRow

_HOUR = 3_600_000_000


class Sizes(NamedTuple):
    """How many entries the two sizes of segments have: multiples of eight, one of the other, at most 65,536."""

    small: int
    large: int

    def segment_id(self, first: int, size: int) -> int:
        """Large and small segments that begin at the same entry differ."""
        return 2 * first + (size == self.large)


SIZES = Sizes(small=1_024, large=65_536)


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A segment with everything that is kept of it."""

    row: SegmentRow
    hours: bytes  # runs: first position (uint32), hour since 1970 (int32)
    at: bytes  # int64 microseconds, one an entry
    who: bytes  # uint16, one an entry: the place of its principal in `names`
    names: bytes  # JSON list of principals, in order
    postings: dict[bytes, bytes]

    def parts(self) -> dict[str, bytes]:
        """What stands in the segment's row beside its bounds."""
        return {"hours": self.hours, "at": self.at, "who": self.who, "names": self.names}


def build_segment(first: int, facts: Sequence[Facts], size: int, sizes: Sizes = SIZES) -> Segment:
    """The segment of `size` that begins at `first`; `facts` may be fewer while it fills."""
    return segment_of(first, columns_of(facts), size, sizes)


def segment_of(first: int, facts: FactColumns, size: int, sizes: Sizes = SIZES) -> Segment:
    """The same from columns; every entry is told of."""
    used, kind, counts = np.unique(facts.kind, return_inverse=True, return_counts=True)
    kinds = [facts.kinds[place] for place in used.tolist()]
    names = sorted({one.principal for one in kinds})
    places = {name: place for place, name in enumerate(names)}
    who = np.array([places[one.principal] for one in kinds], dtype="<u2")[kind]
    order = np.argsort(kind, kind="stable").astype(np.uint16)
    found: dict[bytes, list[NDArray[np.uint16]]] = {}
    for one, these in zip(kinds, np.split(order, np.cumsum(counts)[:-1]), strict=True):
        for each in one.terms:
            found.setdefault(each, []).append(these)
    # stable: of 16-bit numbers that is by far the quickest
    postings = {each: encode(np.sort(np.concatenate(found[each]), kind="stable"), size) for each in sorted(found)}
    postings |= people_postings(facts.people, size)
    return _segment(sizes.segment_id(first, size), first, size, at=facts.at, who=who, names=names, postings=postings)


def merge_segments(segments: Sequence[Segment], sizes: Sizes = SIZES) -> Segment:
    """One large segment of all the small ones that lie in it, in order."""
    first = segments[0].row.first
    at = np.concatenate([np.frombuffer(one.at, dtype="<i8") for one in segments])
    told = [orjson.loads(one.names) for one in segments]
    names = sorted({name for each in told for name in each})
    places = {name: place for place, name in enumerate(names)}
    who = np.concatenate(
        [
            np.array([places[name] for name in each], dtype="<u2")[np.frombuffer(one.who, dtype="<u2")]
            for one, each in zip(segments, told, strict=True)
        ]
    )
    found: dict[bytes, list[tuple[int, bytes]]] = {}
    people: list[tuple[int, bytes]] = []
    for one in segments:
        for each, kept in one.postings.items():
            (people if each[:1] == TAG else found.setdefault(each, [])).append((one.row.first - first, kept))
    # term by term: taken apart, all at once would be some hundred megabytes
    postings = {each: _merged(found[each], sizes) for each in sorted(found)}
    postings |= merge_people(people, sizes.large)
    return _segment(
        sizes.segment_id(first, sizes.large), first, sizes.large, at=at, who=who, names=names, postings=postings
    )


def _merged(kept: Sequence[tuple[int, bytes]], sizes: Sizes) -> bytes:
    """One posting of those of small segments, each with where its segment begins in the large one."""
    positions = [positions_of(decode(posting, sizes.small)) + offset for offset, posting in kept]
    return encode(np.concatenate(positions), sizes.large)


def _segment(
    id_: int,
    first: int,
    size: int,
    *,
    at: NDArray[np.int64],
    who: NDArray[np.uint16],
    names: Sequence[str],
    postings: dict[bytes, bytes],
) -> Segment:
    hour = at // _HOUR
    starts = np.flatnonzero(np.concatenate(([True], hour[1:] != hour[:-1])))
    runs = np.stack([starts.astype("<u4").view("<i4"), hour[starts].astype("<i4")])
    return Segment(
        row=SegmentRow(id=id_, first=first, size=size, earliest=int(at.min()), latest=int(at.max())),
        hours=runs.astype("<i4").tobytes(),
        at=at.astype("<i8").tobytes(),
        who=who.astype("<u2").tobytes(),
        names=orjson.dumps(list(names)),
        postings=postings,
    )


def runs_of(hours: bytes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First positions and hours of the runs of kept bytes."""
    runs = np.frombuffer(hours, dtype="<i4").astype(np.int64).reshape(2, -1)
    return runs[0], runs[1]
