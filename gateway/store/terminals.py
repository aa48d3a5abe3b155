"""Terminals: devices with a public key of their own. Nothing here is secret; who may use which is administration's."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, insert, select, update

from gateway.store._tables import terminal
from gateway.store.state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminalRecord:
    """One row of the table."""

    id: str
    principal: str
    app: str
    title: str
    jwk: str  # the public key, RFC 7517
    thumbprint: str  # RFC 7638
    state: str  # registered, approved, revoked
    registered_at: datetime
    approved_by: str | None
    revoked_at: datetime | None


def insert_terminal(state: State, record: TerminalRecord, *, most: int) -> bool:
    """Keep a new terminal, durably; False where its person has `most` that are not revoked, or this key already."""
    table = terminal.c
    mine = (table.principal == record.principal) & (table.state != "revoked")
    with state.writing() as connection:
        count = connection.execute(select(func.count()).select_from(terminal).where(mine)).scalar_one()
        same = mine & (table.app == record.app) & (table.thumbprint == record.thumbprint)
        if count >= most or connection.execute(select(table.id).where(same)).first() is not None:
            return False
        values = {name: getattr(record, name) for name in TerminalRecord.__slots__}
        connection.execute(insert(terminal).values(**values))
        return True


def read_terminal(state: State, terminal_id: str) -> TerminalRecord | None:
    """The terminal, or None."""
    with state.reading() as connection:
        row = connection.execute(select(terminal).where(terminal.c.id == terminal_id)).mappings().one_or_none()
    return None if row is None else TerminalRecord(**row)


def read_terminals(state: State, *, principal: str | None, limit: int) -> tuple[TerminalRecord, ...]:
    """The newest, of one person or of all."""
    query = select(terminal).order_by(terminal.c.registered_at.desc(), terminal.c.id).limit(limit)
    if principal is not None:
        query = query.where(terminal.c.principal == principal)
    with state.reading() as connection:
        rows = connection.execute(query).mappings().all()
    return tuple(TerminalRecord(**row) for row in rows)


def approve_terminal(state: State, terminal_id: str, *, by: str) -> bool:
    """False where it is not (or no longer) one that waits."""
    where = (terminal.c.id == terminal_id) & (terminal.c.state == "registered")
    with state.writing() as connection:
        moved = connection.execute(update(terminal).where(where).values(state="approved", approved_by=by))
        return moved.rowcount == 1


def revoke_terminal(state: State, terminal_id: str, *, at: datetime) -> bool:
    """For good; False where it is revoked already."""
    where = (terminal.c.id == terminal_id) & (terminal.c.state != "revoked")
    with state.writing() as connection:
        moved = connection.execute(update(terminal).where(where).values(state="revoked", revoked_at=at))
        return moved.rowcount == 1
