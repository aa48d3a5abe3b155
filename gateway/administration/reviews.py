"""Reviews: an entry is asked about, answered by its person, decided by somebody else, closed. And break-glass.

A break-glass grant is a person's reason in words: its first use opens it, and after the purpose's `max_minutes` the
same reason opens nothing any more. Each released break-glass answer is a review until somebody else has decided it;
what waits is read from the log's own entries, so that nothing can be released and not wait. Other entries get a review
because they were drawn, flagged or chosen by hand. Every step is an entry of the log; words are sealed beside it.
"""

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gateway.audit import Opener
from gateway.audit.entry import decode_remaining
from gateway.errors import (
    EntryUnknown,
    FourEyesNeeded,
    GrantLapsed,
    KeyUnavailable,
    ReviewConflict,
    ReviewOverdue,
    Words,
)
from gateway.keys import KeyRing
from gateway.model.caller import Caller
from gateway.model.catalog import Purpose
from gateway.model.change import Change
from gateway.store import (
    ReviewItem,
    State,
    find_review,
    find_reviewable,
    open_grant,
    open_review,
    open_reviews,
    read_notices,
    reviews_asked_of,
    step_review,
    waiting_reviews,
)
from gateway.telemetry import operator_log

OPENED, ASKED, ANSWERED, DECIDED, CLOSED = "opened", "asked", "answered", "decided", "closed"
REQUIRED, BY_HAND = "required", "hand"
VERDICTS = ("justified", "not-justified", "follow-up")
_Values = Mapping[str, datetime | str | bytes]
_WORDS: Mapping[str, Words] = {
    OPENED: ("open: nothing was asked yet", "尚未提问"),
    ASKED: ("waiting for the person's answer", "正待本人答复"),
    ANSWERED: ("answered already", "已有答复"),
    DECIDED: ("decided already", "已有结论"),
    CLOSED: ("closed", "已结案"),
}
_NOBODY: Words = ("of an entry that names nobody who could answer", "所涉日志无可答复之人")
_CHANGED: Words = ("changed meanwhile", "状态刚刚变更")
_EXISTS: Words = ("there already", "已存在")


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """An entry and its review: who, for what, with which reason; nothing that was seen. None: not yet."""

    index: int
    at: datetime
    principal: str
    app: str
    organisation: str
    purpose: str
    dataset: str
    rows: int
    justification: str
    detail: str
    origin: str  # required (break-glass, or an obligation), sample, flag, hand
    state: str  # opened, asked, answered, decided, closed
    due: datetime  # of the decision
    is_overdue: bool
    question: str | None
    answer_due: datetime | None
    is_answer_overdue: bool
    answer: str | None
    verdict: str | None  # None while it waits
    decided_by: str | None
    note: str | None
    closing: str | None


