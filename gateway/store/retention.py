"""Retention: what each key sealed, counted; keys destroyed; search columns of erased entries emptied, step by step.

Every step is a transaction over a bounded range of the log, so that nobody who writes waits long; it can be done again.
"""

from dataclasses import asdict
from datetime import datetime
from typing import Final

from sqlalchemy import and_, delete, func, insert, or_, select, update

from gateway.model.retention import ErasureRequest, RetentionHold, SealedEntries
from gateway.store._tables import (
    audit_entry,
    case_file,
    glass_grant,
    raised_flag,
    retention_erasure,
    retention_hold,
    retention_key,
    review,
    usage_counter,
    usage_subject,
)
from gateway.store.log_reading import failing_as_store
from gateway.store.state import State

STEP: Final = 4_096
"""Entries of one step."""
_OF_PEOPLE: Final[dict[str, object]] = {
    "opened_by": "", "asked_by": None, "question": None, "answer": None, "decided_by": "", "note": None,
    "plain_note": "", "closed_by": None, "closing": None,
}  # fmt: skip
"""What a review keeps of people, or in words that may name them."""


def survey_sealed(state: State, until: datetime) -> tuple[SealedEntries, ...]:
    """What each key sealed, by key and purpose, up to where the log is later than `until`; raises StoreFailed."""
    found: dict[tuple[str, str], SealedEntries] = {}
    table = audit_entry.c
    with failing_as_store(), state.reading() as connection:
        last_of_all = connection.execute(select(func.max(table.idx))).scalar_one_or_none()
    for begin in range(0, -1 if last_of_all is None else last_of_all + 1, STEP):
        window = (
            select(
                table.sealed_by, table.purpose, table.case_id, func.count(), func.min(table.idx), func.max(table.idx),
                func.min(table.at),
            )
            .where(table.idx >= begin, table.idx < begin + STEP)
            .group_by(table.sealed_by, table.purpose, table.case_id)
        )  # fmt: skip
        with failing_as_store(), state.reading() as connection:
            rows = connection.execute(window).all()
        if rows and min(row[6] for row in rows) > until:
            break
        for key, purpose, case, count, first, last, _ in rows:
            place = (key, purpose if not key else "")
            before = found.get(place)
            found[place] = SealedEntries(
                key=key,
                purpose=place[1],
                first=first if before is None else min(before.first, first),
                last=last if before is None else max(before.last, last),
                count=count + (0 if before is None else before.count),
                cases=(frozenset() if before is None else before.cases) | ({case} if case else frozenset()),
            )
    return tuple(found.values())


def count_open_reviews(state: State) -> dict[str, int]:
    """By retention key: entries whose review is open, or that need one and have none. Raises StoreFailed."""
    both = audit_entry.outerjoin(review, review.c.idx == audit_entry.c.idx)
    needed = and_(audit_entry.c.needs_review.is_(True), audit_entry.c.outcome == "released")
    waiting = (
        select(audit_entry.c.sealed_by, func.count())
        .select_from(both)
        .where(review.c.decided_at.is_(None), or_(needed, review.c.idx.is_not(None)))
        .group_by(audit_entry.c.sealed_by)
    )
    with failing_as_store(), state.reading() as connection:
        return {row[0]: row[1] for row in connection.execute(waiting)}


def open_cases(state: State, now: datetime) -> frozenset[str]:
    """Cases that are neither closed nor expired; raises StoreFailed."""
    alive = select(case_file.c.id).where(case_file.c.state != "closed", case_file.c.expires_at > now)
    with failing_as_store(), state.reading() as connection:
        return frozenset(connection.execute(alive).scalars())


def read_holds(state: State, *, all_of_them: bool = False) -> tuple[RetentionHold, ...]:
    """Holds in force, or with `all_of_them` the lifted ones too, oldest first; raises StoreFailed."""
    query = select(retention_hold).order_by(retention_hold.c.placed_at, retention_hold.c.id)
    if not all_of_them:
        query = query.where(retention_hold.c.lifted_at.is_(None))
    with failing_as_store(), state.reading() as connection:
        return tuple(RetentionHold(**row) for row in connection.execute(query).mappings())


def insert_hold(state: State, hold: RetentionHold) -> None:
    """Keep it, durably; raises StoreFailed."""
    with failing_as_store(), state.writing() as connection:
        connection.execute(insert(retention_hold).values(**asdict(hold)))


def lift_hold(state: State, hold: str, *, by: str, now: datetime) -> bool:
    """False where there is none in force; raises StoreFailed."""
    with failing_as_store(), state.writing() as connection:
        lifted = connection.execute(
            update(retention_hold)
            .where(retention_hold.c.id == hold, retention_hold.c.lifted_at.is_(None))
            .values(lifted_by=by, lifted_at=now)
        )
        return lifted.rowcount == 1


