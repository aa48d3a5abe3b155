"""Batches of the log -> PostgreSQL: one statement and one round trip a batch, by libpq itself, in binary.

The statement moves the head only from where it was expected, and everything else hangs on that: it is its own
transaction. A server that is silent for longer than its statements may take is given up, half-open connections too.
"""

import select
import struct
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from operator import itemgetter
from typing import Any, Self

import psycopg
from psycopg import pq
from psycopg.pq import DiagnosticField, ExecStatus

from gateway.store.log import COLUMNS, LogBatch, LogHead, StoreFailed, head_of
from gateway.store.state import DURABLE, State

_BOOL, _BYTEA, _INT8, _INT2, _TEXT, _MOMENT = 16, 17, 20, 21, 25, 1184
_BYTEAS, _INT8S, _INT2S, _TEXTS, _BOOLS, _MOMENTS = 1001, 1016, 1005, 1009, 1000, 1185
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_BINARY = pq.Format.BINARY
_TEXT_COLUMNS = tuple(name for name in COLUMNS if name not in {"at", "needs_review"})
_texts_of = itemgetter(*_TEXT_COLUMNS)

# $1 to $6: size, root, note, begin, epoch, whether the note is kept beside the head
_APPEND = f"""
WITH moved AS (
  UPDATE audit_head SET size = $1, root = $2, note = $3 WHERE id = 1 AND size = $4 AND epoch = $5 RETURNING 1
), entries AS (
  INSERT INTO audit_entry (idx, leaf, body, at, needs_review, {", ".join(_TEXT_COLUMNS)})
  SELECT $4 + a.place - 1, {", ".join(f"a.c{at}" for at in range(len(_TEXT_COLUMNS) + 4))}
  FROM moved, unnest({", ".join(f"${at + 7}" for at in range(len(_TEXT_COLUMNS) + 4))}) WITH ORDINALITY
    AS a({", ".join(f"c{at}" for at in range(len(_TEXT_COLUMNS) + 4))}, place)
), people AS (
  INSERT INTO audit_subject (subject, idx)
  SELECT a.subject, a.idx FROM moved, unnest(${len(_TEXT_COLUMNS) + 11}, ${len(_TEXT_COLUMNS) + 12}) AS a(subject, idx)
), tiles AS (
  INSERT INTO audit_tile (level, n, data)
  SELECT a.level, a.n, a.data
  FROM moved, unnest({", ".join(f"${len(_TEXT_COLUMNS) + at}" for at in (13, 14, 15))}) AS a(level, n, data)
), kept AS (
  INSERT INTO audit_checkpoint (size, root, note) SELECT $1, $2, $3 FROM moved WHERE $6
)
SELECT 1 FROM moved
"""  # noqa: S608 - names of our own columns
_APPEND_TYPES = (
    _INT8, _BYTEA, _BYTEA, _INT8, _INT8, _BOOL,
    _BYTEAS, _BYTEAS, _MOMENTS, _BOOLS, *(_TEXTS for _ in _TEXT_COLUMNS),
    _TEXTS, _INT8S, _INT2S, _INT8S, _BYTEAS,
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
        _, head, leaves = self._run(
            [(b"log_begin", ()), (b"log_lock", ()), (b"log_leaves", (_int8(since), _int8(most)))]
        )
        self._holds = True
        if head.ntuples != 1:
            raise StoreFailed("the log has no head")
        origin, size, root, epoch, note = (head.get_value(0, at) or b"" for at in range(5))
        found = [leaves.get_value(row, 0) or b"" for row in range(leaves.ntuples)]
        return head_of(origin.decode(), _int(size), root, _int(epoch), note), found

    def append(self, batch: LogBatch, epoch: int) -> bool:
        """As LogWriter says; one round trip."""
        steps: list[_Step] = [(b"log_append", _parameters(batch, epoch))]
        if self._holds:
            self._holds = False
            steps.append((b"log_commit", ()))
        return self._run(steps)[0].ntuples == 1

    def close(self) -> None:
        """As LogWriter says."""
        with suppress(psycopg.Error):
            self._connection.close()

    # ------------------------------------------------------------------ libpq
    def _run(self, steps: Sequence[_Step]) -> "list[pq.abc.PGresult]":
        """Prepared statements in one round trip, up to the commit of the last; raises StoreFailed."""
        try:
            if len(steps) == 1:
                name, parameters = steps[0]
                self._libpq.send_query_prepared(name, parameters, [_BINARY] * len(parameters), _BINARY)
                return self._results()
            self._libpq.enter_pipeline_mode()
            for name, parameters in steps:
                self._libpq.send_query_prepared(name, parameters, [_BINARY] * len(parameters), _BINARY)
            self._libpq.pipeline_sync()
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
            if result.status not in {ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK, ExecStatus.PIPELINE_SYNC}:
                state = (result.error_field(DiagnosticField.SQLSTATE) or b"gone").decode()
                raise StoreFailed(f"PostgreSQL: {state}")
            found.append(result)
            if result.status is ExecStatus.PIPELINE_SYNC:
                return found

    def _wait(self, give_up: float, events: int) -> None:
        left = give_up - time.monotonic()
        self._poll.modify(self._libpq.socket, events)
        if left <= 0 or not self._poll.poll(left * 1000):
            raise StoreFailed("PostgreSQL: silent")
        self._libpq.consume_input()


# ------------------------------------------------------------------ binary forms
def _parameters(batch: LogBatch, epoch: int) -> list[bytes]:
    count = len(batch.bodies)
    texts = zip(*map(_texts_of, batch.columns), strict=True)
    people = [(subject, index) for index, subjects in enumerate(batch.subjects, batch.begin) for subject in subjects]
    return [
        _int8(batch.size),
        batch.root,
        batch.note,
        _int8(batch.begin),
        _int8(epoch),
        b"\1" if batch.keeps_checkpoint else b"\0",
        _bytes_array(_BYTEA, batch.leaves),
        _bytes_array(_BYTEA, batch.bodies),
        _fixed_array(_MOMENT, "q", [_microseconds(columns["at"]) for columns in batch.columns]),
        _fixed_array(_BOOL, "?", [columns["needs_review"] for columns in batch.columns]),
        *(_array(_TEXT, count, b"".join(map(_cell, column))) for column in texts),
        _array(_TEXT, len(people), b"".join([_cell(subject) for subject, _ in people])),
        _fixed_array(_INT8, "q", [index for _, index in people]),
        _fixed_array(_INT2, "h", [tile.level for tile in batch.tiles]),
        _fixed_array(_INT8, "q", [tile.n for tile in batch.tiles]),
        _bytes_array(_BYTEA, [tile.data for tile in batch.tiles]),
    ]


def _array(kind: int, count: int, cells: bytes) -> bytes:
    """A one-dimensional array without NULL, from 1 on."""
    if not count:
        return struct.pack("!iii", 0, 0, kind)
    return struct.pack("!iiiii", 1, 0, kind, count, 1) + cells


def _bytes_array(kind: int, values: Sequence[bytes]) -> bytes:
    cells: list[bytes] = []
    for value in values:
        cells += (_length(len(value)), value)
    return _array(kind, len(values), b"".join(cells))


def _fixed_array(kind: int, form: str, values: Sequence[object]) -> bytes:
    if not values:
        return _array(kind, 0, b"")
    width = struct.calcsize(f"!{form}")
    flat = [part for value in values for part in (width, value)]
    return _array(kind, len(values), struct.pack("!" + f"i{form}" * len(values), *flat))


@lru_cache(maxsize=65_536)
def _length(count: int) -> bytes:
    return struct.pack("!i", count)


@lru_cache(maxsize=16_384)
def _cell(text: str) -> bytes:
    """Most texts come again: apps, purposes, people."""
    value = text.encode()
    return struct.pack("!i", len(value)) + value


def _int8(value: int) -> bytes:
    return struct.pack("!q", value)


def _int(value: bytes) -> int:
    return int.from_bytes(value, "big", signed=True)


def _microseconds(moment: object) -> int:
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        raise StoreFailed("a moment without a time zone")
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
