"""How one database engine keeps our types and meanings exactly: the seam between the statement and its dialect.

The base class is right for engines whose columns are typed (MySQL and MariaDB); an engine
that differs is a subclass. An engine without an entry in `dialect_of` is refused: a guess would be a wrong answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar

from sqlalchemy import (
    BigInteger,
    Boolean,
    Date,
    DateTime,
    Numeric,
    String,
    and_,
    bindparam,
    case,
    collate,
    false,
    func,
    literal,
    null,
    text,
    true,
)
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.types import TypeEngine

from connectors._cells import (
    INTEGERS,
    NUMERICS,
    Grid,
    Reader,
    read_boolean,
    read_date,
    read_integer,
    read_integer_sum,
    read_numeric,
    read_sum,
    read_text,
    read_timestamp,
)
from connectors._composite_cells import COMPOSITES
from gateway.errors import Defect, SourceFailed, SourceRubbish, SourceTimeout, SourceUnavailable
from gateway.model.catalog import FieldType
from gateway.model.json_value import JsonStep
from gateway.model.predicate import Comparator, Scalar

Expression = ColumnElement[Any]

SQL_TYPES: dict[FieldType, TypeEngine[Any]] = {
    FieldType.TEXT: String(),
    FieldType.INTEGER: BigInteger(),
    FieldType.NUMERIC: Numeric(38, 12),
    FieldType.BOOLEAN: Boolean(),
    FieldType.DATE: Date(),
    FieldType.TIMESTAMP: DateTime(timezone=True),
}
READERS: dict[FieldType, Reader] = {
    FieldType.TEXT: read_text,
    FieldType.INTEGER: read_integer,
    FieldType.NUMERIC: read_numeric,
    FieldType.BOOLEAN: read_boolean,
    FieldType.DATE: read_date,
    FieldType.TIMESTAMP: read_timestamp,
    **COMPOSITES,
}


@dataclass(frozen=True, slots=True)
class Dialect:
    """An engine with typed columns. `comparable` forms compare, sort and group exactly as the model says."""

    collation: str  # under which text compares by code point
    session: tuple[str, ...]  # said on each transaction: read-only, time limit in {milliseconds}
    has_nulls_first: bool

    grids: ClassVar[dict[FieldType, Grid]] = {FieldType.INTEGER: INTEGERS, FieldType.NUMERIC: NUMERICS}

    types: ClassVar[frozenset[FieldType]] = frozenset(kind for kind in FieldType if kind.is_scalar)
    looks_at_columns: ClassVar[bool] = False  # whether a statement needs to know how the columns are stored
    binds_page: ClassVar[bool] = False  # limit and offset are parameters, so that all pages are one statement
    keeps_statements: ClassVar[bool] = True  # the values of a question are parameters, none is written out
    marks_masks: ClassVar[bool] = False  # the empty text is NULL, so what a mask makes is marked in front
    skips_only_in_order: ClassVar[bool] = False  # OFFSET needs an ORDER BY

    # -------------------------------------------------------------- values
    def typed(self, column: Expression, field_type: FieldType, stored: object) -> Expression:
        """The column as the type that the catalogue promises."""
        del field_type, stored
        return column

    def may_raise(self, field_type: FieldType, stored: object) -> bool:
        """Whether a comparison of the column can end in an error, for what some row holds."""
        del field_type, stored
        return False

    def equal(self, column: Expression, field_type: FieldType, stored: object) -> Expression:
        """The form of a typed column that `=` and `IN` take."""
        del stored
        return self.comparable(column, field_type)

    def shown(self, column: Expression, field_type: FieldType) -> Expression:
        """The form of a typed column that is read."""
        del field_type
        return column

    def comparable(self, column: Expression, field_type: FieldType) -> Expression:
        """The form of a column that compares, sorts and groups exactly."""
        return collate(column, self.collation) if field_type is FieldType.TEXT else column

    def encoded(self, value: Scalar, field_type: FieldType) -> object:
        """A value as it is bound: what comes before any SQL is made."""
        return int(value) if field_type is FieldType.INTEGER and isinstance(value, Decimal) else value

    def listed(self, values: Sequence[Scalar], field_type: FieldType) -> list[object]:
        """Values of a scalar type as they are bound in a list, without those that no cell can hold."""
        some = [value for value in values if self.always(Comparator.EQ, value, field_type) is not False]
        return [self.encoded(value, field_type) for value in some]

    def text(self, value: str) -> object:
        """A text as it is bound to be equal with; None where no cell can hold it."""
        is_nowhere = self.always(Comparator.EQ, value, FieldType.TEXT) is not None
        return None if is_nowhere else self.encoded(value, FieldType.TEXT)

    def always(self, comparator: Comparator, value: object, field_type: FieldType) -> bool | None:
        """The truth that the comparison has for every value, where no cell can hold what it is compared with."""
        del comparator, value, field_type
        return None

    def pattern(self, pattern: str) -> str:
        """A pattern of LIKE as the engine writes it."""
        return pattern

    def bound(self, name: str, encoded: object, field_type: FieldType) -> Expression:
        """A parameter of the name that meets `comparable` columns of the type."""
        return bindparam(name, encoded, SQL_TYPES[field_type])

    def among(self, column: Expression, name: str, encoded: object, field_type: FieldType) -> Expression:
        """`IN` over a comparable column; `encoded` is a list that is not empty."""
        return column.in_(bindparam(name, encoded, SQL_TYPES[field_type], expanding=True))

    def wider(self, raw: Expression, bound: Expression, stored: object, *, is_prefix: bool) -> Expression | None:
        """A condition on a bare text column that is never less true than the exact one, where only it uses an index.

        is_prefix: the text begins with the value; else it is the value.
        """
        del raw, bound, stored, is_prefix
        return None

    def reader(self, field_type: FieldType) -> Reader:
        """Reads a column as it is stored."""
        return READERS[field_type]

    def comparable_reader(self, field_type: FieldType) -> Reader:
        """Reads the comparable form."""
        return READERS[field_type]

    def check(self, column: Expression, field_type: FieldType) -> Expression | None:
        """True where a non-NULL cell that decides is well typed; None where the engine itself sees to it."""
        del column, field_type
        return None

    def sound(self, raw: Expression, field_type: FieldType, stored: object) -> Expression | None:
        """True where a non-NULL cell is a value at all, shown or deciding; None where the reader sees to it."""
        del raw, field_type, stored
        return None

    # -------------------------------------------------------------- operations
    def special(self, column: Expression, term: object, bound: Expression) -> Expression:
        """The predicates that only some engine runs; `bound` is the value, or its words or pattern."""
        del column, term, bound
        raise Defect(operator="a predicate that is not claimed")

    def at_path(self, column: Expression, path: tuple[JsonStep, ...]) -> Expression:
        """What a JSON column has at the path."""
        del column, path
        raise Defect(operator="a path is not claimed")

    def is_null(self, raw: Expression, field_type: FieldType) -> Expression:
        """`IS NULL` of the bare column."""
        del field_type
        return raw.is_(None)

    def like(self, column: Expression, pattern: Expression) -> Expression:
        """LIKE by code point, without an escape character."""
        return collate(column, self.collation).like(pattern, escape="")

    def is_truth(self, column: Expression, truth: bool) -> Expression:
        """`IS TRUE` / `IS FALSE`."""
        wanted: Expression = literal(truth, Boolean())
        return and_(column.is_not(None), column == wanted)

    def shaped(self, column: Expression, positions: tuple[str, ...]) -> Expression:
        """The whole text is one of the given characters at each position."""
        exact = collate(column, self.collation)
        if not all(positions):
            return false()
        return and_(
            func.char_length(column) == len(positions),
            *(
                func.substr(exact, at, 1).in_(bindparam(None, list(allowed), String(), expanding=True, unique=True))
                for at, allowed in enumerate(positions, start=1)
            ),
        )

    def left(self, column: Expression, count: int) -> Expression:
        """The first characters."""
        return func.substr(column, 1, count) if count else literal("", String())

    def right(self, column: Expression, count: int) -> Expression:
        """The last characters."""
        return func.right(column, count) if count else literal("", String())

    def ordered(self, column: Expression, *, is_descending: bool, nulls_first: bool) -> tuple[Expression, ...]:
        """ORDER BY terms with the place of NULL said."""
        term = column.desc() if is_descending else column.asc()
        if self.has_nulls_first:
            return (term.nulls_first() if nulls_first else term.nulls_last(),)
        return (case((column.is_(None), 0 if nulls_first else 1), else_=1 if nulls_first else 0), term)

    def total_reader(self, field_type: FieldType) -> Reader:
        """Reads a sum."""
        return read_integer_sum if field_type is FieldType.INTEGER else read_sum

    def total(self, column: Expression, field_type: FieldType) -> Expression:
        """The exact sum of a column; NULL over nothing."""
        del field_type
        return func.sum(column)

    def constant(self, column: Expression, *, truth: bool) -> Expression:
        """The same truth for every value, unknown for NULL."""
        return case((column.is_(None), null()), else_=true() if truth else false())

    # -------------------------------------------------------------- connections
    def begin(self, connection: Connection, seconds: float) -> None:
        """Make the transaction read-only, with the server's own time limit."""
        for statement in self.session:
            connection.execute(text(statement.format(milliseconds=max(1, int(seconds * 1000)))))

    def stop(self, driver: object) -> None:
        """Make what the driver's connection runs end; called from another thread."""
        cancel = getattr(driver, "cancel_safe", None) or getattr(driver, "cancel", None)
        if cancel is not None:
            cancel()

    def translate(self, error: Exception, dataset: str) -> SourceFailed:
        """The driver's error as ours, without its text: that may hold SQL, values or an address."""
        told = type(getattr(error, "orig", None) or error).__name__
        state = str(getattr(getattr(error, "orig", None), "sqlstate", None) or "")
        if state == "57014":
            return SourceTimeout(dataset=dataset, operator=told)
        if isinstance(error, DBAPIError) and state[:2] in {"22", "42"}:
            return SourceRubbish(dataset=dataset, operator=f"{told} {state}")
        return SourceUnavailable(dataset=dataset, operator=told)
