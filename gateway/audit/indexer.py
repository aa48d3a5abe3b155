"""The log -> its index, behind the writing: a thread that builds a segment when its entries are full.

One process builds at a time, whichever holds the lease; what it builds is the same whoever builds it. A search reads
the entries that no segment covers yet from the log itself, so that nothing is ever missing from it.
"""

import secrets
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime

from gateway.audit.search_terms import Facts, facts_of, microseconds
from gateway.audit.segments import SIZES, Segment, Sizes, build_segment, merge_segments
from gateway.pace import Pace
from gateway.store import (
    IndexReader,
    SegmentChange,
    SegmentRow,
    State,
    StoreFailed,
    change_index,
    claim_index,
    drop_postings,
    put_postings,
    put_segment,
    reading_index,
    release_index,
)
from gateway.telemetry import operator_log

_LOOKS_EACH_SECONDS = 1.0
_PIECE = 256  # entries that are read at a time
_FAR = 4  # small segments: a search reads what is not indexed yet entry by entry
_LEASE_MICROSECONDS = 60_000_000


class Indexer:
    """Builds what can be built; one a process."""

    def __init__(self, state: State, clock: Callable[[], datetime], sizes: Sizes = SIZES) -> None:
        self._sizes = sizes
        self._state = state
        self._clock = clock
        self._holder = secrets.token_hex(8)
        self._stopped = threading.Event()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Build in a thread of its own while the block runs."""
        thread = threading.Thread(target=self._run, name="log index", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stopped.set()
            thread.join(timeout=5)

    def _run(self) -> None:
        is_well = True
        while not self._stopped.is_set():
            try:
                while not self._stopped.is_set() and self.step():
                    is_well = True
            except Exception as error:  # noqa: BLE001 - whatever it is: searches go on without, and it tries again
                if is_well:
                    operator_log().warning("the log's index can't be built now", detail=type(error).__name__)
                is_well = False
            self._stopped.wait(_LOOKS_EACH_SECONDS)

    def catch_up(self) -> None:
        """Build all that can be built. Raises StoreFailed."""
        while self.step():
            pass

    def step(self) -> bool:
        """Build or merge one segment; False where there is nothing to do, or another process does it."""
        with reading_index(self._state) as reader:
            rows, (_, size) = reader.segments(), reader.log()
        merged, fresh = _to_merge(rows, self._sizes), _to_build(rows, size, self._sizes)
        if merged is None and fresh is None:
            return False
        now = microseconds(self._clock())
        generation = claim_index(self._state, self._holder, now=now, until=now + _LEASE_MICROSECONDS)
        if generation is None:
            return False
        try:
            if merged is not None:
                self._merge(merged, generation)
            elif fresh is not None:
                self._build(*fresh, generation, is_behind=size - fresh[0] > _FAR * self._sizes.small)
        finally:
            release_index(self._state, self._holder)
        return True

    def _build(self, first: int, size: int, generation: int, *, is_behind: bool) -> None:
        facts: list[Facts] = []
        for begin in range(first, first + size, min(size, _PIECE)):
            with reading_index(self._state) as reader:
                columns = reader.told(begin, begin + min(size, _PIECE))
            pace = Pace(self._stopped.wait, is_behind=is_behind)
            facts += [facts_of(told) for told in pace.each(columns)]
            if self._stopped.is_set():
                return
        self._keep(build_segment(first, facts, size, self._sizes), generation, ())

    def _merge(self, small: list[SegmentRow], generation: int) -> None:
        with reading_index(self._state) as reader:
            segments = [_kept(reader, row) for row in small]
        replaced = [row.id for row in small]
        self._keep(merge_segments(segments, self._sizes), generation, replaced)
        drop_postings(self._state, replaced)

    def _keep(self, segment: Segment, generation: int, replaces: Iterable[int]) -> None:
        if put_postings(self._state, segment.row.id, segment.postings, generation):
            put_segment(self._state, segment.row, segment.parts(), generation, list(replaces))


def rebuild_index(state: State, indices: Iterable[int], sizes: Sizes = SIZES) -> None:
    """Make the segments of some entries anew, after something of these was erased. Raises StoreFailed, BodyMalformed.

    What was erased is in no table of the index when this returns, and a segment that was being built meanwhile from
    the old bytes is thrown away. Call it once the erasure is durable.
    """
    stretches: dict[int, set[int]] = {}
    for index in indices:
        stretches.setdefault(index // sizes.large, set()).add(index)
    for wanted in stretches.values():
        possible = {sizes.segment_id(index // size * size, size) for index in wanted for size in sizes}
        while not _rebuild(state, possible, sizes):
            pass  # something was built or rebuilt meanwhile


def _rebuild(state: State, possible: set[int], sizes: Sizes) -> bool:
    """Whether no other process changed the index in between."""
    changes: list[SegmentChange] = []
    with reading_index(state) as reader:
        generation = reader.generation()
        rows = {row.id: row for row in reader.segments() if row.id in possible}
        for row in rows.values():
            facts = [facts_of(told) for told in reader.told(row.first, row.first + row.size)]
            changes.append(_change(build_segment(row.first, facts, row.size, sizes), reader.all_postings(row.id)))
    return change_index(state, changes, strays=sorted(possible - rows.keys()), generation=generation)


def _change(made: Segment, kept: dict[bytes, bytes]) -> SegmentChange:
    return SegmentChange(
        row=made.row,
        parts=made.parts(),
        postings={each: posting for each, posting in made.postings.items() if kept.get(each) != posting},
        gone=sorted(kept.keys() - made.postings.keys()),
    )


def _kept(reader: IndexReader, row: SegmentRow) -> Segment:
    kept = next(reader.parts([row.id], "hours", "at", "who", "names"), None)
    if kept is None:
        raise StoreFailed("another process has put the segment together with others")
    _, hours, at, who, names = kept
    return Segment(row=row, hours=hours, at=at, who=who, names=names, postings=reader.all_postings(row.id))


def covering(rows: Iterable[SegmentRow]) -> Iterator[SegmentRow]:
    """The segments that a search reads, in order: of those that overlap the larger."""
    end = 0
    for row in sorted(rows, key=lambda row: (row.first, -row.size)):
        if row.first >= end:
            yield row
            end = row.first + row.size


def _to_build(rows: Iterable[SegmentRow], size: int, sizes: Sizes) -> tuple[int, int] | None:
    """Where the first segment that is missing begins and how large it is; None while its entries are not full."""
    at = 0
    for row in covering(rows):
        if row.first > at:
            break
        at = row.first + row.size
    for length in (sizes.large, sizes.small):
        if at % length == 0 and at + length <= size:
            return at, length
    return None


def _to_merge(rows: Iterable[SegmentRow], sizes: Sizes) -> list[SegmentRow] | None:
    """The small segments of the first stretch that they fill wholly."""
    stretch: list[SegmentRow] = []
    for row in covering(rows):
        if row.size != sizes.small:
            continue
        if row.first % sizes.large == 0:
            stretch = []
        stretch.append(row)
        if len(stretch) == sizes.large // sizes.small and row.first + sizes.small == stretch[0].first + sizes.large:
            return stretch
    return None
