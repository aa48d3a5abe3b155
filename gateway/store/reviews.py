"""Reviews of entries. Of a break-glass answer the entry itself opens it: what waits is read from the log."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select, update
from sqlalchemy.dialects import postgresql, sqlite

from gateway.store._tables import audit_entry, glass_grant, review
from gateway.store.state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewItem:
    """An entry and what became of its review; None: not yet. A break-glass answer may have no row of its own."""

    index: int
    at: datetime
    principal: str
    needs_review: bool  # it opened its review itself, and an overdue one bars its person
    body: bytes  # the entry
    origin: str | None
    opened_at: datetime | None
    opened_by: str | None
    asked_at: datetime | None
    asked_by: str | None
    answer_due: datetime | None
    question: bytes | None  # sealed, as are the other words
    answered_at: datetime | None
    answer: bytes | None
    decided_at: datetime | None
    decided_by: str | None
    verdict: str | None
    note: bytes | None
    plain_note: str | None
    closed_at: datetime | None
    closed_by: str | None
    closing: bytes | None


_NEEDS = audit_entry.c.needs_review.is_(True) & (audit_entry.c.outcome == "released")
_ITEM = (
    audit_entry.c.idx.label("index"),
    audit_entry.c.at,
    audit_entry.c.principal,
    _NEEDS.label("needs_review"),
    audit_entry.c.body,
    *(column for column in review.c if column.name != "idx"),
)


def _items() -> Select[Any]:
    return select(*_ITEM).select_from(audit_entry.outerjoin(review, review.c.idx == audit_entry.c.idx))


def open_reviews(
    state: State, *, principal: str | None = None, after: int = -1, limit: int = 200
) -> tuple[ReviewItem, ...]:
    """Released entries over `after` that need a review and aren't decided, oldest first."""
    query = _items().where(_NEEDS, review.c.decided_at.is_(None), audit_entry.c.idx > after)
    if principal is not None:
        query = query.where(audit_entry.c.principal == principal)
    return _read(state, query.limit(limit))


def waiting_reviews(state: State, *, after: int, limit: int = 200) -> tuple[ReviewItem, ...]:
    """Every review over `after` that isn't decided, oldest first."""
    opened = _items().where(review.c.idx.is_not(None), review.c.decided_at.is_(None), review.c.idx > after)
    # two queries, each along its own index
    both = {item.index: item for item in open_reviews(state, after=after, limit=limit)}
    both |= {item.index: item for item in _read(state, opened.limit(limit))}
    return tuple(both[index] for index in sorted(both)[:limit])


def reviews_asked_of(state: State, principal: str, *, limit: int = 200) -> tuple[ReviewItem, ...]:
    """Reviews in which this person was asked, the unanswered first, then the newest."""
    mine = _items().where(audit_entry.c.principal == principal, review.c.asked_at.is_not(None))
    ordered = mine.order_by(review.c.answered_at.is_not(None), review.c.asked_at.desc(), review.c.idx).limit(limit)
    with state.reading() as connection:
        return tuple(ReviewItem(**row) for row in connection.execute(ordered).mappings())


def read_notices(state: State, *, after: int, limit: int = 200) -> tuple[ReviewItem, ...]:
    """Released entries over `after` that need a review, reviewed or not, oldest first."""
    return _read(state, _items().where(_NEEDS, audit_entry.c.idx > after).limit(limit))


def find_review(state: State, index: int) -> ReviewItem | None:
    """The review of an entry, wherever it stands; None where it has none."""
    found = find_reviewable(state, index)
    return found if found is not None and (found.needs_review or found.opened_at is not None) else None


def find_reviewable(state: State, index: int) -> ReviewItem | None:
    """An entry with its review, or without one; None where the log has no such entry."""
    found = _read(state, _items().where(audit_entry.c.idx == index))
    return found[0] if found else None


def _read(state: State, query: Select[Any]) -> tuple[ReviewItem, ...]:
    with state.reading() as connection:
        rows = connection.execute(query.order_by(audit_entry.c.idx)).mappings().all()
    return tuple(ReviewItem(**row) for row in rows)


def open_review(state: State, index: int, *, origin: str, opened_at: datetime, opened_by: str) -> bool:
    """Keep that it is open; False where it was already."""
    with state.writing() as connection:
        opened = _opening(state, index, origin=origin, opened_at=opened_at, opened_by=opened_by)
        return connection.execute(opened.returning(review.c.idx)).first() is not None


def step_review(
    state: State,
    index: int,
    *,
    opened_at: datetime,
    after: tuple[str, ...],
    before: tuple[str, ...],
    values: Mapping[str, datetime | str | bytes],
) -> bool:
    """Take a step where the moments `after` are there and `before` are not; else False, and nothing is changed.

    A review that its entry opened itself (at `opened_at`) gets its row with the first step.
    """
    with state.writing() as connection:
        connection.execute(_opening(state, index, origin="required", opened_at=opened_at, opened_by=""))
        taken = (
            update(review)
            .where(review.c.idx == index)
            .where(*(review.c[name].is_not(None) for name in after))
            .where(*(review.c[name].is_(None) for name in before))
            .values(**values)
        )
        return connection.execute(taken).rowcount == 1


def _opening(state: State, index: int, *, origin: str, opened_at: datetime, opened_by: str) -> Any:  # noqa: ANN401 - of two dialects
    dialect_insert = sqlite.insert if state.engine.dialect.name == "sqlite" else postgresql.insert
    fresh = dialect_insert(review).values(idx=index, origin=origin, opened_at=opened_at, opened_by=opened_by)
    return fresh.on_conflict_do_nothing()


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
