"""Rows of the log, many at a time -> their bytes, and their search columns in one cell each. Trusts nothing.

For verification, which reads all of a log. The database puts the search columns of a row into one cell, from which each
value and its type can be told: so a row is held against what it should be in one step. What is not exactly so is for
others to look at, column by column.
"""

import sqlite3
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
import orjson
from numpy.typing import NDArray
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from gateway.store.log import COLUMNS, StoreFailed

_VARY = ("at", "principal", "case_id", "trace_id", "subjects", "organisation")
STEADY_COLUMNS = tuple(name for name in COLUMNS if name not in {*_VARY, "needs_review"})
"""Search columns that are the same in many entries; `needs_review` is one more."""
_TOLD = ", ".join((*_VARY, "needs_review", *STEADY_COLUMNS))
_WHERE = "FROM audit_entry WHERE idx >= {} AND idx < {} ORDER BY idx"
# JSON keeps text, numbers and nothing apart; a cell of bytes it refuses, and all of the batch with it
_JSON = f"SELECT idx, leaf, body, CAST(json_array({_TOLD}) AS BLOB) {_WHERE.format('?', '?')}"
# in the order of its index, so that bytes and places of a group are in one
_GATHERED = """
SELECT {0}length(leaf), {0}length(body), {0}length(cell), {0}array_agg(idx), {0}string_agg(leaf, ''),
       {0}string_agg(body, ''), {0}string_agg(cell, '')
FROM (SELECT idx, leaf, body, {0}record_send(ROW({1})) AS cell {2} OFFSET 0) AS told
GROUP BY {0}length(leaf), {0}length(body), {0}length(cell)
""".format("pg_catalog.", _TOLD, _WHERE.format("%s", "%s"))
_GATHERED_ROWS = 512  # more don't fit what the server sorts in its memory
# glibc keeps memory at hand of pieces that are no larger than one that was given back before; else the server has each
# answer's from the system anew, at twice the cost. 32 MB is the most.
_AT_HAND = "SELECT length(repeat('x', 30000000))"
# what a view or a computed column says of itself could be taken for JSON that is ready
_IS_TABLE = """
SELECT (SELECT count(*) FROM sqlite_master WHERE name = 'audit_entry' AND type = 'table'),
       (SELECT count(*) FROM pragma_table_xinfo('audit_entry') WHERE hidden <> 0)
"""

_LEAF_BYTES = 32
_BOOL, _TEXT, _MOMENT = 16, 25, 1184  # PostgreSQL's types
_EPOCH = np.datetime64("2000-01-01T00:00:00", "us").astype(np.int64)  # PostgreSQL's
_TEXT_MOMENT: Final = len("2026-11-23T08:00:00.000000")


class Steady(NamedTuple):
    """What many entries have the same; `cells` in the order of STEADY_COLUMNS."""

    needs_review: bool
    cells: tuple[str, ...]


Wanted = tuple[str, str, str, str, str, Steady]
"""What a row should say beside its moment: principal, case, trace id, people, organisation, and the rest."""


class Layout(NamedTuple):
    """A row's columns in one cell, and where in it stands what differs between entries that are alike."""

    cell: bytes
    moment: slice
    principal: slice
    trace_id: slice
    people: slice
    organisation: slice


class Group(NamedTuple):
    """Rows whose bodies are as long as each other, and their cells as well: places in the batch, and bytes in step."""

    places: list[int]
    leaves: bytes
    bodies: bytes
    cells: bytes

    @property
    def body_bytes(self) -> int:
        """Of each."""
        return len(self.bodies) // len(self.places)

    @property
    def cell_bytes(self) -> int:
        """Of each."""
        return len(self.cells) // len(self.places)


class RowBatch(Protocol):
    """Rows that follow one another, none of them missing. A cell: of each the search columns, as one."""

    groups: list[Group]
    count: int

    def body(self, place: int) -> bytes:
        """Of one row."""
        ...

    def moments_told(self, moments: NDArray[np.int64], texts: NDArray[np.uint8]) -> bytes:
        """Moments (microseconds since 1970, and the letters of each) as cells have them, one after another."""
        ...

    def layout(self, wanted: Wanted) -> Layout | None:
        """The cell of a row that says this, at no moment yet; None where a text would not stand there as it is."""
        ...

    def unsaid(
        self,
        places: Sequence[int],
        moments: NDArray[np.int64],
        texts: NDArray[np.uint8],
        wanted: Sequence[Wanted | None],
    ) -> set[int]:
        """The places where the row has not exactly this moment and these columns, or it is not known which."""
        ...


