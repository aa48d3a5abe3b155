"""Long work on one log, shared among as many processes as there are processors: this one, and some beside it.

Entries of a log don't change. So each process reads at a moment of its own; none of them before work is handed to it.
"""

import gc
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from gateway.audit.entry import Opener
from gateway.audit.segments import SIZES, Sizes
from gateway.store import LogReader, StoreFailed, failing_as_store, open_state_read_only, reading_log

Result = TypeVar("Result")
Job = Callable[[LogReader, Opener | None], Result]
"""One piece of the work. It and its result can be handed to another process; of errors it raises StoreFailed alone."""
_MOST_PROCESSES = 4
_AHEAD = 3  # pieces that a process beside has before it: while this one is busy, nobody else hands it any
_MOST_KEPT = 256  # results whose turn has not come


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """How a log is divided.

    `forks`: whoever asks has no connection to the log's database open, so that the processes beside may be this one's
    copies. They begin at once; others are started anew, and first import what they need.
    """

    part: int = 4_096  # entries of one piece
    sizes: Sizes = SIZES  # of the segments of its index
    worth: int = 65_536  # entries from which on there are processes beside
    processes: int | None = None  # this one too; None: as many as there are processors
    forks: bool = False


class Task(Generic[Result]):
    """A piece of work, and what becomes of it."""

    __slots__ = ("future", "job")

    def __init__(self, job: Job[Result]) -> None:
        self.job = job
        self.future: Future[Result] | None = None


class Sharing(Generic[Result]):
    """Takes pieces of work, and does them in order. Results are asked for in that order, too, or later."""

    def __init__(self, reader: LogReader, opener: Opener | None, beside: "Beside | None") -> None:
        self._reader = reader
        self._opener = opener
        self._beside = beside
        self._waiting: deque[Task[Result]] = deque()
        self._under_way: list[Future[Result]] = []
        self._kept = 0

    def add(self, job: Job[Result], *, is_next: bool = False) -> Task[Result]:
        """Let it be done by whoever comes to it; `is_next`: before all that waits."""
        task = Task(job)
        if is_next:
            self._waiting.appendleft(task)
        else:
            self._waiting.append(task)
        return task

    def result(self, task: Task[Result]) -> Result:
        """What became of the task. Rather than wait for it, this process does the next one. Raises StoreFailed."""
        while True:
            self._hand_out()
            future = task.future
            if future is not None and (future.done() or not self._waiting or self._kept > _MOST_KEPT):
                self._kept -= 1
                try:
                    return future.result()
                except BrokenExecutor:  # a process beside was killed: its work is done here
                    self._beside = None
                    return _do(task.job, self._reader, self._opener)
            following = self._next()
            following.future = Future()
            try:
                following.future.set_result(_do(following.job, self._reader, self._opener))
            except StoreFailed as error:  # told when its turn comes
                following.future.set_exception(error)

    def _hand_out(self) -> None:
        if self._beside is None:
            return
        self._under_way = [future for future in self._under_way if not future.done()]
        try:
            while self._waiting and len(self._under_way) < _AHEAD * self._beside.count:
                future = self._beside.pool.submit(_do_beside, self._waiting[0].job)
                self._under_way.append(future)
                self._next().future = future
        except BrokenExecutor:
            self._beside = None

    def _next(self) -> Task[Result]:
        self._kept += 1
        return self._waiting.popleft()


@dataclass(frozen=True, slots=True)
class Beside:
    """The processes beside this one."""

    pool: ProcessPoolExecutor
    count: int


@contextmanager
def processes_beside(state_url: str, opener: Opener | None, size: int, shares: Shares) -> Iterator[Beside | None]:
    """Processes for a log of so many entries, started; None where this one does all of it.

    They get the opener, which holds keys; a copy of this process has them already.
    """
    count = min(_MOST_PROCESSES, shares.processes or len(os.sched_getaffinity(0))) - 1
    if size < shares.worth or count < 1:
        yield None
        return
    # a copy of a process with other threads could wait for ever for a lock that one of them holds
    how = "fork" if shares.forks and threading.active_count() == 1 else "spawn"
    with ProcessPoolExecutor(count, multiprocessing.get_context(how), _begin, (state_url, opener)) as pool:
        for _ in range(count):
            pool.submit(os.getpid)  # they start when there is something to do
        try:
            yield Beside(pool, count)
        finally:
            pool.shutdown(cancel_futures=True)


def _do(job: Job[Result], reader: LogReader, opener: Opener | None) -> Result:
    with failing_as_store():
        return job(reader, opener)


# ------------------------------------------------------------------ in a process beside
class _Own:
    """What it reads with, as long as it lives."""

    def __init__(self, state_url: str, opener: Opener | None) -> None:
        self._state_url = state_url
        self._reading = ExitStack()
        self._reader: LogReader | None = None
        self.opener = opener

    def reader(self) -> LogReader:
        """Opened with the first piece of work: not before whoever hands it out has begun to read."""
        if self._reader is None:
            state = open_state_read_only(self._state_url)
            self._reading.callback(state.close)
            self._reader = self._reading.enter_context(reading_log(state))
        return self._reader


_own: list[_Own] = []


def _begin(state_url: str, opener: Opener | None) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever is interrupted ends this one
    _own.append(_Own(state_url, opener))
    gc.disable()  # nothing here goes in circles, and looking for it among all rows takes its time


def _do_beside(job: Job[Result]) -> Result:
    own = _own[-1]
    return _do(job, own.reader(), own.opener)
