"""AuditEntry -> AuditReceipt: the entry is durable and covered by a signed checkpoint before the receipt is there.

Group commit without lingering: whatever waits when the last write is done goes into the next, at most `batch_entries`,
in one transaction. It does not promise that an answer was sent: what is released is a subset of what is logged, and an
entry whose answer was not sent is followed by one that says so.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Self, TypeVar

from gateway.audit import reading
from gateway.audit._thread import WriterThread
from gateway.audit._waiting import Waiting
from gateway.audit._writing import BatchWriter
from gateway.audit.encoded import SealingKey
from gateway.audit.encoding import encode_entry, encode_under
from gateway.audit.probe import probe_entry
from gateway.audit.sequencer import Receipts, Sequencer
from gateway.errors import AuditOverloaded, AuditUnavailable, KeysUnreadable, SettingsInvalid
from gateway.keys import LogSigner, RetentionKeys
from gateway.model.audit import AuditEntry, AuditReceipt, EntryKind
from gateway.settings import Audit
from gateway.store import State, StoreFailed
from gateway.telemetry import operator_log

Answer = TypeVar("Answer")
_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 1.0
_ENOUGH = 64  # entries that are worth a write at once, while the other callers of this turn still come


class AuditLog:
    """The log of one process. Used on one event loop; everything that blocks runs in threads of its own."""

    def __init__(
        self,
        state: State,
        settings: Audit,
        sequencer: Sequencer,
        seals: RetentionKeys,
        *,
        deadline_seconds: float,
        clock: Callable[[], datetime],
    ) -> None:
        self._state = state
        self._seals = seals
        self._making_key = asyncio.Lock()
        self._settings = settings
        self._deadline_seconds = deadline_seconds
        self._sequencer = sequencer
        self._clock = clock
        self._waiting: deque[Waiting] = deque()
        self._queued = 0  # entries in `_waiting`
        self._in_flight: list[Waiting] = []
        self._owed: list[Waiting] = []  # of writes that failed: it is not known yet what of them is durable
        self._writer: BatchWriter | None = None
        self._keeper: WriterThread | None = None
        self._recovery: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._is_scheduled = False
        self._is_keeping = False
        self._is_ready = False
        self._idle = asyncio.Event()
        self._idle.set()

    @classmethod
    def open(
        cls,
        state: State,
        signer: LogSigner,
        settings: Audit,
        *,
        seals: RetentionKeys,
        deadline_seconds: float,
        high_water: Path,
        clock: Callable[[], datetime],
    ) -> Self:
        """Build; nothing is read or written before `start`."""
        sequencer = Sequencer(state, signer, high_water, clock, deadline_seconds)
        return cls(state, settings, sequencer, seals, deadline_seconds=deadline_seconds, clock=clock)

    @property
    def is_ready(self) -> bool:
        """Whether entries are durable in time. Once they were not, nothing is accepted until a probe is durable."""
        return self._is_ready

    async def start(self) -> None:
        """Read the log's edge and begin to write.

        Raises SettingsInvalid where the log is older than its high-water mark or is another one, and AuditUnavailable
        where it can't be read.
        """
        self._writer = BatchWriter(self._sequencer, self._deadline_seconds)
        self._keeper = WriterThread("audit-keeper")
        try:
            await self._writer.thread.run(self._begin)
        except StoreFailed as error:
            raise AuditUnavailable(operator=str(error)) from None
        except OSError as error:
            raise SettingsInvalid(
                fault=f"`high_water` can't be written ({type(error).__name__})", fix="name a file that can be written"
            ) from None
        self._is_ready = True

    def _begin(self) -> None:
        self._sequencer.recover()
        self._sequencer.mark()

    async def ask(self, call: Callable[..., Answer], *arguments: object) -> Answer:
        """A blocking question to the gateway's own database, before anything else is done for whoever asks.

        Raises AuditUnavailable: at once where the log is down, and where a server is silent beyond the deadline.
        """
        if not self._is_ready:
            raise AuditUnavailable(operator="the log is not ready")
        if self._state.file is not None:
            return call(*arguments)  # a file keeps nobody waiting, and a thread would cost more than its answer
        try:
            async with asyncio.timeout(self._deadline_seconds):
                return await asyncio.to_thread(call, *arguments)
        except TimeoutError:
            raise AuditUnavailable(operator="the gateway's database is silent") from None

    async def append(self, entry: AuditEntry) -> AuditReceipt:
        """Returns when the entry is durable; as `append_all`."""
        return (await self.append_all((entry,)))[0]

    async def append_all(self, entries: Sequence[AuditEntry]) -> list[AuditReceipt]:
        """Returns when the entries are durable, all in one transaction, or none of them.

        Raises AuditOverloaded where too many wait, AuditUnavailable where they are not durable within the deadline or
        the log can't be written, EntryTooLarge over 65,535 bytes. A caller that has gone leaves its entries behind, and
        for each one that says `not-released` after it; what was still waiting at the deadline is not written.
        """
        if not self._is_ready:
            raise AuditUnavailable(operator="the log is not ready")
        encoded = []
        for entry in entries:
            key = self._seals.at_hand(entry.purpose, entry.at) or await self._made_key(entry)
            encoded.append(encode_under(entry, key))
        if not self._is_ready:
            raise AuditUnavailable(operator="the log is not ready")
        if self._queued >= self._settings.queue_entries:
            raise AuditOverloaded
        loop = asyncio.get_running_loop()
        receipts: asyncio.Future[list[AuditReceipt]] = loop.create_future()
        waiting = Waiting(tuple(entries), encoded, receipts, loop.time() + self._deadline_seconds)
        if self._timer is None:
            self._timer = loop.call_at(waiting.deadline, self._refuse_late)
        self._enqueue(waiting)
        try:
            return await receipts
        except asyncio.CancelledError:
            if not receipts.cancelled() and receipts.exception() is None:
                self._follow(waiting.entries, receipts.result())  # durable, and its caller left before it knew
            raise

    def take_back(self, entry: AuditEntry, receipt: AuditReceipt, *, may_have_arrived: bool) -> None:
        """Have the entry followed by one that says that its answer was not sent, or not to its end.

        Waits for nothing: it is written with what comes next, after a failure too. What a process that ends before had
        to say is lost; the log then tells of more than was released, never of less.
        """
        self._enqueue(self._not_released(entry, receipt, may_have_arrived=may_have_arrived))

    async def _made_key(self, entry: AuditEntry) -> SealingKey:
        """The retention key of the entry's purpose and month, made at the first such entry; raises AuditUnavailable."""
        try:
            async with asyncio.timeout(self._deadline_seconds), self._making_key:  # in turn: what came first is first
                return await asyncio.to_thread(self._seals.sealing, entry.purpose, entry.at)
        except (TimeoutError, KeysUnreadable, SettingsInvalid, ValueError) as error:
            raise AuditUnavailable(operator=f"no retention key: {type(error).__name__}") from None

    async def close(self) -> None:
        """Write what waits, leave the high-water mark, and end. Waits no longer than the deadline."""
        writer, keeper, recovery = self._writer, self._keeper, self._recovery
        if writer is not None and keeper is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._deadline_seconds if self._is_ready else 0):
                    await self._idle.wait()
            self._is_ready = False
            self._writer = self._keeper = None
            if recovery is not None:
                recovery.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await recovery
            if self._timer is not None:
                self._timer.cancel()
            self._refuse("the gateway is stopping", self._in_flight)
            self._refuse_waiting("the gateway is stopping")
            await writer.give_up()
            with contextlib.suppress(TimeoutError, OSError):
                async with asyncio.timeout(self._deadline_seconds):
                    await writer.thread.run(self._end)
            writer.thread.stop()
            keeper.stop()

    def _end(self) -> None:
        try:
            self._sequencer.mark()
        finally:
            self._sequencer.forget()

    # ------------------------------------------------------------------ reading
    def checkpoint(self) -> str:
        """The newest signed checkpoint. Blocking. Raises AuditUnavailable."""
        return reading.newest_checkpoint(self._state)

    def prove_receipt(self, index: int) -> dict[str, object]:
        """The inclusion proof of entry `index` under the newest checkpoint. Blocking. Raises EntryUnknown."""
        return reading.prove_receipt(self._state, index)

    def prove_consistency(self, older: int, newer: int) -> tuple[bytes, ...]:
        """The consistency proof between two sizes. Blocking. Raises merkle.ProofInvalid for sizes it never had."""
        return reading.prove_consistency_between(self._state, older, newer)

    def entry(self, index: int) -> AuditEntry:
        """Entry `index`. Blocking. Raises EntryUnknown, EntryErased."""
        return reading.entry_at(self._state, index, self._seals.open)

    # ------------------------------------------------------------------ writing
    def _enqueue(self, waiting: Waiting) -> None:
        self._waiting.append(waiting)
        self._queued += len(waiting.encoded)
        self._idle.clear()
        if self._queued >= _ENOUGH:
            self._dispatch()
        elif not self._is_scheduled and not self._in_flight:
            self._is_scheduled = True
            asyncio.get_running_loop().call_soon(self._dispatch)

    def _soon(self) -> None:
        """One turn of the loop later: whoever is about to append goes with the rest; an idle loop turns at once."""
        asyncio.get_running_loop().call_soon(self._dispatch)

    def _dispatch(self) -> None:
        """Write what waits, unless something is being written already: then it is the next."""
        self._is_scheduled = False
        if self._in_flight or self._recovery is not None or not self._waiting or self._writer is None:
            return
        taken = 0
        while self._waiting and taken < self._settings.batch_entries:
            waiting = self._waiting.popleft()
            self._in_flight.append(waiting)
            taken += len(waiting.encoded)
        self._queued -= taken
        entries = list(chain.from_iterable([waiting.encoded for waiting in self._in_flight]))
        self._writer.write(entries).add_done_callback(self._written)

    def _written(self, work: "asyncio.Future[Receipts]") -> None:
        if work.cancelled():
            return  # given up by `close`: its callers were told
        batch, self._in_flight = self._in_flight, []
        error = work.exception()
        if error is not None:
            self._owed += batch
            self._refuse(_named(error), batch)
            self._fail(_named(error))
            return
        receipts, place = work.result(), 0
        if self._is_ready and self._queued >= _ENOUGH:
            self._dispatch()  # before anybody runs on: the database has nothing to do meanwhile
        elif self._is_ready and self._waiting and not self._is_scheduled:
            self._is_scheduled = True
            asyncio.get_running_loop().call_soon(self._soon)
        for waiting in batch:
            found = receipts[place : place + len(waiting.encoded)]
            place += len(waiting.encoded)
            if waiting.receipts is None:
                continue
            if not waiting.receipts.done():
                waiting.receipts.set_result(found)
            else:  # its caller has gone or was refused, and nothing was released: the entry stays
                self._follow(waiting.entries, found)
        if not self._is_ready:
            self._fail("late, but durable")  # green only after a probe that is durable in time
            return
        if self._keeper is not None and not self._is_keeping and self._sequencer.is_keeping_due():
            self._is_keeping = True
            self._keeper.run(self._sequencer.keep).add_done_callback(self._kept)
        if not self._waiting and not self._in_flight:
            self._idle.set()

    def _kept(self, work: "asyncio.Future[None]") -> None:
        self._is_keeping = False
        error = work.exception()
        if error is not None:
            self._fail(f"the high-water mark or the journal: {_named(error)}")

    def _refuse_late(self) -> None:
        """Refuse whoever waited until the deadline. All wait equally long: the first in the row is due first."""
        loop = asyncio.get_running_loop()
        now, self._timer = loop.time(), None
        late = [one for one in chain(self._in_flight, self._waiting) if one.is_wanted and one.deadline <= now]
        if late:
            # what was refused must not stand in the log as released: taken out here, or answered for after its commit
            self._waiting = deque(one for one in self._waiting if not one.is_wanted or one.deadline > now)
            self._queued = sum(len(waiting.encoded) for waiting in self._waiting)
            self._refuse("not durable within the deadline", late)
            self._fail("not durable within the deadline")
        following = next((one for one in chain(self._in_flight, self._waiting) if one.is_wanted), None)
        if following is not None:
            self._timer = loop.call_at(following.deadline, self._refuse_late)

    def _follow(self, entries: Sequence[AuditEntry], receipts: Sequence[AuditReceipt]) -> None:
        for entry, receipt in zip(entries, receipts, strict=True):
            self.take_back(entry, receipt, may_have_arrived=False)

    def _not_released(self, entry: AuditEntry, receipt: AuditReceipt, *, may_have_arrived: bool) -> Waiting:
        """The entry that follows one whose answer was not sent; about the same people."""
        now = self._clock()
        entry = replace(
            entry,
            kind=EntryKind.NOT_RELEASED,
            # the key of a month that has just begun may have to be made, and nothing here may wait for that
            at=now if self._seals.at_hand(entry.purpose, now) is not None else entry.at,
            outcome="broken-off" if may_have_arrived else "not-released",
            response_sha256="",
            needs_review=False,
            refers_to=receipt.index,
        )
        return Waiting((entry,), (encode_entry(entry, self._seals),), None, 0.0)

    # ------------------------------------------------------------------ failing, and coming back
    def _fail(self, why: str) -> None:
        """Red, nobody is left waiting, and only a probe that is durable turns it green again."""
        if self._is_ready:
            operator_log().error("audit log down", detail=why)
        self._is_ready = False
        self._refuse_waiting(why)
        if self._recovery is None and not self._in_flight and self._writer is not None:
            recovering = self._recover(self._writer.thread)
            self._recovery = asyncio.get_running_loop().create_task(recovering, name="audit-recovery")

    async def _recover(self, thread: WriterThread) -> None:
        """Throw all away, read the head anew, and go on only when a probe is durable."""
        pause, since, owed = _FIRST_PAUSE_SECONDS, self._sequencer.seen_size, self._owed
        uncertain = [one.leaf for waiting in owed for one in waiting.encoded]
        durable: list[AuditReceipt | None] | None = None
        while durable is None:
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
            try:
                durable = await thread.run(lambda: self._probe(uncertain, since))
            except Exception as error:  # noqa: BLE001 - stays red, and tries again
                operator_log().error("audit log still down", detail=_named(error))
        self._owed = []
        self._settle(owed, durable)
        operator_log().info("audit log up")
        self._recovery, self._is_ready = None, True
        if self._waiting:
            self._dispatch()
        else:
            self._idle.set()

    def _probe(self, uncertain: list[bytes], since: int) -> list[AuditReceipt | None]:
        self._sequencer.recover()
        self._sequencer.append([encode_entry(probe_entry(self._clock()), self._seals)])
        durable = self._sequencer.find(uncertain, since)
        self._sequencer.mark()
        return durable

    def _settle(self, owed: list[Waiting], durable: list[AuditReceipt | None]) -> None:
        """What failed and is durable all the same is followed by an entry that says that its answer was not sent."""
        place = 0
        for waiting in owed:
            found = durable[place : place + len(waiting.encoded)]
            place += len(waiting.encoded)
            for entry, encoded, receipt in zip(waiting.entries, waiting.encoded, found, strict=True):
                if waiting.receipts is None and receipt is None:
                    self._enqueue(Waiting((entry,), (encoded,), None, 0.0))
                elif waiting.receipts is not None and receipt is not None:
                    self._follow((entry,), (receipt,))

    def _refuse_waiting(self, why: str) -> None:
        """All that wait, but for what must be written although nobody waits for it."""
        batch = list(self._waiting)
        self._waiting = deque(waiting for waiting in batch if waiting.receipts is None)
        self._queued = sum(len(waiting.encoded) for waiting in self._waiting)
        self._refuse(why, batch)

    @staticmethod
    def _refuse(why: str, batch: Sequence[Waiting]) -> None:
        for waiting in batch:
            if waiting.receipts is not None and not waiting.receipts.done():
                waiting.receipts.set_exception(AuditUnavailable(operator=why))


def _named(error: BaseException) -> str:
    """The kind of an error, never its values."""
    return str(error) if isinstance(error, StoreFailed) else type(error).__name__
