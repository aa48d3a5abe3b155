"""Daily use against a limit: counted and checked in one statement, so that it is right across replicas."""

from datetime import date

from sqlalchemy import ColumnElement, and_, update
from sqlalchemy.dialects import postgresql, sqlite

from gateway.store._tables import usage_counter, usage_subject
from gateway.store.state import State


def charge(state: State, *, principal: str, purpose: str, day: str, what: str, amount: int, limit: int) -> bool:
    """Add `amount` to what `principal` used of `what` for `purpose` on the UTC day (ISO), durably.

    False, with nothing added, where that would be more than `limit`.
    """
    if amount < 1:
        msg = "an amount is at least 1"
        raise ValueError(msg)
    if amount > limit:
        return False
    table = usage_counter
    dialect_insert = sqlite.insert if state.engine.dialect.name == "sqlite" else postgresql.insert
    fresh = dialect_insert(table).values(
        principal=principal, purpose=purpose, day=date.fromisoformat(day), what=what, used=amount
    )
    statement = fresh.on_conflict_do_update(
        index_elements=[table.c.principal, table.c.purpose, table.c.day, table.c.what],
        set_={"used": table.c.used + amount},
        where=table.c.used + amount <= limit,
    ).returning(table.c.used)
    with state.writing() as connection:
        return connection.execute(statement).scalar_one_or_none() is not None


class _OverLimit(Exception):
    """Ends the transaction, so that nothing of it stays."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


def charge_release(
    state: State,
    *,
    principal: str,
    purpose: str,
    day: str,
    rows: int,
    rows_limit: int | None,
    subjects: tuple[str, ...],
    subjects_limit: int | None,
) -> str | None:
    """Count the rows and the people (keyed hashes; each once a day) of one answer, durably and in one step.

    `rows` or `subjects` where that limit would be passed, with nothing counted; None where it was counted.
    """
    whole = date.fromisoformat(day)
    dialect_insert = sqlite.insert if state.engine.dialect.name == "sqlite" else postgresql.insert
    key = {"principal": principal, "purpose": purpose, "day": whole}

    def counter(what: str) -> ColumnElement[bool]:
        table = usage_counter.c
        return and_(table.principal == principal, table.purpose == purpose, table.day == whole, table.what == what)

    try:
        with state.writing() as connection:
            for what, amount, limit in (("rows", rows, rows_limit), ("subjects", len(subjects), subjects_limit)):
                if limit is None or amount == 0:
                    continue
                # the counter's row is locked from here on: of two answers at once, the second waits and sees the first
                begun = dialect_insert(usage_counter).values(**key, what=what, used=0)
                connection.execute(
                    begun.on_conflict_do_update(
                        index_elements=list(usage_counter.primary_key.columns), set_={"used": usage_counter.c.used}
                    )
                )
                fresh = amount
                if what == "subjects":
                    fresh = sum(
                        connection.execute(
                            dialect_insert(usage_subject)
                            .values(**key, subject=subject)
                            .on_conflict_do_nothing()
                            .returning(usage_subject.c.subject)
                        ).first()
                        is not None
                        for subject in sorted(set(subjects))
                    )
                counted = connection.execute(
                    update(usage_counter)
                    .where(counter(what), usage_counter.c.used + fresh <= limit)
                    .values(used=usage_counter.c.used + fresh)
                )
                if counted.rowcount != 1:
                    raise _OverLimit(what)
    except _OverLimit as over:
        return over.what
    return None
