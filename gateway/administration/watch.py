"""Watching the log: new entries pass the detectors and the draw; what they find becomes entries of the log, each once.

A task beside the requests and never on their way. How far it came, what detectors keep and what is to be written are
kept in one transaction, guarded by the place itself: of several replicas one gets further, none sees an entry twice.
"""

import asyncio
import hashlib
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache

import orjson

from gateway.administration.sampling import SAMPLED, Sampling, opening_detail
from gateway.audit import AuditLog, Opener
from gateway.audit.detectors import Detector, Memory, build_detector, look
from gateway.audit.probe import probe_entry
from gateway.audit.ranges import Logged, head_of, read_range
from gateway.errors import GatewayError
from gateway.model.audit import AuditEntry, EntryKind
from gateway.pace import Pace
from gateway.store import (
    State,
    StoreFailed,
    WatchTask,
    claim_duty,
    claim_task,
    count_overdue,
    due_tasks,
    entry_traced,
    find_review,
    keep_watch,
    read_canaries,
    read_memories,
    release_duty,
    settle_task,
    watched_until,
)
from gateway.telemetry import operator_log

_CHUNK = 256
_FAR = 100_000  # entries: minutes of a busy day
_DUTY = "watch"
_HELD = timedelta(seconds=15)
_ABANDONED = timedelta(minutes=1)
"""A claim without an entry after this long is of a process that ended in between."""


class Watch:
    """One replica's."""

    def __init__(
        self,
        state: State,
        opener: Opener,
        audit: AuditLog,
        sampling: Sampling,
        detectors: Sequence[Detector],
        *,
        review_hours: int,
        clock: Callable[[], datetime],
    ) -> None:
        self._state = state
        self._opener = opener
        self._audit = audit
        self._sampling = sampling
        self._detectors = tuple(one for one in detectors if one.name != "canary")
        self._review_hours = review_hours
        self._clock = clock
        self._overdue = (0, 0)
        self._process = secrets.token_hex(8)
        self._held_until: datetime | None = None

    async def take_turn(self) -> None:
        """`catch_up`, where no other process watches: the same work by all would only cost. Raises as it."""
        if await asyncio.to_thread(self._claim):
            await self.catch_up()

    def _claim(self) -> bool:
        now = self._clock()
        is_mine = claim_duty(self._state, _DUTY, self._process, now=now, until=now + _HELD)
        self._held_until = now + _HELD if is_mine else None
        return is_mine

    async def leave(self) -> None:
        """Let another process watch at once."""
        with suppress(StoreFailed):
            await asyncio.to_thread(release_duty, self._state, _DUTY, self._process, now=self._clock())

    async def catch_up(self) -> None:
        """Watch every entry that is durable now, and write what follows from them; raises GatewayError, StoreFailed."""
        while True:
            # what comes in meanwhile is for the next look: else a busy gateway would never be done with this one
            until = (await asyncio.to_thread(head_of, self._state)).size
            while await asyncio.to_thread(self._advance, until):
                if self._held_until is not None and self._clock() > self._held_until - _HELD / 2:
                    await asyncio.to_thread(self._claim)  # there is much to watch
            if not await self._write_due():
                break
        overdue = await asyncio.to_thread(self._count_overdue)
        if overdue != self._overdue and any(overdue):
            operator_log().warning("reviews overdue", count=overdue[0], detail=f"{overdue[1]} answers overdue")
        self._overdue = overdue

    # ------------------------------------------------------------------ reading
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

    # ------------------------------------------------------------------ writing
    async def _write_due(self) -> bool:
        """Write what is due; False where nothing was."""
        tasks = await asyncio.to_thread(due_tasks, self._state, abandoned=self._clock() - _ABANDONED)
        written = [await self._write(task) for task in tasks]
        return any(written)

    async def _write(self, task: WatchTask) -> bool:
        now = self._clock()
        if not await asyncio.to_thread(claim_task, self._state, task.id, now=now, abandoned=now - _ABANDONED):
            return False
        index = await asyncio.to_thread(self._written_already, task)
        if index is None:
            index = (await self._audit.append(await asyncio.to_thread(self._entry, task, now))).index
        await asyncio.to_thread(settle_task, self._state, task, index, opened_at=now)
        if not task.origin:
            operator_log().warning("flag", detail=task.detail.split(" ", 3)[1], trace_id=_trace(task))
        return True

    def _written_already(self, task: WatchTask) -> int | None:
        if task.claimed_at is not None:
            # who claimed it ended: perhaps between the entry and its settlement
            written = entry_traced(self._state, _trace(task), task.claimed_at - _ABANDONED)
            if written is not None:
                return written
        if task.origin and find_review(self._state, task.refers_to) is not None:
            return -1  # somebody opened it by hand meanwhile
        return None

    def _entry(self, task: WatchTask, now: datetime) -> AuditEntry:
        """A flag is an entry about who is flagged; that a review was opened is one of nobody's."""
        base = replace(probe_entry(now), trace_id=_trace(task), refers_to=task.refers_to, detail=task.detail)
        if task.origin:
            return replace(base, kind=EntryKind.REVIEW)
        (last,) = read_range(self._state, task.refers_to, task.refers_to + 1, self._opener)
        about = last.entry
        return replace(
            base,
            kind=EntryKind.FLAG,
            principal=about.principal,
            app=about.app,
            organisation=about.organisation,
            roles=about.roles,
            purpose=about.purpose,
            legal_basis=about.legal_basis,
            dataset=about.dataset,
            policy_version=about.policy_version,
        )

    def _count_overdue(self) -> tuple[int, int]:
        now = self._clock()
        return count_overdue(self._state, now - timedelta(hours=self._review_hours), now)


def _trace(task: WatchTask) -> str:
    """The trace id of the task's entry: by it the entry is found again."""
    return hashlib.sha256(f"watch {task.id}".encode()).hexdigest()[:32]


@asynccontextmanager
async def watching(watch: Watch, every_seconds: float) -> AsyncIterator[None]:
    """Catch up every so often while the block runs; 0: never."""
    if not every_seconds:
        yield
        return
    task = asyncio.create_task(_watch(watch, every_seconds))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await watch.leave()


async def _watch(watch: Watch, every_seconds: float) -> None:
    is_well = True
    while True:
        await asyncio.sleep(every_seconds)
        try:
            await watch.take_turn()
        except Exception as error:  # noqa: BLE001 - whatever it is, the next look may succeed, and must be taken
            if is_well:
                code = error.code if isinstance(error, GatewayError) else ""
                operator_log().error("log not watched", code=code, detail=type(error).__name__)
            is_well = False
        else:
            is_well = True


def _digest_of(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
