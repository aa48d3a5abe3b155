"""What one process does for all that share the database: who it is, until when. Raises StoreFailed."""

from datetime import datetime

from sqlalchemy import or_, update
from sqlalchemy.dialects import postgresql, sqlite

from gateway.store._tables import duty
from gateway.store.log_reading import failing_as_store
from gateway.store.state import State


def claim_duty(state: State, name: str, holder: str, *, now: datetime, until: datetime) -> bool:
    """Take the duty, or keep it, until then; False where another process has it."""
    dialect_insert = sqlite.insert if state.engine.dialect.name == "sqlite" else postgresql.insert
    table = duty.c
    fresh = dialect_insert(duty).values(name=name, holder="", held_until=now)
    mine = (
        update(duty)
        .where(table.name == name, or_(table.holder == holder, table.holder == "", table.held_until < now))
        .values(holder=holder, held_until=until)
    )
    with failing_as_store(), state.writing() as connection:
        connection.execute(fresh.on_conflict_do_nothing())
        return connection.execute(mine).rowcount == 1


def release_duty(state: State, name: str, holder: str, *, now: datetime) -> None:
    """Let another process have it at once."""
    table = duty.c
    with failing_as_store(), state.writing() as connection:
        connection.execute(
            update(duty).where(table.name == name, table.holder == holder).values(holder="", held_until=now)
        )
