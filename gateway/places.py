"""So many places, first come, first served: an asyncio.Semaphore, but that a free place is taken without waiting."""

import asyncio
from collections import deque


class Places:
    """The places of one event loop. None is lost to those who leave while they wait, or as their turn comes."""

    __slots__ = ("_free", "_waiting")

    def __init__(self, count: int) -> None:
        self._free = count  # none, as long as anybody waits
        self._waiting: deque[asyncio.Future[None]] = deque()

    def take_now(self) -> bool:
        """Take one where one is free."""
        if not self._free:
            return False
        self._free -= 1
        return True

    async def take(self) -> None:
        """Take one, or wait for it."""
        if self.take_now():
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give_back()  # it was given just now
            elif turn in self._waiting:
                self._waiting.remove(turn)
            raise

    def give_back(self) -> None:
        """What was taken goes to whoever has waited longest, or is free."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():  # else its asker has just left
                turn.set_result(None)
                return
        self._free += 1
