"""Cosignatures of witnesses: a checkpoint's note and one witness's line under it. Nothing here need be trusted."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import inspect, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from gateway.store._tables import audit_cosignature
from gateway.store.log import StoreFailed
from gateway.store.state import State


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


def read_cosignatures(
    state: State, *, size: int | None = None, least: int = 0, most: int = 2**63 - 1
) -> tuple[CosignatureRow, ...]:
    """The cosignatures of one size, or of the newest within bounds that has any. Raises StoreFailed."""
    try:
        with state.reading() as connection:
            if not inspect(connection).has_table(audit_cosignature.name):
                return ()  # a database of before there were witnesses, opened to be read
            wanted = size
            if wanted is None:
                query = select(audit_cosignature.c.size).where(
                    audit_cosignature.c.size >= least, audit_cosignature.c.size <= most
                )
                wanted = connection.execute(query.order_by(audit_cosignature.c.size.desc()).limit(1)).scalar()
            if wanted is None:
                return ()
            found = connection.execute(
                select(audit_cosignature)
                .where(audit_cosignature.c.size == wanted)
                .order_by(audit_cosignature.c.witness)
            ).mappings()
            return tuple(
                CosignatureRow(row["size"], row["witness"], bytes(row["note"]).decode(), row["line"], row["at"])
                for row in found
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
