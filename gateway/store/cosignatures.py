"""Cosignatures of witnesses: a checkpoint's note and one witness's line under it. Nothing here need be trusted."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, inspect, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from gateway.store._tables import audit_cosignature
from gateway.store.log import StoreFailed
from gateway.store.state import State

_FEW = 256


@dataclass(frozen=True, slots=True)
class CosignatureRow:
    """`line` is a signature line without its line feed."""

    size: int
    witness: str
    note: str
    line: str
    at: datetime


def insert_cosignature(state: State, row: CosignatureRow) -> None:
    """Keep it; another replica may have done so. Raises StoreFailed."""
    values = {"size": row.size, "witness": row.witness, "note": row.note.encode(), "line": row.line, "at": row.at}
    try:
        with state.writing() as connection:
            if state.file is not None:
                connection.execute(sqlite.insert(audit_cosignature).values(values).on_conflict_do_nothing())
            else:
                connection.execute(postgresql.insert(audit_cosignature).values(values).on_conflict_do_nothing())
    except (SQLAlchemyError, OSError) as error:
        raise StoreFailed(type(error).__name__) from None


def read_cosignatures(state: State, *, size: int | None = None, least: int = 0) -> tuple[CosignatureRow, ...]:
    """The newest few, newest first: of one size, or of trees of at least so many entries. Raises StoreFailed."""
    wanted = audit_cosignature.c.size >= least if size is None else audit_cosignature.c.size == size
    query = select(audit_cosignature).where(wanted)
    order = audit_cosignature.c.size.desc(), audit_cosignature.c.witness
    return _read(state, query.order_by(*order).limit(_FEW))


def read_newest_cosignatures(state: State) -> tuple[CosignatureRow, ...]:
    """Of each witness the cosignature on the largest tree; newest first. Raises StoreFailed."""
    largest = (
        select(audit_cosignature.c.witness, func.max(audit_cosignature.c.size).label("size"))
        .group_by(audit_cosignature.c.witness)
        .subquery()
    )
    same = (audit_cosignature.c.witness == largest.c.witness) & (audit_cosignature.c.size == largest.c.size)
    query = select(audit_cosignature).join(largest, same)
    return _read(state, query.order_by(audit_cosignature.c.size.desc(), audit_cosignature.c.witness))


def _read(state: State, query: Select[Any]) -> tuple[CosignatureRow, ...]:
    try:
        with state.reading() as connection:
            if not inspect(connection).has_table(audit_cosignature.name):
                return ()  # a database of before there were witnesses, opened to be read
            return tuple(
                CosignatureRow(row["size"], row["witness"], bytes(row["note"]).decode(), row["line"], row["at"])
                for row in connection.execute(query).mappings()
            )
    except (SQLAlchemyError, OSError, ValueError) as error:
        raise StoreFailed(type(error).__name__) from None


def newest_cosigned_size(state: State, witness: str) -> int | None:
    """The largest tree that this witness signed; None where it signed none. Raises StoreFailed."""
    try:
        with state.reading() as connection:
            query = select(audit_cosignature.c.size).where(audit_cosignature.c.witness == witness)
            return connection.execute(query.order_by(audit_cosignature.c.size.desc()).limit(1)).scalar()
    except (SQLAlchemyError, OSError) as error:
        raise StoreFailed(type(error).__name__) from None