def read_batch(connection: Connection, begin: int, end: int) -> RowBatch | None:
    """The rows [begin, end); None where they are not all there, with bytes where bytes belong."""
    if connection.dialect.name == "sqlite":
        return _read_sqlite(connection, begin, end)
    return _read_postgresql(connection, begin, end)


def _read_sqlite(connection: Connection, begin: int, end: int) -> RowBatch | None:
    try:
        if connection.exec_driver_sql(_IS_TABLE).one() != (1, 0):
            return None
        with connection.exec_driver_sql(_JSON, (begin, end)) as result:
            rows: list[tuple[Any, ...]] = list(result.cursor.fetchall())
    except (DBAPIError, sqlite3.Error):  # a cell is no JSON; or it can't be read, which shows row by row as well
        return None
    places, *columns = zip(*rows, strict=True) if rows else ((), (), (), ())
    if places != tuple(range(begin, end)) or not all({*map(type, column)} <= {bytes} for column in columns):
        return None
    leaves, bodies, cells = columns
    if {*map(len, leaves)} != {_LEAF_BYTES}:
        return None
    return _JsonBatch(
        Group(
            places,
            *(b"".join(map(column.__getitem__, places)) for column in (leaves, bodies, cells)),
        )
        for places in _by_length(bodies, cells)
    )


def _by_length(bodies: Sequence[bytes], cells: Sequence[bytes]) -> Iterator[list[int]]:
    """Places by the lengths of body and cell."""
    lengths = [np.fromiter(map(len, texts), np.int64, len(texts)) for texts in (bodies, cells)]
    if all((each == each[0]).all() for each in lengths):
        yield list(range(len(bodies)))
        return
    order = np.lexsort(lengths)
    changes = np.flatnonzero(np.any([np.diff(each[order]) for each in lengths], axis=0)) + 1
    for places in np.split(order, changes):
        yield places.tolist()


def _read_postgresql(connection: Connection, begin: int, end: int) -> RowBatch | None:
    driver: Any = connection.connection.driver_connection
    parts: dict[tuple[int, int], list[tuple[list[int], bytes, bytes, bytes]]] = {}
    try:
        with driver.cursor(binary=True) as cursor:
            if not connection.info.get(_AT_HAND):
                cursor.execute(_AT_HAND)
                connection.info[_AT_HAND] = True
            for first in range(begin, end, _GATHERED_ROWS):
                for leaf, body, cell, *part in cursor.execute(_GATHERED, (first, min(end, first + _GATHERED_ROWS))):
                    if leaf != _LEAF_BYTES or not all(isinstance(each, bytes) for each in part[1:]):
                        return None
                    parts.setdefault((body, cell), []).append(tuple(part))
    except connection.dialect.loaded_dbapi.Error as error:
        raise StoreFailed(type(error).__name__) from None
    groups = []
    for found in parts.values():
        places, *columns = zip(*found, strict=True)
        groups.append(Group([index - begin for each in places for index in each], *map(b"".join, columns)))
    told = sorted(place for group in groups for place in group.places)
    return _GatheredBatch(groups) if told == list(range(end - begin)) else None


