"""PostgreSQL: what the catalogue promises of a column, however the table keeps it.

A look at the table's column types, kept per table, says where a cast is needed: a uuid, an enum, an inet, a `char(n)`
or a citext where the catalogue says `text`, a float where it says `numeric` (the decimal of at most 15 digits that the
engine makes of it, to 12 places), a json that becomes jsonb. Where none is needed the column stands plain, so that an
index serves. JSON, arrays and ranges travel as text. Time zone and date style are set for each transaction.

Full-text search is what the server's own parser finds.
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, ClassVar

from sqlalchemy import (
    ARRAY,
    Integer,
    Text,
    and_,
    any_,
    bindparam,
    cast,
    collate,
    false,
    func,
    literal,
    literal_column,
    text,
)
from sqlalchemy.engine import Connection
from sqlalchemy.types import String, UserDefinedType

from connectors._cells import Reader, read_whole
from connectors._sql_dialect import READERS, SQL_TYPES, Dialect, Expression
from gateway.errors import Defect, SourceFailed, SourceRubbish, SourceTimeout
from gateway.model.catalog import FieldType
from gateway.model.json_value import JsonStep
from gateway.model.predicate import (
    ContainedIn,
    Contains,
    FullText,
    Lies,
    Matches,
    Overlaps,
    Scalar,
)
from gateway.model.value_text import write_value

# what each type is within a statement, and under which names of the system catalogue a column is that already
_NATIVE: dict[FieldType, tuple[str, frozenset[str]]] = {
    FieldType.TEXT: ("text", frozenset({"text", "varchar"})),
    FieldType.INTEGER: ("bigint", frozenset({"int2", "int4", "int8", "numeric"})),
    FieldType.NUMERIC: ("numeric", frozenset({"int2", "int4", "int8", "numeric"})),
    FieldType.BOOLEAN: ("boolean", frozenset({"bool"})),
    FieldType.DATE: ("date", frozenset({"date", "timestamp", "timestamptz"})),  # a time of day must not be lost
    FieldType.TIMESTAMP: ("timestamptz", frozenset({"timestamp", "timestamptz"})),
    FieldType.JSON: ("jsonb", frozenset({"jsonb"})),
    FieldType.TEXT_ARRAY: ("text[]", frozenset({"_text"})),
    FieldType.INTEGER_ARRAY: ("bigint[]", frozenset({"_int8"})),
    FieldType.NUMERIC_ARRAY: ("numeric[]", frozenset({"_numeric"})),
    FieldType.BOOLEAN_ARRAY: ("boolean[]", frozenset({"_bool"})),
    FieldType.DATE_ARRAY: ("date[]", frozenset({"_date"})),
    FieldType.TIMESTAMP_ARRAY: ("timestamptz[]", frozenset({"_timestamptz"})),
    FieldType.INTEGER_RANGE: ("int8range", frozenset({"int8range"})),
    FieldType.NUMERIC_RANGE: ("numrange", frozenset({"numrange"})),
    FieldType.DATE_RANGE: ("daterange", frozenset({"daterange"})),
    FieldType.TIMESTAMP_RANGE: ("tstzrange", frozenset({"tstzrange"})),
}
_FLOATS = frozenset({"float4", "float8"})
_DRIVERS = frozenset({"asyncpg", "psycopg"})
_ENDLESS = frozenset({"date", "timestamp", "timestamptz"})
_TIMES = frozenset({FieldType.DATE, FieldType.TIMESTAMP})
_CONFIGURATIONS = frozenset({"english", "simple"})
COLUMNS_OF_TABLE = """
    SELECT a.attname, COALESCE(b.typname, t.typname), COALESCE(c.collisdeterministic, true), r.relkind IN ('v', 'f')
    FROM pg_catalog.pg_attribute a
    JOIN pg_catalog.pg_class r ON r.oid = a.attrelid
    JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_catalog.pg_type b ON b.oid = t.typbasetype
    LEFT JOIN pg_catalog.pg_collation c ON c.oid = a.attcollation
    WHERE a.attrelid = pg_catalog.to_regclass(:named) AND a.attnum > 0 AND NOT a.attisdropped
"""


class _Named(UserDefinedType[Any]):
    """A type by its name."""

    cache_ok = True

    def __init__(self, name: str) -> None:
        self.name = name

    def get_col_spec(self, **kw: object) -> str:
        """The name, which is never the asker's."""
        del kw
        return self.name


