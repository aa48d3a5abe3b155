"""What stands before every source, whatever its kind: places, a breaker, limits of time, and a fresh credential.

A question first finds a place (bulkhead), then the circuit closed (breaker), then is asked of the connector, whose
batches must each come in time. Only failures of the source count against it: it can't be reached, does not answer in
time, does not let us in. A question that it refused, an asker who left, rows that the catalogue does not promise: those
tell nothing of its health. Nothing is asked twice, but for one case: the credential had changed meanwhile, and no row
had come yet. A connector that was replaced ends when its last question does.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from math import ceil
from typing import Any, NoReturn, Self, cast

from gateway.errors import (
    CredentialUnavailable,
    SettingsInvalid,
    SourceBusy,
    SourceDenied,
    SourceFailed,
    SourceResting,
    SourceTimeout,
    SourceUnavailable,
)
from gateway.model.ids import SourceName
from gateway.model.plan import Fetch
from gateway.model.rows import Batch
from gateway.settings import Resilience
from gateway.sources.breaker import Breaker, BreakerRule, Circuit, Ticket, Verdict
from gateway.sources.bulkhead import Bulkhead, NoPlace, Row
from gateway.sources.credentials import Credentials
from gateway.sources.opened import Counts, Opened
from gateway.sources.standing import SourceStanding
from gateway.spi import Capabilities, Connector, TableDescription
from gateway.telemetry import operator_log
from gateway.time_limit import WithinSeconds

LEAST_WAIT_SECONDS = 0.01
GRACE_SECONDS = 1.0  # for a connector to say itself that its time is over
_OF_THE_SOURCE = (SourceUnavailable, SourceTimeout, SourceDenied)
_PERHAPS_A_STALE_SECRET = (SourceUnavailable, SourceDenied, CredentialUnavailable)


@dataclass(slots=True, eq=False, kw_only=True)
class GuardedSource:
    """A connector around a connector. Built by `guard`."""

    name: SourceName
    kind: str
    resilience: Resilience
    credentials: Credentials
    open_connector: Callable[[Mapping[str, object]], Connector]
    monotonic: Callable[[], float]
    clock: Callable[[], datetime]
    _current: Opened = field(init=False)
    _breaker: Breaker = field(init=False)
    _bulkhead: Bulkhead = field(init=False)
    _counts: Counts = field(init=False, default_factory=Counts)
    _refreshing: asyncio.Lock = field(init=False, default_factory=asyncio.Lock)
    _retiring: set[asyncio.Task[None]] = field(init=False, default_factory=set)
    _looking: set[asyncio.Task[bool]] = field(init=False, default_factory=set)  # for a secret that changed
    _asking: asyncio.Task[None] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        """Open the connector; raises SettingsInvalid."""
        rule = self.resilience
        self._current = Opened(self.open_connector(self.credentials.options()))
        self._breaker = Breaker(
            rule=BreakerRule(
                failures=rule.failures,
                window=max(rule.window, rule.failures),
                open_seconds=rule.open_seconds,
                most_open_seconds=max(rule.most_open_seconds, rule.open_seconds),
                probes=rule.probes,
            )
        )
        streams = min(rule.concurrency, rule.streams or max(1, rule.concurrency // 2))
        self._bulkhead = Bulkhead(
            Row(rule.concurrency, rule.queue, rule.wait_seconds),
            Row(streams, rule.stream_queue, rule.stream_wait_seconds),
        )

    def __repr__(self) -> str:
        """Name, kind and circuit."""
        return f"<GuardedSource {self.name} ({self.kind}, {self._breaker.circuit})>"

    @classmethod
    def open(cls, name: SourceName, options: Mapping[str, object]) -> Self:
        """Not a source of its own: it stands before one."""
        del options
        raise SettingsInvalid(fault=f"`sources.{name}.kind`: not for settings", fix="use one of the offered kinds")

    # -------------------------------------------------------------- the connector's surface
    def capabilities(self, table: str) -> Capabilities:
        """The connector's."""
        return self._current.connector.capabilities(table)

    async def fetch(self, fetch: Fetch) -> AsyncIterator[Batch]:
        """The connector's rows; raises SourceFailed."""
        began = self.monotonic()
        deadline = began + fetch.time_limit_seconds
        self._refuse_where_resting(fetch.dataset, began)
        async with self._place(fetch.dataset, fetch.time_limit_seconds, is_long=fetch.is_stream):
            began = self.monotonic()
            ticket = self._admit(fetch.dataset, began)
            verdict, has_answered = Verdict.NOTHING, False
            try:
                async with aclosing(cast("Any", self._once_more(fetch, deadline))) as batches:
                    async for batch in batches:
                        if not has_answered:
                            # told now: a long answer must not keep others from a source that is well again
                            has_answered = True
                            self._answered(ticket, began)
                        yield batch
                verdict = Verdict.NOTHING if has_answered else Verdict.ANSWERED
            except _OF_THE_SOURCE as error:
                verdict = Verdict.FAILED
                self._failed(error)
                raise
            finally:
                if verdict is Verdict.ANSWERED:
                    self._answered(ticket, began)
                elif not has_answered or verdict is Verdict.FAILED:
                    self._settle(ticket, verdict, self.monotonic())

    async def fetch_at_once(self, fetch: Fetch) -> Batch | None:
        """The connector's, where it has it; raises SourceFailed. The same limits as those of `fetch`."""
        if self._current.at_once is None:
            return None
        began = self.monotonic()
        deadline = began + fetch.time_limit_seconds
        if self._breaker.circuit is Circuit.OPEN:
            self._refuse_where_resting(fetch.dataset, began)
        if not self._bulkhead.enter_now():
            await self._enter(fetch.dataset, fetch.time_limit_seconds)
            began = self.monotonic()
        try:
            ticket = self._admit(fetch.dataset, began)
            verdict = Verdict.NOTHING
            try:
                try:
                    rows = await self._whole(fetch, deadline - began)
                except _PERHAPS_A_STALE_SECRET:
                    if not await self._refreshed(fetch.dataset, deadline):
                        raise
                    rows = await self._whole(fetch, deadline - self.monotonic())
                if rows is not None:
                    verdict = Verdict.ANSWERED
            except _OF_THE_SOURCE as error:
                verdict = Verdict.FAILED
                self._failed(error)
                raise
            else:
                return rows
            finally:
                if verdict is Verdict.ANSWERED:
                    self._answered(ticket, began)
                else:
                    self._settle(ticket, verdict, self.monotonic())
        finally:
            self._bulkhead.leave()

    async def describe(self) -> tuple[TableDescription, ...]:
        """The connector's."""
        async with self._using() as connector:
            return await connector.describe()

    async def health(self) -> None:
        """The connector's, asked by one at a time however many want to know; an open circuit is not asked at all."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._health())
        await asyncio.shield(self._asking)

    async def close(self) -> None:
        """Close the connector, and those that were replaced."""
        for task in (self._asking, *self._looking):
            if task is not None:
                task.cancel()
        self._current.is_retired = True
        self.credentials.close()
        await self._current.connector.close()
        for task in tuple(self._retiring):
            await task

    # -------------------------------------------------------------- what is told of it
    def standing(self) -> SourceStanding:
        """How it stands now."""
        counts, now = self._counts, self.monotonic()
        left = self._breaker.seconds_left(now)
        is_due = self._breaker.circuit is Circuit.OPEN and left == 0
        return SourceStanding(
            name=self.name,
            kind=self.kind,
            circuit=Circuit.HALF_OPEN if is_due else self._breaker.circuit,
            retry_in=left,
            last_code=counts.last_code,
            last_failed_at=counts.last_failed_at,
            running=self._bulkhead.running,
            waiting=self._bulkhead.waiting,
            answered=counts.answered,
            failed=counts.failed,
            busy=counts.busy,
            rested=counts.rested,
            openings=counts.openings,
            reopened=counts.reopened,
            seconds=counts.seconds,
        )

    # -------------------------------------------------------------- credentials
    async def refresh(self, *, is_forced: bool = False) -> bool:
        """Take up a secret that changed: the next question uses it, those that run end with the old one."""
        if not self.credentials.may_change:
            return False
        async with self._refreshing:
            if not await self.credentials.changed(is_forced=is_forced):
                return False
            try:
                fresh = self.open_connector(self.credentials.options())
            except SettingsInvalid as error:
                operator_log().error("credential not taken up", source=self.name, code=error.code)
                return False
            old, self._current = self._current, Opened(fresh)
            old.is_retired = True
            self._counts.reopened += 1
            operator_log().info("credential taken up", source=self.name)
            if old.questions == 0:
                self._retire(old)
            return True

    async def _refreshed(self, dataset: str, deadline: float) -> bool:
        """As `refresh`, for a question that has so much time; raises SourceTimeout.

        Whoever waits no longer, or leaves, stops nothing: what is found is taken up for those who ask next.
        """
        looking = asyncio.create_task(self.refresh(is_forced=True))
        self._looking.add(looking)
        looking.add_done_callback(self._looked)
        try:
            with WithinSeconds(max(deadline - self.monotonic(), 0.0)):
                return await asyncio.shield(looking)
        except TimeoutError:
            raise SourceTimeout(dataset=dataset, operator="no credential in time") from None

    def _looked(self, looking: asyncio.Task[bool]) -> None:  # for perhaps nobody waits any more
        self._looking.discard(looking)
        if not looking.cancelled() and (error := looking.exception()) is not None:
            operator_log().error("credential not looked at", source=self.name, error=type(error).__name__)

    @asynccontextmanager
    async def _using(self) -> AsyncIterator[Connector]:
        used = self._begun()
        try:
            yield used.connector
        finally:
            self._ended(used)

    def _begun(self) -> Opened:
        self._current.questions += 1
        return self._current

    def _ended(self, used: Opened) -> None:
        used.questions -= 1
        if used.is_retired and used.questions == 0 and used is not self._current:
            self._retire(used)

    def _retire(self, old: Opened) -> None:
        task = asyncio.create_task(old.connector.close())
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)

    # -------------------------------------------------------------- one question
    @asynccontextmanager
    async def _place(self, dataset: str, most_seconds: float, *, is_long: bool) -> AsyncIterator[None]:
        await self._enter(dataset, most_seconds, is_long=is_long)
        try:
            yield
        finally:
            self._bulkhead.leave(is_long=is_long)

    async def _enter(self, dataset: str, most_seconds: float, *, is_long: bool = False) -> None:
        try:
            await self._bulkhead.enter(most_seconds, is_long=is_long)
        except NoPlace:
            self._counts.busy += 1
            raise SourceBusy(dataset=dataset, operator="no place at the source") from None

    async def _once_more(self, fetch: Fetch, deadline: float) -> AsyncIterator[Batch]:
        """The batches; from the start again where none came yet and the credential had changed meanwhile."""
        for is_last in (False, True):
            has_rows = False
            try:
                async with aclosing(cast("Any", self._in_time(fetch, deadline))) as batches:
                    async for batch in batches:
                        has_rows = True
                        yield batch
            except _PERHAPS_A_STALE_SECRET:
                if is_last or has_rows or not await self._refreshed(fetch.dataset, deadline):
                    raise
            else:
                return

    async def _in_time(self, fetch: Fetch, deadline: float) -> AsyncIterator[Batch]:
        """Each batch within its time, all of them within theirs, also where a connector forgets its limits."""
        left = max(deadline - self.monotonic(), 0.0)
        has_waited = fetch.time_limit_seconds - left > LEAST_WAIT_SECONDS
        asked = replace(fetch, time_limit_seconds=left) if has_waited else fetch  # what was waited is gone
        async with self._using() as connector, aclosing(cast("Any", connector.fetch(asked))) as batches:
            while True:
                left = max(deadline - self.monotonic(), 0.0)
                try:
                    async with asyncio.timeout(min(self.resilience.batch_seconds, left + GRACE_SECONDS)):
                        batch: Batch | None = await anext(batches, None)
                except TimeoutError:
                    raise SourceTimeout(dataset=fetch.dataset, operator="stopped by the gateway") from None
                if batch is None:
                    return
                yield batch

    async def _whole(self, fetch: Fetch, left: float) -> Batch | None:
        """All rows at once, within the seconds that are left."""
        if fetch.time_limit_seconds - left > LEAST_WAIT_SECONDS:
            left = max(left, 0.0)
            fetch = replace(fetch, time_limit_seconds=left)  # what was waited is gone
        used, most = self._begun(), self.resilience.batch_seconds
        try:
            if used.at_once is None:
                return None
            if used.ends_in_time and left <= most:
                return await used.at_once(fetch)
            with WithinSeconds(min(most, left + GRACE_SECONDS)):
                return await used.at_once(fetch)
        except TimeoutError:
            raise SourceTimeout(dataset=fetch.dataset, operator="stopped by the gateway") from None
        finally:
            self._ended(used)

    async def _health(self) -> None:
        began = self.monotonic()
        self._refuse_where_resting(self.name, began)
        ticket = self._admit(self.name, began)
        verdict = Verdict.NOTHING
        try:
            async with self._using() as connector, asyncio.timeout(self.resilience.batch_seconds):
                await connector.health()
            verdict = Verdict.ANSWERED
        except TimeoutError:
            verdict = Verdict.FAILED
            late = SourceTimeout(dataset=self.name, operator="health")
            self._failed(late)
            raise late from None
        except _OF_THE_SOURCE as error:
            verdict = Verdict.FAILED
            self._failed(error)
            raise
        finally:
            if verdict is Verdict.ANSWERED:
                self._answered(ticket, began)
            else:
                self._settle(ticket, verdict, self.monotonic())

    # -------------------------------------------------------------- the breaker
    def _refuse_where_resting(self, dataset: str, now: float) -> None:
        """Before a place is waited for: a question that will be refused takes none."""
        left = self._breaker.seconds_left(now)
        if left > 0:
            self._refuse(dataset, left)

    def _admit(self, dataset: str, now: float) -> Ticket:
        self._breaker, ticket = self._breaker.admit(now)
        if ticket is None:
            self._refuse(dataset, self._breaker.seconds_left(now))
        return ticket

    def _refuse(self, dataset: str, seconds: float) -> NoReturn:
        self._counts.rested += 1
        raise SourceResting(dataset=dataset, seconds=max(1, ceil(seconds)), operator="the circuit is open")

    def _answered(self, ticket: Ticket, began: float) -> None:
        now = self.monotonic()
        self._counts.answered += 1
        self._counts.seconds += now - began
        self._settle(ticket, Verdict.ANSWERED, now)

    def _failed(self, error: SourceFailed) -> None:
        self._counts.failed += 1
        self._counts.last_code, self._counts.last_failed_at = error.code, self.clock()

    def _settle(self, ticket: Ticket, verdict: Verdict, now: float) -> None:
        before, self._breaker = self._breaker.circuit, self._breaker.settle(ticket, verdict, now)
        after = self._breaker.circuit
        if after is before:
            return
        if after is Circuit.OPEN:
            self._counts.openings += 1
            operator_log().error("source left alone", source=self.name, code=self._counts.last_code)
        else:
            operator_log().info("source answers again", source=self.name)
