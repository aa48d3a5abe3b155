"""SQLite: any column may hold anything, so exactness is our own work here.

Numerics and timestamps compare by an order-preserving key (two functions that we add to the connection); text by
BINARY, whatever collation the column declares; each row says whether the cells that chose it were well typed.
A REAL cell of a numeric is taken as the decimal of at most 15 digits that it prints as (what was written, by
IEEE 754); with more digits it is refused. A connection is read-only three times over: opened `mode=ro`,
`query_only`, and by an authorizer that admits reading only.
"""

import sqlite3
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import String, and_, bindparam, collate, false, func, literal
from sqlalchemy.engine import Connection
from sqlalchemy.sql.elements import ColumnElement

from connectors._cells import (
    EXACT,
    NotPromised,
    Reader,
    in_numerics,
    read_flag,
    read_numeric,
    read_sum,
    read_timestamp,
)
from connectors._sql_dialect import READERS, Dialect, Expression
from gateway.errors import Defect, SourceFailed, SourceRubbish, SourceTimeout, SourceUnavailable
from gateway.model.catalog import FieldType
from gateway.model.predicate import Scalar

_OFFSET = 10**38
_TEXTUAL = (FieldType.TEXT, FieldType.DATE)
_KEYS = {FieldType.NUMERIC: "langqiao_numeric_key", FieldType.TIMESTAMP: "langqiao_timestamp_key"}
_ISO_DATE = "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]"
_READING = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
_PRAGMAS = {
    "table_info",
    "table_xinfo",
    "table_list",
    "index_list",
    "index_info",
    "index_xinfo",
    "encoding",
    "read_uncommitted",
    "foreign_key_list",
}
_BROKEN = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_MISMATCH}


def read_stored_numeric(cell: object) -> Decimal:
    """A numeric as SQLite may store it: integer, decimal text, or a REAL of at most 15 digits."""
    if type(cell) is float:
        value = Decimal(repr(cell))
        if len(value.normalize(EXACT).as_tuple().digits) > 15:
            raise NotPromised("a REAL cell is no exact numeric")
        return in_numerics(value)
    return read_numeric(cell)


def numeric_key(cell: object) -> str | None:
    """A text that sorts as the number does; equal numbers have one key."""
    if cell is None:
        return None
    return f"{_OFFSET + int(read_stored_numeric(cell).scaleb(12, context=EXACT)):039d}"


def read_numeric_key(cell: object) -> Decimal:
    """The number of a key."""
    if type(cell) is not str:
        raise NotPromised("a key is no text")
    return read_sum(Decimal(int(cell) - _OFFSET).scaleb(-12, context=EXACT))


def timestamp_key(cell: object) -> str | None:
    """One text form for all that are accepted."""
    return None if cell is None else _canonical(read_timestamp(cell))


def _canonical(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")


class _ExactSum:
    """Aggregate: the exact sum as text; NULL over nothing."""

    def __init__(self) -> None:
        self._sum: Decimal | None = None

    def step(self, cell: object) -> None:
        """Add one cell."""
        if cell is not None:
            self._sum = EXACT.add(self._sum or Decimal(0), read_stored_numeric(cell))

    def finalize(self) -> str | None:
        """The sum."""
        return None if self._sum is None else format(self._sum, "f")


def _authorize(action: int, first: str | None, second: str | None, database: str | None, inner: str | None) -> int:
    del second, database, inner
    if action in _READING or action == sqlite3.SQLITE_TRANSACTION:
        return sqlite3.SQLITE_OK
    if action == sqlite3.SQLITE_PRAGMA and first in _PRAGMAS:
        return sqlite3.SQLITE_OK
    return sqlite3.SQLITE_DENY


def connect_read_only(file: Path) -> Callable[[], sqlite3.Connection]:
    """Makes read-only connections to the file."""

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"{file.as_uri()}?mode=ro", uri=True, check_same_thread=False, isolation_level=None, timeout=1.0
        )
        try:
            connection.execute("PRAGMA query_only=ON")
            connection.execute("PRAGMA trusted_schema=OFF")
            if connection.execute("PRAGMA encoding").fetchone() != ("UTF-8",):
                raise sqlite3.DatabaseError("the database's text is not UTF-8")  # BINARY would not be by code point
            connection.create_function("langqiao_numeric_key", 1, numeric_key, deterministic=True)
            connection.create_function("langqiao_timestamp_key", 1, timestamp_key, deterministic=True)
            connection.create_aggregate("langqiao_sum", 1, _ExactSum)  # type: ignore[arg-type]  # text is a value
            connection.set_authorizer(_authorize)
        except BaseException:
            connection.close()
            raise
        return connection

    return connect


