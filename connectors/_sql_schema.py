"""What SQLAlchemy's inspector tells of a schema, for databases whose own catalogue isn't read here -> TableDescription.

A part that a database can't tell, or won't tell this account, is left out; of a table that can't be looked into at all
(a broken view, a missing right) only the name is told.
"""

import time
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import Connection, Inspector, inspect
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.types import TypeEngine

from gateway.model.catalog import FieldType
from gateway.spi import ForeignKey, TableDescription

T = TypeVar("T")
EXTRAS_SECONDS = 8.0
"""A schema of thousands of tables is told whole; after this long without unique and foreign keys and table comments."""


def describe_schema(
    connection: Connection, schema: str | None, field_type: Callable[[TypeEngine[Any]], FieldType]
) -> tuple[TableDescription, ...]:
    """Every table and view, with columns, keys, foreign keys and comments as far as they are told."""
    found = inspect(connection)
    views = frozenset(found.get_view_names(schema))
    names = sorted({*found.get_table_names(schema), *views})
    until = time.monotonic() + EXTRAS_SECONDS
    return tuple(
        _described(found, name, schema, field_type, is_view=name in views, has_time=time.monotonic() < until)
        for name in names
    )


def _described(
    found: Inspector,
    name: str,
    schema: str | None,
    field_type: Callable[[TypeEngine[Any]], FieldType],
    *,
    is_view: bool,
    has_time: bool,
) -> TableDescription:
    columns = _told(lambda: found.get_columns(name, schema)) or []
    parts = sorted((place, column["name"]) for column in columns if (place := column.get("primary_key")))  # SQLite's
    primary = None if is_view or parts else _told(lambda: found.get_pk_constraint(name, schema))
    unique = [] if is_view or not has_time else _told(lambda: found.get_unique_constraints(name, schema)) or []
    foreign = [] if is_view or not has_time else _told(lambda: found.get_foreign_keys(name, schema)) or []
    comment = _told(lambda: found.get_table_comment(name, schema)) if has_time else None
    return TableDescription(
        table=name,
        columns=tuple((column["name"], field_type(column["type"])) for column in columns),
        key=tuple(primary["constrained_columns"]) if primary else tuple(part for _, part in parts),
        nullable=frozenset(column["name"] for column in columns if column.get("nullable")),
        unique=tuple(dict.fromkeys(tuple(one["column_names"]) for one in unique if all(one["column_names"]))),
        foreign_keys=tuple(
            ForeignKey(
                name=one["name"] or "_".join([name, *one["constrained_columns"]]),
                columns=tuple(one["constrained_columns"]),
                to=one["referred_table"],
                to_columns=tuple(one["referred_columns"]),
            )
            for one in foreign
            if one["referred_columns"] and one.get("referred_schema") in {None, schema}
        ),
        is_view=is_view,
        comment=(comment["text"] or "") if comment else "",
        comments=tuple((column["name"], told) for column in columns if (told := column.get("comment"))),
    )


def _told(ask: Callable[[], T]) -> T | None:
    """The answer; None where the database has or gives none."""
    try:
        return ask()
    except (SQLAlchemyError, NotImplementedError):
        return None
