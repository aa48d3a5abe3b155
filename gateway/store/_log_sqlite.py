"""Batches of the log -> SQLite, by a process beside this one: nobody here waits for a disk, or for who does."""

import marshal
import os
import select
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Self

from gateway.store import _sqlite_process
from gateway.store._sqlite_process import DONE, LENGTH_BYTES, VERSION
from gateway.store.log import COLUMNS, LogBatch, LogHead, StoreFailed, head_of
from gateway.store.state import SQLITE_WRITES, sqlite_address

_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
_Message = tuple[Any, ...]  # of what marshal can write
_READ_BYTES = 65_536
_BEGIN_SECONDS = 10.0  # that it may take to be there, on a machine that has much else to do
_END_SECONDS = 0.25  # that the process may take to end by itself


class SqliteWriter:
    """The process, and the way to it. For one thread at a time."""

    def __init__(self, process: "subprocess.Popen[bytes]", way: socket.socket, patience_seconds: float) -> None:
        self._process = process
        self._way = way
        self._patience_seconds = patience_seconds
        self._holds = False
        self._under_way: SentToSqlite | None = None

    @classmethod
    def open(cls, file: Path, patience_seconds: float) -> Self:
        """Start it; raises StoreFailed where a commit would not be durable when it returns."""
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                # a session of its own: whoever interrupts the gateway has it write what it still has to
                process = subprocess.Popen(  # noqa: S603 - this very interpreter, and a file beside this one
                    [sys.executable, "-I", "-S", str(_sqlite_process.__file__)],
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                )
        except BaseException:
            ours.close()
            raise
        ours.setblocking(False)
        writer = cls(process, ours, patience_seconds)
        first = (os.fspath(file), sqlite_address(file), patience_seconds, SQLITE_WRITES, COLUMNS)
        try:
            _waited_for(writer._sent(first), _BEGIN_SECONDS)
        except BaseException:
            writer.close()
            raise
        return writer

    @property
    def holds(self) -> bool:
        """As LogWriter says."""
        return self._holds

    @property
    def pid(self) -> int:
        """Of the process that writes."""
        return self._process.pid

    def hold(self, since: int, most: int) -> tuple[LogHead, list[bytes]]:
        """As LogWriter says."""
        return _waited_for(self.send_hold(since, most), self._patience_seconds).held()

    def append(self, batch: LogBatch, epoch: int) -> bool:
        """As LogWriter says."""
        return _waited_for(self.send(batch, epoch), self._patience_seconds).is_added

    def send(self, batch: LogBatch, epoch: int) -> "SentToSqlite":
        """As SendsBatches says."""
        self._holds = False
        return self._sent(
            (
                "append",
                (batch.size, batch.root, batch.note, batch.begin, epoch),
                [
                    (index, leaf, body, _microseconds(columns.at), *columns[1:])
                    for index, (leaf, body, columns) in enumerate(
                        zip(batch.leaves, batch.bodies, batch.columns, strict=True), batch.begin
                    )
                ],
                [(tile.level, tile.n, tile.data) for tile in batch.tiles],
                [(batch.size, batch.root, batch.note)] if batch.keeps_checkpoint else [],
            )
        )

    def send_hold(self, since: int, most: int) -> "SentToSqlite":
        """As SendsBatches says."""
        self._holds = True
        return self._sent(("hold", since, most))

    def close(self) -> None:
        """As LogWriter says. A process that has something under way, or does not end, is killed."""
        is_idle = self._under_way is None or self._under_way.is_over
        self._way.close()
        if not is_idle:
            self._process.send_signal(signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_SECONDS)
            return
        self._process.send_signal(signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):  # in the hands of a disk that hangs
            self._process.wait(_END_SECONDS)

    def _sent(self, asked: _Message) -> "SentToSqlite":
        self._under_way = SentToSqlite(self._way, asked)
        return self._under_way


class SentToSqlite:
    """As SentBatch and SentHold say: a message to the process, and its answer."""

    def __init__(self, way: socket.socket, asked: _Message) -> None:
        body = marshal.dumps(asked, VERSION)
        self._way = way
        self._left = memoryview(len(body).to_bytes(LENGTH_BYTES, "big") + body)
        self._answer = bytearray()
        self._value: Any = None
        self.is_over = False
        self.socket: Final = way.fileno()
        self.has_more = True

    @property
    def is_added(self) -> bool:
        """As SentBatch says."""
        return self._value is True

    def held(self) -> tuple[LogHead, list[bytes]]:
        """As SentHold says."""
        head, leaves = self._value
        if head is None:
            raise StoreFailed("the log has no head")
        return head_of(*head), leaves

    def go_on(self) -> bool:
        """As Sent says."""
        try:
            while self._left:
                self._left = self._left[self._way.send(self._left) :]
            self.has_more = False
            while part := self._way.recv(_READ_BYTES):
                self._answer += part
                if self._is_whole():
                    return True
        except BlockingIOError:
            return False
        except OSError as error:
            raise StoreFailed(f"SQLite: {type(error).__name__}") from None
        raise StoreFailed("SQLite: its process ended")

    def _is_whole(self) -> bool:
        if len(self._answer) < LENGTH_BYTES + int.from_bytes(self._answer[:LENGTH_BYTES], "big"):
            return False
        how, self._value = marshal.loads(self._answer[LENGTH_BYTES:])  # noqa: S302 - from the process started above
        if how != DONE:
            raise StoreFailed(str(self._value))
        self.is_over = True
        return True


def _waited_for(sent: SentToSqlite, patience_seconds: float) -> SentToSqlite:
    """Once it is over; raises StoreFailed."""
    give_up = time.monotonic() + patience_seconds
    poll = select.poll()
    while not sent.go_on():
        poll.register(sent.socket, select.POLLIN | (select.POLLOUT if sent.has_more else 0))
        left = give_up - time.monotonic()
        if left <= 0 or not poll.poll(left * 1000):
            raise StoreFailed("SQLite: silent")
    return sent


def _microseconds(moment: datetime) -> int:
    if moment.tzinfo is None:
        raise StoreFailed("a moment without a time zone")
    return (moment - _EPOCH) // _MICROSECOND
