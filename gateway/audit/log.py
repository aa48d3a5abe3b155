"""AuditEntry -> AuditReceipt: the entry is durable and covered by a signed checkpoint before the receipt is there.

Group commit without lingering: one writer takes all that wait, at most `batch_entries`, in one transaction. It does not
promise that an answer was sent: what is released is a subset of what is logged.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Self

from gateway.audit import reading
from gateway.audit._thread import WriterThread
from gateway.audit.entry import EncodedEntry, encode_entry
from gateway.audit.sequencer import Sequencer
from gateway.errors import AuditOverloaded, AuditUnavailable, KeysUnreadable, SettingsInvalid
from gateway.keys import LogSigner, RetentionKeys
from gateway.model.audit import AuditEntry, AuditReceipt, EntryKind
from gateway.settings import Audit
from gateway.store import State, StoreFailed
from gateway.telemetry import operator_log

_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    entry: AuditEntry
    encoded: EncodedEntry
    receipt: "asyncio.Future[AuditReceipt] | None"  # None: nobody waits for it; cancelled: its caller has gone


class AuditLog:
    """The log of one process. Used on one event loop; everything that blocks runs in a thread of its own."""

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
        self._waiting: deque[_Waiting] = deque()
        self._wake = asyncio.Event()
        self._thread: WriterThread | None = None
        self._writer: asyncio.Task[None] | None = None
        self._is_ready = False
        self._is_writing = False
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
        """Whether the last write was durable in time. While it was not, nothing is accepted."""
        return self._is_ready

    async def start(self) -> None:
        """Read the log's edge and begin to write.

        Raises SettingsInvalid where the log is older than its high-water mark or is another one, and AuditUnavailable
        where it can't be read.
        """
        self._thread = WriterThread("audit-writer")
        try:
            await self._thread.run(self._begin)
        except StoreFailed as error:
            raise AuditUnavailable(operator=str(error)) from None
        except OSError as error:
            raise SettingsInvalid(
                fault=f"`high_water` can't be written ({type(error).__name__})", fix="name a file that can be written"
            ) from None
        self._is_ready = True
        self._writer = asyncio.create_task(self._write(self._thread), name="audit-writer")

    def _begin(self) -> None:
        self._sequencer.recover()
        self._sequencer.mark()

    async def append(self, entry: AuditEntry) -> AuditReceipt:
        """Returns when the entry is durable.

        Raises AuditOverloaded where too many wait, AuditUnavailable where it is not durable within the deadline or the
        log can't be written, EntryTooLarge over 65,535 bytes. A caller that has gone leaves its entry behind, and one
        that says `not-released` after it; what was still waiting at the deadline is not written.
        """
        if not self._is_ready:
            raise AuditUnavailable(operator="the log is not ready")
        if not self._seals.is_ready(entry.purpose, entry.at):
            await self._make_key(entry)
        encoded = encode_entry(entry, self._seals)
        if not self._is_ready:
            raise AuditUnavailable(operator="the log is not ready")
        if len(self._waiting) >= self._settings.queue_entries:
            raise AuditOverloaded
        receipt: asyncio.Future[AuditReceipt] = asyncio.get_running_loop().create_future()
        waiting = _Waiting(entry, encoded, receipt)
        self._waiting.append(waiting)
        self._idle.clear()
        self._wake.set()
        try:
            async with asyncio.timeout(self._deadline_seconds):
                return await receipt
        except TimeoutError:
            if receipt.done() and not receipt.cancelled():
                return receipt.result()  # durable in the very moment of the deadline
            # what was refused must not stand in the log as released: taken out here, or answered for after its commit
            with contextlib.suppress(ValueError):
                self._waiting.remove(waiting)
            # red until the write that hangs is durable, or a probe is; where none hangs, there is nothing to wait for
            if self._is_writing or self._waiting:
                self._turn_red("not durable within the deadline")
            raise AuditUnavailable(operator="not durable within the deadline") from None

    async def _make_key(self, entry: AuditEntry) -> None:
        """The retention key of the entry's purpose and month, made at the first such entry; raises AuditUnavailable."""
        if entry.at.tzinfo is None:
            return  # refused in a moment, for that
        try:
            async with asyncio.timeout(self._deadline_seconds), self._making_key:  # in turn: what came first is first
                if not self._seals.is_ready(entry.purpose, entry.at):
                    await asyncio.to_thread(self._seals.sealing, entry.purpose, entry.at)
        except (TimeoutError, KeysUnreadable, SettingsInvalid, ValueError) as error:
            raise AuditUnavailable(operator=f"no retention key: {type(error).__name__}") from None

    async def close(self) -> None:
        """Write what waits, leave the high-water mark, and end. Waits no longer than the deadline."""
        writer, thread = self._writer, self._thread
        self._writer = self._thread = None
        if writer is not None and thread is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._deadline_seconds):
                    await self._idle.wait()
            self._is_ready = False
            writer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await writer
            self._refuse_waiting("the gateway is stopping")
            with contextlib.suppress(TimeoutError, OSError):
                async with asyncio.timeout(self._deadline_seconds):
                    await thread.run(self._end)
        if thread is not None:
            thread.stop()

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

    def entries_about(
        self, subject: str, *, before: int | None = None, limit: int = 100
    ) -> tuple[tuple[int, AuditEntry], ...]:
        """The entries about a person (keyed hash), newest first, with their indices. Blocking."""
        return reading.entries_about(self._state, subject, self._seals.open, before=before, limit=limit)

    # ------------------------------------------------------------------ writing
    async def _write(self, thread: WriterThread) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._settings.batch_entries))]
                self._is_writing = True
                try:
                    if not await self._commit(thread, batch):
                        await self._recover(thread)
                finally:
                    self._is_writing = False
            self._idle.set()

    async def _commit(self, thread: WriterThread, batch: list[_Waiting]) -> bool:
        """Whether the batch became durable; its callers know in any case."""
        entries = [waiting.encoded for waiting in batch]
        work = thread.run(lambda: self._sequencer.append(entries))
        try:
            receipts = await asyncio.shield(work)
        except asyncio.CancelledError:
            _refuse(batch, "the gateway is stopping")
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is: nobody may be left waiting, nothing released
            self._turn_red(_named(error))
            _refuse(batch, _named(error))
            self._refuse_waiting(_named(error))
            return False
        for waiting, receipt in zip(batch, receipts, strict=True):
            if waiting.receipt is None:
                continue
            if not waiting.receipt.done():
                waiting.receipt.set_result(receipt)
            elif waiting.receipt.cancelled():  # its caller has gone, and nothing was released: the entry stays
                self._waiting.append(self._not_released(waiting.entry, receipt))
        self._turn_green()
        try:
            if self._sequencer.is_mark_due():
                await thread.run(self._sequencer.mark)
        except OSError as error:
            self._turn_red(f"the high-water mark: {_named(error)}")
            self._refuse_waiting(_named(error))
            return False
        return True

    def _not_released(self, late: AuditEntry, receipt: AuditReceipt) -> _Waiting:
        """The entry that follows one which became durable after its caller was refused; about the same people."""
        entry = replace(
            late,
            kind=EntryKind.NOT_RELEASED,
            at=self._clock(),
            outcome="not-released",
            response_sha256="",
            needs_review=False,
            refers_to=receipt.index,
        )
        return _Waiting(entry, encode_entry(entry, self._seals), None)

    async def _recover(self, thread: WriterThread) -> None:
        """Throw all away, read the head anew, and go on only when a probe is durable."""
        pause = _FIRST_PAUSE_SECONDS
        while True:
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
            try:
                await thread.run(self._probe)
            except Exception as error:  # noqa: BLE001 - stays red, and tries again
                operator_log().error("audit log still down", detail=_named(error))
            else:
                self._turn_green()
                return

    def _probe(self) -> None:
        self._sequencer.recover()
        self._sequencer.append([encode_entry(probe_entry(self._clock()), self._seals)])
        self._sequencer.mark()

    def _turn_red(self, why: str) -> None:
        if self._is_ready:
            operator_log().error("audit log down", detail=why)
        self._is_ready = False

    def _turn_green(self) -> None:
        if not self._is_ready:
            operator_log().info("audit log up")
        self._is_ready = True

    def _refuse_waiting(self, why: str) -> None:
        batch = list(self._waiting)
        self._waiting.clear()
        _refuse(batch, why)


def probe_entry(now: datetime) -> AuditEntry:
    """The entry that shows that the log can be written again."""
    return AuditEntry(
        kind=EntryKind.PROBE, at=now, trace_id="", principal="", app="", organisation="", roles=(), purpose="",
        legal_basis=(), case="", dataset="", fields=(), filter_shape="", rows=0, subjects=(), outcome="done", code="",
        stage="", rules=(), policy_version="", duration_us=0, response_sha256="", justification="",
        needs_review=False, refers_to=None, detail="the log can be written again",
    )  # fmt: skip


def _refuse(batch: list[_Waiting], why: str) -> None:
    for waiting in batch:
        if waiting.receipt is not None and not waiting.receipt.done():
            waiting.receipt.set_exception(AuditUnavailable(operator=why))


def _named(error: Exception) -> str:
    """The kind of an error, never its values."""
    return str(error) if isinstance(error, StoreFailed) else type(error).__name__
