"""Connections of an asynchronous driver, kept for the next question: the one used last is taken first.

At most `count` are open. A connection that was stopped half-way is not used again, and neither is one that the server
closed. Nothing is said to the server between two questions: there is no session state to put back.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from gateway.errors import SourceTimeout, SourceUnavailable
from gateway.places import Places

C = TypeVar("C")
PATIENCE_SECONDS = 3.0


class Pool(Generic[C]):
    """The connections of one source, within one event loop."""

    def __init__(
        self,
        count: int,
        *,
        connect: Callable[[], Awaitable[C]],
        is_open: Callable[[C], bool],
        end: Callable[[C, bool], Awaitable[None]],
    ) -> None:
        self._slots = Places(count)
        self._connect = connect
        self._is_open = is_open
        self._end = end  # closes a connection; with True something may still run on it, which is to be stopped
        self._idle: list[C] = []
        self._busy: set[C] = set()
        self._ending: set[asyncio.Task[None]] = set()
        self._is_closed = False

    @property
    def busy(self) -> int:
        """Connections that are in use."""
        return len(self._busy)

    def take_now(self) -> C | None:
        """A connection until `release`, where a good one is at hand; else it has to be waited for, with `acquire`."""
        if self._is_closed or not self._idle or not self._slots.take_now():
            return None
        connection = self._kept()
        if connection is None:
            self._slots.give_back()
        else:
            self._busy.add(connection)
        return connection

    async def acquire(self, dataset: str, deadline: float) -> C:
        """A connection until `release`; raises SourceTimeout at the deadline, and what connecting raises."""
        if self._is_closed:
            raise SourceUnavailable(dataset=dataset, operator="the connector is closed")
        if not self._slots.take_now():
            try:
                async with asyncio.timeout_at(deadline):
                    await self._slots.take()
            except TimeoutError:
                raise SourceTimeout(dataset=dataset, operator="every connection was busy") from None
        try:
            connection = self._kept()
            if connection is None:
                async with asyncio.timeout_at(deadline):
                    connection = await self._connect()
        except BaseException:
            self._slots.give_back()
            raise
        self._busy.add(connection)
        return connection

    def release(self, connection: C, *, is_sound: bool) -> None:
        """Give back; what is not sound is stopped and closed behind the scenes, and holds its place until then."""
        self._busy.discard(connection)
        if is_sound and not self._is_closed:
            self._idle.append(connection)
            self._slots.give_back()
            return
        task = asyncio.get_running_loop().create_task(self._stop(connection, is_busy=not is_sound))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def close(self) -> None:
        """Stop what runs and close every connection."""
        self._is_closed = True
        idle, self._idle = self._idle, []
        await asyncio.gather(*(self._ended(connection, is_busy=False) for connection in idle))
        await asyncio.gather(*(self._ended(connection, is_busy=True) for connection in tuple(self._busy)))
        if self._ending:
            await asyncio.wait(tuple(self._ending))

    def _kept(self) -> C | None:
        while self._idle:
            connection = self._idle.pop()
            if self._is_open(connection):
                return connection
        return None

    async def _stop(self, connection: C, *, is_busy: bool) -> None:
        try:
            await self._ended(connection, is_busy=is_busy)
        finally:
            self._slots.give_back()

    async def _ended(self, connection: C, *, is_busy: bool) -> None:
        # a connection that can't be closed in order is dropped by its driver; there is nobody to tell
        with contextlib.suppress(Exception):
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._end(connection, is_busy)