@dataclass(frozen=True, slots=True)
class StoredColumn:
    """A column as the system catalogue knows it."""

    type: str
    is_deterministic: bool  # equal is equal to the byte
    is_computed: bool = False  # of a view or a foreign table: reading it may run anything


def regclass(schema: str | None, table: str) -> str:
    """The name of a table as `to_regclass` reads it."""
    return ".".join('"' + part.replace('"', '""') + '"' for part in (schema, table) if part is not None)


class ColumnTypes:
    """The column types of tables, looked up at first use and forgotten when a statement fails."""

    def __init__(self) -> None:
        self._known: dict[str, Mapping[str, StoredColumn]] = {}
        self._lock = threading.Lock()

    def of(self, connection: Connection, schema: str | None, table: str) -> Mapping[str, StoredColumn]:
        """The columns of a table; nothing where there is none."""
        named = regclass(schema, table)
        with self._lock:
            known = self._known.get(named)
        if known is None:
            rows = connection.execute(text(COLUMNS_OF_TABLE), {"named": named})
            known = {name: StoredColumn(kind, exact, computed) for name, kind, exact, computed in rows}
            with self._lock:
                self._known[named] = known
        return known

    def forget(self) -> None:
        """Look again at the next use."""
        with self._lock:
            self._known.clear()


