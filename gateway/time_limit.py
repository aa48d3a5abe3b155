"""Limits of time for what is nearly always in time: one timer of the loop watches over all of them.

Means what `asyncio.timeout` means, to the letter: at its end the task is cancelled, and where nothing else cancelled it
too the block raises TimeoutError. There each block costs the loop a timer to make and to cancel; here two steps in a
dictionary, since limits of one kind end in the order in which they began.
"""

import asyncio
import threading
from types import TracebackType
from typing import Final

_CLOCK_SECONDS: Final = 0.001
"""How finely a loop's timers are told apart: one may come that much too early."""


class TimeLimit:
    """`with TimeLimit(when): ...` around what is awaited; `when` by the clock of the running loop, in seconds.

    A limit that has passed before the block began cancels it at the first turn of the loop. Once only.
    """

    __slots__ = ("_cancelling", "_is_over", "_task", "_watch", "when")

    def __init__(self, when: float) -> None:
        self.when = when
        self._is_over = False

    def __enter__(self) -> None:
        """Raises RuntimeError outside a task."""
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        if task is None:
            raise RuntimeError("a limit of time outside a task")
        self._task, self._cancelling = task, task.cancelling()
        self._watch = _watch(loop)
        self._watch.begin(self)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Raises TimeoutError in the place of the cancelling that this limit caused."""
        self._watch.end(self)
        # others that cancel it too have precedence, as asyncio.timeout has it
        if self._is_over and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def pass_(self) -> None:
        """Its time is over: for the watch."""
        self._is_over = True
        self._task.cancel()


class _Watch:
    """The limits of one loop that run, and its one timer: at the earliest of them, or at an earlier one that ended."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop: Final = loop
        self._running: dict[TimeLimit, None] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._due = float("inf")

    def begin(self, limit: TimeLimit) -> None:
        self._running[limit] = None
        if limit.when < self._due:
            self._wait_for(limit.when)

    def end(self, limit: TimeLimit) -> None:
        self._running.pop(limit, None)

    def _wait_for(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._due = self.loop.call_at(when, self._look), when

    def _look(self) -> None:
        self._timer, self._due = None, float("inf")
        now = self.loop.time() + _CLOCK_SECONDS
        for limit in [one for one in self._running if one.when <= now]:
            self.end(limit)
            limit.pass_()
        if self._running:
            self._wait_for(min(one.when for one in self._running))


class _Here(threading.local):
    watch: _Watch | None = None


_here: Final = _Here()


def _watch(loop: asyncio.AbstractEventLoop) -> _Watch:
    """The watch of the loop, which runs in this thread."""
    known = _here.watch
    if known is None or known.loop is not loop:
        known = _here.watch = _Watch(loop)
    return known
