"""Canaries: planted people of whom nobody has a reason to see anything. Kept and logged as keyed hashes alone."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from gateway.errors import AuditUnavailable, CanaryUnknown
from gateway.model.caller import Caller
from gateway.model.change import Change
from gateway.store import State, StoreFailed, add_canary, read_canaries, remove_canary

_HASH = re.compile(r"[0-9a-f]{32}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class CanaryView:
    """One canary as officers read it."""

    subject: str
    added_by: str
    added_at: datetime


class CanaryDesk:
    """Prepares each step; the pipeline writes it down and then makes it."""

    def __init__(self, state: State, hash_subject: Callable[[str], str]) -> None:
        self._state = state
        self._hash = hash_subject

    async def register(self, id_number: str, caller: Caller, now: datetime) -> tuple[Change, str]:
        """Watch for a person from the next entry on: the change and the keyed hash."""
        subject = self._hash(id_number)

        async def make() -> None:
            await asyncio.to_thread(add_canary, self._state, subject, by=caller.principal, now=now)

        # not as the entry's subject: who looks for entries about people must not come upon the canaries
        return Change(detail=f"canary registered {subject}", case="", subjects=(), make=make), subject

    async def withdraw(self, subject: str) -> Change:
        """Watch for it no more; raises CanaryUnknown."""
        known = {one.subject for one in await asyncio.to_thread(self.listed)}
        if _HASH.fullmatch(subject) is None or subject not in known:
            raise CanaryUnknown(subject=subject[:40])

        async def make() -> None:
            if not await asyncio.to_thread(remove_canary, self._state, subject):
                raise CanaryUnknown(subject=subject)

        return Change(detail=f"canary withdrawn {subject}", case="", subjects=(), make=make)

    def listed(self) -> tuple[CanaryView, ...]:
        """All of them, the oldest first; raises AuditUnavailable."""
        try:
            rows = read_canaries(self._state)
        except StoreFailed as error:
            raise AuditUnavailable(operator=f"canaries can't be read: {error}") from None
        return tuple(CanaryView(subject=subject, added_by=by, added_at=at) for subject, by, at in rows)
