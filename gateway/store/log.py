"""Writing the log: one transaction a batch, fenced by the head. What the bytes mean is the audit room's.

The writer keeps a connection of its own; after any failure it is thrown away, never used again.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, RowMapping, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from gateway.store._tables import audit_checkpoint, audit_entry, audit_head, audit_subject, audit_tile
from gateway.store.state import WRITES, State

_ONE = 1


class StoreFailed(Exception):
    """The database did not do its part; whether it kept what it was given is not known. Holds no values."""


@dataclass(frozen=True, slots=True)
class LogHead:
    """Where the log ends."""

    origin: str
    size: int
    root: bytes
    epoch: int
    note: bytes


@dataclass(frozen=True, slots=True)
class EntryRow:
    """One entry: the hashed bytes, their leaf hash, and what is searched by."""

    idx: int
    leaf: bytes
    body: bytes
    columns: Mapping[str, object]
    subjects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TileRow:
    """A full tile: 256 hashes."""

    level: int
    n: int
    data: bytes


@dataclass(frozen=True, slots=True)
class LogBatch:
    """What one transaction adds. `keeps_checkpoint`: the note is also kept beside the head."""

    entries: Sequence[EntryRow]
    tiles: Sequence[TileRow]
    size: int
    root: bytes
    note: bytes
    keeps_checkpoint: bool


class LogTransaction:
    """One transaction on the log."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def lock_head(self) -> LogHead:
        """The head, which no other writer moves until this transaction ends; raises StoreFailed where there is none."""
        row = self._connection.execute(select(audit_head).with_for_update()).mappings().one_or_none()
        if row is None:
            raise StoreFailed("the log has no head")
        return _head(row)

    def leaves(self, begin: int, end: int) -> list[bytes]:
        """The leaf hashes of entries [begin, end); raises StoreFailed where one is missing."""
        query = select(audit_entry.c.leaf).where(audit_entry.c.idx >= begin, audit_entry.c.idx < end)
        found = list(self._connection.execute(query.order_by(audit_entry.c.idx)).scalars())
        if len(found) != end - begin:
            raise StoreFailed("entries are missing")
        return found

    def move_head(self, batch: LogBatch, *, expected_size: int, epoch: int) -> bool:
        """Compare and swap: move the head to the batch's end; False where it is not where it was expected."""
        moved = self._connection.execute(
            update(audit_head)
            .where(audit_head.c.id == _ONE, audit_head.c.size == expected_size, audit_head.c.epoch == epoch)
            .values(size=batch.size, root=batch.root, note=batch.note)
        )
        return moved.rowcount == 1

    def add(self, batch: LogBatch) -> None:
        """Entries, the people they are about, full tiles, and the checkpoint where it is kept."""
        rows = [{"idx": row.idx, "leaf": row.leaf, "body": row.body, **row.columns} for row in batch.entries]
        self._connection.execute(insert(audit_entry), rows)
        subjects = [{"subject": subject, "idx": row.idx} for row in batch.entries for subject in row.subjects]
        if subjects:
            self._connection.execute(insert(audit_subject), subjects)
        if batch.tiles:
            tiles = [{"level": tile.level, "n": tile.n, "data": tile.data} for tile in batch.tiles]
            self._connection.execute(insert(audit_tile), tiles)
        if batch.keeps_checkpoint:
            self._connection.execute(insert(audit_checkpoint).values(size=batch.size, root=batch.root, note=batch.note))


class LogStore:
    """The writer's way to the log. For one thread."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._connection: Connection | None = None
        self._files: _Files | None = None

    def create(self, origin: str, root: bytes, note: bytes) -> None:
        """Begin the log where there is none; where two do so at once, one wins. Raises StoreFailed."""
        try:
            with self._state.writing() as connection:
                if connection.execute(select(audit_head.c.id)).first() is None:
                    connection.execute(
                        insert(audit_head).values(id=_ONE, origin=origin, size=0, root=root, epoch=1, note=note)
                    )
        except (SQLAlchemyError, OSError) as error:
            if self.head() is None:
                raise _failed(error) from None

    def head(self) -> LogHead | None:
        """Where the log ends; None where none was begun. Raises StoreFailed."""
        try:
            with self._state.reading() as connection:
                row = connection.execute(select(audit_head)).mappings().one_or_none()
        except (SQLAlchemyError, OSError) as error:
            raise _failed(error) from None
        return None if row is None else _head(row)

    @contextmanager
    def transaction(self) -> Iterator[LogTransaction]:
        """Durable when the block ends without an exception, else undone as far as is known.

        Raises StoreFailed for whatever the database or its files do wrong; then the connection is gone.
        """
        try:
            connection = self._connection
            if connection is None:
                connection = self._state.engine.connect().execution_options(**{WRITES: True})
                self._connection = connection
                self._files = _Files(self._state.file) if self._state.file is not None else None
            with connection.begin():
                yield LogTransaction(connection)
                if self._files is not None:
                    self._files.check()
        except (SQLAlchemyError, OSError) as error:
            self.discard()
            raise _failed(error) from None
        except BaseException:
            self.discard()
            raise

    def discard(self) -> None:
        """Throw the writer's connection away."""
        connection, self._connection, self._files = self._connection, None, None
        if connection is not None:
            with suppress(SQLAlchemyError):
                connection.invalidate()
            with suppress(SQLAlchemyError):
                connection.close()


class _Files:
    """SQLite goes on writing to files that were deleted or replaced under it, and loses all of it: this notices."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._journal = file.with_name(file.name + "-wal")
        self._known: tuple[tuple[int, int], ...] | None = None

    def check(self) -> None:
        """Raise StoreFailed where the database or its journal is not the file that the transaction began on."""
        try:
            found = tuple((stat.st_dev, stat.st_ino) for stat in map(os.stat, (self._file, self._journal)))
        except FileNotFoundError:
            raise StoreFailed("the database's files were taken away") from None
        if self._known is None:
            self._known = found
        if found != self._known:
            raise StoreFailed("the database's files were replaced")


def _head(row: RowMapping) -> LogHead:
    origin, size, root, epoch, note = (row[name] for name in ("origin", "size", "root", "epoch", "note"))
    if not (
        isinstance(origin, str)
        and isinstance(size, int)
        and isinstance(root, bytes)
        and isinstance(epoch, int)
        and isinstance(note, bytes)
    ):
        raise StoreFailed("the head can't be read")
    return LogHead(origin, size, root, epoch, note)


def _failed(error: Exception) -> StoreFailed:
    cause = getattr(error, "orig", None) or error
    return StoreFailed(getattr(cause, "sqlite_errorname", None) or type(cause).__name__)
