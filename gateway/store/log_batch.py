"""Rows of the log, many at a time -> their bytes, and their search columns in one cell each. Trusts nothing.

For verification, which reads all of a log. The database puts the search columns of a row into one cell, from which each
value and its type can be told: so a row is held against what it should be in one step. What is not exactly so is for
others to look at, column by column.
"""

import sqlite3
from abc import abstractmethod
from collections.abc import Sequence
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
_COPY = f"COPY (SELECT idx, leaf, body, {_TOLD} {_WHERE.format('%s', '%s')}) TO STDOUT (FORMAT binary)"
# what a view or a computed column says of itself could be taken for JSON that is ready
_IS_TABLE = """
SELECT (SELECT count(*) FROM sqlite_master WHERE name = 'audit_entry' AND type = 'table'),
       (SELECT count(*) FROM pragma_table_xinfo('audit_entry') WHERE hidden <> 0)
"""

_SIGNATURE = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_TRAILER = b"\xff\xff"
_COLUMNS, _INDEX_BYTES, _LEAF_BYTES = 3 + len(_VARY) + 1 + len(STEADY_COLUMNS), 8, 32
_HEAD = np.dtype(
    [
        ("columns", ">i2"), ("index_length", ">i4"), ("index", ">i8"), ("leaf_length", ">i4"), ("leaf", "V32"),
        ("body_length", ">i4"),
    ]
)  # fmt: skip
"""What a copied row begins with, up to its body."""
_BODY, _LEAF = _HEAD.itemsize, slice(18, 50)
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


class RowBatch(Protocol):
    """Rows that follow one another, none of them missing. `cells`: of each the search columns, as one."""

    bodies: list[bytes]
    leaves: list[bytes]
    cells: list[bytes]

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
    copied = _copied(connection, begin, end)
    if not copied or not copied[0].startswith(_SIGNATURE) or copied.pop() != _TRAILER or len(copied) != end - begin:
        return None
    copied[0] = copied[0][len(_SIGNATURE) :]
    heads = b"".join([row[: _HEAD.itemsize] for row in copied])
    if len(heads) != len(copied) * _HEAD.itemsize:
        return None
    head = np.frombuffer(heads, dtype=_HEAD)
    is_placed = (
        (head["columns"] == _COLUMNS).all()
        and (head["index_length"] == _INDEX_BYTES).all()
        and (head["leaf_length"] == _LEAF_BYTES).all()
        and np.array_equal(head["index"], np.arange(begin, end))
    )
    return _CopiedBatch(copied, head["body_length"].tolist()) if is_placed else None


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
    leaves, bodies, cells = map(list, columns)
    return _JsonBatch(bodies, leaves, cells)


def _copied(connection: Connection, begin: int, end: int) -> list[bytes]:
    driver: Any = connection.connection.driver_connection
    try:
        with driver.cursor() as cursor, cursor.copy(_COPY, (begin, end)) as copy:  # the driver quotes them
            connected = driver.pgconn
            rows: list[bytes] = []
            while row := copy.read():  # waits for it
                rows.append(bytes(row))
                while rows[-1] != _TRAILER:  # what is there already is taken without waiting, in a tenth of the time
                    count, row = connected.get_copy_data(1)
                    if not count:
                        connected.consume_input()
                        count, row = connected.get_copy_data(1)
                    if count <= 0:
                        break
                    rows.append(bytes(row))
            return rows
    except connection.dialect.loaded_dbapi.Error as error:
        raise StoreFailed(type(error).__name__) from None


class _Batch:
    """Cells that begin with a moment, and go on with texts that each stand in a frame of their own."""

    _before_moment: bytes
    _behind_moment: bytes
    _before_text: int  # bytes of a frame
    _behind_text: int
    _between: bytes

    def __init__(self, bodies: list[bytes], leaves: list[bytes], cells: list[bytes]) -> None:
        self.bodies = bodies
        self.leaves = leaves
        self.cells = cells
        self._framed: dict[str, bytes] = {}
        self._packed: dict[int, bytes] = {}
        self._kept: list[Steady] = []

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
            if one is None or self.cells[place] != self._said(told[at * width : (at + 1) * width], one)
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


class _CopiedBatch(_Batch):
    """PostgreSQL's rows as a binary COPY sends them: each value behind its length."""

    _before_moment, _behind_moment, _before_text, _behind_text, _between = b"\0\0\0\x08", b"", 4, 0, b""

    def __init__(self, rows: list[bytes], lengths: list[int]) -> None:
        ends = [_BODY + length for length in lengths]
        super().__init__(
            [row[_BODY:end] for row, end in zip(rows, ends, strict=True)],
            [row[_LEAF] for row in rows],
            [row[end:] for row, end in zip(rows, ends, strict=True)],
        )

    def moments_told(self, moments: NDArray[np.int64], texts: NDArray[np.uint8]) -> bytes:
        """As RowBatch says."""
        del texts
        return (moments - _EPOCH).astype(">i8").tobytes()

    def _frame(self, text: str) -> bytes:
        raw = text.encode()
        return len(raw).to_bytes(4, "big") + raw

    def _steady(self, steady: Steady) -> bytes:
        return b"".join((b"\0\0\0\1", bytes((steady.needs_review,)), *map(self._frame, steady.cells)))