class _Batch:
    """Cells that begin with a moment, and go on with texts that each stand in a frame of their own."""

    _before_moment: bytes
    _behind_moment: bytes
    _before_text: int  # bytes of a frame
    _behind_text: int
    _between: bytes

    def __init__(self, groups: Iterable[Group]) -> None:
        self.groups = list(groups)
        self.count = sum(len(group.places) for group in self.groups)
        self._found: dict[int, tuple[Group, int]] = {}
        self._framed: dict[str, bytes] = {}
        self._packed: dict[int, bytes] = {}
        self._kept: list[Steady] = []

    def body(self, place: int) -> bytes:
        """As RowBatch says."""
        group, row = self._row(place)
        width = group.body_bytes
        return group.bodies[row * width : (row + 1) * width]

    def _cell(self, place: int) -> bytes:
        group, row = self._row(place)
        width = group.cell_bytes
        return group.cells[row * width : (row + 1) * width]

    def _row(self, place: int) -> tuple[Group, int]:
        if not self._found:
            self._found = {place: (group, row) for group in self.groups for row, place in enumerate(group.places)}
        return self._found[place]

    @abstractmethod
    def moments_told(self, moments: NDArray[np.int64], texts: NDArray[np.uint8]) -> bytes:
        """As RowBatch says."""

    @abstractmethod
    def _frame(self, text: str) -> bytes:
        """A text as a cell has it."""

    @abstractmethod
    def _steady(self, steady: Steady) -> bytes:
        """The rest of a cell."""

    def layout(self, wanted: Wanted) -> Layout | None:
        """As RowBatch says."""
        moment = self.moments_told(np.zeros(1, np.int64), np.full((1, _TEXT_MOMENT), 48, np.uint8))
        at = len(self._before_moment)
        slices = [slice(at, at + len(moment))]
        cell = self._before_moment + moment + self._behind_moment
        for text in wanted[:5]:
            framed, raw = self._frame(text), text.encode()
            begin = len(cell) + self._before_text
            cell += framed + self._between
            if cell[begin : begin + len(raw)] != raw or len(framed) != self._before_text + len(raw) + self._behind_text:
                return None
            slices.append(slice(begin, begin + len(raw)))
        moment_at, principal, _, trace_id, people, organisation = slices
        return Layout(cell + self._pack(wanted[5]), moment_at, principal, trace_id, people, organisation)

    def unsaid(
        self,
        places: Sequence[int],
        moments: NDArray[np.int64],
        texts: NDArray[np.uint8],
        wanted: Sequence[Wanted | None],
    ) -> set[int]:
        """As RowBatch says."""
        told = self.moments_told(moments, texts)
        width = len(told) // max(1, len(places))
        return {
            place
            for at, (place, one) in enumerate(zip(places, wanted, strict=True))
            if one is None or self._cell(place) != self._said(told[at * width : (at + 1) * width], one)
        }

    def _said(self, moment: bytes, wanted: Wanted) -> bytes:
        principal, case_id, trace_id, people, organisation, steady = wanted
        texts = (
            self._known(principal), self._known(case_id), self._frame(trace_id), self._frame(people),
            self._known(organisation), self._pack(steady),
        )  # fmt: skip
        return b"".join((self._before_moment, moment, self._behind_moment, self._between.join(texts)))

    def _known(self, text: str) -> bytes:
        found = self._framed.get(text)
        if found is None:
            found = self._framed[text] = self._frame(text)
        return found

    def _pack(self, steady: Steady) -> bytes:
        found = self._packed.get(id(steady))
        if found is None:
            found = self._packed[id(steady)] = self._steady(steady)
            self._kept.append(steady)  # as long as it is, no other has its id
        return found


class _JsonBatch(_Batch):
    """SQLite's rows: columns as a list in JSON."""

    _before_moment, _behind_moment, _before_text, _behind_text, _between = b'["', b'",', 1, 1, b","

    def moments_told(self, moments: NDArray[np.int64], texts: NDArray[np.uint8]) -> bytes:
        """As RowBatch says."""
        del moments
        return texts.tobytes()

    def _frame(self, text: str) -> bytes:
        return orjson.dumps(text)

    def _steady(self, steady: Steady) -> bytes:
        return (b"1," if steady.needs_review else b"0,") + orjson.dumps(steady.cells)[1:]


class _GatheredBatch(_Batch):
    """PostgreSQL's rows as it sends a record: each value behind its type and its length."""

    _before_moment = b"".join(
        number.to_bytes(4, "big") for number in (len(_VARY) + 1 + len(STEADY_COLUMNS), _MOMENT, 8)
    )
    _behind_moment, _before_text, _behind_text, _between = b"", 8, 0, b""

    def moments_told(self, moments: NDArray[np.int64], texts: NDArray[np.uint8]) -> bytes:
        """As RowBatch says."""
        del texts
        return (moments - _EPOCH).astype(">i8").tobytes()

    def _frame(self, text: str) -> bytes:
        raw = text.encode()
        return _TEXT.to_bytes(4, "big") + len(raw).to_bytes(4, "big") + raw

    def _steady(self, steady: Steady) -> bytes:
        head = _BOOL.to_bytes(4, "big") + (1).to_bytes(4, "big")
        return b"".join((head, bytes((steady.needs_review,)), *map(self._frame, steady.cells)))
