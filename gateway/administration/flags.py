"""Flags: somebody ran into a limit that guards against guessing. Once a person, purpose and UTC day; an entry each.

What is told of flags is read from the log's own entries. Where a flag's entry can't be written, the refusal that should
raise it is the log's failure instead, and the next one raises it.
"""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from gateway.audit import Opener, Recorder
from gateway.audit.entry import decode_remaining
from gateway.errors import AuditUnavailable, GatewayError, LimitReached
from gateway.model.audit import AuditEntry, EntryKind
from gateway.model.caller import Caller
from gateway.store import FlagKey, State, StoreFailed, claim_flag, read_flags, settle_flag
from gateway.telemetry import operator_log

_MOST_LISTED = 200
_ABANDONED = timedelta(minutes=1)
"""A claim without an entry after this long is of a process that ended in between."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """Who ran into which limit; nothing that was asked for."""

    index: int
    at: datetime
    principal: str
    app: str
    organisation: str
    purpose: str
    dataset: str
    detail: str


class FlagDesk:
    """Raises flags and lists them."""

    def __init__(self, state: State, clock: Callable[[], datetime], opener: Opener) -> None:
        self._state = state
        self._opener = opener
        self._clock = clock

    async def raise_flag(self, recorder: Recorder, error: GatewayError) -> None:
        """Raise the flag that a refusal carries, if it does and nobody did today; raises AuditFailed."""
        caller = recorder.caller
        if not isinstance(error, LimitReached) or not error.flag or caller is None:
            return
        # a caller who leaves takes no flag with them
        await asyncio.shield(self._raise(recorder, error, caller))

    async def _raise(self, recorder: Recorder, error: LimitReached, caller: Caller) -> None:
        now = self._clock()
        key = FlagKey(
            principal=caller.principal,
            purpose=caller.purpose or "",
            day=now.astimezone(UTC).date(),
            what=error.flag,
        )
        try:
            if not await asyncio.to_thread(claim_flag, self._state, key, now=now, abandoned=now - _ABANDONED):
                return
        except StoreFailed as failure:
            raise AuditUnavailable(operator=f"a flag can't be raised: {failure}") from None
        index: int | None = None
        try:
            detail = f"flag {error.flag} purpose {key.purpose} limit {error.limit}"
            index = (await recorder.record(EntryKind.FLAG, "done", detail=detail)).index
        finally:
            # where this fails the claim is abandoned in time: rather a flag twice than none
            with contextlib.suppress(StoreFailed):
                await asyncio.to_thread(settle_flag, self._state, key, index=index)
        operator_log().warning("flag", detail=error.flag, purpose=key.purpose, trace_id=recorder.trace_id)

    def listed(self, after: int) -> tuple[Flag, ...]:
        """Flags with an index over `after`, oldest first, at most 200; raises AuditUnavailable."""
        try:
            rows = read_flags(self._state, after=after, limit=_MOST_LISTED)
        except StoreFailed as failure:
            raise AuditUnavailable(operator=f"the log can't be read: {failure}") from None
        return tuple(_flag(index, decode_remaining(body, self._opener)[0]) for index, body in rows)


def _flag(index: int, entry: AuditEntry) -> Flag:
    return Flag(
        index=index,
        at=entry.at,
        principal=entry.principal,
        app=entry.app,
        organisation=entry.organisation,
        purpose=entry.purpose,
        dataset=entry.dataset,
        detail=entry.detail,
    )
