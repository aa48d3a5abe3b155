"""The bulkhead of one source: so many questions at a time, so many waiting, none waiting longer than so long.

What a source is slow with stays in its own compartment: the questions to every other source never stand behind it.
First come, first served.
"""

import asyncio


class NoPlace(Exception):
    """The queue is full, or the wait was over."""


class Bulkhead:
    """Places of one source."""

    def __init__(self, *, concurrency: int, queue: int, wait_seconds: float) -> None:
        self._places = asyncio.Semaphore(concurrency)
        self._queue = queue
        self._wait_seconds = wait_seconds
        self.running = 0
        self.waiting = 0

    async def enter(self, most_seconds: float) -> None:
        """Take one place until `leave`; raises NoPlace at once where the queue is full, or after the wait."""
        if self._places.locked():
            await self._wait(min(self._wait_seconds, most_seconds))
        else:
            await self._places.acquire()
        self.running += 1

    def leave(self) -> None:
        """Give it back."""
        self.running -= 1
        self._places.release()

    async def _wait(self, seconds: float) -> None:
        if self.waiting >= self._queue:
            raise NoPlace
        self.waiting += 1
        try:
            async with asyncio.timeout(seconds):
                await self._places.acquire()
        except TimeoutError:
            raise NoPlace from None
        finally:
            self.waiting -= 1
