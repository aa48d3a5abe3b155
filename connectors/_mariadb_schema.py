"""What information_schema tells of a MariaDB or MySQL database -> TableDescription.

It shows an account what that account may read. Names are compared byte by byte: two tables may differ by case alone.
"""

from typing import Any, Protocol

from gateway.model.catalog import FieldType
from gateway.spi import ForeignKey, TableDescription

COLUMNS_OF_TABLE = """
    SELECT COLUMN_NAME, DATA_TYPE, COLUMN_TYPE, COLLATION_NAME FROM information_schema.COLUMNS
    WHERE TABLE_SCHEMA = COALESCE(%s, DATABASE()) AND BINARY TABLE_NAME = %s
"""
_TABLES = """
    SELECT TABLE_NAME, TABLE_TYPE, TABLE_COMMENT FROM information_schema.TABLES
    WHERE TABLE_SCHEMA = COALESCE(%s, DATABASE()) ORDER BY BINARY TABLE_NAME
"""
_COLUMNS = """
    SELECT TABLE_NAME, COLUMN_NAME, DATA_TYPE, COLUMN_TYPE, IS_NULLABLE, COLUMN_COMMENT FROM information_schema.COLUMNS
    WHERE TABLE_SCHEMA = COALESCE(%s, DATABASE()) ORDER BY BINARY TABLE_NAME, ORDINAL_POSITION
"""
# a key on part of a column is none
_KEYS = """
    SELECT TABLE_NAME, INDEX_NAME, COLUMN_NAME, SUB_PART FROM information_schema.STATISTICS
    WHERE TABLE_SCHEMA = COALESCE(%s, DATABASE()) AND NON_UNIQUE = 0
    ORDER BY BINARY TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX
"""
_FOREIGN_KEYS = """
    SELECT TABLE_NAME, CONSTRAINT_NAME, COLUMN_NAME, REFERENCED_TABLE_NAME, REFERENCED_COLUMN_NAME
    FROM information_schema.KEY_COLUMN_USAGE
    WHERE TABLE_SCHEMA = COALESCE(%s, DATABASE()) AND REFERENCED_TABLE_SCHEMA = TABLE_SCHEMA
    ORDER BY BINARY TABLE_NAME, CONSTRAINT_NAME, ORDINAL_POSITION
"""
_TYPES = {
    "tinyint": FieldType.INTEGER, "smallint": FieldType.INTEGER, "mediumint": FieldType.INTEGER,
    "int": FieldType.INTEGER, "bigint": FieldType.INTEGER, "year": FieldType.INTEGER,
    "decimal": FieldType.NUMERIC, "float": FieldType.NUMERIC, "double": FieldType.NUMERIC,
    "date": FieldType.DATE, "datetime": FieldType.TIMESTAMP, "timestamp": FieldType.TIMESTAMP, "json": FieldType.JSON,
}  # fmt: skip
_FLAGS = frozenset({"tinyint(1)", "bit(1)"})


class Cursor(Protocol):
    """What is needed of a driver's cursor."""

    async def execute(self, query: str, args: Any = None) -> Any:  # noqa: ANN401  # the driver's own signature
        """Ask."""
        ...

    async def fetchall(self) -> Any:  # noqa: ANN401  # as above
        """Take."""
        ...


async def describe_mariadb(cursor: Cursor, schema: str | None) -> tuple[TableDescription, ...]:
    """Every table and view of a database (None: the address's own) that the account may read."""

    async def told(query: str) -> list[tuple[str, ...]]:
        await cursor.execute(query, (schema,))
        return list(await cursor.fetchall())

    tables = await told(_TABLES)
    columns: dict[str, list[tuple[str, FieldType]]] = {name: [] for name, *_ in tables}
    nullable: dict[str, set[str]] = {name: set() for name in columns}
    comments: dict[str, list[tuple[str, str]]] = {name: [] for name in columns}
    for table, column, kind, whole, is_nullable, comment in await told(_COLUMNS):
        columns[table].append((column, field_type(kind, whole)))
        if is_nullable == "YES":
            nullable[table].add(column)
        if comment:
            comments[table].append((column, comment))
    keys: dict[str, dict[str, list[str] | None]] = {name: {} for name in columns}
    for table, index, column, part in await told(_KEYS):
        known = keys[table].setdefault(index, [])
        if part is not None or known is None:
            keys[table][index] = None
        else:
            known.append(column)
    foreign: dict[str, dict[str, list[tuple[str, str, str]]]] = {name: {} for name in columns}
    for table, name, column, to, to_column in await told(_FOREIGN_KEYS):
        if to in columns:
            foreign[table].setdefault(name, []).append((column, to, to_column))
    return tuple(
        TableDescription(
            table=table,
            columns=tuple(columns[table]),
            key=tuple(keys[table].get("PRIMARY") or ()),
            nullable=frozenset(nullable[table]),
            unique=tuple(tuple(found) for index, found in keys[table].items() if found and index != "PRIMARY"),
            foreign_keys=tuple(
                ForeignKey(
                    name=name,
                    columns=tuple(column for column, *_ in parts),
                    to=parts[0][1],
                    to_columns=tuple(there for *_, there in parts),
                )
                for name, parts in foreign[table].items()
            ),
            is_view=kind != "BASE TABLE",
            comment="" if kind != "BASE TABLE" else comment or "",
            comments=tuple(comments[table]),
        )
        for table, kind, comment in tables
    )


def field_type(kind: str, whole: str) -> FieldType:
    """What the catalogue calls a type; `tinyint(1)` and `bit(1)` are booleans by custom, a wide unsigned is numeric."""
    if whole in _FLAGS:
        return FieldType.BOOLEAN
    if kind == "bigint" and "unsigned" in whole:
        return FieldType.NUMERIC
    if kind == "bit":
        return FieldType.INTEGER
    return _TYPES.get(kind, FieldType.TEXT)
