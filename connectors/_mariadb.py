"""MariaDB: the engine's own meanings kept out of ours.

Text compares byte by byte, without padding, whatever collation its column has; where the column's own index is on
another collation, the plain comparison stands beside it, which is never less true. Dates and times of day travel as
text: a zero date is no date, and is refused (or NULL, where the source says `zero_dates = "null"`). A comparison never
guesses: a column that is not of the promised type is refused before it is asked.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import ClassVar

from sqlalchemy import (
    BigInteger,
    Boolean,
    Integer,
    String,
    and_,
    bindparam,
    case,
    cast,
    collate,
    false,
    func,
    literal,
    literal_column,
    null,
    true,
)
from sqlalchemy.dialects.mysql import CHAR, DATETIME, NUMERIC
from sqlalchemy.types import BINARY, Date

from connectors._cells import NotPromised, Reader, read_flag, read_text, read_whole
from connectors._sql_dialect import READERS, Dialect, Expression
from gateway.errors import SourceFailed, SourceRubbish, SourceTimeout, SourceUnavailable
from gateway.model.catalog import FieldType
from gateway.model.predicate import Scalar

EXACT = "utf8mb4_nopad_bin"
_TEXTS = frozenset({"char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set", "uuid", "inet6",
                    "inet4", "time", "year"})  # fmt: skip
_INTEGERS = frozenset({"tinyint", "smallint", "mediumint", "int", "bigint", "bit", "year"})
_FLOATS = frozenset({"float", "double"})
_STORED: dict[FieldType, frozenset[str]] = {
    FieldType.TEXT: _TEXTS | _INTEGERS | {"decimal"},
    FieldType.INTEGER: _INTEGERS | {"decimal"},
    FieldType.NUMERIC: _INTEGERS | _FLOATS | {"decimal"},
    FieldType.BOOLEAN: frozenset({"tinyint", "bit"}),
    FieldType.DATE: frozenset({"date"}),
    FieldType.TIMESTAMP: frozenset({"datetime", "timestamp"}),
}
_IN_TEXT = frozenset({"char", "varchar", "tinytext", "text", "mediumtext", "longtext"})
_TIMEOUTS = {1969, 1317, 3024}  # max_statement_time, killed, MySQL's limit
_OF_THE_DATA = {1054, 1064, 1146, 1267, 1270, 1271, 1292, 1366, 1690, 1356, 1365, 1253}


@dataclass(frozen=True, slots=True)
class StoredColumn:
    """A column as information_schema knows it."""

    type: str  # without length and sign
    is_unsigned: bool
    collation: str | None
    width: int | None = None  # of a bit column


@dataclass(frozen=True, slots=True)
class MariadbDialect(Dialect):
    """MariaDB's way."""

    zero_is_null: bool = False

    looks_at_columns: ClassVar[bool] = True
    binds_page: ClassVar[bool] = True

    # -------------------------------------------------------------- values
    def typed(self, column: Expression, field_type: FieldType, stored: object) -> Expression:
        """The column as the type that the catalogue promises; raises NotPromised where it can't be that."""
        if not isinstance(stored, StoredColumn):
            return column
        if stored.type not in _STORED.get(field_type, _IN_TEXT):
            raise NotPromised(f"a column is {stored.type} where the catalogue says {field_type}")
        if stored.type == "bit":
            column = column + literal_column("0")
        match field_type:
            case FieldType.TEXT if stored.type not in _IN_TEXT:
                return cast(column, CHAR(charset="utf8mb4"))
            case FieldType.NUMERIC if stored.type == "float":  # its text is what was written, its value is not
                return cast(cast(column, CHAR(charset="utf8mb4")), NUMERIC(38, 12))
            case FieldType.NUMERIC if stored.type == "double":
                return cast(column, NUMERIC(38, 12))
            case FieldType.DATE | FieldType.TIMESTAMP if self.zero_is_null:
                return func.nullif(column, literal_column("0"))
            case _:
                return column

    def sound(self, raw: Expression, field_type: FieldType, stored: object) -> Expression | None:
        """Floats that a numeric holds, integers of 64 bits with their sign, dates with a month and a day."""
        if not isinstance(stored, StoredColumn):
            return None
        if field_type in (FieldType.DATE, FieldType.TIMESTAMP):
            is_date = and_(func.month(raw) > literal_column("0"), func.dayofmonth(raw) > literal_column("0"))
            return case((raw == literal_column("0"), true()), else_=is_date) if self.zero_is_null else is_date
        if field_type is FieldType.NUMERIC and stored.type in _FLOATS:
            return func.abs(raw) < literal_column("1e26")
        if field_type is FieldType.INTEGER and stored.type == "bigint" and stored.is_unsigned:
            return raw <= literal_column("9223372036854775807")
        if field_type is FieldType.INTEGER and stored.type == "decimal":
            return and_(func.abs(raw) <= literal_column("9223372036854775807"), raw == func.floor(raw))
        if field_type is FieldType.BOOLEAN and stored.type == "tinyint":
            return raw.in_([literal_column("0"), literal_column("1")])
        return None

    def comparable(self, column: Expression, field_type: FieldType) -> Expression:
        """Text by code point; what is in another character set is converted first."""
        if field_type is not FieldType.TEXT:
            return column
        return collate(_converted(column), self.collation)

    def equal(self, column: Expression, field_type: FieldType, stored: object) -> Expression:
        """Plain where the column itself is kept byte by byte, so that its index serves."""
        is_exact = isinstance(stored, StoredColumn) and stored.type in _IN_TEXT and stored.collation == EXACT
        return column if field_type is FieldType.TEXT and is_exact else self.comparable(column, field_type)

    def wider(self, raw: Expression, bound: Expression, stored: object, *, is_prefix: bool) -> Expression | None:
        """The column's own `=` and LIKE: the same text is equal under every collation."""
        if not isinstance(stored, StoredColumn) or stored.type not in _IN_TEXT:
            return None
        if not (stored.collation or "").startswith("utf8mb4_"):
            return None
        return raw.like(func.concat(bound, literal_column("'%'"))) if is_prefix else raw == bound

    def encoded(self, value: Scalar, field_type: FieldType) -> object:
        """Moments as their text in UTC; the rest as the driver binds it."""
        match value:
            case bool():
                return int(value)
            case datetime():
                return value.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")
            case date():
                return value.isoformat()
            case Decimal() if field_type is not FieldType.INTEGER:
                return format(value, "f")
            case Decimal():
                return int(value)
            case _:
                return value

    def pattern(self, pattern: str) -> str:
        """With the escape character doubled."""
        return pattern.replace("|", "||")

    def bound(self, name: str, encoded: object, field_type: FieldType) -> Expression:
        """A parameter of the type, so that nothing is compared as a float or as text."""
        match field_type:
            case FieldType.DATE:
                return cast(bindparam(name, encoded, String()), Date())
            case FieldType.TIMESTAMP:
                return cast(bindparam(name, encoded, String()), DATETIME(fsp=6))
            case FieldType.NUMERIC:
                return cast(bindparam(name, encoded, String()), NUMERIC(38, 12))
            case FieldType.INTEGER | FieldType.BOOLEAN:
                return bindparam(name, encoded, BigInteger())
            case _:
                return bindparam(name, encoded, String())

    def among(self, column: Expression, name: str, encoded: object, field_type: FieldType) -> Expression:
        """`IN` one list, that the driver writes: one statement, however many values."""
        del field_type
        return column.op("IN", is_comparison=True)(bindparam(name, encoded, String()))

    def reader(self, field_type: FieldType) -> Reader:
        """Flags are 0 and 1, sums and wide integers come as decimals."""
        if field_type is FieldType.BOOLEAN:
            return read_flag
        return read_whole if field_type is FieldType.INTEGER else READERS[field_type]

    def comparable_reader(self, field_type: FieldType) -> Reader:
        """As above."""
        return self.reader(field_type)

    def shown(self, column: Expression, field_type: FieldType) -> Expression:
        """Dates as text: a driver makes NULL of one that is none."""
        is_moment = field_type in (FieldType.DATE, FieldType.TIMESTAMP)
        return cast(column, CHAR(charset="utf8mb4")) if is_moment else column

    # -------------------------------------------------------------- operations
    def is_null(self, raw: Expression, field_type: FieldType) -> Expression:
        """`<=>`: a zero date that is NOT NULL would be NULL to `IS NULL`, whatever the source says of it."""
        if self.zero_is_null and field_type in (FieldType.DATE, FieldType.TIMESTAMP):
            raw = func.nullif(raw, literal_column("0"))
        return raw.op("<=>", is_comparison=True)(null())

    def like(self, column: Expression, pattern: Expression) -> Expression:
        """LIKE by code point. An empty ESCAPE is none here: `|` is said, and doubled where it is meant."""
        return self._by_character(column).like(pattern, escape="|")

    def is_truth(self, column: Expression, truth: bool) -> Expression:
        """`IS TRUE` / `IS FALSE`."""
        return and_(column.is_not(None), column == literal_column("1" if truth else "0"))

    def shaped(self, column: Expression, positions: tuple[str, ...]) -> Expression:
        """A regular expression of one class a position."""
        if not all(positions):
            return false()
        classes = ("".join(f"\\x{{{ord(char):x}}}" for char in allowed) for allowed in positions)
        pattern = r"\A" + "".join(f"[{allowed}]" for allowed in classes) + r"\z"
        return self._by_character(column).op("REGEXP", is_comparison=True)(literal(pattern, String()))

    @staticmethod
    def _by_character(column: Expression) -> Expression:
        return collate(_converted(column), "utf8mb4_bin")

    def left(self, column: Expression, count: int) -> Expression:
        """The first characters."""
        return func.left(column, literal(count, Integer()))

    def right(self, column: Expression, count: int) -> Expression:
        """The last characters."""
        return func.right(column, literal(count, Integer()))

    def constant(self, column: Expression, *, truth: bool) -> Expression:
        """The same truth for every value, unknown for NULL."""
        return case((column.is_(None), null()), else_=literal_column("1" if truth else "0", Boolean()))

    # -------------------------------------------------------------- connections
    def translate(self, error: Exception, dataset: str) -> SourceFailed:
        """By the server's own number."""
        number = error.args[0] if error.args and isinstance(error.args[0], int) else 0
        told = f"{type(error).__name__} {number or ''}".strip()
        if number in _TIMEOUTS:
            return SourceTimeout(dataset=dataset, operator=told)
        is_undecoded = type(error).__module__ == "builtins" and isinstance(error, ValueError)
        if number in _OF_THE_DATA or is_undecoded:
            return SourceRubbish(dataset=dataset, operator=told)
        return SourceUnavailable(dataset=dataset, operator=told)