def insert_erasure(state: State, request: ErasureRequest) -> None:
    """Keep it, durably; raises StoreFailed."""
    with failing_as_store(), state.writing() as connection:
        connection.execute(insert(retention_erasure).values(**asdict(request)))


def read_erasure_request(state: State, request: str) -> ErasureRequest | None:
    """The request, or None; raises StoreFailed."""
    with failing_as_store(), state.reading() as connection:
        row = connection.execute(select(retention_erasure).where(retention_erasure.c.id == request)).mappings().first()
    return None if row is None else ErasureRequest(**row)


def read_erasure_requests(state: State) -> tuple[ErasureRequest, ...]:
    """Those that wait, oldest first; raises StoreFailed."""
    waiting = select(retention_erasure).where(retention_erasure.c.erased_at.is_(None))
    with failing_as_store(), state.reading() as connection:
        rows = connection.execute(waiting.order_by(retention_erasure.c.requested_at, retention_erasure.c.id)).mappings()
        return tuple(ErasureRequest(**row) for row in rows)


class _Changed(Exception):
    """A row is not as it was read."""


def destroy_retention_keys(
    state: State, request: str, keys: tuple[tuple[str, str], ...], *, cases: frozenset[str], by: str, now: datetime
) -> bool:
    """Overwrite the keys (purpose, month) with NULL and settle the request, all or none.

    False where a key or the request is not as it was, or a hold of the purpose or one of its `cases` is in force by
    now. Raises StoreFailed.
    """
    try:
        with failing_as_store(), state.writing() as connection:
            purposes = {purpose for purpose, _ in keys}
            held = select(retention_hold.c.id).where(
                retention_hold.c.lifted_at.is_(None),
                or_(
                    and_(retention_hold.c.case_id == "", retention_hold.c.purpose.in_(purposes)),
                    retention_hold.c.case_id.in_(cases),
                ),
            )
            if connection.execute(held.limit(1)).first() is not None:
                raise _Changed
            settled = connection.execute(
                update(retention_erasure)
                .where(retention_erasure.c.id == request, retention_erasure.c.erased_at.is_(None))
                .values(erased_by=by, erased_at=now)
            )
            if settled.rowcount != 1:
                raise _Changed
            for purpose, month in keys:
                gone = connection.execute(
                    update(retention_key)
                    .where(
                        retention_key.c.purpose == purpose,
                        retention_key.c.month == month,
                        retention_key.c.wrapped.is_not(None),
                    )
                    .values(wrapped=None, destroyed_at=now)
                )
                if gone.rowcount != 1:
                    raise _Changed
    except _Changed:
        return False
    return True


def blank_entries(state: State, key: str, begin: int, end: int) -> None:
    """Empty what is kept of people beside the entries [begin, end) of a destroyed key; raises StoreFailed."""
    table = audit_entry.c
    erased = select(table.idx).where(table.idx >= begin, table.idx < end, table.sealed_by == key)
    with failing_as_store(), state.writing() as connection:
        connection.execute(
            update(audit_entry)
            .where(
                table.idx >= begin,
                table.idx < end,
                table.sealed_by == key,
                or_(table.principal != "", table.case_id != "", table.trace_id != "", table.subjects != ""),
            )
            .values(principal="", case_id="", trace_id="", subjects="")
        )
        connection.execute(delete(raised_flag).where(raised_flag.c.idx.in_(erased)))
        connection.execute(update(review).where(review.c.idx.in_(erased)).values(_OF_PEOPLE))


def finish_blanking(state: State, purpose: str, month: str, *, begin: datetime, end: datetime, now: datetime) -> None:
    """Delete what was counted of people for the purpose in the month, and note that its erasure is whole."""
    with failing_as_store(), state.writing() as connection:
        for table in (usage_counter, usage_subject):
            connection.execute(
                delete(table).where(table.c.purpose == purpose, table.c.day >= begin.date(), table.c.day < end.date())
            )
        connection.execute(
            delete(glass_grant).where(
                glass_grant.c.purpose == purpose, glass_grant.c.opened_at >= begin, glass_grant.c.opened_at < end
            )
        )
        connection.execute(
            update(retention_key)
            .where(retention_key.c.purpose == purpose, retention_key.c.month == month)
            .values(blanked_at=now)
        )


def forget_journal(state: State) -> None:
    """Empty SQLite's journal, which holds what pages were before; where a reader is in its way, a later one does."""
    if state.file is None:
        return
    with failing_as_store():
        raw = state.engine.raw_connection()
        try:
            cursor = raw.cursor()
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            cursor.fetchall()
            cursor.close()
        finally:
            raw.close()
