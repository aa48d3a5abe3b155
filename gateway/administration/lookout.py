"""Looking at the log: new entries pass the detectors and the draw; what they find is kept, to be written.

How far it came, what detectors keep and what is to be written are kept in one transaction, guarded by the place itself:
of several processes one gets further, none sees an entry twice. In threads; needs nobody who writes the log.
"""

import asyncio
import hashlib
import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import cache

import orjson

from gateway.administration.sampling import SAMPLED, Sampling, opening_detail
from gateway.audit import Opener
from gateway.audit.detectors import Detector, Memory, build_detector, look
from gateway.audit.ranges import Logged, head_of, read_range
from gateway.model.audit import EntryKind
from gateway.pace import Pace
from gateway.store import (
    State,
    StoreFailed,
    WatchTask,
    claim_duty,
    keep_watch,
    read_canaries,
    read_memories,
    release_duty,
    watched_until,
)

_CHUNK = 256
_FAR = 100_000  # entries: minutes of a busy day
_DUTY = "watch"
_HELD = timedelta(seconds=15)


class Lookout:
    """One process's."""

    def __init__(
        self,
        state: State,
        opener: Opener,
        sampling: Sampling,
        detectors: Sequence[Detector],
        *,
        clock: Callable[[], datetime],
    ) -> None:
        self._state = state
        self._opener = opener
        self._sampling = sampling
        self._detectors = tuple(one for one in detectors if one.name != "canary")
        self._clock = clock
        self._process = secrets.token_hex(8)
        self._held_until: datetime | None = None

    async def claim(self) -> bool:
        """Be the one process that looks, for a while; False where another is: the same work by all would only cost."""
        now = self._clock()
        is_mine = await asyncio.to_thread(claim_duty, self._state, _DUTY, self._process, now=now, until=now + _HELD)
        self._held_until = now + _HELD if is_mine else None
        return is_mine

    async def leave(self) -> None:
        """Let another process look at once."""
        with suppress(StoreFailed):
            await asyncio.to_thread(release_duty, self._state, _DUTY, self._process, now=self._clock())

    async def look(self) -> None:
        """See every entry that is durable now; raises StoreFailed, AuditUnavailable.

        Who is cancelled sees none after those at hand: nobody waits for a log that was left far behind.
        """
        # what comes in meanwhile is for the next look: else a busy gateway would never be done with this one
        until = (await asyncio.to_thread(head_of, self._state)).size
        while await asyncio.to_thread(self._advance, until):
            if self._held_until is not None and self._clock() > self._held_until - _HELD / 2:
                await self.claim()  # there is much to see

    def _advance(self, until: int) -> bool:
        """Watch some entries; whether there are more before `until`."""
        begin = watched_until(self._state)
        end = min(begin + _CHUNK, until)
        if begin >= end:
            return False
        pace = Pace(is_behind=until - begin > _FAR)
        logged = list(pace.each(read_range(self._state, begin, end, self._opener)))
        memories, tasks = self._watched(logged, pace)
        keep_watch(self._state, begin, end, memories, tasks)
        pace.breathe()
        return end < until

    def _watched(self, logged: Sequence[Logged], pace: Pace) -> tuple[dict[tuple[str, str], str], list[WatchTask]]:
        canaries = [subject for subject, _, _ in read_canaries(self._state)]
        detectors = (*self._detectors, build_detector("canary", {"subjects": canaries}))
        digest = cache(_digest_of)  # of this stretch: most entries are of somebody who is in it already
        keyed = [
            (one, detector, (detector.name, digest(key)))
            for one in pace.each(logged)
            for detector in detectors
            if (key := detector.key(one.entry)) is not None
        ]
        kept = read_memories(self._state, (place for _, _, place in keyed))
        memories: dict[tuple[str, str], Memory] = {}
        tasks = [task for one in logged for task in self._reviews_opened(one)]
        for one, detector, place in pace.each(keyed):
            memory = memories[place] if place in memories else orjson.loads(kept.get(place, "{}"))
            memories[place], found = look(detector, memory, one.index, one.entry)
            tasks += [
                WatchTask(id=finding.id, refers_to=one.index, origin="", detail=finding.detail()) for finding in found
            ]
        return {place: orjson.dumps(memory).decode() for place, memory in memories.items() if memory}, tasks

    def _reviews_opened(self, one: Logged) -> list[WatchTask]:
        """An answer that is drawn, and every flag."""
        if one.entry.kind is EntryKind.FLAG:
            detail = f"review of entry {one.index} opened: flag"
            return [WatchTask(id=f"r-{one.index}", refers_to=one.index, origin="flag", detail=detail)]
        per_hundred = self._sampling.per_hundred(one.entry)
        if not per_hundred or not self._sampling.is_drawn(one, per_hundred):
            return []
        detail = opening_detail(one.index, per_hundred)
        return [WatchTask(id=f"r-{one.index}", refers_to=one.index, origin=SAMPLED, detail=detail)]


def _digest_of(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
