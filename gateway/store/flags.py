"""Flags: which were raised on which day, each once; what a flag says is its entry in the log."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, and_, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from gateway.store._tables import audit_entry, raised_flag
from gateway.store.log_reading import failing_as_store
from gateway.store.state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagKey:
    """What a flag is raised once for."""

    principal: str
    purpose: str
    day: date  # UTC
    what: str


def claim_flag(state: State, key: FlagKey, *, now: datetime, abandoned: datetime) -> bool:
    """Take it on oneself to write the flag's entry; False where it is written, or was claimed since `abandoned`.

    Of many at once, on any replica, one gets it. Raises StoreFailed.
    """
    table = raised_flag
    dialect_insert = sqlite.insert if state.engine.dialect.name == "sqlite" else postgresql.insert
    fresh = dialect_insert(table).values(
        principal=key.principal, purpose=key.purpose, day=key.day, what=key.what, claimed_at=now
    )
    statement = fresh.on_conflict_do_update(
        index_elements=list(table.primary_key.columns),
        set_={"claimed_at": now},
        where=and_(table.c.idx.is_(None), table.c.claimed_at < abandoned),
    ).returning(table.c.what)
    with failing_as_store(), state.writing() as connection:
        return connection.execute(statement).first() is not None


def settle_flag(state: State, key: FlagKey, *, index: int | None) -> None:
    """The flag's entry is durable; None: it could not be written, and whoever comes next may. Raises StoreFailed."""
    with failing_as_store(), state.writing() as connection:
        if index is None:
            connection.execute(delete(raised_flag).where(_is(key), raised_flag.c.idx.is_(None)))
        else:
            connection.execute(update(raised_flag).where(_is(key)).values(idx=index))


def read_flags(state: State, *, after: int, limit: int) -> Sequence[tuple[int, bytes]]:
    """Index and bytes of the log's entries of kind `flag` over `after`, oldest first; raises StoreFailed."""
    flags = select(audit_entry.c.idx, audit_entry.c.body).where(audit_entry.c.kind == "flag", audit_entry.c.idx > after)
    with failing_as_store(), state.reading() as connection:
        return [(row.idx, row.body) for row in connection.execute(flags.order_by(audit_entry.c.idx).limit(limit))]


def _is(key: FlagKey) -> ColumnElement[bool]:
    table = raised_flag.c
    return and_(
        table.principal == key.principal,
        table.purpose == key.purpose,
        table.day == key.day,
        table.what == key.what,
    )
