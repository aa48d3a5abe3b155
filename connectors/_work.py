"""Blocking work of a driver -> async batches, within a time limit, stopped when nobody wants it any more.

Each step runs in a thread of the source's own small pool: a slow source can't take the threads of another, and
between two batches no thread is held (that is the back-pressure). A step that is running when time is up or the
consumer leaves is stopped at the source, again and again until it ends, so that no thread is left behind.
It does not promise to end a driver that ignores its own `stop`: such a thread is given up after GRACE_SECONDS.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, Protocol, TypeVar

from gateway.errors import SourceBusy, SourceFailed, SourceTimeout, SourceUnavailable
from gateway.model.rows import Batch

GRACE_SECONDS = 5.0
STOP_AGAIN_SECONDS = 0.05
T = TypeVar("T")


class Work(Protocol):
    """One question being answered by a blocking driver. Steps raise SourceFailed only; the last one closes."""

    dataset: str

    def step(self) -> tuple[Batch, bool]:
        """The next batch, and whether it was the last. Blocks."""
        ...

    def stop(self) -> None:
        """Make a running step end soon. Called from another thread, perhaps several times; must not block."""
        ...

    def close(self) -> None:
        """Give everything back. Called when no step runs, perhaps several times. Blocks."""
        ...


class Call(Generic[T]):
    """A work that gives no rows but one result."""

    def __init__(self, dataset: str, call: Callable[[], T], stop: Callable[[], None] = lambda: None) -> None:
        self.dataset = dataset
        self._call = call
        self._stop = stop
        self._results: list[T] = []

    def step(self) -> tuple[Batch, bool]:
        """Do it."""
        self._results.append(self._call())
        return (), True

    def stop(self) -> None:
        """Stop it, where it can be."""
        self._stop()

    def close(self) -> None:
        """Nothing is held."""

    def result(self) -> T:
        """What the call gave back."""
        return self._results[0]


class Workers:
    """At most `count` works of one source at a time."""

    def __init__(self, name: str, count: int) -> None:
        self._threads = ThreadPoolExecutor(max_workers=count, thread_name_prefix=f"source-{name}")
        self._slots = asyncio.Semaphore(count)
        self._active: set[Work] = set()
        self._settling: set[asyncio.Task[None]] = set()
        self._is_closed = False

    async def stream(self, work: Work, seconds: float) -> AsyncIterator[Batch]:
        """Batches of the work; raises SourceFailed. Closing the generator stops the work."""
        deadline = asyncio.get_running_loop().time() + seconds
        try:
            async with asyncio.timeout_at(deadline):
                await self._slots.acquire()
        except TimeoutError:
            raise SourceBusy(dataset=work.dataset, operator="every connection was busy") from None
        self._active.add(work)
        running: Future[tuple[Batch, bool]] | None = None
        is_last = False
        try:
            while not is_last:
                if self._is_closed:
                    raise SourceUnavailable(dataset=work.dataset, operator="the connector is closed")
                running = self._threads.submit(work.step)
                try:
                    async with asyncio.timeout_at(deadline):
                        batch, is_last = await asyncio.wrap_future(running)
                except TimeoutError:
                    raise SourceTimeout(dataset=work.dataset, operator="stopped at the time limit") from None
                if batch:
                    yield batch
        finally:
            task = asyncio.create_task(self._settle(work, running, is_last))
            self._settling.add(task)
            task.add_done_callback(self._settling.discard)
            await asyncio.shield(task)

    async def run(self, call: "Call[T]", seconds: float) -> T:
        """One blocking call; raises SourceFailed."""
        async for _ in self.stream(call, seconds):
            pass
        return call.result()

    async def _settle(self, work: Work, running: Future[tuple[Batch, bool]] | None, is_last: bool) -> None:
        try:
            waited = 0.0
            while running is not None and not running.done() and waited < GRACE_SECONDS:
                work.stop()
                await asyncio.sleep(STOP_AGAIN_SECONDS)
                waited += STOP_AGAIN_SECONDS
            if not is_last and (running is None or running.done()):
                with contextlib.suppress(SourceFailed):
                    await self._close(work)
        finally:
            self._active.discard(work)
            self._slots.release()

    async def _close(self, work: Work) -> None:
        try:
            closing = self._threads.submit(work.close)
        except RuntimeError:  # the threads have ended
            await asyncio.to_thread(work.close)
        else:
            await asyncio.wrap_future(closing)

    async def close(self) -> None:
        """Stop what runs and end the threads."""
        self._is_closed = True
        for work in tuple(self._active):
            work.stop()
        if self._settling:
            await asyncio.wait(tuple(self._settling))
        self._threads.shutdown(wait=False, cancel_futures=True)