class PostgresqlDialect(Dialect):
    """PostgreSQL's way."""

    __slots__ = ()

    types: ClassVar[frozenset[FieldType]] = frozenset(FieldType)
    looks_at_columns: ClassVar[bool] = True
    binds_page: ClassVar[bool] = True

    # -------------------------------------------------------------- values
    def may_raise(self, field_type: FieldType, stored: object) -> bool:
        """What a view computes, and every cast but one to text."""
        if not isinstance(stored, StoredColumn):
            return False
        name, natives = _NATIVE[field_type]
        return stored.is_computed or (stored.type not in natives and name != "text")

    def typed(self, column: Expression, field_type: FieldType, stored: object) -> Expression:
        """The column as the type that the catalogue promises: itself, or a cast."""
        if not isinstance(stored, StoredColumn):
            return column
        name, natives = _NATIVE[field_type]
        if stored.type in natives:
            return column
        if field_type is FieldType.NUMERIC and stored.type in _FLOATS:
            return func.trim_scale(func.round(cast(column, _Named("numeric")), 12))
        if field_type.bound is not None:
            return cast(cast(column, Text()), _Named(name))
        return cast(column, _Named(name))

    def equal(self, column: Expression, field_type: FieldType, stored: object) -> Expression:
        """The form that `=` takes: plain text where the column's own collation tells every two texts apart."""
        is_plain = isinstance(stored, StoredColumn) and stored.is_deterministic
        return column if field_type is FieldType.TEXT and is_plain else self.comparable(column, field_type)

    def shown(self, column: Expression, field_type: FieldType) -> Expression:
        """As text, what a driver would take apart in its own way."""
        return column if field_type.is_scalar else cast(column, Text())

    def encoded(self, value: Scalar, field_type: FieldType) -> object:
        """JSON, arrays and ranges as their text."""
        return super().encoded(value, field_type) if field_type.is_scalar else write_value(value)

    def listed(self, values: Sequence[Scalar], field_type: FieldType) -> list[object]:
        """Texts as they are: there is none that no cell can hold."""
        return list(values) if field_type is FieldType.TEXT else super().listed(values, field_type)

    def text(self, value: str) -> object:
        """Any text, as it is."""
        return value

    def bound(self, name: str, encoded: object, field_type: FieldType) -> Expression:
        """JSON, arrays and ranges from their text."""
        if field_type.is_scalar:
            return super().bound(name, encoded, field_type)
        return cast(bindparam(name, encoded, Text()), _Named(_NATIVE[field_type][0]))

    def among(self, column: Expression, name: str, encoded: object, field_type: FieldType) -> Expression:
        """`= ANY (an array)`: one statement, however many values."""
        return column == any_(bindparam(name, encoded, ARRAY(SQL_TYPES[field_type])))

    def sound(self, raw: Expression, field_type: FieldType, stored: object) -> Expression | None:
        """A date without end is none: a driver may take it for the last one that it knows."""
        is_endless = isinstance(stored, StoredColumn) and stored.type in _ENDLESS
        return func.isfinite(raw) if is_endless and field_type in _TIMES else None

    def reader(self, field_type: FieldType) -> Reader:
        """A numeric without decimals will do for an integer."""
        return read_whole if field_type is FieldType.INTEGER else READERS[field_type]

    def comparable_reader(self, field_type: FieldType) -> Reader:
        """As above."""
        return self.reader(field_type)

    # -------------------------------------------------------------- operations
    def special(self, column: Expression, term: object, bound: Expression) -> Expression:
        """The predicates that only this engine runs."""
        match term:
            case Contains():
                return self._operator("@>", column, bound)
            case ContainedIn():
                return self._operator("<@", column, bound)
            case Overlaps():
                return self._operator("&&", column, bound)
            case Lies(_, relation):
                return self._operator(relation.value, column, bound)
            case Matches(_, _, False):
                return self._operator("~", collate(column, self.collation), bound)
            case FullText(_, mode, _, language) if language in _CONFIGURATIONS:
                # written out, as an index on the same expression has it
                configuration: Expression = literal_column(f"'pg_catalog.{language}'::regconfig")
                query = getattr(func, mode.value)(configuration, bound)
                return self._operator("@@", func.to_tsvector(configuration, column), query)
            case _:
                raise Defect(operator="a predicate that is not claimed")

    def shaped(self, column: Expression, positions: tuple[str, ...]) -> Expression:
        """The length, and a regular expression in which the longest run of one class is any number of them.

        With the length they are exactly those that there were, and the engine has few states to build for each text.
        """
        if not all(positions):
            return false()
        runs = [(allowed, len(list(same))) for allowed, same in groupby(positions)]
        longest = max(range(len(runs)), key=lambda at: runs[at][1], default=None)
        pattern = "".join(
            _class(allowed) + ("+" if at == longest else f"{{{count}}}" if count > 1 else "")
            for at, (allowed, count) in enumerate(runs)
        )
        exact = collate(column, self.collation)
        return and_(
            func.char_length(column) == literal(len(positions), Integer()),
            self._operator("~", exact, literal(f"^{pattern}$", String())),
        )

    def at_path(self, column: Expression, path: tuple[JsonStep, ...]) -> Expression:
        """`->` and `->>`; an integer beyond PostgreSQL's counts nothing."""
        for step in path:
            key: Expression
            if isinstance(step.key, str):
                key = cast(literal(step.key, String()), Text())
            else:
                key = cast(literal(max(min(step.key, 2**31 - 1), -(2**31))), _Named("integer"))
            column = column.op(
                "->>" if step.as_text else "->", return_type=Text() if step.as_text else _Named("jsonb")
            )(key)
        return column

    @staticmethod
    def _operator(sign: str, left: Expression, right: Expression) -> Expression:
        return left.op(sign, is_comparison=True)(right)

    # -------------------------------------------------------------- connections
    def translate(self, error: Exception, dataset: str) -> SourceFailed:
        """As the base; a value that the driver can't hold (a date after the year 9999) is rubbish too."""
        cause = getattr(error, "orig", None) or error
        state = str(getattr(cause, "sqlstate", None) or "")
        told = f"{type(cause).__name__} {state}".strip()
        if state == "57014":
            return SourceTimeout(dataset=dataset, operator=told)
        driver = type(cause).__module__.partition(".")[0]
        is_undecoded = driver == "builtins" and isinstance(cause, ValueError | OverflowError)
        is_of_the_data = driver in _DRIVERS and (type(cause).__name__ == "DataError" or state[:2] in {"22", "42"})
        if is_of_the_data or is_undecoded:
            return SourceRubbish(dataset=dataset, operator=told)
        return super().translate(error, dataset)


def _class(allowed: str) -> str:
    return "[" + "".join(f"\\u{ord(char):04x}" for char in allowed) + "]"


POSTGRESQL = PostgresqlDialect(
    collation="C",
    session=(
        "SET TRANSACTION READ ONLY",
        # in one go: each statement is a journey to the server
        (
            "SELECT set_config('statement_timeout', '{milliseconds}', true), set_config('TimeZone', 'UTC', true),"
            " set_config('DateStyle', 'ISO, YMD', true), set_config('IntervalStyle', 'postgres', true)"
        ),
    ),
    has_nulls_first=True,
)
