"""Break-glass: a grant that lapses, and reviews that can't be skipped.

A grant is a person's reason in words: its first use opens it, and after the purpose's `max_minutes` the same reason
opens nothing any more. Each released answer is a review item until somebody else has decided it.
"""

import hashlib
from datetime import datetime, timedelta

from gateway.errors import EntryUnknown, FourEyesNeeded, GrantLapsed, ReviewOverdue
from gateway.model.caller import Caller
from gateway.model.catalog import Purpose
from gateway.pipeline import Change
from gateway.store import ReviewItem, State, decide_review, find_open_review, open_grant, open_reviews, read_notices
from gateway.telemetry import operator_log


class ReviewDesk:
    """What break-glass needs of the gateway's database."""

    def __init__(self, state: State, overdue_hours: int) -> None:
        self._state = state
        self._overdue = timedelta(hours=overdue_hours)

    def check(self, purpose: Purpose, caller: Caller, now: datetime) -> None:
        """Return where the caller may break glass now; raises ReviewOverdue, GrantLapsed."""
        if not purpose.is_break_glass:
            return
        waiting = open_reviews(self._state, principal=caller.principal, limit=1)
        if waiting and now - waiting[0].at > self._overdue:
            raise ReviewOverdue(index=waiting[0].index)
        if purpose.max_minutes is not None:
            reason = hashlib.sha256((caller.justification or "").strip().encode("utf-8", "surrogatepass")).hexdigest()
            opened = open_grant(self._state, principal=caller.principal, purpose=purpose.id, reason=reason, now=now)
            if now - opened >= timedelta(minutes=purpose.max_minutes):
                raise GrantLapsed(minutes=purpose.max_minutes)
        operator_log().warning("break-glass", detail=purpose.id)

    def waiting(self) -> tuple[ReviewItem, ...]:
        """The items that wait for a decision, oldest first, at most 200."""
        return open_reviews(self._state)

    def notices(self, after: int) -> tuple[ReviewItem, ...]:
        """Break-glass answers with an index over `after`, at most 200."""
        return read_notices(self._state, after=after)

    async def decide(self, index: int, caller: Caller, *, verdict: str, note: str, now: datetime) -> Change:
        """Decide an item; raises EntryUnknown where none waits, FourEyesNeeded for one's own."""
        item = find_open_review(self._state, index)
        if item is None:
            raise EntryUnknown(index=index)
        if item.principal == caller.principal:
            raise FourEyesNeeded

        async def make() -> None:
            if not decide_review(self._state, index, verdict=verdict, decided_by=caller.principal, now=now):
                raise EntryUnknown(index=index)

        return Change(detail=f"review of entry {index}: {verdict}; {note}", case="", subjects=(), make=make)
