"""One thread of one's own for blocking calls: it shares no pool, and a call that hangs does not hold up the exit."""

import asyncio
import queue
import threading
from collections.abc import Callable
from functools import partial
from typing import TypeVar

Result = TypeVar("Result")
_Job = Callable[[], None]


class WriterThread:
    """Runs calls one after the other."""

    def __init__(self, name: str) -> None:
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def run(self, call: Callable[[], Result]) -> "asyncio.Future[Result]":
        """The call's result or exception, for the running loop."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()

        def job() -> None:
            try:
                result = call()
            except Exception as error:  # noqa: BLE001 - handed to whoever waits
                _tell(loop, future, partial(future.set_exception, error))
            else:
                _tell(loop, future, partial(future.set_result, result))

        self._jobs.put(job)
        return future

    def stop(self) -> None:
        """End after the calls that wait; does not wait for them."""
        self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()


def _tell(loop: asyncio.AbstractEventLoop, future: "asyncio.Future[Result]", settle: Callable[[], None]) -> None:
    def settle_if_wanted() -> None:
        if not future.done():
            settle()

    if not loop.is_closed():
        loop.call_soon_threadsafe(settle_if_wanted)
