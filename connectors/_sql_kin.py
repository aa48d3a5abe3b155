"""Oracle, DM, SQL Server and Trino: what they do is claimed only as far as their manuals promise it.

None of them could be asked where this was written: their statements are compiled and parsed in the tests, and the
conformance kit is there for whoever has one. Text compares by code point; a fixed-length `char` is padded by all of
them and has no place here: give the account a view that casts it.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import ClassVar

from sqlalchemy import (
    BindParameter,
    LargeBinary,
    Numeric,
    String,
    and_,
    bindparam,
    cast,
    collate,
    false,
    func,
    literal,
    literal_column,
)
from sqlalchemy.dialects.mssql import NVARCHAR, VARCHAR
from sqlalchemy.sql.visitors import iterate

from connectors._cells import NotPromised, Reader, read_date, read_flag, read_text, read_whole
from connectors._sql_dialect import READERS, Dialect, Expression
from gateway.model.catalog import FieldType
from gateway.model.predicate import Comparator, Scalar

_BYTES = "Latin1_General_100_BIN2_UTF8"
_CHARACTERS = "Latin1_General_100_CS_AS_KS_WS_SC"  # functions count code points, not halves of surrogate pairs
_CODES = "Latin1_General_100_BIN2"


@dataclass(frozen=True, slots=True)
class PlainDialect(Dialect):
    """An engine whose text compares by code point as it stands, and that has no boolean values in conditions."""

    def comparable(self, column: Expression, field_type: FieldType) -> Expression:
        """The column."""
        del field_type
        return column

    def encoded(self, value: Scalar, field_type: FieldType) -> object:
        """Moments in UTC without a zone, as the columns hold them."""
        if isinstance(value, datetime):
            return value.astimezone(UTC).replace(tzinfo=None)
        return Dialect.encoded(self, value, field_type)

    def like(self, column: Expression, pattern: Expression) -> Expression:
        """LIKE, which has no escape character unless one is said."""
        return column.like(pattern)

    def constant(self, column: Expression, *, truth: bool) -> Expression:
        """A comparison of the column with itself."""
        return column == column if truth else column != column  # noqa: PLR0124  # SQL: unknown for NULL

    def is_truth(self, column: Expression, truth: bool) -> Expression:
        """A flag is 0 or 1."""
        return and_(column.is_not(None), column == literal_column("1" if truth else "0"))

    def shaped(self, column: Expression, positions: tuple[str, ...]) -> Expression:
        """One of the given characters at each position."""
        if not all(positions):
            return false()
        return and_(
            func.length(column) == literal_column(str(len(positions))),
            *(
                func.substr(column, literal_column(str(at)), literal_column("1")).in_(
                    bindparam(None, list(allowed), String(), expanding=True, unique=True)
                )
                for at, allowed in enumerate(positions, start=1)
            ),
        )

    def right(self, column: Expression, count: int) -> Expression:
        """Counted from the end."""
        return func.substr(column, literal_column(str(-count))) if count else literal("", String())

    def reader(self, field_type: FieldType) -> Reader:
        """Flags as 0 and 1, whole numbers as decimals, days as moments at midnight."""
        special: dict[FieldType, Reader] = {
            FieldType.BOOLEAN: read_flag,
            FieldType.INTEGER: read_whole,
            FieldType.DATE: read_day,
        }
        return special.get(field_type, READERS[field_type])

    def comparable_reader(self, field_type: FieldType) -> Reader:
        """As above."""
        return self.reader(field_type)


@dataclass(frozen=True, slots=True)
class OracleDialect(PlainDialect):
    """Oracle, to which the empty text is NULL: no cell holds one, and a mask's empty result is marked."""

    marks_masks: ClassVar[bool] = True

    def always(self, comparator: Comparator, value: object, field_type: FieldType) -> bool | None:
        """The same truth for every cell, where the value is the empty text."""
        if field_type is not FieldType.TEXT or value != "":  # a value of any type
            return None
        return comparator in (Comparator.NEQ, Comparator.GT, Comparator.GTE)


@dataclass(frozen=True, slots=True)
class DmDialect(PlainDialect):
    """DM in its own mode (COMPATIBLE_MODE = 0), where the empty text is a text."""


