"""Rows of the log, many at a time -> their columns, held whole against what they should be. Trusts nothing.

For verification, which reads all of a log. Here are only answers of the kind `everything is exactly so`, as cheap as
the driver allows; what is not is for others to look at, cell by cell.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from gateway.store.log import COLUMNS, StoreFailed

_VARY = ("at", "principal", "case_id", "trace_id", "subjects", "organisation")
STEADY_COLUMNS = tuple(name for name in COLUMNS if name not in {*_VARY, "needs_review"})
"""Search columns that are the same in many entries; `needs_review` is one more."""
_NAMES = ("idx", "leaf", "body", *_VARY, "needs_review", *STEADY_COLUMNS)
_SELECT = f"SELECT {', '.join(_NAMES)} FROM audit_entry WHERE idx >= {{}} AND idx < {{}} ORDER BY idx"  # noqa: S608 - ours
_AT, _PRINCIPAL, _NEEDS_REVIEW = (_NAMES.index(name) for name in ("at", "principal", "needs_review"))

_SIGNATURE = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_TRAILER = b"\xff\xff"
_LEAF, _LENGTH, _BODY = 18, 50, 54  # where they begin in a copied row, behind its count of columns and their lengths
_BEFORE_INDEX = len(_NAMES).to_bytes(2, "big") + (8).to_bytes(4, "big")
_BEFORE_LEAF = (32).to_bytes(4, "big")
_MOMENT = 4 + 8  # its length, and microseconds
_EPOCH = np.datetime64("2000-01-01T00:00:00", "us").astype(np.int64)  # PostgreSQL's


class Steady(NamedTuple):
    """What many entries have the same; `cells` in the order of STEADY_COLUMNS."""

    needs_review: bool
    cells: tuple[str, ...]


Wanted = tuple[str, str, str, str, str, Steady]
"""What a row should say beside its moment: principal, case, trace id, people, organisation, and the rest."""


class RowBatch(Protocol):
    """Rows that follow one another, none of them missing."""

    bodies: list[bytes]
    leaves: list[bytes]

    def has_moments(self, places: Sequence[int], moments: NDArray[np.int64], texts: str) -> bool:
        """Whether the rows at these places have exactly these moments, in microseconds since 1970.

        `texts`: the same as SQLite keeps them, each with a Z behind it.
        """
        ...

    def unsaid(self, places: Sequence[int], wanted: Sequence[Wanted | None]) -> set[int]:
        """The places where the row has not exactly these columns, or it is not known which."""
        ...


def read_batch(connection: Connection, begin: int, end: int) -> RowBatch | None:
    """The rows [begin, end); None where they are not all there, with bytes where bytes belong."""
    if connection.dialect.name == "sqlite":
        with connection.exec_driver_sql(_SELECT.format("?", "?"), (begin, end)) as result:
            rows: list[tuple[Any, ...]] = list(result.cursor.fetchall())
        batch = _TupleBatch(rows)
        is_plain = (
            [row[0] for row in rows] == list(range(begin, end))
            and {*map(type, batch.leaves), *map(type, batch.bodies)} <= {bytes}
            # 1.0 is equal to 1, and no truth
            and {type(row[_NEEDS_REVIEW]) for row in rows} <= {int, bool}
        )
        return batch if is_plain else None
    copied = _copied(connection, begin, end)
    if not copied or not copied[0].startswith(_SIGNATURE) or copied.pop() != _TRAILER or len(copied) != end - begin:
        return None
    copied[0] = copied[0][len(_SIGNATURE) :]
    is_placed = all(
        row.startswith(_BEFORE_INDEX + index.to_bytes(8, "big") + _BEFORE_LEAF) and len(row) > _BODY
        for index, row in enumerate(copied, begin)
    )
    return _CopiedBatch(copied) if is_placed else None


def _copied(connection: Connection, begin: int, end: int) -> list[bytes]:
    driver: Any = connection.connection.driver_connection
    statement = f"COPY ({_SELECT.format('%s', '%s')}) TO STDOUT (FORMAT binary)"
    try:
        with driver.cursor() as cursor, cursor.copy(statement, (begin, end)) as copy:  # the driver quotes them
            return [bytes(row) for row in copy]
    except connection.dialect.loaded_dbapi.Error as error:
        raise StoreFailed(type(error).__name__) from None


class _TupleBatch:
    """SQLite's rows, which have cells of any type."""

    def __init__(self, rows: list[tuple[Any, ...]]) -> None:
        self._rows = rows
        self.leaves: list[bytes] = [row[1] for row in rows]
        self.bodies: list[bytes] = [row[2] for row in rows]

    def has_moments(self, places: Sequence[int], moments: NDArray[np.int64], texts: str) -> bool:
        """As RowBatch says."""
        del moments
        cells = [self._rows[place][_AT] for place in places]
        # a cell with a Z in it would make one more of them
        return {cell.__class__ for cell in cells} <= {str} and "Z".join([*cells, ""]) == texts

    def unsaid(self, places: Sequence[int], wanted: Sequence[Wanted | None]) -> set[int]:
        """As RowBatch says."""
        rows = self._rows
        # a text is equal to nothing but the same text
        return {
            place
            for place, one in zip(places, wanted, strict=True)
            if one is None
            or rows[place][_PRINCIPAL:_NEEDS_REVIEW] != one[:5]
            or rows[place][_NEEDS_REVIEW:] != (one[5].needs_review, *one[5].cells)
        }


