"""Which policy version serves, for every process of one database; who is about to change it; which processes there are.

A change is one row moved once: its number tells it from every other. Raises StoreFailed.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from gateway.store._tables import policy_serving, serving_process
from gateway.store.log_reading import failing_as_store
from gateway.store.state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingPolicy:
    """The version that serves, and the number of the change that made it so."""

    number: int
    version: str
    since: datetime


def read_serving(state: State) -> ServingPolicy | None:
    """What serves; None where nothing ever did."""
    table = policy_serving.c
    with failing_as_store(), state.reading() as connection:
        row = connection.execute(select(table.number, table.version, table.since)).mappings().one_or_none()
    return None if row is None else ServingPolicy(**row)


def begin_serving(state: State, version: str, *, now: datetime) -> None:
    """Let the version serve where none does yet; of many at once, on any replica, the first one's stays."""
    dialect_insert = sqlite.insert if state.engine.dialect.name == "sqlite" else postgresql.insert
    row = dialect_insert(policy_serving).values(
        id=1, number=1, version=version, since=now, changer="", changing_until=now
    )
    with failing_as_store(), state.writing() as connection:
        connection.execute(row.on_conflict_do_nothing())


def claim_change(state: State, changer: str, *, now: datetime, until: datetime) -> ServingPolicy | None:
    """Be the one who may change it until then, and what is to be replaced; None while somebody else is."""
    table = policy_serving.c
    mine = (
        update(policy_serving)
        .where(or_(table.changer == "", table.changer == changer, table.changing_until < now))
        .values(changer=changer, changing_until=until)
        .returning(table.number, table.version, table.since)
    )
    with failing_as_store(), state.writing() as connection:
        row = connection.execute(mine).mappings().one_or_none()
    return None if row is None else ServingPolicy(**row)


def change_serving(state: State, changer: str, replaces: ServingPolicy, version: str, *, now: datetime) -> bool:
    """Let the version serve from now on; False where another change came between."""
    table = policy_serving.c
    moved = (
        update(policy_serving)
        .where(table.changer == changer, table.number == replaces.number)
        .values(number=replaces.number + 1, version=version, since=now, changer="", changing_until=now)
    )
    with failing_as_store(), state.writing() as connection:
        return connection.execute(moved).rowcount == 1


def release_change(state: State, changer: str, *, now: datetime) -> None:
    """Let somebody else change it at once."""
    with failing_as_store(), state.writing() as connection:
        mine = update(policy_serving).where(policy_serving.c.changer == changer)
        connection.execute(mine.values(changer="", changing_until=now))


# ---------------------------------------------------------------------- processes
def note_process(state: State, process: str, version: str, *, now: datetime) -> None:
    """The process serves, with that version."""
    dialect_insert = sqlite.insert if state.engine.dialect.name == "sqlite" else postgresql.insert
    row = dialect_insert(serving_process).values(id=process, version=version, seen_at=now)
    seen = row.on_conflict_do_update(index_elements=["id"], set_={"version": version, "seen_at": now})
    with failing_as_store(), state.writing() as connection:
        connection.execute(seen)


def forget_process(state: State, process: str, *, unseen_since: datetime) -> None:
    """It serves no more; nor do those that were not seen since."""
    table = serving_process.c
    with failing_as_store(), state.writing() as connection:
        connection.execute(delete(serving_process).where(or_(table.id == process, table.seen_at < unseen_since)))


def has_other_processes(state: State, process: str, *, seen_since: datetime) -> bool:
    """Whether another one was seen since."""
    table = serving_process.c
    query = select(table.id).where(table.id != process, table.seen_at >= seen_since).limit(1)
    with failing_as_store(), state.reading() as connection:
        return connection.execute(query).first() is not None
