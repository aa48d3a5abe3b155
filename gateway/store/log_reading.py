"""Reading the log: one moment of it, row by row, as it is kept. Nothing here is trusted or repaired."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from gateway.store._tables import ACCESS_LOG_VIEW
from gateway.store.log import COLUMNS, LogHead, StoreFailed
from gateway.store.log_batch import RowBatch, read_batch
from gateway.store.log_index import IndexReader, read_in_order
from gateway.store.state import State

_CHUNK = 2048
_FIRST = -(2**63)
_ENTRIES = f"SELECT idx, leaf, body, {', '.join(COLUMNS)} FROM audit_entry"  # noqa: S608 - names of our own columns

Raw = tuple[Any, ...]


class LogReader:
    """One moment of the log. Cells have whatever type they were found with."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.index = IndexReader(connection)

    def head(self) -> LogHead | None:
        """The head; None where there is none, or it can't be read."""
        rows = self._rows("SELECT origin, size, root, epoch, note FROM audit_head")
        types = (str, int, bytes, int, bytes)
        if len(rows) != 1 or not all(isinstance(cell, kind) for cell, kind in zip(rows[0], types, strict=True)):
            return None
        return LogHead(*rows[0])

    def span(self) -> tuple[int, int]:
        """The first index that there is, and the one after the last; both 0 in an empty log."""
        # each asked for by itself: for both at once SQLite reads the whole table
        each = "SELECT {}(idx) FROM audit_entry"
        first, last = self._rows(f"SELECT ({each.format('min')}), ({each.format('max')})")[0]
        return (first, last + 1) if isinstance(first, int) and isinstance(last, int) else (0, 0)

    def entries(self) -> Iterator[list[Raw]]:
        """All entries in order, in chunks: idx, leaf, body, then the search columns in the order of `COLUMNS`."""
        last = _FIRST
        while rows := self._rows(f"{_ENTRIES} WHERE idx > :last ORDER BY idx LIMIT {_CHUNK}", last=last):
            yield rows
            last = rows[-1][0]

    def entries_between(self, begin: int, end: int) -> Iterator[Raw]:
        """Those with an index in [begin, end), as `entries` has them."""
        for first in range(begin, end, _CHUNK):
            statement = f"{_ENTRIES} WHERE idx >= :first AND idx < :end ORDER BY idx"
            yield from self._rows(statement, first=first, end=min(end, first + _CHUNK))

    def batch(self, begin: int, end: int) -> RowBatch | None:
        """The same as a whole; None where a row is missing, or bytes are no bytes."""
        return read_batch(self._connection, begin, end)

    def first_hidden(self) -> int | None:
        """The least entry that the view `access_log` shows otherwise than its tables hold it, or not at all.

        Where the database would do the very same to answer from the view as from the tables, it shows the same. Else
        compared row by row in the database; -1 where only the number of rows differs. The tables are for others to
        check: this holds the view against them.
        """
        rows, shown = ACCESS_LOG_VIEW[self._connection.dialect.name].partition(" AS\n")[2], "SELECT * FROM access_log"
        if self._plan(f"SELECT * FROM ({rows}) AS d") == self._plan(shown):  # noqa: S608 - no values
            return None
        for one, other in ((rows, shown), (shown, rows)):
            found = self._rows(f"SELECT min(d.entry) FROM ({one} EXCEPT {other}) AS d")[0][0]  # noqa: S608 - no values
            if found is not None:
                return found if isinstance(found, int) else -1
        counted = {
            self._rows(f"SELECT count(*) FROM ({each}) AS d")[0][0]  # noqa: S608 - no values
            for each in (rows, shown)
        }
        return None if len(counted) == 1 else -1

    def _plan(self, statement: str) -> list[Raw]:
        """What the database would do, down to each step: SQLite's program, PostgreSQL's plan with all it puts out."""
        how = "EXPLAIN" if self._connection.dialect.name == "sqlite" else "EXPLAIN (VERBOSE, COSTS OFF)"
        return self._rows(f"{how} {statement}")

    def tile(self, level: int, n: int) -> bytes | None:
        """A full tile as it is kept."""
        rows = self._rows("SELECT data FROM audit_tile WHERE level = :level AND n = :n", level=level, n=n)
        return rows[0][0] if rows and isinstance(rows[0][0], bytes) else None

    def known_tiles(self, level: int, begin: int, end: int) -> dict[int, bytes]:
        """Those of the tiles [begin, end) of a level that are kept, as they are."""
        rows = self._rows(
            "SELECT n, data FROM audit_tile WHERE level = :level AND n >= :begin AND n < :end",
            level=level,
            begin=begin,
            end=end,
        )
        return {row[0]: row[1] for row in rows if isinstance(row[1], bytes)}

    def tiles(self, level: int, begin: int, end: int) -> list[bytes]:
        """Full tiles [begin, end) of a level; raises StoreFailed where one is missing."""
        rows = self._rows(
            "SELECT data FROM audit_tile WHERE level = :level AND n >= :begin AND n < :end ORDER BY n",
            level=level,
            begin=begin,
            end=end,
        )
        return _whole([row[0] for row in rows], end - begin)

    def tile_count(self) -> int:
        """How many full tiles are kept."""
        return int(self._rows("SELECT count(*) FROM audit_tile")[0][0])

    def leaves(self, begin: int, end: int) -> list[bytes]:
        """Leaf hashes of entries [begin, end); raises StoreFailed where one is missing."""
        rows = self._rows(
            "SELECT leaf FROM audit_entry WHERE idx >= :begin AND idx < :end ORDER BY idx", begin=begin, end=end
        )
        return _whole([row[0] for row in rows], end - begin)

    def bodies(self, begin: int, end: int) -> list[bytes]:
        """The hashed bytes of entries [begin, end); raises StoreFailed where one is missing."""
        rows = self._rows(
            "SELECT body FROM audit_entry WHERE idx >= :begin AND idx < :end ORDER BY idx", begin=begin, end=end
        )
        return _whole([row[0] for row in rows], end - begin)

    def checkpoints(self) -> Iterator[Raw]:
        """Kept checkpoints by size: size, root, note."""
        last = _FIRST
        while rows := self._rows(
            f"SELECT size, root, note FROM audit_checkpoint WHERE size > :last ORDER BY size LIMIT {_CHUNK}",  # noqa: S608
            last=last,
        ):
            yield from rows
            last = rows[-1][0]

    def _rows(self, statement: str, **values: int | str) -> list[Raw]:
        with self._connection.execute(text(statement), values) as result:
            # the driver's own tuples: a log has millions of rows, and nothing here asks for their names
            return list(result.cursor.fetchall())


@contextmanager
def reading_log(state: State) -> Iterator[LogReader]:
    """A reader of one moment of the log; raises StoreFailed where the database can't be read."""
    with failing_as_store(), state.reading() as connection:
        read_in_order(connection)
        yield LogReader(connection)


@contextmanager
def failing_as_store() -> Iterator[None]:
    """Raise StoreFailed where the database can't be read."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error, OSError) as error:
        cause = getattr(error, "orig", None) or error
        raise StoreFailed(getattr(cause, "sqlite_errorname", None) or type(cause).__name__) from None


def moment_of(cell: object) -> datetime | None:
    """A stored moment as an aware one; None where it is none."""
    try:
        moment = datetime.fromisoformat(cell) if isinstance(cell, str) else cell
    except ValueError:
        return None
    if not isinstance(moment, datetime):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _whole(cells: list[Any], count: int) -> list[bytes]:
    if len(cells) != count or not all(isinstance(cell, bytes) for cell in cells):
        raise StoreFailed("a part of the log is missing")
    return cells
