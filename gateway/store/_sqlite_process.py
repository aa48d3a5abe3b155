"""The process beside a gateway that adds to its log in SQLite. Run as a file, by `_log_sqlite`; standard library only.

Whoever waits for a disk in a thread waits for the interpreter's lock after it, a dozen times a batch. Here nobody else
wants it. The process is there in the time of a few commits, and ends when its standard input does.

Both sides speak `marshal` behind four bytes of length, over one socket: nobody else can write to it.
"""

import gc
import marshal
import os
import signal
import sqlite3
import sys
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

LENGTH_BYTES = 4
VERSION = 2
"""Of marshal: later ones look every value up among those before it."""
FAILED, DONE = 0, 1
_MOMENT_LETTERS = len("2026-11-23T08:00:00.000000")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STEPS = (64, 32, 16, 8, 4, 2, 1)  # rows a statement
_MOVE = "UPDATE audit_head SET size = ?, root = ?, note = ? WHERE id = 1 AND size = ? AND epoch = ?"
_Row = Sequence[object]


class _Failed(Exception):
    """Holds no values."""


def _inserts(table: str, columns: Sequence[str]) -> dict[int, str]:
    row = f"({', '.join('?' * len(columns))})"
    start = f"INSERT INTO {table} ({', '.join(columns)}) VALUES "  # noqa: S608 - names of our own tables
    return {step: start + ", ".join([row] * step) for step in _STEPS}


class _Writer:
    def __init__(self, connection: sqlite3.Connection, file: str, columns: Sequence[str]) -> None:
        self._connection = connection
        self._files = _Files(file)
        self._entries = _inserts("audit_entry", ("idx", "leaf", "body", *columns))
        self._tiles = _inserts("audit_tile", ("level", "n", "data"))
        self._checkpoints = _inserts("audit_checkpoint", ("size", "root", "note"))
        self._holds = False

    def check(self) -> None:
        """Raise where a commit would not be durable when it returns."""
        execute = self._connection.execute
        modes = execute("PRAGMA journal_mode").fetchone(), execute("PRAGMA synchronous").fetchone()
        if modes != (("wal",), (2,)):
            raise _Failed("the database would not keep what it was given")

    def hold(self, since: int, most: int) -> tuple[object, list[bytes]]:
        """Begin, and tell the head and leaf hashes."""
        self._connection.execute("BEGIN IMMEDIATE")
        self._holds = True
        head = self._connection.execute("SELECT origin, size, root, epoch, note FROM audit_head").fetchone()
        found = self._connection.execute(
            "SELECT leaf FROM audit_entry WHERE idx >= ? ORDER BY idx LIMIT ?", (since, most)
        ).fetchall()
        return head, [leaf for (leaf,) in found]

    def append(self, head: _Row, entries: Sequence[Any], tiles: Sequence[_Row], checkpoints: Sequence[_Row]) -> bool:
        """One transaction; `entries` have their moments in microseconds since 1970."""
        execute = self._connection.execute
        if not self._holds:
            execute("BEGIN IMMEDIATE")
        self._holds = False
        if execute(_MOVE, tuple(head)).rowcount != 1:
            execute("ROLLBACK")
            return False
        rows = [(index, leaf, body, _written(at), *columns) for index, leaf, body, at, *columns in entries]
        self._insert(self._entries, rows)
        self._insert(self._tiles, tiles)
        self._insert(self._checkpoints, checkpoints)
        self._files.check()
        execute("COMMIT")
        return True

    def _insert(self, statements: dict[int, str], rows: Sequence[_Row]) -> None:
        begin = 0
        for step in _STEPS:
            while len(rows) - begin >= step:
                values = [cell for row in rows[begin : begin + step] for cell in row]
                self._connection.execute(statements[step], values)
                begin += step


def _written(at: int) -> str:
    """A moment as `UtcTime` keeps it."""
    return (_EPOCH + timedelta(microseconds=at)).isoformat(timespec="microseconds")[:_MOMENT_LETTERS]


class _Files:
    """SQLite goes on writing to files that were deleted or replaced under it, and loses all of it: this notices."""

    def __init__(self, file: str) -> None:
        self._paths = (file, file + "-wal")
        self._known: tuple[tuple[int, int], ...] | None = None

    def check(self) -> None:
        """Raise where the database or its journal is not the file that the first transaction began on."""
        try:
            found = tuple((stat.st_dev, stat.st_ino) for stat in map(os.stat, self._paths))
        except FileNotFoundError:
            raise _Failed("the database's files were taken away") from None
        if self._known is None:
            self._known = found
        if found != self._known:
            raise _Failed("the database's files were replaced")


# ------------------------------------------------------------------ the other side
def _read(count: int) -> bytes:
    """So many bytes; fewer at the end."""
    parts: list[bytes] = []
    while count and (part := os.read(0, count)):
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def _receive() -> Any:  # noqa: ANN401 - whatever the other side sent
    """None at the end."""
    length = _read(LENGTH_BYTES)
    body = _read(int.from_bytes(length, "big"))
    return marshal.loads(body) if body else None  # noqa: S302 - from whoever started this process


def _answer(how: int, value: Any) -> None:  # noqa: ANN401 - of what marshal can write
    body = marshal.dumps((how, value), VERSION)
    left = memoryview(len(body).to_bytes(LENGTH_BYTES, "big") + body)
    while left:
        left = left[os.write(0, left) :]


def _work(file: str, address: str, patience_seconds: float, pragmas: Sequence[str], columns: Sequence[str]) -> None:
    with closing(sqlite3.connect(address, uri=True, isolation_level=None, timeout=patience_seconds)) as connection:
        for pragma in pragmas:
            connection.execute(pragma)
        writer = _Writer(connection, file, columns)
        writer.check()
        _answer(DONE, None)
        while (asked := _receive()) is not None:
            what, *arguments = asked
            _answer(DONE, writer.hold(*arguments) if what == "hold" else writer.append(*arguments))


def main() -> None:
    """Begin with what the first message says, and go on until a failure, or the end."""
    gc.disable()  # nothing here goes in circles
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # whoever ends a service tells all of its processes
        signal.signal(number, signal.SIG_IGN)
    first = _receive()
    if first is None:
        return
    try:
        _work(*first)
    except (sqlite3.Error, OSError, _Failed) as error:
        told = str(error) if isinstance(error, _Failed) else getattr(error, "sqlite_errorname", type(error).__name__)
        try:
            _answer(FAILED, told)
        except OSError:
            sys.exit(1)  # nobody is there to be told


if __name__ == "__main__":
    main()
