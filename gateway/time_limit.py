"""Limits of time for what is nearly always in time: one timer of the loop watches over all of them.

`TimeLimit` means what `asyncio.timeout` means, to the letter: at its end the task is cancelled, and where nothing else
cancelled it too the block raises TimeoutError. There each block costs the loop a timer to make and to cancel; here two
steps in a dictionary, since limits of one kind end in the order in which they began.
"""

import asyncio
import threading
from types import TracebackType
from typing import Final, Protocol

_CLOCK_SECONDS: Final = 0.001
"""How finely a loop's timers are told apart: one may come that much too early."""


class Alarm(Protocol):
    """What is to be done at a moment, unless it was ended before."""

    when: float
    """By the clock of the loop, in seconds."""

    def pass_(self) -> None:
        """The moment has come: for the watch, once."""
        ...


class Watch:
    """The alarms of one loop, and its one timer: at the earliest of them, or at an earlier one that ended."""

    __slots__ = ("_due", "_timer", "_waiting", "loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop: Final = loop
        self._waiting: dict[Alarm, None] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._due = float("inf")

    def begin(self, alarm: Alarm) -> None:
        """From now on it waits for its moment."""
        self._waiting[alarm] = None
        if alarm.when < self._due:
            self._wait_for(alarm.when)

    def end(self, alarm: Alarm) -> None:
        """It waits no more, if it still did."""
        self._waiting.pop(alarm, None)

    def _wait_for(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._due = self.loop.call_at(when, self._look), when

    def _look(self) -> None:
        self._timer, self._due = None, float("inf")
        now = self.loop.time() + _CLOCK_SECONDS
        for alarm in [one for one in self._waiting if one.when <= now]:
            self.end(alarm)
            alarm.pass_()
        if self._waiting:
            self._wait_for(min([one.when for one in self._waiting]))


class _Here(threading.local):
    watch: Watch | None = None


_here: Final = _Here()


def running_watch() -> Watch:
    """The watch of the loop that runs in this thread; raises RuntimeError where none does."""
    loop = asyncio.get_running_loop()
    known = _here.watch
    if known is None or known.loop is not loop:
        known = _here.watch = Watch(loop)
    return known


class TimeLimit:
    """`with TimeLimit(when): ...` around what is awaited; `when` by the clock of the running loop, in seconds.

    A limit that has passed before the block began cancels it at the first turn of the loop. Once only.
    """

    __slots__ = ("_cancelling", "_is_over", "_seconds", "_task", "_watch", "when")

    def __init__(self, when: float) -> None:
        self.when = when
        self._seconds: float | None = None  # from the beginning of the block: then `when` is not known yet

    def __enter__(self) -> None:
        """Raises RuntimeError outside a task."""
        self._watch = watch = running_watch()
        if self._seconds is not None:
            self.when = watch.loop.time() + self._seconds
        task = asyncio.current_task(watch.loop)
        if task is None:
            raise RuntimeError("a limit of time outside a task")
        self._task, self._cancelling, self._is_over = task, task.cancelling(), False
        watch.begin(self)

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


class WithinSeconds(TimeLimit):
    """The same for so many seconds from the beginning of the block."""

    __slots__ = ()

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