class SqliteDialect(Dialect):
    """SQLite's way."""

    __slots__ = ()

    def comparable(self, column: Expression, field_type: FieldType) -> Expression:
        """BINARY text, plain integers, keys for the rest."""
        if field_type in _TEXTUAL:
            return collate(column, self.collation)
        if field_type in _KEYS:
            key: ColumnElement[Any] = getattr(func, _KEYS[field_type])(column, type_=String())
            return key
        return column

    def encoded(self, value: Scalar, field_type: FieldType) -> str | int:
        """The stored form of a value."""
        match field_type, value:
            case (FieldType.TEXT, str()):
                return value
            case (FieldType.INTEGER | FieldType.BOOLEAN, int() | Decimal()):
                return int(value)
            case (FieldType.NUMERIC, int() | Decimal()):
                return numeric_key(int(value) if isinstance(value, bool) else value) or ""
            case (FieldType.TIMESTAMP, datetime()):
                return _canonical(value)
            case (FieldType.DATE, date()):
                return value.isoformat()
            case _:
                raise Defect(operator=f"a filter's value does not fit the type {field_type}")

    def may_raise(self, field_type: FieldType, stored: object) -> bool:
        """Functions that make keys refuse a cell of another type."""
        del stored
        return field_type in _KEYS

    def bound(self, name: str, encoded: object, field_type: FieldType) -> Expression:
        """The stored form, as it is."""
        del field_type
        return bindparam(name, encoded)

    def among(self, column: Expression, name: str, encoded: object, field_type: FieldType) -> Expression:
        """`IN` over stored forms."""
        del field_type
        return column.in_(bindparam(name, encoded, expanding=True))

    def reader(self, field_type: FieldType) -> Reader:
        """Stored cells: flags are 0 and 1."""
        if field_type is FieldType.BOOLEAN:
            return read_flag
        return read_stored_numeric if field_type is FieldType.NUMERIC else READERS[field_type]

    def comparable_reader(self, field_type: FieldType) -> Reader:
        """Keys back to values."""
        return read_numeric_key if field_type is FieldType.NUMERIC else self.reader(field_type)

    def check(self, column: Expression, field_type: FieldType) -> Expression | None:
        """Well typed cells only; functions that make keys refuse by themselves."""
        kind: Expression = func.typeof(column)
        match field_type:
            case FieldType.TEXT:
                return and_(kind == "text", func.instr(column, func.char(0)) == 0)
            case FieldType.DATE:
                return and_(kind == "text", column.op("GLOB")(literal(_ISO_DATE)))
            case FieldType.INTEGER:
                return kind == "integer"
            case FieldType.BOOLEAN:
                return and_(kind == "integer", column.in_([0, 1]))
            case FieldType.NUMERIC | FieldType.TIMESTAMP:
                return self.comparable(column, field_type).is_not(None)
            case _:
                return None

    def pattern(self, pattern: str) -> str:
        """As GLOB writes it."""
        return "".join({"%": "*", "_": "?", "*": "[*]", "?": "[?]", "[": "[[]"}.get(char, char) for char in pattern)

    def like(self, column: Expression, pattern: Expression) -> Expression:
        """GLOB: minds case and code points without a setting of the connection."""
        return column.op("GLOB", is_comparison=True)(pattern)

    def is_truth(self, column: Expression, truth: bool) -> Expression:
        """SQLite's IS compares any value and is never unknown."""
        return column.op("IS", is_comparison=True)(literal(int(truth)))

    def shaped(self, column: Expression, positions: tuple[str, ...]) -> Expression:
        """A GLOB of one class a position."""
        if not all(positions):
            return false()
        return column.op("GLOB", is_comparison=True)(literal("".join(_class(set(allowed)) for allowed in positions)))

    def right(self, column: Expression, count: int) -> Expression:
        """Counted from the end."""
        return func.substr(column, -count) if count else literal("")

    def total(self, column: Expression, field_type: FieldType) -> Expression:
        """Exact for numerics too."""
        return func.langqiao_sum(column) if field_type is FieldType.NUMERIC else func.sum(column)

    def begin(self, connection: Connection, seconds: float) -> None:
        """Nothing: the connection itself is read-only, and the time limit interrupts it."""

    def stop(self, driver: object) -> None:
        """Interrupt what runs."""
        if isinstance(driver, sqlite3.Connection):
            driver.interrupt()

    def translate(self, error: Exception, dataset: str) -> SourceFailed:
        """By SQLite's own result code."""
        cause = getattr(error, "orig", None) or error
        name = getattr(cause, "sqlite_errorname", "")
        code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
        told = f"{type(cause).__name__} {name}".strip()
        if code == sqlite3.SQLITE_INTERRUPT:
            return SourceTimeout(dataset=dataset, operator=told)
        is_broken = code in _BROKEN or (isinstance(cause, sqlite3.DatabaseError) and not name)
        return (SourceRubbish if is_broken else SourceUnavailable)(dataset=dataset, operator=told)


def _class(allowed: set[str]) -> str:
    if len(allowed) == 1:
        only = next(iter(allowed))
        return f"[{only}]" if only in "*?[" else only
    first = "]" if "]" in allowed else ""
    last = "".join(char for char in "^-" if char in allowed)
    middle = "".join(sorted(allowed - set("]^-")))
    if not first and not middle:  # "^" must not stand first
        return "[-^]"
    return f"[{first}{middle}{last}]"


SQLITE = SqliteDialect(collation="BINARY", session=(), has_nulls_first=True)
