"""The bulkhead of one source: so many questions at a time, so many waiting, none waiting longer than so long.

What a source is slow with stays in its own compartment: the questions to every other source never stand behind it.
Answers in batches hold a place for as long as somebody reads them: they have no more than a share of the places, and
wait in a row of their own, with more patience, so that short questions never stand behind them. First come, first
served in either row.
"""

import asyncio
from dataclasses import dataclass, field

from gateway.places import Places


class NoPlace(Exception):
    """The queue is full, or the wait was over."""


@dataclass(slots=True)
class Row:
    """Places, and who waits for one."""

    places: int
    queue: int
    wait_seconds: float
    waiting: int = field(init=False, default=0)
    free: Places = field(init=False)

    def __post_init__(self) -> None:
        """All places are free."""
        self.free = Places(self.places)

    async def enter(self, most_seconds: float) -> None:
        """Take one place until `leave`; raises NoPlace at once where the queue is full, or after the wait."""
        if self.free.take_now():
            return
        if self.waiting >= self.queue:
            raise NoPlace
        self.waiting += 1
        try:
            async with asyncio.timeout(min(self.wait_seconds, most_seconds)):
                await self.free.take()
        except TimeoutError:
            raise NoPlace from None
        finally:
            self.waiting -= 1

    def leave(self) -> None:
        """Give it back."""
        self.free.give_back()


class Bulkhead:
    """Places of one source; `long`: those of them that answers in batches may have."""

    def __init__(self, every: Row, long: Row) -> None:
        self._every = every
        self._long = long
        self.running = 0

    @property
    def waiting(self) -> int:
        """Questions that wait, long and short."""
        return self._every.waiting + self._long.waiting

    def enter_now(self) -> bool:
        """Take one place for a short question until `leave`, where one is free."""
        if not self._every.free.take_now():
            return False
        self.running += 1
        return True

    async def enter(self, most_seconds: float, *, is_long: bool = False) -> None:
        """Take one place until `leave`, or wait for it; raises NoPlace."""
        loop = asyncio.get_running_loop()
        end = loop.time() + most_seconds
        if is_long:
            await self._long.enter(most_seconds)
        try:
            await self._every.enter(end - loop.time())
        except BaseException:
            if is_long:
                self._long.leave()
            raise
        self.running += 1

    def leave(self, *, is_long: bool = False) -> None:
        """Give it back, as it was taken."""
        self.running -= 1
        self._every.free.give_back()
        if is_long:
            self._long.leave()
