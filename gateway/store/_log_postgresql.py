"""Batches of the log -> PostgreSQL: one statement and one round trip a batch, by libpq itself, in binary.

The statement moves the head only from where it was expected, and everything else hangs on that: it is its own
transaction. A server that is silent for longer than its statements may take is given up, half-open connections too.
"""

import select
import struct
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import chain, repeat
from typing import Any, Final, Self

import psycopg
from psycopg import pq
from psycopg.pq import DiagnosticField, ExecStatus

from gateway.store.log import COLUMNS, LogBatch, LogHead, StoreFailed, head_of
from gateway.store.state import DURABLE, State

_BOOL, _BYTEA, _INT8, _INT2, _TEXT, _MOMENT = 16, 17, 20, 21, 25, 1184
_BYTEAS, _INT8S, _INT2S, _TEXTS, _BOOLS, _MOMENTS = 1001, 1016, 1005, 1009, 1000, 1185
_EPOCH, _MICROSECOND = datetime(2000, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
_BINARY = pq.Format.BINARY
_CELLS = len(COLUMNS) + 2  # of an entry, beside its index

# $1 to $6: size, root, note, begin, epoch, whether the note is kept beside the head
_APPEND = f"""
WITH moved AS (
  UPDATE audit_head SET size = $1, root = $2, note = $3 WHERE id = 1 AND size = $4 AND epoch = $5 RETURNING 1
), entries AS (
  INSERT INTO audit_entry (idx, leaf, body, {", ".join(COLUMNS)})
  SELECT $4 + a.place - 1, {", ".join(f"a.c{at}" for at in range(_CELLS))}
  FROM moved, unnest({", ".join(f"${at + 7}" for at in range(_CELLS))}) WITH ORDINALITY
    AS a({", ".join(f"c{at}" for at in range(_CELLS))}, place)
), tiles AS (
  INSERT INTO audit_tile (level, n, data)
  SELECT a.level, a.n, a.data
  FROM moved, unnest({", ".join(f"${_CELLS + at}" for at in (7, 8, 9))}) AS a(level, n, data)
), kept AS (
  INSERT INTO audit_checkpoint (size, root, note) SELECT $1, $2, $3 FROM moved WHERE $6
)
SELECT 1 FROM moved
"""  # noqa: S608 - names of our own columns
_APPEND_TYPES = (
    _INT8, _BYTEA, _BYTEA, _INT8, _INT8, _BOOL,
    _BYTEAS, _BYTEAS, *({"at": _MOMENTS, "needs_review": _BOOLS}.get(name, _TEXTS) for name in COLUMNS),
    _INT2S, _INT8S, _BYTEAS,
)  # fmt: skip
_STATEMENTS = {
    b"log_append": (_APPEND, _APPEND_TYPES),
    b"log_begin": ("BEGIN ISOLATION LEVEL READ COMMITTED", ()),
    b"log_lock": ("SELECT origin, size, root, epoch, note FROM audit_head WHERE id = 1 FOR UPDATE", ()),
    # a statement of its own: it sees what was committed while the lock was waited for
    b"log_leaves": ("SELECT leaf FROM audit_entry WHERE idx >= $1 ORDER BY idx LIMIT $2", (_INT8, _INT8)),
    b"log_commit": ("COMMIT", ()),
}
_Step = tuple[bytes, Sequence[bytes]]


class PostgresqlWriter:
    """A connection that one thread writes with."""

    def __init__(self, connection: psycopg.Connection[Any], patience_seconds: float) -> None:
        self._connection = connection
        self._libpq = connection.pgconn
        self._patience_seconds = patience_seconds
        self._holds = False
        self._poll = select.poll()
        self._poll.register(self._libpq.socket, select.POLLIN)

    @classmethod
    def open(cls, state: State, patience_seconds: float) -> Self:
        """A connection of one's own; raises StoreFailed where a commit would not be durable when it returns."""
        lent = state.engine.raw_connection()
        connection = lent.driver_connection
        lent.detach()
        if not isinstance(connection, psycopg.Connection):
            raise StoreFailed("it is no PostgreSQL connection")
        writer = cls(connection, patience_seconds)
        try:
            writer._begin()
        except psycopg.Error as error:
            writer.close()
            raise StoreFailed(f"PostgreSQL: {type(error).__name__}") from None
        except BaseException:
            writer.close()
            raise
        return writer

    def _begin(self) -> None:
        self._connection.rollback()
        self._libpq.nonblocking = 1
        for name, (statement, types) in _STATEMENTS.items():
            self._libpq.send_prepare(name, statement.encode(), list(types))
            self._results()
        for setting, wanted in DURABLE:
            self._libpq.send_query_params(b"SELECT current_setting($1)", [setting.encode()])
            (found,) = self._results()
            if (found.get_value(0, 0) or b"").decode() not in wanted:
                raise StoreFailed(f"the server has another {setting}: it may lose what is written")

    @property
    def holds(self) -> bool:
        """As LogWriter says."""
        return self._holds

    def hold(self, since: int, most: int) -> tuple[LogHead, list[bytes]]:
        """As LogWriter says; one round trip, and the wait for the lock."""
        held = _held(self._run(_holding(since, most)))
        self._holds = True
        return held

    def append(self, batch: LogBatch, epoch: int) -> bool:
        """As LogWriter says; one round trip."""
        steps: list[_Step] = [(b"log_append", _parameters(batch, epoch))]
        if self._holds:
            self._holds = False
            steps.append((b"log_commit", ()))
        return self._run(steps)[0].ntuples == 1

    def send(self, batch: LogBatch, epoch: int) -> "SentToPostgresql":
        """As SendsBatches says."""
        steps: list[_Step] = [(b"log_append", _parameters(batch, epoch))]
        if self._holds:
            self._holds = False
            steps.append((b"log_commit", ()))
        return self._sent(steps)

    def send_hold(self, since: int, most: int) -> "SentToPostgresql":
        """As SendsBatches says."""
        sent = self._sent(_holding(since, most))
        self._holds = True
        return sent

    def _sent(self, steps: Sequence[_Step]) -> "SentToPostgresql":
        try:
            self._send(steps)
        except psycopg.Error as error:
            raise StoreFailed(f"PostgreSQL: {type(error).__name__}") from None
        return SentToPostgresql(self._libpq, is_many=len(steps) > 1)

    def _send(self, steps: Sequence[_Step]) -> None:
        if len(steps) > 1:
            self._libpq.enter_pipeline_mode()
        for name, parameters in steps:
            self._libpq.send_query_prepared(name, parameters, [_BINARY] * len(parameters), _BINARY)
        if len(steps) > 1:
            self._libpq.pipeline_sync()

    def close(self) -> None:
        """As LogWriter says."""
        with suppress(psycopg.Error):
            self._connection.close()

    # ------------------------------------------------------------------ libpq
    def _run(self, steps: Sequence[_Step]) -> "list[pq.abc.PGresult]":
        """Prepared statements in one round trip, up to the commit of the last; raises StoreFailed."""
        try:
            self._send(steps)
            if len(steps) == 1:
                return self._results()
            found = [self._results()[0] for _ in steps]
            self._results()  # of the synchronisation
            self._libpq.exit_pipeline_mode()
        except psycopg.Error as error:
            raise StoreFailed(f"PostgreSQL: {type(error).__name__}") from None
        return found

    def _results(self) -> "list[pq.abc.PGresult]":
        """The results up to the end of one statement; raises StoreFailed for a failed one, or a silent server."""
        give_up = time.monotonic() + self._patience_seconds
        while self._libpq.flush():
            self._wait(give_up, select.POLLIN | select.POLLOUT)
        found: list[pq.abc.PGresult] = []
        while True:
            while self._libpq.is_busy():
                self._wait(give_up, select.POLLIN)
            result = self._libpq.get_result()
            if result is None:
                return found
            _check(result)
            found.append(result)
            if result.status == ExecStatus.PIPELINE_SYNC:
                return found

    def _wait(self, give_up: float, events: int) -> None:
        left = give_up - time.monotonic()
        self._poll.modify(self._libpq.socket, events)
        if left <= 0 or not self._poll.poll(left * 1000):
            raise StoreFailed("PostgreSQL: silent")
        self._libpq.consume_input()


class SentToPostgresql:
    """As SentBatch and SentHold say: statements whose answers libpq collects; many are one round trip."""

    def __init__(self, libpq: "pq.abc.PGconn", *, is_many: bool) -> None:
        self._libpq = libpq
        self._is_many = is_many
        self._found: list[pq.abc.PGresult] = []
        self.socket: Final = libpq.socket
        self.has_more = True

    @property
    def is_added(self) -> bool:
        """As SentBatch says."""
        return self._found[0].ntuples == 1

    def held(self) -> tuple[LogHead, list[bytes]]:
        """As SentHold says."""
        return _held(self._found)

    def go_on(self) -> bool:
        """As Sent says."""
        try:
            self.has_more = bool(self._libpq.flush())
            self._libpq.consume_input()
            while not self._libpq.is_busy():
                result = self._libpq.get_result()
                if result is None:
                    if self._is_many:
                        continue  # the end of one of them
                    return True
                _check(result)
                if result.status == ExecStatus.PIPELINE_SYNC:
                    self._libpq.exit_pipeline_mode()
                    return True
                self._found.append(result)
        except psycopg.Error as error:
            raise StoreFailed(f"PostgreSQL: {type(error).__name__}") from None
        return False


def _holding(since: int, most: int) -> list[_Step]:
    return [(b"log_begin", ()), (b"log_lock", ()), (b"log_leaves", (_int8(since), _int8(most)))]


def _held(found: "Sequence[pq.abc.PGresult]") -> tuple[LogHead, list[bytes]]:
    """Of the answers to `_holding`; raises StoreFailed."""
    _, head, leaves = found
    if head.ntuples != 1:
        raise StoreFailed("the log has no head")
    origin, size, root, epoch, note = (head.get_value(0, at) or b"" for at in range(5))
    told = [leaves.get_value(row, 0) or b"" for row in range(leaves.ntuples)]
    return head_of(origin.decode(), _int(size), root, _int(epoch), note), told


def _check(result: "pq.abc.PGresult") -> None:
    if result.status not in {ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK, ExecStatus.PIPELINE_SYNC}:
        state = (result.error_field(DiagnosticField.SQLSTATE) or b"gone").decode()
        raise StoreFailed(f"PostgreSQL: {state}")


# ------------------------------------------------------------------ binary forms
def _parameters(batch: LogBatch, epoch: int) -> list[bytes]:
    return [
        _int8(batch.size),
        batch.root,
        batch.note,
        _int8(batch.begin),
        _int8(epoch),
        b"\1" if batch.keeps_checkpoint else b"\0",
        _array(_BYTEA, batch.leaves),
        _array(_BYTEA, batch.bodies),
        *map(_column, COLUMNS, zip(*batch.columns, strict=True)),
        _fixed_array(_INT2, "h", [tile.level for tile in batch.tiles]),
        _fixed_array(_INT8, "q", [tile.n for tile in batch.tiles]),
        _array(_BYTEA, [tile.data for tile in batch.tiles]),
    ]


def _column(name: str, cells: tuple[Any, ...]) -> bytes:
    match name:
        case "at":
            return _fixed_array(_MOMENT, "q", [(moment - _EPOCH) // _MICROSECOND for moment in cells])
        case "needs_review":
            return _fixed_array(_BOOL, "?", cells)
        case "trace_id" | "subjects":
            return _array(_TEXT, [text.encode() for text in cells])
        case _:  # most of them come again: apps, purposes, people
            return _array_of(_TEXT, len(cells), b"".join(map(_cell, cells)))


def _array_of(kind: int, count: int, cells: bytes) -> bytes:
    """A one-dimensional array without NULL, from 1 on."""
    if not count:
        return struct.pack("!iii", 0, 0, kind)
    return struct.pack("!iiiii", 1, 0, kind, count, 1) + cells


def _array(kind: int, values: Sequence[bytes]) -> bytes:
    with_lengths = zip(map(_length, map(len, values)), values, strict=True)
    return _array_of(kind, len(values), b"".join(chain.from_iterable(with_lengths)))


def _fixed_array(kind: int, form: str, values: Sequence[object]) -> bytes:
    flat = chain.from_iterable(zip(repeat(struct.calcsize(f"!{form}")), values, strict=False))
    return _array_of(kind, len(values), struct.pack("!" + f"i{form}" * len(values), *flat))


@lru_cache(maxsize=65_536)
def _length(count: int) -> bytes:
    return struct.pack("!i", count)


@lru_cache(maxsize=16_384)
def _cell(text: str) -> bytes:
    value = text.encode()
    return struct.pack("!i", len(value)) + value


def _int8(value: int) -> bytes:
    return struct.pack("!q", value)


def _int(value: bytes) -> int:
    return int.from_bytes(value, "big", signed=True)