def _converted(column: Expression) -> Expression:
    using: Expression = column.op("USING")(literal_column("utf8mb4"))
    converted: Expression = func.convert(using)
    return converted


@dataclass(frozen=True, slots=True)
class MysqlDialect(MariadbDialect):
    """MySQL and OceanBase: no binary collation that they all know is without padding, so text compares as bytes."""

    def comparable(self, column: Expression, field_type: FieldType) -> Expression:
        """The bytes of the text in UTF-8, whose order is that of the code points."""
        return cast(_converted(column), BINARY()) if field_type is FieldType.TEXT else column

    def equal(self, column: Expression, field_type: FieldType, stored: object) -> Expression:
        """As above."""
        del stored
        return self.comparable(column, field_type)

    def comparable_reader(self, field_type: FieldType) -> Reader:
        """Bytes back to text."""
        return _read_bytes if field_type is FieldType.TEXT else self.reader(field_type)


def _read_bytes(cell: object) -> str:
    if type(cell) is not bytes:
        return read_text(cell)
    try:
        return read_text(cell.decode("utf-8"))
    except UnicodeDecodeError:
        raise NotPromised("a cell is no text") from None


MARIADB = MariadbDialect(collation=EXACT, session=(), has_nulls_first=False)
MYSQL = MysqlDialect(collation="", session=(), has_nulls_first=False)
