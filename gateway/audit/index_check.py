"""The index against the search columns -> the first entry that it tells otherwise. Every posting is made anew.

The columns themselves are held against the bytes of the log before (gateway.audit.rows); what was read there is taken
as it was, or else read here.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass

from gateway.audit.entry import BodyMalformed
from gateway.audit.facts import FactColumns, columns_of, nothing_of, put_together
from gateway.audit.people import TAG, positions_of_all
from gateway.audit.postings import PostingMalformed, decode, positions_of
from gateway.audit.replay import Unsound
from gateway.audit.search_terms import facts_of
from gateway.audit.segments import SIZES, Segment, Sizes, segment_of
from gateway.errors import Words
from gateway.store import IndexReader, SegmentRow, StoreFailed, failing_as_store

_PIECE = 1_024
DIFFERS: Words = ("the search index does not say of it what its bytes say", "检索索引与内容不符")
UNREADABLE: Words = ("the search index can't be read", "检索索引无法读取")


@dataclass(frozen=True, slots=True)
class Found:
    """What is wrong with a part of the index; as a value, for it is told of when its turn comes."""

    bad: int | None = None
    fault: Words | None = None
    failed: str = ""  # why the database could not be read

    def check(self) -> None:
        """Raise Unsound or StoreFailed for it."""
        if self.failed:
            raise StoreFailed(self.failed)
        if self.bad is not None and self.fault is not None:
            raise Unsound(self.bad, self.fault)


@dataclass(frozen=True, slots=True)
class Stretch:
    """The segments that begin in [begin, end); without an end all that don't before."""

    begin: int | None = None
    end: int | None = None

    def has(self, row: SegmentRow) -> bool:
        """Each row is in one stretch of a log; what is no number comes after all numbers, as in the database's order.

        That holds for what a forger may write there, too.
        """
        told: object = row.first
        first = told if isinstance(told, int | float) else sys.maxsize
        if self.end is not None and not first < self.end:
            return False
        return self.begin is None or not first < self.begin


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """What was read of entries from `begin` on when they were held against their bytes: they need not be read again."""

    begin: int
    facts: FactColumns


NOTHING = Known(0, nothing_of(0))


def stretches(size: int, sizes: Sizes = SIZES) -> Iterator[Stretch]:
    """As many as there may be large segments; whatever begins before the log or after it is in the first or last."""
    begins = [None, *range(sizes.large, size, sizes.large)]
    for begin, end in zip(begins, [*begins[1:], None], strict=True):
        yield Stretch(begin, end)


def check_index(index: IndexReader, sizes: Sizes = SIZES) -> None:
    """Return where the index is a projection of the log and nothing else; else raises Unsound. Raises StoreFailed.

    A segment that is missing hides nothing: its entries are searched one by one until it is built.
    """
    look_at_stretch(index, Stretch(), sizes).check()


def look_at_stretch(index: IndexReader, stretch: Stretch, sizes: Sizes = SIZES, known: Known = NOTHING) -> Found:
    """The same of some segments. Each stretch is sound at whatever moment it is looked at, if the index is."""
    try:
        with failing_as_store():
            _, size = index.log()
            for row in index.segments():
                found = _first_in(index, row, size, sizes, known) if stretch.has(row) else None
                if found is not None:
                    return Found(found, DIFFERS)
    except StoreFailed as error:
        return Found(failed=str(error))
    except (BodyMalformed, TypeError, ValueError):
        return Found(0, UNREADABLE)
    return Found()


def _first_in(index: IndexReader, row: SegmentRow, size: int, sizes: Sizes, known: Known) -> int | None:
    is_placed = row.size in sizes and row.first >= 0 and row.first % row.size == 0 and row.first + row.size <= size
    if not is_placed or row.id != sizes.segment_id(row.first, row.size):
        return max(0, min(row.first, size))
    made = segment_of(row.first, _facts(index, row, known), row.size, sizes)
    _, *parts = next(index.parts([row.id], *made.parts()))
    if made.row != row or [bytes(part) for part in parts] != list(made.parts().values()):
        return row.first
    return _first_difference(made, index.all_postings(row.id))


def _facts(index: IndexReader, row: SegmentRow, known: Known) -> FactColumns:
    """As far as they are known; the others are read."""
    begin, end = row.first, row.first + row.size
    if known.begin <= begin and end <= known.begin + len(known.facts):
        facts = known.facts.cut(begin - known.begin, end - known.begin)
    else:
        facts = nothing_of(row.size)
    parts, at = [], 0
    for start, stop in facts.unknown():
        parts.append(facts.cut(at, start))
        for first in range(start, stop, _PIECE):
            told = index.told(begin + first, begin + min(stop, first + _PIECE))
            parts.append(columns_of(map(facts_of, told)))
        at = stop
    return put_together([*parts, facts.cut(at, row.size)])


def _first_difference(made: Segment, kept: dict[bytes, bytes]) -> int | None:
    """The least entry at which any posting differs."""
    if kept == made.postings:
        return None
    told = []
    for term in made.postings.keys() | kept.keys():
        if made.postings.get(term) != kept.get(term):
            one, other = (_read(each.get(term), term, made.row.size) for each in (made.postings, kept))
            told.append(min((place for place, _ in one ^ other), default=0))
    return made.row.first + min(told)


def _read(kept: bytes | None, term: bytes, size: int) -> set[tuple[int, object]]:
    """Positions, each with the person where the posting is of people; none where it can't be read."""
    if kept is None:
        return set()
    try:
        if term[:1] == TAG:
            return {(position, (high, low)) for high, low, position in positions_of_all(kept)}
        return {(position, None) for position in positions_of(decode(kept, size)).tolist()}
    except PostingMalformed:
        return set()
