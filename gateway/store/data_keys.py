"""Wrapped data keys. Each change names the state that it leaves, so that of two at once one fails."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, insert, literal, or_, select, text, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from gateway.errors import KeysUnreadable
from gateway.model.data_key import DataKey, KeyUse
from gateway.model.retention_key import RetentionKey
from gateway.store._tables import audit_entry, case_file, data_key, reidentification, retention_key
from gateway.store.state import State

_PAGE = 1_000


def read_data_keys(state: State) -> tuple[DataKey, ...]:
    """Every version of every use, as of one moment; raises KeysUnreadable."""
    with _readable(), state.reading() as connection:
        rows = connection.execute(select(data_key).order_by(data_key.c.use, data_key.c.version)).mappings().all()
    return tuple(DataKey(**{**row, "use": KeyUse(row["use"])}) for row in rows)


def insert_data_keys(state: State, keys: tuple[DataKey, ...]) -> bool:
    """Keep all of them or none; False where one of the versions is there already."""
    rows = [
        {column.name: getattr(key, column.name) for column in data_key.columns} | {"use": key.use.value} for key in keys
    ]
    try:
        with _readable(), state.writing() as connection:
            connection.execute(insert(data_key), rows)
    except IntegrityError:
        return False
    return True


def retire_data_key(state: State, use: KeyUse, version: int, *, by: str, now: datetime) -> bool:
    """False where it is retired or destroyed already."""
    return _change(state, use, version, data_key.c.retired_at.is_(None), retired_at=now, retired_by=by)


def reinstate_data_key(state: State, use: KeyUse, version: int) -> bool:
    """False where it isn't retired, or is destroyed."""
    is_retired = data_key.c.retired_at.is_not(None) & data_key.c.destroyed_at.is_(None)
    return _change(state, use, version, is_retired, retired_at=None, retired_by=None)


def destroy_data_key(state: State, use: KeyUse, version: int, *, retired_at: datetime, now: datetime) -> bool:
    """Overwrite the wrapped key with NULL; False where it isn't as retired at that moment any more."""
    is_retired = (data_key.c.retired_at == retired_at) & data_key.c.destroyed_at.is_(None)
    return _change(state, use, version, is_retired, wrapped=None, destroyed_at=now)


def replace_wrapped(
    state: State,
    changed: tuple[tuple[DataKey, DataKey], ...],
    retention: tuple[tuple[RetentionKey, RetentionKey], ...],
) -> bool:
    """Each key's wrap by another, all or none; False where one is not as it was read."""
    try:
        with _readable(), state.writing() as connection:
            for was, becomes in changed:
                done = connection.execute(
                    update(data_key)
                    .where(
                        data_key.c.use == was.use.value,
                        data_key.c.version == was.version,
                        data_key.c.wrapped == was.wrapped,
                    )
                    .values(wrapped=becomes.wrapped, wrap=becomes.wrap)
                )
                if done.rowcount != 1:
                    raise _Changed
            for month_was, month_becomes in retention:
                done = connection.execute(
                    update(retention_key)
                    .where(
                        retention_key.c.purpose == month_was.purpose,
                        retention_key.c.month == month_was.month,
                        retention_key.c.wrapped == month_was.wrapped,
                    )
                    .values(wrapped=month_becomes.wrapped, wrap=month_becomes.wrap)
                )
                if done.rowcount != 1:
                    raise _Changed
            kept = select(func.count()).select_from(retention_key).where(retention_key.c.wrapped.is_not(None))
            if connection.execute(kept).scalar_one() != len(retention):
                raise _Changed  # one was made meanwhile
    except _Changed:
        return False
    return True


def count_sealed(state: State, version: int) -> tuple[int, int]:
    """Case files, and requests for re-identification, of which something is sealed under this version."""

    def under(column: ColumnElement[bytes]) -> ColumnElement[bool]:
        return func.substr(column, 1, 1) == bytes([version])  # what is sealed begins with its version

    requests = or_(under(reidentification.c.content), under(reidentification.c.note))
    with _readable(), state.reading() as connection:
        files = connection.execute(
            select(func.count()).select_from(case_file).where(under(case_file.c.subjects))
        ).scalar_one()
        asked = connection.execute(select(func.count()).select_from(reidentification).where(requests)).scalar_one()
    return files, asked


def entries_with(state: State, words: str) -> Iterator[bytes]:
    """Bodies of released entries that hold the words somewhere, in the log's order."""
    after = -1
    while True:
        with _readable(), state.reading() as connection:
            rows = connection.execute(
                select(audit_entry.c.idx, audit_entry.c.body)
                .where(audit_entry.c.idx > after, audit_entry.c.outcome == "released", _holds(state, words))
                .order_by(audit_entry.c.idx)
                .limit(_PAGE)
            ).all()
        for row in rows:
            yield row.body
        if len(rows) < _PAGE:
            return
        after = rows[-1].idx


def _holds(state: State, words: str) -> ColumnElement[bool]:
    needle = literal(words.encode(), audit_entry.c.body.type)
    if state.file is not None:
        return func.instr(audit_entry.c.body, needle) > 0
    return text("position(:needle in body) > 0").bindparams(needle=words.encode())  # type: ignore[return-value] # a condition in words


class _Changed(Exception):
    """A row is not as it was read."""


def _change(state: State, use: KeyUse, version: int, is_so: ColumnElement[bool], **values: Any) -> bool:  # noqa: ANN401 - columns of several types
    with _readable(), state.writing() as connection:
        done = connection.execute(
            update(data_key).where(data_key.c.use == use.value, data_key.c.version == version, is_so).values(**values)
        )
    return done.rowcount == 1


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
