"""Policy versions that ever served, each once. Rows are only ever added."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from gateway.store._tables import policy_versions
from gateway.store.log import StoreFailed
from gateway.store.state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyVersionRow:
    """What is known of a kept version without its content."""

    version: str
    stored_at: datetime
    size: int  # of the archive, bytes
    packed: int  # of the compressed content, bytes


def insert_policy_version(state: State, *, version: str, stored_at: datetime, size: int, content: bytes) -> None:
    """Keep a version, durably; one that is kept already stays as it is. Raises StoreFailed."""
    dialect_insert = sqlite.insert if state.engine.dialect.name == "sqlite" else postgresql.insert
    row = dialect_insert(policy_versions).values(version=version, stored_at=stored_at, size=size, content=content)
    try:
        with state.writing() as connection:
            connection.execute(row.on_conflict_do_nothing())
    except SQLAlchemyError as error:
        raise StoreFailed(type(error).__name__) from None


def read_policy_version(state: State, version: str) -> bytes | None:
    """The content of a version as it was kept; raises StoreFailed."""
    try:
        with state.reading() as connection:
            return connection.execute(
                select(policy_versions.c.content).where(policy_versions.c.version == version)
            ).scalar_one_or_none()
    except SQLAlchemyError as error:
        raise StoreFailed(type(error).__name__) from None


def read_policy_versions(state: State) -> tuple[PolicyVersionRow, ...]:
    """Every kept version, newest first; raises StoreFailed."""
    columns = policy_versions.c
    packed = func.length(columns.content).label("packed")  # of a blob and of a bytea: bytes
    query = select(columns.version, columns.stored_at, columns.size, packed)
    try:
        with state.reading() as connection:
            rows = connection.execute(query.order_by(columns.stored_at.desc(), columns.version)).mappings().all()
    except SQLAlchemyError as error:
        raise StoreFailed(type(error).__name__) from None
    return tuple(PolicyVersionRow(**row) for row in rows)
