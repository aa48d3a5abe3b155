"""Reviews of break-glass answers. An item is the log's own entry: it opens with it and can't be left out."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.dialects import postgresql, sqlite

from gateway.store._tables import audit_entry, glass_grant, review_decision
from gateway.store.state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewItem:
    """An entry that needs a review, and what became of it."""

    index: int
    at: datetime
    principal: str
    body: bytes  # the entry
    verdict: str | None  # None while it waits
    note: str | None
    decided_by: str | None


_ITEM = (
    audit_entry.c.idx.label("index"),
    audit_entry.c.at,
    audit_entry.c.principal,
    audit_entry.c.body,
    review_decision.c.verdict,
    review_decision.c.note,
    review_decision.c.decided_by,
)
_RELEASED = (audit_entry.c.needs_review.is_(True), audit_entry.c.outcome == "released")


def _items() -> Select[Any]:
    both = audit_entry.outerjoin(review_decision, review_decision.c.idx == audit_entry.c.idx)
    return select(*_ITEM).select_from(both).where(*_RELEASED)


def open_reviews(
    state: State, *, principal: str | None = None, after: int = -1, limit: int = 200
) -> tuple[ReviewItem, ...]:
    """Released entries over `after` that need a review and have none, oldest first."""
    query = _items().where(review_decision.c.idx.is_(None), audit_entry.c.idx > after)
    if principal is not None:
        query = query.where(audit_entry.c.principal == principal)
    return _read(state, query.limit(limit))


def read_notices(state: State, *, after: int, limit: int = 200) -> tuple[ReviewItem, ...]:
    """Released entries over `after` that need a review, reviewed or not, oldest first."""
    return _read(state, _items().where(audit_entry.c.idx > after).limit(limit))


def find_review(state: State, index: int) -> ReviewItem | None:
    """The item of an entry, reviewed or not; None where the entry needs none."""
    found = _read(state, _items().where(audit_entry.c.idx == index))
    return found[0] if found else None


def _read(state: State, query: Select[Any]) -> tuple[ReviewItem, ...]:
    with state.reading() as connection:
        rows = connection.execute(query.order_by(audit_entry.c.idx)).mappings().all()
    return tuple(ReviewItem(**row) for row in rows)


def decide_review(state: State, index: int, *, verdict: str, note: str, decided_by: str, now: datetime) -> bool:
    """Keep the decision; False where there is one already."""
    dialect_insert = sqlite.insert if state.engine.dialect.name == "sqlite" else postgresql.insert
    fresh = dialect_insert(review_decision).values(
        idx=index, verdict=verdict, note=note, decided_by=decided_by, decided_at=now
    )
    with state.writing() as connection:
        kept = connection.execute(fresh.on_conflict_do_nothing().returning(review_decision.c.idx))
        return kept.first() is not None


def open_grant(state: State, *, principal: str, purpose: str, reason: str, now: datetime) -> datetime:
    """When this person first used this reason for the purpose: now, where they never did."""
    dialect_insert = sqlite.insert if state.engine.dialect.name == "sqlite" else postgresql.insert
    table = glass_grant.c
    fresh = dialect_insert(glass_grant).values(principal=principal, purpose=purpose, reason=reason, opened_at=now)
    mine = select(table.opened_at).where(table.principal == principal, table.purpose == purpose, table.reason == reason)
    with state.writing() as connection:
        connection.execute(fresh.on_conflict_do_nothing())
        opened: datetime = connection.execute(mine).scalar_one()
        return opened