class _CopiedBatch:
    """PostgreSQL's rows as a binary COPY sends them: each cell behind its length, and compared as it comes."""

    def __init__(self, rows: list[bytes]) -> None:
        self._rows = rows
        self._ends = [_BODY + int.from_bytes(row[_LENGTH:_BODY], "big", signed=True) for row in rows]
        self.leaves: list[bytes] = [row[_LEAF:_LENGTH] for row in rows]
        self.bodies: list[bytes] = [row[_BODY:end] for row, end in zip(rows, self._ends, strict=True)]
        self._packed: dict[str, bytes] = {}
        self._steady: dict[int, bytes] = {}
        self._kept: list[Steady] = []

    def has_moments(self, places: Sequence[int], moments: NDArray[np.int64], texts: str) -> bool:
        """As RowBatch says."""
        del texts
        wanted = moments - _EPOCH
        cells = [self._rows[place][self._ends[place] : self._ends[place] + _MOMENT] for place in places]
        told = np.frombuffer(b"".join(cells), dtype=[("length", ">i4"), ("at", ">i8")])
        return bool((told["length"] == 8).all() and np.array_equal(told["at"], wanted))

    def unsaid(self, places: Sequence[int], wanted: Sequence[Wanted | None]) -> set[int]:
        """As RowBatch says."""
        return {
            place
            for place, one in zip(places, wanted, strict=True)
            if one is None or self._rows[place][self._ends[place] + _MOMENT :] != self._said(one)
        }

    def _said(self, wanted: Wanted) -> bytes:
        principal, case_id, trace_id, people, organisation, steady = wanted
        trace, told = trace_id.encode(), people.encode()
        return b"".join(
            (
                self._cell(principal),
                self._cell(case_id),
                len(trace).to_bytes(4, "big"),
                trace,
                len(told).to_bytes(4, "big"),
                told,
                self._cell(organisation),
                self._steady.get(id(steady)) or self._pack(steady),
            )
        )

    def _cell(self, text: str) -> bytes:
        return self._packed.get(text) or self._remember(text, _cell(text))

    def _pack(self, steady: Steady) -> bytes:
        packed = b"".join((b"\0\0\0\1", bytes((steady[0],)), *map(_cell, steady[1])))
        self._kept.append(steady)  # as long as it is, no other has its id
        self._steady[id(steady)] = packed
        return packed

    def _remember(self, thing: str, packed: bytes) -> bytes:
        self._packed[thing] = packed
        return packed


def _cell(text: str) -> bytes:
    raw = text.encode()
    return len(raw).to_bytes(4, "big") + raw
