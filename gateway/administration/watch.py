"""Watching the log: what was found by looking at it becomes entries of the log, each once.

A task beside the requests and never on their way. Who looks is the lookout, in this process or in the one that keeps
house beside it; what it found is in the database, and whoever serves writes it.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

from gateway.administration.lookout import Lookout
from gateway.audit import AuditLog, Opener
from gateway.audit.probe import probe_entry
from gateway.audit.ranges import read_range
from gateway.errors import GatewayError
from gateway.meanwhile import meanwhile
from gateway.model.audit import AuditEntry, EntryKind
from gateway.store import (
    State,
    WatchTask,
    claim_task,
    count_overdue,
    due_tasks,
    entry_traced,
    find_review,
    settle_task,
)
from gateway.telemetry import operator_log

_ABANDONED = timedelta(minutes=1)
"""A claim without an entry after this long is of a process that ended in between."""


class Looks(Protocol):
    """What `watching` takes turns with."""

    async def take_turn(self) -> None:
        """Do what there is to do now; raises GatewayError, StoreFailed."""
        ...

    async def leave(self) -> None:
        """Let another process look at once."""
        ...


class Watch(Looks):
    """One replica's. `lookout`: None where another process of this gateway looks."""

    def __init__(
        self,
        state: State,
        opener: Opener,
        audit: AuditLog,
        lookout: Lookout | None,
        *,
        review_hours: int,
        clock: Callable[[], datetime],
    ) -> None:
        self._state = state
        self._opener = opener
        self._audit = audit
        self._lookout = lookout
        self._review_hours = review_hours
        self._clock = clock
        self._overdue = (0, 0)

    async def take_turn(self) -> None:
        """Look, where no other process does, and write what is due. Raises as `catch_up`."""
        if self._lookout is None or await self._lookout.claim():
            await self.catch_up()

    async def leave(self) -> None:
        """As Looks says."""
        if self._lookout is not None:
            await self._lookout.leave()

    async def catch_up(self) -> None:
        """See every entry that is durable now, and write what follows from them; raises GatewayError, StoreFailed."""
        while True:
            if self._lookout is not None:
                await self._lookout.look()
            if not await self._write_due():
                break
        overdue = await asyncio.to_thread(self._count_overdue)
        if overdue != self._overdue and any(overdue):
            operator_log().warning("reviews overdue", count=overdue[0], detail=f"{overdue[1]} answers overdue")
        self._overdue = overdue

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
async def watching(watch: Looks, every_seconds: float) -> AsyncIterator[None]:
    """Catch up every so often while the block runs; 0: never."""
    if not every_seconds:
        yield
        return
    try:
        async with meanwhile(_watch(watch, every_seconds)):
            yield
    finally:
        await watch.leave()


async def _watch(watch: Looks, every_seconds: float) -> None:
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