@dataclass(frozen=True, slots=True)
class MssqlDialect(PlainDialect):
    """SQL Server 2019 or later: it pads what it compares, so text compares as its bytes in UTF-8."""

    skips_only_in_order: ClassVar[bool] = True
    keeps_statements: ClassVar[bool] = False  # a list is written value by value

    def comparable(self, column: Expression, field_type: FieldType) -> Expression:
        """Bytes, whose order is that of the code points."""
        if field_type is not FieldType.TEXT:
            return column
        return cast(cast(collate(column, _BYTES), VARCHAR()), LargeBinary())

    def bound(self, name: str, encoded: object, field_type: FieldType) -> Expression:
        """Text as bytes too."""
        if field_type is not FieldType.TEXT:
            return Dialect.bound(self, name, encoded, field_type)
        return self.comparable(bindparam(name, encoded, NVARCHAR()), field_type)

    def among(self, column: Expression, name: str, encoded: object, field_type: FieldType) -> Expression:
        """`IN`, one bound value after the other."""
        values = encoded if isinstance(encoded, list) else [encoded]
        return column.in_([self.bound(f"{name}_{at}", value, field_type) for at, value in enumerate(values)])

    def wider(self, raw: Expression, bound: Expression, stored: object, *, is_prefix: bool) -> Expression | None:
        """The column's own `=`: the same text is equal under every collation."""
        del stored
        value = next((part for part in iterate(bound) if isinstance(part, BindParameter)), None)
        return None if value is None or is_prefix or isinstance(value.value, list) else raw == value

    def shaped(self, column: Expression, positions: tuple[str, ...]) -> Expression:
        """One of the given characters at each position; LEN would not count blanks at the end."""
        if not all(positions):
            return false()
        wide: Expression = cast(column, NVARCHAR())
        return and_(
            func.datalength(wide) == literal_column(str(2 * len(positions))),
            *(
                collate(func.substring(self._counted(wide), literal_column(str(at)), literal_column("1")), _CODES).in_(
                    bindparam(None, list(allowed), NVARCHAR(), expanding=True, unique=True)
                )
                for at, allowed in enumerate(positions, start=1)
            ),
        )

    def left(self, column: Expression, count: int) -> Expression:
        """The first characters."""
        return func.left(self._counted(column), literal_column(str(count)))

    def right(self, column: Expression, count: int) -> Expression:
        """The last characters."""
        return func.right(self._counted(column), literal_column(str(count)))

    def total(self, column: Expression, field_type: FieldType) -> Expression:
        """Wide enough not to run over; what does is an error here, never a wrong sum."""
        return func.sum(cast(column, Numeric(38, 0 if field_type is FieldType.INTEGER else 12)))

    def comparable_reader(self, field_type: FieldType) -> Reader:
        """Bytes back to text."""
        return read_bytes if field_type is FieldType.TEXT else self.reader(field_type)

    @staticmethod
    def _counted(column: Expression) -> Expression:
        return collate(column, _CHARACTERS)


@dataclass(frozen=True, slots=True)
class TrinoDialect(PlainDialect):
    """Trino: text by code point, booleans as they are."""

    def is_truth(self, column: Expression, truth: bool) -> Expression:
        """`IS TRUE` / `IS FALSE`, in words that it has."""
        return and_(column.is_not(None), column == literal_column("true" if truth else "false"))


def read_day(cell: object) -> date:
    """A date, or a moment at midnight."""
    if type(cell) is datetime and (cell.hour, cell.minute, cell.second, cell.microsecond) == (0, 0, 0, 0):
        return cell.date()
    return read_date(cell)


def read_bytes(cell: object) -> str:
    """Text, or its bytes in UTF-8."""
    if not isinstance(cell, bytes):
        return read_text(cell)
    try:
        return read_text(cell.decode("utf-8"))
    except UnicodeDecodeError:
        raise NotPromised("a cell is no text") from None


_ORACLE_SESSION = (
    "ALTER SESSION SET NLS_COMP = BINARY",
    "ALTER SESSION SET NLS_SORT = BINARY",
    "ALTER SESSION SET TIME_ZONE = '+00:00'",
    "SET TRANSACTION READ ONLY",
)
ORACLE = OracleDialect(collation="", session=_ORACLE_SESSION, has_nulls_first=True)
DM = DmDialect(collation="", session=("SET TRANSACTION READ ONLY",), has_nulls_first=True)
MSSQL = MssqlDialect(collation="", session=(), has_nulls_first=False)
TRINO = TrinoDialect(collation="", session=(), has_nulls_first=True)
