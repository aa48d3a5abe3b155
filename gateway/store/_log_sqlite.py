"""Batches of the log -> SQLite, by the driver itself. Many rows a statement: each statement gives the GIL away once."""

import os
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import orjson

from gateway.store.log import COLUMNS, LogBatch, LogHead, StoreFailed, head_of
from gateway.store.state import State

_STEPS = (64, 32, 16, 8, 4, 2, 1)  # rows a statement
_MOMENT_LETTERS = len("2026-11-23T08:00:00.000000")
_BEGIN = "BEGIN IMMEDIATE"
_MOVE = "UPDATE audit_head SET size = ?, root = ?, note = ? WHERE id = 1 AND size = ? AND epoch = ?"


def _inserts(table: str, columns: Sequence[str]) -> dict[int, str]:
    row = f"({', '.join('?' * len(columns))})"
    start = f"INSERT INTO {table} ({', '.join(columns)}) VALUES "  # noqa: S608 - names of our own tables
    return {step: start + ", ".join([row] * step) for step in _STEPS}


_ENTRIES = _inserts("audit_entry", ("idx", "leaf", "body", *COLUMNS))
_TILES = _inserts("audit_tile", ("level", "n", "data"))
_CHECKPOINTS = _inserts("audit_checkpoint", ("size", "root", "note"))


class SqliteWriter:
    """A connection that one thread writes with."""

    def __init__(self, connection: sqlite3.Connection, file: Path) -> None:
        self._connection = connection
        self._files = _Files(file)
        self._holds = False

    @classmethod
    def open(cls, state: State, file: Path) -> Self:
        """A connection of one's own; raises StoreFailed where a commit would not be durable when it returns."""
        lent = state.engine.raw_connection()
        connection = lent.driver_connection
        lent.detach()
        if not isinstance(connection, sqlite3.Connection):
            raise StoreFailed("it is no SQLite database")
        modes = (
            connection.execute("PRAGMA journal_mode").fetchone(),
            connection.execute("PRAGMA synchronous").fetchone(),
        )
        if modes != (("wal",), (2,)):
            connection.close()
            raise StoreFailed("the database would not keep what it was given")
        return cls(connection, file)

    @property
    def holds(self) -> bool:
        """As LogWriter says."""
        return self._holds

    def hold(self, since: int, most: int) -> tuple[LogHead, list[bytes]]:
        """As LogWriter says."""
        self._connection.execute(_BEGIN)
        self._holds = True
        row = self._connection.execute("SELECT origin, size, root, epoch, note FROM audit_head").fetchone()
        if row is None:
            raise StoreFailed("the log has no head")
        found = self._connection.execute(
            "SELECT leaf FROM audit_entry WHERE idx >= ? ORDER BY idx LIMIT ?", (since, most)
        ).fetchall()
        return head_of(*row), [leaf for (leaf,) in found]

    def append(self, batch: LogBatch, epoch: int) -> bool:
        """As LogWriter says."""
        execute = self._connection.execute
        if not self._holds:
            execute(_BEGIN)
        self._holds = False
        if execute(_MOVE, (batch.size, batch.root, batch.note, batch.begin, epoch)).rowcount != 1:
            execute("ROLLBACK")
            return False
        self._insert(_ENTRIES, _rows(batch))
        self._insert(_TILES, [(tile.level, tile.n, tile.data) for tile in batch.tiles])
        if batch.keeps_checkpoint:
            self._insert(_CHECKPOINTS, [(batch.size, batch.root, batch.note)])
        self._files.check()
        execute("COMMIT")
        return True

    def _insert(self, statements: dict[int, str], rows: Sequence[Sequence[object]]) -> None:
        begin = 0
        for step in _STEPS:
            while len(rows) - begin >= step:
                values = [cell for row in rows[begin : begin + step] for cell in row]
                self._connection.execute(statements[step], values)
                begin += step

    def close(self) -> None:
        """As LogWriter says."""
        with suppress(sqlite3.Error):
            self._connection.close()


def _rows(batch: LogBatch) -> list[Sequence[object]]:
    return [
        (index, leaf, body, written(columns.at), *columns[1:])
        for index, (leaf, body, columns) in enumerate(
            zip(batch.leaves, batch.bodies, batch.columns, strict=True), batch.begin
        )
    ]


def written(moment: datetime) -> str:
    """A moment as `UtcTime` keeps it."""
    if moment.tzinfo is None:
        raise StoreFailed("a moment without a time zone")
    utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    if utc.microsecond:  # orjson writes the very same, in a tenth of the time
        return orjson.dumps(utc)[1 : _MOMENT_LETTERS + 1].decode()
    return utc.isoformat(timespec="microseconds")[:_MOMENT_LETTERS]


class _Files:
    """SQLite goes on writing to files that were deleted or replaced under it, and loses all of it: this notices."""

    def __init__(self, file: Path) -> None:
        self._paths = (file, file.with_name(file.name + "-wal"))
        self._known: tuple[tuple[int, int], ...] | None = None

    def check(self) -> None:
        """Raise StoreFailed where the database or its journal is not the file that the first transaction began on."""
        try:
            found = tuple((stat.st_dev, stat.st_ino) for stat in map(os.stat, self._paths))
        except FileNotFoundError:
            raise StoreFailed("the database's files were taken away") from None
        if self._known is None:
            self._known = found
        if found != self._known:
            raise StoreFailed("the database's files were replaced")
