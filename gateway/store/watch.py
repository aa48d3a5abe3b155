"""Watching the log: how far, what detectors keep, what is to be written; and the canaries. Raises StoreFailed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, func, or_, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite

from gateway.store._tables import audit_entry, canary, review, watch_memory, watch_place, watch_task
from gateway.store.log_reading import failing_as_store
from gateway.store.state import State

Place = tuple[str, str]
"""A detector and the digest of a key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchTask:
    """An entry to be written: of a flag, or that a review was opened (`origin` says why)."""

    id: str
    refers_to: int
    origin: str
    detail: str
    claimed_at: datetime | None = None


def watched_until(state: State) -> int:
    """The index of the first entry that wasn't watched yet."""
    with failing_as_store(), state.reading() as connection:
        return connection.execute(select(watch_place.c.next)).scalar() or 0


def read_memories(state: State, places: Iterable[Place]) -> dict[Place, str]:
    """What is kept at these places."""
    wanted = sorted(set(places))
    table, found = watch_memory.c, dict[Place, str]()
    with failing_as_store(), state.reading() as connection:
        for start in range(0, len(wanted), 200):
            part = tuple_(table.detector, table.key).in_(wanted[start : start + 200])
            rows = connection.execute(select(table.detector, table.key, table.memory).where(part))
            found |= {(row.detector, row.key): row.memory for row in rows}
    return found


def keep_watch(
    state: State, before: int, after: int, memories: Mapping[Place, str], tasks: Sequence[WatchTask]
) -> bool:
    """Keep in one transaction what came of the entries `before` to `after`; False where another got further."""
    insert = _insert(state)
    with failing_as_store(), state.writing() as connection:
        connection.execute(insert(watch_place).values(id=1, next=0).on_conflict_do_nothing())
        # the row is locked from here on: of two replicas one finds that the place moved
        moved = update(watch_place).where(watch_place.c.next == before).values(next=after)
        if connection.execute(moved).rowcount != 1:
            return False
        # many at once: on SQLite the log waits for this transaction
        if memories:
            fresh = insert(watch_memory)
            kept = fresh.on_conflict_do_update(
                index_elements=["detector", "key"], set_={"memory": fresh.excluded.memory}
            )
            rows = [{"detector": name, "key": key, "memory": memory} for (name, key), memory in memories.items()]
            connection.execute(kept, rows)
        if tasks:
            new = [
                {"id": task.id, "refers_to": task.refers_to, "origin": task.origin, "detail": task.detail}
                for task in tasks
            ]
            connection.execute(insert(watch_task).on_conflict_do_nothing(), new)
        return True


def due_tasks(state: State, *, abandoned: datetime, limit: int = 100) -> tuple[WatchTask, ...]:
    """Tasks without an entry that nobody claimed since `abandoned`, oldest first."""
    table = watch_task.c
    query = select(table.id, table.refers_to, table.origin, table.detail, table.claimed_at).where(_is_free(abandoned))
    with failing_as_store(), state.reading() as connection:
        rows = connection.execute(query.order_by(table.refers_to, table.id).limit(limit)).mappings()
        return tuple(WatchTask(**row) for row in rows)


def claim_task(state: State, task: str, *, now: datetime, abandoned: datetime) -> bool:
    """Take it on oneself to write the task's entry; of many at once, on any replica, one gets it."""
    mine = update(watch_task).where(watch_task.c.id == task, _is_free(abandoned)).values(claimed_at=now)
    with failing_as_store(), state.writing() as connection:
        return connection.execute(mine).rowcount == 1


def settle_task(state: State, task: WatchTask, index: int, *, opened_at: datetime) -> None:
    """The task's entry is durable at `index` (-1: it wasn't needed); the review that it opens is open."""
    with failing_as_store(), state.writing() as connection:
        connection.execute(update(watch_task).where(watch_task.c.id == task.id).values(idx=index))
        if task.origin and index >= 0:
            fresh = _insert(state)(review).values(
                idx=task.refers_to, origin=task.origin, opened_at=opened_at, opened_by=""
            )
            connection.execute(fresh.on_conflict_do_nothing())


def entry_traced(state: State, trace_id: str, since: datetime) -> int | None:
    """The index of an entry with this trace id, written since then."""
    query = select(func.min(audit_entry.c.idx)).where(
        audit_entry.c.at >= since, audit_entry.c.trace_id == trace_id, audit_entry.c.outcome == "done"
    )
    with failing_as_store(), state.reading() as connection:
        found: int | None = connection.execute(query).scalar()
        return found


def indexes_between(state: State, since: datetime, until: datetime, *, most: int) -> Sequence[int]:
    """Indexes of at most `most` entries with a time from `since` on and before `until`, in the order of time."""
    table = audit_entry.c
    query = select(table.idx).where(table.at >= since, table.at < until).order_by(table.at).limit(most)
    with failing_as_store(), state.reading() as connection:
        return connection.execute(query).scalars().all()


def count_overdue(state: State, opened_before: datetime, now: datetime) -> tuple[int, int]:
    """Reviews whose decision, and whose answer, is overdue."""
    decisions = select(func.count()).where(review.c.decided_at.is_(None), review.c.opened_at <= opened_before)
    answers = select(func.count()).where(
        review.c.decided_at.is_(None), review.c.answered_at.is_(None), review.c.answer_due <= now
    )
    with failing_as_store(), state.reading() as connection:
        return connection.execute(decisions).scalar_one(), connection.execute(answers).scalar_one()


# ---------------------------------------------------------------------- canaries
def read_canaries(state: State) -> tuple[tuple[str, str, datetime], ...]:
    """Keyed hash, by whom and when, in the order they came."""
    table = canary.c
    with failing_as_store(), state.reading() as connection:
        rows = connection.execute(select(table.subject, table.added_by, table.added_at).order_by(table.added_at))
        return tuple((row.subject, row.added_by, row.added_at) for row in rows)


def add_canary(state: State, subject: str, *, by: str, now: datetime) -> None:
    """Watch for this keyed hash from now on; once is enough."""
    with failing_as_store(), state.writing() as connection:
        fresh = _insert(state)(canary).values(subject=subject, added_by=by, added_at=now)
        connection.execute(fresh.on_conflict_do_nothing())


def remove_canary(state: State, subject: str) -> bool:
    """Watch for it no more; False where nobody did."""
    with failing_as_store(), state.writing() as connection:
        return connection.execute(delete(canary).where(canary.c.subject == subject)).rowcount == 1


def _is_free(abandoned: datetime) -> ColumnElement[bool]:
    table = watch_task.c
    return and_(table.idx.is_(None), or_(table.claimed_at.is_(None), table.claimed_at < abandoned))


def _insert(state: State) -> Any:  # noqa: ANN401 - of two dialects
    return sqlite.insert if state.engine.dialect.name == "sqlite" else postgresql.insert
