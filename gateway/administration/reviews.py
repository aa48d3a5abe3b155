"""Break-glass: a grant that lapses, notices at once, and reviews that can't be skipped.

A grant is a person's reason in words: its first use opens it, and after the purpose's `max_minutes` the same reason
opens nothing any more. Each released answer is a review until somebody else has decided it; what waits is read from the
log's own entries, so that nothing can be released and not wait.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.audit import Opener
from gateway.audit.entry import decode_remaining
from gateway.errors import EntryUnknown, FourEyesNeeded, GrantLapsed, ReviewOverdue
from gateway.model.caller import Caller
from gateway.model.catalog import Purpose
from gateway.model.change import Change
from gateway.store import ReviewItem, State, decide_review, find_review, open_grant, open_reviews, read_notices
from gateway.telemetry import operator_log


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A released answer that needs a review: who, for what, with which reason; nothing that was seen."""

    index: int
    at: datetime
    principal: str
    app: str
    organisation: str
    purpose: str
    dataset: str
    rows: int
    justification: str
    due: datetime
    is_overdue: bool
    verdict: str | None  # None while it waits
    decided_by: str | None
    note: str | None


class ReviewDesk:
    """What break-glass needs of the gateway's database."""

    def __init__(self, state: State, overdue_hours: int, opener: Opener) -> None:
        self._state = state
        self._opener = opener
        self._overdue = timedelta(hours=overdue_hours)

    def check(self, purpose: Purpose, caller: Caller, now: datetime) -> None:
        """Return where the caller may break glass now; raises ReviewOverdue, GrantLapsed."""
        if not purpose.is_break_glass:
            return
        waiting = open_reviews(self._state, principal=caller.principal, limit=1)
        if waiting and now >= waiting[0].at + self._overdue:
            raise ReviewOverdue(index=waiting[0].index)
        if purpose.max_minutes is not None:
            reason = hashlib.sha256((caller.justification or "").strip().encode("utf-8", "surrogatepass")).hexdigest()
            opened = open_grant(self._state, principal=caller.principal, purpose=purpose.id, reason=reason, now=now)
            if now - opened >= timedelta(minutes=purpose.max_minutes):
                raise GrantLapsed(minutes=purpose.max_minutes)
            if opened == now:
                operator_log().warning("break-glass", detail=purpose.id)

    def waiting(self, after: int, now: datetime) -> tuple[Notice, ...]:
        """What waits for a decision with an index over `after`, oldest first, at most 200."""
        return tuple(self._notice(item, now) for item in open_reviews(self._state, after=after))

    def notices(self, after: int, now: datetime) -> tuple[Notice, ...]:
        """Break-glass answers with an index over `after`, reviewed or not, oldest first, at most 200."""
        return tuple(self._notice(item, now) for item in read_notices(self._state, after=after))

    async def decide(self, index: int, caller: Caller, *, verdict: str, note: str, now: datetime) -> Change:
        """Decide a review, for good; raises EntryUnknown where none waits, FourEyesNeeded for one's own."""
        item = find_review(self._state, index)
        if item is None or item.verdict is not None:
            raise EntryUnknown(index=index)
        if item.principal == caller.principal:
            raise FourEyesNeeded

        async def make() -> None:
            decided_by = caller.principal
            if not decide_review(self._state, index, verdict=verdict, note=note, decided_by=decided_by, now=now):
                raise EntryUnknown(index=index)

        return Change(detail=f"review of entry {index}: {verdict}", case="", subjects=(), make=make)

    def _notice(self, item: ReviewItem, now: datetime) -> Notice:
        entry, _ = decode_remaining(item.body, self._opener)  # an erased one has no person and no reason
        due = item.at + self._overdue
        return Notice(
            index=item.index,
            at=item.at,
            principal=item.principal,
            app=entry.app,
            organisation=entry.organisation,
            purpose=entry.purpose,
            dataset=entry.dataset,
            rows=entry.rows,
            justification=entry.justification,
            due=due,
            is_overdue=item.verdict is None and now >= due,
            verdict=item.verdict,
            decided_by=item.decided_by,
            note=item.note,
        )
