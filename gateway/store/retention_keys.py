"""Wrapped retention keys, one a purpose and month."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from gateway.errors import KeysUnreadable
from gateway.model.retention_key import RetentionKey
from gateway.store._tables import retention_key
from gateway.store.state import State


def read_retention_key(state: State, purpose: str, month: str) -> RetentionKey | None:
    """The key of a purpose and month; raises KeysUnreadable."""
    one = select(retention_key).where(retention_key.c.purpose == purpose, retention_key.c.month == month)
    with _readable(), state.reading() as connection:
        row = connection.execute(one).mappings().one_or_none()
    return None if row is None else RetentionKey(**row)


def keep_retention_key(state: State, key: RetentionKey) -> RetentionKey:
    """Keep a new key, or give the one that is there already; raises KeysUnreadable."""
    values = {column.name: getattr(key, column.name) for column in retention_key.columns}
    try:
        with _readable(), state.writing() as connection:
            connection.execute(insert(retention_key), values)
    except IntegrityError:
        return read_retention_key(state, key.purpose, key.month) or key
    return key


def read_retention_keys(state: State) -> tuple[RetentionKey, ...]:
    """Every key, by month and purpose; raises KeysUnreadable."""
    every = select(retention_key).order_by(retention_key.c.month, retention_key.c.purpose)
    with _readable(), state.reading() as connection:
        return tuple(RetentionKey(**row) for row in connection.execute(every).mappings())


def destroyed_retention_keys(state: State) -> frozenset[str]:
    """The names of those that are gone; raises KeysUnreadable."""
    gone = select(retention_key.c.purpose, retention_key.c.month).where(retention_key.c.destroyed_at.is_not(None))
    with _readable(), state.reading() as connection:
        return frozenset(f"{row.purpose}/{row.month}" for row in connection.execute(gone))


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except IntegrityError:
        raise
    except SQLAlchemyError as error:
        raise KeysUnreadable(
            why=("the database can't be used", "数据库无法使用"), operator=type(error).__name__
        ) from None
