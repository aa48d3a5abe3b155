"""LogSearch -> entries, counts by hour, who when, who looked. Blocking; each answer is of one moment of the log.

Sets of positions are intersected segment by segment, and only the entries of a page are read. What the index says of an
entry that is shown is held against the entry itself.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import lru_cache, partial
from typing import NamedTuple, TypeVar

import numpy as np
import orjson
from numpy.typing import NDArray

from gateway.audit.counting import Counted, WhoWhen, count_by_hour, heat_map
from gateway.audit.entry import BodyMalformed, Opener, decode_remaining
from gateway.audit.look_reading import LookReader
from gateway.audit.looking import Look, look_of, lookers_of
from gateway.audit.merkle import leaf_hash
from gateway.audit.people import person_term, positions_about
from gateway.audit.postings import (
    PositionSet,
    PostingMalformed,
    any_of,
    bitmap_of,
    both,
    decode,
    is_empty,
    positions_of,
)
from gateway.audit.search_terms import EPOCH, TermSearch, archived_entry, is_match, terms_of
from gateway.audit.segments import SIZES, Segment, Sizes, runs_of
from gateway.audit.spans import Span, lies_within, overlaps, spans_of
from gateway.audit.tail import Tail
from gateway.errors import AuditUnavailable
from gateway.model.audit import AuditEntry
from gateway.model.log_search import FoundEntry, FoundPage, HeatColumns, HeatMap, HourCount, LogSearch, Lookers
from gateway.store import IndexReader, SegmentRow, State, StoreFailed, reading_index

MOST_LOOKED_AT = 500  # entries of one `lookers`: each is decoded
MOST_REMEMBERED = 256  # segments whose persons a process remembers: 32 MiB, 16 million entries
_FIRST_BATCH, _LARGEST_BATCH = 4, 64
_HIGHEST = 2**63 - 1
_One = TypeVar("_One", FoundEntry, Look)


class _Part(NamedTuple):
    """A span with what the search needs of it."""

    span: Span
    row: SegmentRow
    made: Segment | None  # where it is not kept


class _Found(NamedTuple):
    part: _Part
    positions: PositionSet  # a set of `row.size`
    is_whole: bool  # every entry was found; then the positions say nothing


class LogSearcher:
    """Answers searches; one a process, for any thread."""

    def __init__(self, state: State, opener: Opener, sizes: Sizes = SIZES) -> None:
        self._state = state
        self._opener = opener
        self._look_reader = LookReader(opener)
        self._sizes = sizes
        self._tail = Tail(sizes)
        self._people = _People(generation=-1)

    def page(
        self, search: LogSearch, *, newest_first: bool = True, begin: int | None = None, limit: int = 50
    ) -> FoundPage:
        """Up to `limit` entries: newest first those below `begin`, else those from `begin` on.

        Raises AuditUnavailable, IndexBehind.
        """
        with self._reading() as reader:
            read = partial(self._entries, reader, reader.log()[0])
            found = self._read(reader, search, read, newest_first=newest_first, begin=begin, limit=limit + 1)
        shown = found[:limit]
        following = (shown[-1].index if newest_first else shown[-1].index + 1) if len(found) > limit else None
        return FoundPage(entries=tuple(shown), following=following)

    def entries_about(self, subject: str, most: int, *, begin: int | None = None) -> list[int]:
        """The newest `most` entries below `begin` that are about a person, newest first.

        Raises AuditUnavailable, IndexBehind.
        """
        found: list[int] = []
        with self._reading() as reader:
            search = TermSearch(groups=(), subject=subject, since=None, until=None)
            for batch in self._matched(reader, search, newest_first=True, begin=begin):
                found += _indices(batch, newest_first=True, begin=begin).tolist()
                if len(found) >= most:
                    break
        return found[:most]

    def lookers(self, search: LogSearch, *, begin: int | None = None, limit: int = MOST_LOOKED_AT) -> Lookers:
        """Everyone in the newest `limit` entries below `begin`. Raises AuditUnavailable, IndexBehind."""
        with self._reading() as reader:
            read = partial(self._looks, reader)
            found = self._read(reader, search, read, newest_first=True, begin=begin, limit=limit + 1)
        shown = found[:limit]
        return Lookers(
            lookers=lookers_of(shown),
            entries=len(shown),
            following=shown[-1].place if len(found) > limit else None,
        )

    def hours(self, search: LogSearch) -> tuple[HourCount, ...]:
        """How many in each hour in which there are any, in order. Raises AuditUnavailable, IndexBehind."""
        found: list[Counted] = []
        with self._reading() as reader:
            for batch in self._matched(reader, terms_of(search), is_whole=True):
                found += [_counted(one, hours) for one, (hours,) in _with_parts(reader, batch, "hours")]
        hours, counts = count_by_hour(found)
        return tuple(map(HourCount, map(_moment, hours.tolist()), counts.tolist()))

    def heat_map(self, search: LogSearch, *, columns: HeatColumns, top: int, offset_hours: int) -> HeatMap:
        """The `top` persons by a clock `offset_hours` ahead of UTC. Raises AuditUnavailable, IndexBehind."""
        found: list[WhoWhen] = []
        with self._reading() as reader:
            people = self._people_of(reader.generation())
            for batch in self._matched(reader, terms_of(search), is_whole=True):
                known = people.of(reader, [one.part for one in batch])
                for one, (hours,) in _with_parts(reader, batch, "hours"):
                    found.append(WhoWhen(_counted(one, hours), *known[one.part.span.first]))
        return heat_map(found, people.names, columns, top, offset_hours)

    def _people_of(self, generation: int) -> "_People":
        people = self._people
        if people.generation != generation:
            people = self._people = _People(generation)  # who still counts by the former keeps it
        return people

    # ------------------------------------------------------------------ entries
    def _read(
        self,
        reader: IndexReader,
        search: LogSearch,
        read: Callable[[LogSearch, list[int]], list[_One]],
        *,
        newest_first: bool,
        begin: int | None,
        limit: int,
    ) -> list[_One]:
        """Up to `limit`; `read` gives those of some entries that are what was asked for."""
        found: list[_One] = []
        for batch in self._matched(reader, terms_of(search), newest_first=newest_first, begin=begin):
            indices = _indices(batch, newest_first=newest_first, begin=begin)
            while len(indices) and len(found) < limit:
                asked = indices[: limit - len(found)].tolist()
                indices = indices[len(asked) :]
                found += read(search, asked)
            if len(found) >= limit:
                break
        return found

    def _entries(self, reader: IndexReader, origin: str, search: LogSearch, asked: list[int]) -> list[FoundEntry]:
        bodies, archived = _bodies(reader, asked)
        found = []
        for index in asked:
            if index in archived:
                entry, receipt = archived[index], ""
            else:
                entry, _ = decode_remaining(bodies[index], self._opener)
                receipt = f"{origin}#{index}:{leaf_hash(bodies[index]).hex()}"
            if is_match(search, entry):
                found.append(FoundEntry(index=index, receipt=receipt, entry=entry))
        return found

    def _looks(self, reader: IndexReader, search: LogSearch, asked: list[int]) -> list[Look]:
        bodies, archived = _bodies(reader, asked)
        here = [index for index in asked if index not in archived] if archived else asked
        looks = self._look_reader.read(here, [bodies[index] for index in here])
        if archived:
            known = {look.place: look for look in looks}
            looks = [known.get(index) or look_of(index, archived[index]) for index in asked]
        return [look for look in looks if is_match(search, look)]

    # ------------------------------------------------------------------ positions
    def _matched(
        self,
        reader: IndexReader,
        search: TermSearch,
        *,
        newest_first: bool = False,
        begin: int | None = None,
        is_whole: bool = False,
    ) -> Iterator[list[_Found]]:
        """What is found, in batches that grow: a page is often full after the first. `is_whole`: all is needed."""
        low, high = (0, _HIGHEST) if begin is None else (0, begin) if newest_first else (begin, _HIGHEST)
        spans = [
            one for one in spans_of(reader, self._sizes.small) if one.first < high and one.first + one.length > low
        ]
        spans = [one for one in spans if one.row is None or overlaps(one.row, search)]
        if newest_first:
            spans.reverse()
        generation = reader.generation()
        # a person is in few of them
        length = _LARGEST_BATCH if is_whole or search.subject is not None else _FIRST_BATCH
        while spans:
            batch, spans = spans[:length], spans[length:]
            parts = [self._part(reader, generation, one) for one in batch]
            parts = [part for part in parts if overlaps(part.row, search)]
            yield _find(reader, parts, search)
            length = min(2 * length, _LARGEST_BATCH)

    def _part(self, reader: IndexReader, generation: int, span: Span) -> _Part:
        if span.row is not None:
            return _Part(span, span.row, None)
        made = self._tail.segment(reader, generation, span.first, span.first + span.length)
        return _Part(span, made.row, made)

    @contextmanager
    def _reading(self) -> Iterator[IndexReader]:
        try:
            with reading_index(self._state) as reader:
                yield reader
        except (StoreFailed, BodyMalformed, PostingMalformed, TypeError, ValueError) as error:
            raise AuditUnavailable(operator=f"the log can't be searched: {type(error).__name__}") from None


def _bodies(reader: IndexReader, asked: Sequence[int]) -> tuple[dict[int, bytes], dict[int, AuditEntry]]:
    """The bytes of entries, and what is still told of those that are archived; raises StoreFailed."""
    bodies = reader.some_bodies(asked)
    if len(bodies) != len(asked):
        raise StoreFailed("entries are missing")
    away = [index for index in asked if bodies[index] == b""]
    told = reader.some_told(away) if away else {}
    return bodies, {index: archived_entry(told[index]) for index in away}


def _find(reader: IndexReader, parts: Sequence[_Part], search: TermSearch) -> list[_Found]:
    kept_ids = [part.row.id for part in parts if part.made is None]
    terms = [each for group in search.groups for each in group]
    if search.subject is not None:
        terms += sorted({person_term(search.subject, part.row.size) for part in parts})
    postings = reader.postings(kept_ids, terms) if kept_ids and terms else {}
    cut = [part.row.id for part in parts if part.made is None and not lies_within(part.row, search)]
    times = {row[0]: row[1] for row in reader.parts(cut, "at")} if cut else {}
    found = []
    for part in parts:
        one = _find_in(part, search, postings, times)
        if one is not None:
            found.append(one)
    return found


def _find_in(
    part: _Part,
    search: TermSearch,
    postings: dict[tuple[int, bytes], bytes],
    times: dict[int, bytes],
) -> _Found | None:
    row, made = part.row, part.made

    def kept_of(term: bytes) -> bytes | None:
        return made.postings.get(term) if made is not None else postings.get((row.id, term))

    sets: list[PositionSet] = []
    if search.subject is not None:
        posting = kept_of(person_term(search.subject, row.size))
        if posting is None:
            return None
        sets.append(positions_about(posting, search.subject))
    for group in search.groups:
        kept = [posting for each in group if (posting := kept_of(each)) is not None]
        if not kept:
            return None
        sets.append(any_of([decode(each, row.size) for each in kept], row.size))
    if not lies_within(row, search):
        at = np.frombuffer(made.at if made is not None else times[row.id], dtype="<i8")
        is_in = np.ones(len(at), dtype=bool)
        if search.since is not None:
            is_in &= at >= search.since
        if search.until is not None:
            is_in &= at < search.until
        sets.append(bitmap_of(np.flatnonzero(is_in), row.size))
    if not sets:
        return _Found(part, np.zeros(0, dtype=np.uint16), is_whole=True)
    sets.sort(key=lambda one: (one.dtype == np.uint8, len(one)))
    met = sets[0]
    for other in sets[1:]:
        met = both(met, other, row.size)
    return None if is_empty(met) else _Found(part, met, is_whole=False)


def _indices(batch: Sequence[_Found], *, newest_first: bool, begin: int | None) -> NDArray[np.int64]:
    """Indices in order, within the bound."""
    each = []
    for one in batch:
        span = one.part.span
        rising = np.arange(span.length) if one.is_whole else positions_of(one.positions)
        rising = rising + span.first
        if begin is not None:
            rising = rising[rising < begin] if newest_first else rising[rising >= begin]
        each.append(rising[::-1] if newest_first else rising)
    return np.concatenate(each) if each else np.zeros(0, dtype=np.int64)


def _with_parts(
    reader: IndexReader, batch: Sequence[_Found], *names: str
) -> Iterator[tuple[_Found, tuple[bytes, ...]]]:
    """What was found, with columns of the segments."""
    ids = [one.part.row.id for one in batch if one.part.made is None]
    told = {row[0]: row[1:] for row in reader.parts(ids, *names)} if ids else {}
    for one in batch:
        made = one.part.made
        yield one, tuple(made.parts()[name] for name in names) if made is not None else told[one.part.row.id]


@lru_cache(maxsize=100_000)
def _moment(hour: int) -> datetime:
    return EPOCH + timedelta(hours=hour)


def _counted(one: _Found, hours: bytes) -> Counted:
    starts, of_run = runs_of(hours)
    return Counted(one.part.span.length, one.positions, one.is_whole, starts, of_run)


class _People:
    """Who made the entries of each segment of one generation, each segment read once. For any thread."""

    def __init__(self, generation: int) -> None:
        self.generation = generation
        self.names: list[str] = []
        self._lock = threading.Lock()
        self._numbers: dict[str, int] = {}
        self._kept: dict[int, _Persons] = {}

    def of(self, reader: IndexReader, parts: Sequence[_Part]) -> dict[int, "_Persons"]:
        """By the part's first entry: each entry's place in a list of numbers of `names`, and that list."""
        with self._lock:
            known = {part.row.id: self._kept[part.row.id] for part in parts if part.row.id in self._kept}
            unknown = [part.row.id for part in parts if part.made is None and part.row.id not in known]
            if unknown:
                fresh = {row[0]: self._persons(row[1], row[2]) for row in reader.parts(unknown, "who", "names")}
                known |= fresh
                room = MOST_REMEMBERED - len(self._kept)
                self._kept |= dict(list(fresh.items())[: max(0, room)])
            return {
                part.span.first: known[part.row.id]
                if part.made is None
                else self._persons(part.made.who, part.made.names)
                for part in parts
            }

    def _persons(self, who: bytes, names: bytes) -> "_Persons":
        told: list[str] = orjson.loads(names)
        for name in told:
            if name not in self._numbers:
                self._numbers[name] = len(self.names)
                self.names.append(name)
        numbers = np.array([self._numbers[name] for name in told], dtype=np.int64)
        return _Persons(np.frombuffer(who, dtype="<u2"), numbers)


class _Persons(NamedTuple):
    who: NDArray[np.uint16]
    numbers: NDArray[np.int64]
