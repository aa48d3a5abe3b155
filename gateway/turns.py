"""Whose turn it is: a process works on so many questions at a time, and no app takes the places of another.

An app that asks alone has all places. While several ask, there are fewer, shared equally: what is under way at once is
what everybody's next answer waits for. Whoever waits is served app by app, and within one first come, first served.
An app that always has a question waiting rests after each, while another asks for no more than its turn.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from gateway.errors import TooManyAtOnce
from gateway.model.ids import AppId
from gateway.settings import Turns as Rule

_STILL_ASKING_SECONDS: Final = 0.1
"""An app that asked no longer ago is still reckoned with."""
_LONGEST_REST_SECONDS: Final = 0.01
"""What a question has taken for longer was spent waiting for its source, and kept nobody from the processor."""
SHORT_BYTES: Final = 16_384
"""Of an answer: fifty rows, or so."""


@dataclass(slots=True, eq=False)
class _Lane:
    """One app."""

    asked_at: float
    began_at: float = 0.0  # the last of its turns
    is_resting: bool = False
    running: int = 0
    waiting: deque["asyncio.Future[None]"] = field(default_factory=deque)


class Turns:
    """The places of one process, on one event loop."""

    def __init__(self, rule: Rule, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._rule = rule
        self._monotonic = monotonic
        self._lanes: dict[AppId, _Lane] = {}
        self._running = 0
        self._waiting = 0

    @property
    def running(self) -> int:
        """Questions that are under way."""
        return self._running

    @property
    def waiting(self) -> int:
        """Questions that wait for their turn."""
        return self._waiting

    def may_end(self, body_bytes: int) -> bool:
        """Whether a turn may end while its answer of so many bytes waits for the log.

        One app asks, so that nobody else is kept waiting by what it has under way; and the answer is short: as many as
        come in until a log that hangs is given up are held in memory.
        """
        return body_bytes <= SHORT_BYTES and self._asking(self._monotonic()) < 2

    def take_now(self, app: AppId) -> bool:
        """Take a place until `give_back`, where the app may have one at once; else it has to wait, with `take`."""
        now = self._monotonic()
        lane = self._lanes.get(app)
        if lane is None:
            lane = self._lanes[app] = _Lane(now)
        lane.asked_at = now
        if lane.waiting or not self._may_run(lane, self._asking(now)):
            return False
        self._begin(lane, now)
        return True

    async def take(self, app: AppId) -> None:
        """Take a place until `give_back`, or wait for it; raises TooManyAtOnce."""
        if self.take_now(app):
            return
        lane = self._lanes[app]
        if len(lane.waiting) >= self._rule.waiting:
            raise TooManyAtOnce(limit=self._rule.waiting)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        lane.waiting.append(turn)
        self._waiting += 1
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give_back(app)  # it was given just now
            elif turn in lane.waiting:
                lane.waiting.remove(turn)
                self._waiting -= 1
            raise

    def give_back(self, app: AppId) -> None:
        """End what `take` began: the next one runs."""
        lane = self._lanes[app]
        lane.running -= 1
        self._running -= 1
        if not self._waiting:
            return
        now = self._monotonic()
        if lane.waiting and not lane.is_resting and self._asking(now) > 1:
            self._rest(lane, now)
        self._serve(now)

    def _rest(self, lane: _Lane, now: float) -> None:
        """Leave the process to who asks for less than this app, for as long as its question kept them waiting."""
        rest = min((now - lane.began_at) * self._rule.rest, _LONGEST_REST_SECONDS)
        if rest > 0 and any(not one.waiting for one in self._lanes.values()):
            lane.is_resting = True
            asyncio.get_running_loop().call_later(rest, self._end_rest, lane)

    def _end_rest(self, lane: _Lane) -> None:
        lane.is_resting = False
        self._serve(self._monotonic())

    def _serve(self, now: float) -> None:
        asking = self._asking(now)
        # whoever has least under way is next; of equals whoever asked first was put in first
        for lane in sorted((one for one in self._lanes.values() if one.waiting), key=lambda one: one.running):
            while lane.waiting and not lane.is_resting and self._may_run(lane, asking):
                turn = lane.waiting.popleft()
                self._waiting -= 1
                if not turn.done():  # else its asker has just left
                    self._begin(lane, now)
                    turn.set_result(None)

    def _begin(self, lane: _Lane, now: float) -> None:
        lane.began_at = now
        lane.running += 1
        self._running += 1

    def _may_run(self, lane: _Lane, asking: int) -> bool:
        if asking < 2:
            return self._running < self._rule.at_once
        # a lone question of an app never waits for what others have begun
        return lane.running < max(1, self._rule.shared // asking)

    def _asking(self, now: float) -> int:
        """How many apps ask; those that are done with it are forgotten."""
        if len(self._lanes) > 1:  # else it is who asks now
            for app, lane in list(self._lanes.items()):
                if not lane.running and not lane.waiting and now - lane.asked_at > _STILL_ASKING_SECONDS:
                    del self._lanes[app]
        return len(self._lanes)
