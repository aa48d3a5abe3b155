"""How far each target of forwarding has come, and which replica forwards to it."""

from datetime import datetime

from sqlalchemy import or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from gateway.store._tables import forward_position
from gateway.store.log_reading import failing_as_store
from gateway.store.state import State


def claim_forwarding(state: State, name: str, holder: str, *, begin: int, now: datetime, until: datetime) -> int | None:
    """The next index to send, where this replica may send it until then; None where another one does.

    A target that was never there begins at `begin`. Raises StoreFailed.
    """
    dialect_insert = sqlite.insert if state.engine.dialect.name == "sqlite" else postgresql.insert
    table = forward_position.c
    fresh = dialect_insert(forward_position).values(name=name, next_idx=begin, holder=holder, held_until=until)
    mine = (
        update(forward_position)
        .where(table.name == name, or_(table.holder == holder, table.held_until < now))
        .values(holder=holder, held_until=until)
        .returning(table.next_idx)
    )
    with failing_as_store(), state.writing() as connection:
        connection.execute(fresh.on_conflict_do_nothing())
        found: int | None = connection.execute(mine).scalar_one_or_none()
        return found


def move_forwarding(state: State, name: str, holder: str, *, sent_to: int, until: datetime) -> bool:
    """Everything before `sent_to` was taken; False where another replica holds the target. Raises StoreFailed."""
    table = forward_position.c
    with failing_as_store(), state.writing() as connection:
        moved = connection.execute(
            update(forward_position)
            .where(table.name == name, table.holder == holder, table.next_idx <= sent_to)
            .values(next_idx=sent_to, held_until=until)
        )
        return moved.rowcount == 1


def release_forwarding(state: State, name: str, holder: str, *, now: datetime) -> None:
    """Let another replica go on at once; raises StoreFailed."""
    table = forward_position.c
    with failing_as_store(), state.writing() as connection:
        connection.execute(
            update(forward_position).where(table.name == name, table.holder == holder).values(holder="", held_until=now)
        )


def read_positions(state: State) -> dict[str, int]:
    """The next index of each target; raises StoreFailed."""
    with failing_as_store(), state.reading() as connection:
        return {row.name: row.next_idx for row in connection.execute(select(forward_position))}
