"""Writing the log: one transaction a batch, fenced by the head. What the bytes mean is the audit room's.

The writer keeps a connection of its own and speaks to the driver itself: here every microsecond is paid by each entry.
After any failure the connection is thrown away, never used again.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Protocol, cast

from sqlalchemy import RowMapping, insert, select
from sqlalchemy.exc import SQLAlchemyError

from gateway.model.audit import SearchColumns
from gateway.store._tables import audit_head
from gateway.store.state import State

COLUMNS = SearchColumns._fields
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
class TileRow:
    """A full tile: 256 hashes."""

    level: int
    n: int
    data: bytes


@dataclass(frozen=True, slots=True)
class LogBatch:
    """What one transaction adds from entry `begin` on: in step, the hashed bytes, leaf hashes, what is searched by.

    `keeps_checkpoint`: the note is also kept beside the head.
    """

    begin: int
    bodies: Sequence[bytes]
    leaves: Sequence[bytes]
    columns: Sequence[SearchColumns]
    tiles: Sequence[TileRow]
    size: int
    root: bytes
    note: bytes
    keeps_checkpoint: bool


class LogWriter(Protocol):
    """One connection of a kind of database. Raises StoreFailed or the driver's errors; then it is good for nothing."""

    @property
    def holds(self) -> bool:
        """Whether a transaction is open that `hold` began."""
        ...

    def hold(self, since: int, most: int) -> tuple[LogHead, list[bytes]]:
        """Begin a transaction in which no other moves the head: the head, and `most` leaf hashes from `since` on."""
        ...

    def append(self, batch: LogBatch, epoch: int) -> bool:
        """Move the head from `batch.begin` to the batch's end and add it, durably, ending what `hold` began.

        False where the head is not where it was expected; then nothing is kept.
        """
        ...

    def close(self) -> None:
        """Give the connection up; an open transaction is undone."""
        ...


class Sent(Protocol):
    """What was handed to a server, whose answer nobody waits for in a thread."""

    @property
    def socket(self) -> int:
        """To be looked at: when it can be read, and where `has_more` when it can be written, it goes on."""
        ...

    @property
    def has_more(self) -> bool:
        """Whether not all of it could be sent yet."""
        ...

    def go_on(self) -> bool:
        """Send and read what can be without waiting; whether it is over. Raises StoreFailed."""
        ...


class SentBatch(Sent, Protocol):
    """A batch."""

    @property
    def is_added(self) -> bool:
        """Once it is over: as `LogWriter.append` tells it."""
        ...


class SentHold(Sent, Protocol):
    """The wish that no other moves the head."""

    def held(self) -> tuple[LogHead, list[bytes]]:
        """Once it is over: as `LogWriter.hold` tells it. Raises StoreFailed."""
        ...


class SendsBatches(Protocol):
    """A LogWriter that need not wait."""

    def send(self, batch: LogBatch, epoch: int) -> SentBatch:
        """Begin what `append` does; nothing else may be asked of the connection until it is over."""
        ...

    def send_hold(self, since: int, most: int) -> SentHold:
        """Begin what `hold` does, in the same way."""
        ...


class LogStore:
    """The writer's way to the log. For one thread at a time."""

    def __init__(self, state: State, patience_seconds: float = 2.0) -> None:
        self._state = state
        self._patience_seconds = patience_seconds  # how long a server may be silent
        self._writer: LogWriter | None = None

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

    def open(self) -> None:
        """Have the connection ready before the first batch. Raises StoreFailed."""
        with self._writing():
            pass

    def append(self, batch: LogBatch, epoch: int) -> bool:
        """Durable when it returns True; False where another moved the head. Raises StoreFailed: nothing is known."""
        with self._writing() as writer:
            return writer.append(batch, epoch)

    @property
    def can_send(self) -> bool:
        """Whether the connection is open, and to a server that need not be waited for."""
        return hasattr(self._writer, "send")  # isinstance looks at each method of a protocol, and this is asked often

    def send(self, batch: LogBatch, epoch: int) -> SentBatch:
        """As SendsBatches says, where `can_send`. Raises StoreFailed."""
        with self._writing() as writer:
            if not hasattr(writer, "send"):
                raise StoreFailed("this database has to be waited for")
            return cast("SendsBatches", writer).send(batch, epoch)

    def send_hold(self, since: int, most: int) -> SentHold:
        """As SendsBatches says, where `can_send`. Raises StoreFailed."""
        with self._writing() as writer:
            return cast("SendsBatches", writer).send_hold(since, most)

    @contextmanager
    def holding(self, since: int, most: int) -> Iterator[tuple[LogHead, list[bytes]]]:
        """The head and at most so many leaf hashes from `since` on; no other moves it until `append`, or the end."""
        with self._writing() as writer:
            yield writer.hold(since, most)
            if writer.holds:
                self.discard()

    @property
    def folds(self) -> bool:
        """Whether there is a journal to fold: SQLite's."""
        return self._state.file is not None

    def fold(self) -> None:
        """Bring SQLite's journal into the database beside the writer, who would else wait for all of it at once.

        For another thread than the writer's. Raises StoreFailed: what is durable stays so in the journal.
        """
        if not self.folds:
            return
        try:
            with closing(self._state.engine.raw_connection()) as connection:
                connection.cursor().execute("PRAGMA wal_checkpoint(PASSIVE)")
        except (SQLAlchemyError, sqlite3.Error, OSError) as error:
            raise _failed(error) from None

    @contextmanager
    def _writing(self) -> Iterator[LogWriter]:
        try:
            if self._writer is None:
                self._writer = _open_writer(self._state, self._patience_seconds)
            yield self._writer
        except (SQLAlchemyError, sqlite3.Error, OSError) as error:
            self.discard()
            raise _failed(error) from None
        except BaseException:
            self.discard()
            raise

    def discard(self) -> None:
        """Throw the writer's connection away."""
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()


def _open_writer(state: State, patience_seconds: float) -> LogWriter:
    if state.file is not None:
        from gateway.store._log_sqlite import SqliteWriter

        return SqliteWriter.open(state.file, patience_seconds)
    from gateway.store._log_postgresql import PostgresqlWriter  # needs the extra `postgres`

    return PostgresqlWriter.open(state, patience_seconds)


def _head(row: RowMapping) -> LogHead:
    return head_of(*(row[name] for name in ("origin", "size", "root", "epoch", "note")))


def head_of(origin: object, size: object, root: object, epoch: object, note: object) -> LogHead:
    """The head as it is kept; raises StoreFailed where it can't be one."""
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