class ReviewDesk:
    """Prepares each step; the pipeline writes it down and then makes it."""

    def __init__(self, state: State, keys: KeyRing, opener: Opener, *, review_hours: int, answer_hours: int) -> None:
        self._state = state
        self._keys = keys
        self._opener = opener
        self._review_life = timedelta(hours=review_hours)
        self._answer_life = timedelta(hours=answer_hours)

    # ------------------------------------------------------------------ break-glass
    def check(self, purpose: Purpose, caller: Caller, now: datetime) -> None:
        """Return where the caller may break glass now; raises ReviewOverdue, GrantLapsed."""
        if not purpose.is_break_glass:
            return
        waiting = open_reviews(self._state, principal=caller.principal, limit=1)
        if waiting and now >= waiting[0].at + self._review_life:
            raise ReviewOverdue(index=waiting[0].index)
        if purpose.max_minutes is not None:
            reason = hashlib.sha256((caller.justification or "").strip().encode("utf-8", "surrogatepass")).hexdigest()
            opened = open_grant(self._state, principal=caller.principal, purpose=purpose.id, reason=reason, now=now)
            if now - opened >= timedelta(minutes=purpose.max_minutes):
                raise GrantLapsed(minutes=purpose.max_minutes)
            if opened == now:
                operator_log().warning("break-glass", detail=purpose.id)

    # ------------------------------------------------------------------ what is told
    def waiting(self, after: int, now: datetime) -> tuple[Notice, ...]:
        """What waits for a decision with an index over `after`, oldest first, at most 200."""
        return tuple(self._notice(item, now) for item in waiting_reviews(self._state, after=after))

    def notices(self, after: int, now: datetime) -> tuple[Notice, ...]:
        """Break-glass answers with an index over `after`, reviewed or not, oldest first, at most 200."""
        told = (self._notice(item, now) for item in read_notices(self._state, after=after))
        return tuple(replace(notice, question=None, answer=None, closing=None) for notice in told)

    def read(self, index: int, now: datetime) -> Notice:
        """One review with all its words, wherever it stands; raises EntryUnknown."""
        return self._notice(self._item(index), now)

    def asked_of(self, principal: str, now: datetime) -> tuple[Notice, ...]:
        """What this person was asked, the unanswered first, at most 200; of the decision the verdict alone."""
        told = (self._notice(item, now) for item in reviews_asked_of(self._state, principal))
        return tuple(replace(notice, decided_by=None, note=None, closing=None) for notice in told)

    # ------------------------------------------------------------------ steps
    async def open(self, index: int, caller: Caller, now: datetime) -> Change:
        """Choose an entry for a review; raises EntryUnknown, ReviewConflict, FourEyesNeeded."""
        item = await asyncio.to_thread(find_reviewable, self._state, index)
        if item is None:
            raise EntryUnknown(index=index)
        if item.needs_review or item.opened_at is not None:
            raise ReviewConflict(state=_EXISTS)
        self._check_other(item, caller)

        def keep() -> bool:
            return open_review(self._state, index, origin=BY_HAND, opened_at=now, opened_by=caller.principal)

        return _change(f"review of entry {index} opened: by hand", keep)

    async def ask(self, index: int, caller: Caller, *, question: str, now: datetime) -> Change:
        """Ask the entry's person, once; raises EntryUnknown, ReviewConflict, FourEyesNeeded."""
        item = await asyncio.to_thread(self._item, index)
        self._check_other(item, caller)
        if not item.principal:
            raise ReviewConflict(state=_NOBODY)
        if state_of(item) != OPENED:
            raise ReviewConflict(state=_WORDS[state_of(item)])
        values: _Values = {
            "asked_at": now,
            "asked_by": caller.principal,
            "answer_due": now + self._answer_life,
            "question": self._seal(index, "question", question),
        }
        return _change(f"review of entry {index} asked", self._stepping(item, (), ("asked_at", "decided_at"), values))

    async def answer(self, index: int, caller: Caller, *, answer: str, now: datetime) -> Change:
        """Answer what one was asked oneself; raises EntryUnknown to anybody else, ReviewConflict."""
        item = await asyncio.to_thread(find_review, self._state, index)
        if item is None or item.principal != caller.principal or item.asked_at is None:
            # whether others are asked is none of their business
            raise EntryUnknown(index=index)
        if state_of(item) != ASKED:
            raise ReviewConflict(state=_WORDS[state_of(item)])
        values: _Values = {"answered_at": now, "answer": self._seal(index, "answer", answer)}
        stepping = self._stepping(item, ("asked_at",), ("answered_at", "decided_at"), values)
        return _change(f"review of entry {index} answered", stepping)

    async def decide(self, index: int, caller: Caller, *, verdict: str, note: str, now: datetime) -> Change:
        """Decide, for good: without a question, after the answer, or once the answer is overdue.

        Raises EntryUnknown, ReviewConflict, FourEyesNeeded for one's own.
        """
        item = await asyncio.to_thread(self._item, index)
        state = state_of(item)
        if state in {DECIDED, CLOSED}:
            raise ReviewConflict(state=_WORDS[state])
        self._check_other(item, caller)
        if state == ASKED and item.answer_due is not None and now < item.answer_due:
            raise ReviewConflict(state=_WORDS[ASKED])
        values: _Values = {
            "decided_at": now,
            "decided_by": caller.principal,
            "verdict": verdict,
            "note": self._seal(index, "note", note),
        }
        # who asks in this very moment is heard first
        unless = ("decided_at", "asked_at") if state == OPENED else ("decided_at",)
        return _change(f"review of entry {index}: {verdict}", self._stepping(item, (), unless, values))

    async def close(self, index: int, caller: Caller, *, note: str, now: datetime) -> Change:
        """End what is decided, saying what followed; raises EntryUnknown, ReviewConflict, FourEyesNeeded."""
        item = await asyncio.to_thread(self._item, index)
        self._check_other(item, caller)
        if state_of(item) != DECIDED:
            raise ReviewConflict(state=_WORDS[state_of(item)])
        values: _Values = {
            "closed_at": now,
            "closed_by": caller.principal,
            "closing": self._seal(index, "closing", note),
        }
        stepping = self._stepping(item, ("decided_at",), ("closed_at",), values)
        return _change(f"review of entry {index} closed", stepping)

    # ------------------------------------------------------------------ what must hold
    def _item(self, index: int) -> ReviewItem:
        item = find_review(self._state, index)
        if item is None:
            raise EntryUnknown(index=index)
        return item

    def _check_other(self, item: ReviewItem, caller: Caller) -> None:
        if item.principal == caller.principal:
            raise FourEyesNeeded

    def _stepping(
        self,
        item: ReviewItem,
        after: tuple[str, ...],
        before: tuple[str, ...],
        values: _Values,
    ) -> Callable[[], bool]:
        return lambda: step_review(
            self._state, item.index, opened_at=item.at, after=after, before=before, values=values
        )

    # ------------------------------------------------------------------ what is kept
    def _seal(self, index: int, part: str, words: str) -> bytes:
        return self._keys.seal(words.encode(), f"review/{index}/{part}".encode())

    def _words(self, index: int, part: str, sealed: bytes | None) -> str | None:
        if sealed is None:
            return None
        try:
            return self._keys.unseal(sealed, f"review/{index}/{part}".encode()).decode()
        except KeyUnavailable:
            return ""  # one that can't be opened any more hides no other

    def _notice(self, item: ReviewItem, now: datetime) -> Notice:
        entry, _ = decode_remaining(item.body, self._opener)  # an erased one has no person and no reason
        due = (item.at if item.needs_review or item.opened_at is None else item.opened_at) + self._review_life
        is_decided = item.decided_at is not None
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
            detail=entry.detail,
            origin=item.origin or REQUIRED,
            state=state_of(item),
            due=due,
            is_overdue=not is_decided and now >= due,
            question=self._words(item.index, "question", item.question),
            answer_due=item.answer_due,
            is_answer_overdue=state_of(item) == ASKED and item.answer_due is not None and now >= item.answer_due,
            answer=self._words(item.index, "answer", item.answer),
            verdict=item.verdict,
            decided_by=item.decided_by,
            note=self._words(item.index, "note", item.note) or item.plain_note or None,
            closing=self._words(item.index, "closing", item.closing),
        )


def state_of(item: ReviewItem) -> str:
    """Where the review stands, by the moments that are there."""
    if item.closed_at is not None:
        return CLOSED
    if item.decided_at is not None:
        return DECIDED
    if item.answered_at is not None:
        return ANSWERED
    return ASKED if item.asked_at is not None else OPENED


def _change(detail: str, keep: Callable[[], bool]) -> Change:
    async def make() -> None:
        # compare-and-set: of two who act at once, one finds the review changed
        if not await asyncio.to_thread(keep):
            raise ReviewConflict(state=_CHANGED)

    return Change(detail=detail, case="", subjects=(), make=make)
