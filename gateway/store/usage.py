"""Daily use against a limit: counted and checked in one statement, so that it is right across replicas."""

from datetime import date

from sqlalchemy.dialects import postgresql, sqlite

from gateway.store._tables import usage_counter
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
