"""Reviews of break-glass answers. An item is the log's own entry: it opens with it and can't be left out."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from gateway.store._tables import audit_entry, glass_grant, review_decision
from gateway.store.state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewItem:
    """An entry that waits for its review, or its notice: who did what when, and nothing that was seen."""

    index: int
    at: datetime
    principal: str
    app: str
    purpose: str
    dataset: str


_ITEM = (
    audit_entry.c.idx.label("index"),
    audit_entry.c.at,
    audit_entry.c.principal,
    audit_entry.c.app,
    audit_entry.c.purpose,
    audit_entry.c.dataset,
)
_RELEASED = (audit_entry.c.needs_review.is_(True), audit_entry.c.outcome == "released")


def open_reviews(state: State, *, principal: str | None = None, limit: int = 200) -> tuple[ReviewItem, ...]:
    """Released entries that need a review and have none, oldest first."""
    waiting = (
        select(*_ITEM)
        .outerjoin(review_decision, review_decision.c.idx == audit_entry.c.idx)
        .where(*_RELEASED, review_decision.c.idx.is_(None))
    )
    if principal is not None:
        waiting = waiting.where(audit_entry.c.principal == principal)
    with state.reading() as connection:
        rows = connection.execute(waiting.order_by(audit_entry.c.idx).limit(limit)).mappings().all()
    return tuple(ReviewItem(**row) for row in rows)


def read_notices(state: State, *, after: int, limit: int = 200) -> tuple[ReviewItem, ...]:
    """Released entries that need a review, with an index over `after`, reviewed or not, oldest first."""
    query = select(*_ITEM).where(*_RELEASED, audit_entry.c.idx > after).order_by(audit_entry.c.idx).limit(limit)
    with state.reading() as connection:
        rows = connection.execute(query).mappings().all()
    return tuple(ReviewItem(**row) for row in rows)


def find_open_review(state: State, index: int) -> ReviewItem | None:
    """The item, while it waits."""
    query = (
        select(*_ITEM)
        .outerjoin(review_decision, review_decision.c.idx == audit_entry.c.idx)
        .where(*_RELEASED, review_decision.c.idx.is_(None), audit_entry.c.idx == index)
    )
    with state.reading() as connection:
        row = connection.execute(query).mappings().one_or_none()
    return None if row is None else ReviewItem(**row)


def decide_review(state: State, index: int, *, verdict: str, decided_by: str, now: datetime) -> bool:
    """Keep the decision; False where there is one already."""
    dialect_insert = sqlite.insert if state.engine.dialect.name == "sqlite" else postgresql.insert
    fresh = dialect_insert(review_decision).values(idx=index, verdict=verdict, decided_by=decided_by, decided_at=now)
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
