"""Fetch -> one SELECT with bound values, and how to read each of its columns.

Every name is quoted as the catalogue writes it, every value is bound; text of the asker is never part of the SQL.
The row has a last column more than the fetch asks for: whether the cells that decided over it were well typed.
"""

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from sqlalchemy import (
    Select,
    String,
    and_,
    case,
    column,
    false,
    func,
    literal,
    not_,
    null,
    or_,
    select,
    table,
    true,
)
from sqlalchemy.sql.elements import ColumnElement, quoted_name

from connectors._cells import NotPromised, Reader, divided, fit, fit_all, read_integer, read_text, typed_rows
from connectors._sql_dialect import Dialect, Expression
from gateway.errors import Defect
from gateway.model import sqlform
from gateway.model.catalog import FieldType
from gateway.model.ids import FieldName
from gateway.model.json_value import JsonStep
from gateway.model.parts import conjuncts, fields_of
from gateway.model.plan import Fetch, FetchColumn, SourceColumn
from gateway.model.predicate import (
    EVERYTHING,
    AllOf,
    AnyOf,
    AtPath,
    Comparator,
    Compare,
    ContainedIn,
    Contains,
    FullText,
    IsNull,
    IsTruth,
    Lies,
    Like,
    Matches,
    Not,
    OneOf,
    Overlaps,
    Predicate,
    Scalar,
    Under,
)
from gateway.model.query import AggregateFunction
from gateway.model.rows import Row
from gateway.model.sqlform import SqlForm

_EQUALITY = {Comparator.EQ, Comparator.NEQ}
_COMPARATORS = {
    Comparator.EQ: "__eq__",
    Comparator.NEQ: "__ne__",
    Comparator.GT: "__gt__",
    Comparator.GTE: "__ge__",
    Comparator.LT: "__lt__",
    Comparator.LTE: "__le__",
}


@dataclass(frozen=True, slots=True)
class Statement:
    """A SELECT and its readers; averages come as sum and count and are divided here."""

    select: Select[Any]
    readers: tuple[Reader, ...]
    averages: frozenset[int]  # positions of sums that the next column (a count) divides

    def rows(self, raw: Sequence[Sequence[object]]) -> list[Row]:
        """Typed rows of exactly the fetch's columns; raises NotPromised."""
        if any(not ok and ok is not None for *_, ok in raw):
            raise NotPromised("a cell that decides over a row has the wrong type")
        return divided(typed_rows([row[:-1] for row in raw], self.readers), self.averages)


def compile_fetch(
    fetch: Fetch, dialect: Dialect, schema: str | None, stored: Mapping[str, object] = MappingProxyType({})
) -> Statement:
    """The whole fetch in one statement; `stored`: columns as the dialect found them.

    Raises Defect for what capabilities do not claim.
    """
    return _Compilation(fetch, dialect, schema, stored).statement()


class _Compilation:
    def __init__(self, fetch: Fetch, dialect: Dialect, schema: str | None, stored: Mapping[str, object]) -> None:
        self._fetch = fetch
        self._dialect = dialect
        self._stored = stored
        self._there: tuple[SourceColumn, Expression] | None = None  # what stands for the field within a path
        names = dict.fromkeys(
            [source.column for source in fetch.known.values()] + [wanted.source.column for wanted in fetch.columns]
        )
        # every column is qualified: SQLite takes an unqualified, quoted, unknown name for a text
        self._table = table(
            quoted_name(fetch.table, quote=True),
            *(column(quoted_name(name, quote=True)) for name in names),
            schema=None if schema is None else quoted_name(schema, quote=True),
        ).alias("t")
        self._deciding: dict[str, SourceColumn] = {}  # columns whose cells decide over rows or values

    def statement(self) -> Statement:
        return self._grouped() if self._fetch.aggregates else self._plain()

    # -------------------------------------------------------------- the two shapes
    def _plain(self) -> Statement:
        fetch = self._fetch
        shown: list[Expression] = []
        readers: list[Reader] = []
        for wanted in fetch.columns:
            if wanted.form is None:
                shown.append(self._dialect.shown(self._column(wanted.source), wanted.source.type))
                readers.append(self._dialect.reader(wanted.source.type))
            else:
                shown.append(self._masked(wanted))
                readers.append(read_text)
        where = self._filtered()
        order = [
            term
            for by in fetch.order
            for term in self._dialect.ordered(
                self._comparable(self._known(by.field)), is_descending=by.is_descending, nulls_first=by.nulls_first
            )
        ]
        labelled = [expression.label(f"c{at}") for at, expression in enumerate(shown)]
        query = select(*labelled, self._ok()).select_from(self._table).where(where).order_by(*order)
        return Statement(self._paged(query), tuple(readers), frozenset())

    def _grouped(self) -> Statement:
        fetch = self._fetch
        keys: list[Expression] = []
        readers: list[Reader] = []
        for wanted in fetch.columns:
            if wanted.form is None:
                keys.append(self._comparable(wanted.source))
                readers.append(self._dialect.comparable_reader(wanted.source.type))
            else:
                keys.append(self._masked(wanted))
                readers.append(read_text)
        inputs = [None if one.field is None else self._known(one.field) for one in fetch.aggregates]
        named = {source.column: source for source in inputs if source is not None}
        self._deciding.update(named)
        where = self._filtered()
        places = {name: f"a{at}" for at, name in enumerate(named)}
        inner = (
            select(
                *(key.label(f"c{at}") for at, key in enumerate(keys)),
                *(self._column(source).label(places[name]) for name, source in named.items()),
                self._ok(),
            )
            .select_from(self._table)
            .where(where)
            .subquery("rows")
        )
        results: list[Expression] = []
        averages: set[int] = set()
        for one, source in zip(fetch.aggregates, inputs, strict=True):
            if one.function is AggregateFunction.AVG:
                averages.add(len(keys) + len(results) - len(averages))
            cell = None if source is None else inner.c[places[source.column]]
            for expression, reader in self._aggregate(one.function, cell, source):
                results.append(expression)
                readers.append(reader)
        group = [inner.c[f"c{at}"] for at in range(len(keys))]
        by_field = {wanted.source.field: at for at, wanted in enumerate(fetch.columns)}
        order: list[Expression] = []
        for by in fetch.order:
            if by.field not in by_field:
                raise Defect(operator="an order by a field that is no group key")
            order += self._dialect.ordered(
                group[by_field[by.field]], is_descending=by.is_descending, nulls_first=by.nulls_first
            )
        ok: Expression = func.min(inner.c.ok)
        query = select(*group, *results, ok.label("ok")).group_by(*group).order_by(*order)
        return Statement(self._paged(query), tuple(readers), frozenset(averages))

    def _aggregate(
        self, function: AggregateFunction, cell: Expression | None, source: SourceColumn | None
    ) -> list[tuple[Expression, Reader]]:
        dialect = self._dialect
        if cell is None or source is None:
            if function is not AggregateFunction.COUNT:
                raise Defect(operator=f"{function} of no field")
            return [(func.count(), read_integer)]
        counted: tuple[Expression, Reader] = (func.count(cell), read_integer)
        if function is AggregateFunction.COUNT:
            return [counted]
        if function in (AggregateFunction.MIN, AggregateFunction.MAX):
            extreme = func.min if function is AggregateFunction.MIN else func.max
            return [(extreme(dialect.comparable(cell, source.type)), dialect.comparable_reader(source.type))]
        if source.type not in (FieldType.INTEGER, FieldType.NUMERIC):
            raise Defect(operator=f"{function} of a {source.type} field")
        total = (dialect.total(cell, source.type), dialect.total_reader(source.type))
        return [total] if function is AggregateFunction.SUM else [total, counted]

    def _paged(self, query: Select[Any]) -> Select[Any]:
        if self._fetch.limit is not None:
            query = query.limit(self._fetch.limit)
        return query.offset(self._fetch.offset) if self._fetch.offset else query

    # -------------------------------------------------------------- parts
    def _raw(self, source: SourceColumn) -> Expression:
        if self._there is not None and source is self._there[0]:
            return self._there[1]
        return self._table.c[source.column]

    def _column(self, source: SourceColumn) -> Expression:
        if self._there is not None and source is self._there[0]:
            return self._there[1]
        return self._dialect.typed(self._raw(source), source.type, self._stored.get(source.column))

    def _known(self, field: FieldName) -> SourceColumn:
        if self._there is not None:
            return self._there[0]
        if field not in self._fetch.known:
            raise Defect(operator="a fetch names a field without a column")
        return self._fetch.known[field]

    def _comparable(self, source: SourceColumn) -> Expression:
        self._deciding[source.column] = source
        return self._dialect.comparable(self._column(source), source.type)

    def _equal(self, source: SourceColumn) -> Expression:
        if self._there is not None:
            return self._comparable(source)
        self._deciding[source.column] = source
        return self._dialect.equal(self._column(source), source.type, self._stored.get(source.column))

    def _ok(self) -> ColumnElement[Any]:
        checks = [
            or_(self._column(source).is_(None), check)
            for source in self._deciding.values()
            if (check := self._dialect.check(self._column(source), source.type)) is not None
        ]
        return (and_(*checks) if checks else literal(1)).label("ok")

    def _filtered(self) -> ColumnElement[Any]:
        """The whole filter. An engine evaluates conditions in its own order, so what could raise stands in a CASE.

        Else an error, or none, would tell of a row that doesn't exist for the asker.
        """
        fetch = self._fetch
        if fetch.rows == EVERYTHING:
            return self._where(fetch.where)
        visible, own = self._where(fetch.rows), list(conjuncts(fetch.rows))
        terms = [
            case((visible, self._where(term)), else_=false()) if self._may_raise(term) else self._where(term)
            for term in conjuncts(fetch.where)
            if term not in own
        ]
        return and_(visible, *terms)

    def _may_raise(self, term: Predicate) -> bool:
        sources = [self._known(field) for field in fields_of(term)]
        return any(self._dialect.may_raise(source.type, self._stored.get(source.column)) for source in sources)

    def _where(self, predicate: Predicate) -> ColumnElement[Any]:
        match predicate:
            case AllOf(terms):
                return and_(true(), *map(self._where, terms))
            case AnyOf(terms):
                return or_(false(), *map(self._where, terms))
            case Not(term):
                return not_(self._where(term).self_group())
            case IsNull(field):
                return self._raw(self._known(field)).is_(None)
            case IsTruth(field, truth):
                return self._dialect.is_truth(self._deciding_column(field), truth)
            case Like(field, pattern, ignores_case):
                if ignores_case:
                    raise Defect(operator="a pattern that ignores case is not claimed")
                return self._dialect.like(self._deciding_column(field), pattern)
            case Under(field, prefixes):
                return self._under(self._known(field), prefixes)
            case OneOf(field, values):
                return self._one_of(self._known(field), values)
            case Compare(field, comparator, value):
                return self._compare(self._known(field), comparator, value)
            case _:
                return self._special(predicate)

    def _special(self, predicate: Predicate) -> ColumnElement[Any]:
        match predicate:
            case AtPath(field, path, term):
                return self._at_path(self._known(field), path, term)
            case Contains() | ContainedIn() | Overlaps() | Lies() | Matches() | FullText():
                source = self._known(predicate.field)
                return self._dialect.special(self._column(source), source.type, predicate)
            case _:
                raise Defect(operator="a predicate that no source is asked")

    def _at_path(self, source: SourceColumn, path: tuple[JsonStep, ...], term: Predicate) -> ColumnElement[Any]:
        there = copy(self)
        kind = FieldType.TEXT if path[-1].as_text else FieldType.JSON
        there._there = (replace(source, type=kind), self._dialect.at_path(self._column(source), path))  # noqa: SLF001  # a copy of itself
        return there._where(term)  # noqa: SLF001  # as above

    def _deciding_column(self, field: FieldName) -> Expression:
        source = self._known(field)
        self._deciding[source.column] = source
        return self._column(source)

    def _compare(self, source: SourceColumn, comparator: Comparator, value: Scalar) -> ColumnElement[Any]:
        cell = self._equal(source) if comparator in _EQUALITY else self._comparable(source)
        grid = self._dialect.grids.get(source.type)
        if grid is not None:
            fitted = fit(comparator, Decimal(_number(value)), grid)
            if isinstance(fitted, bool):
                return self._dialect.constant(self._column(source), truth=fitted)
            comparator, value = fitted
        compared: ColumnElement[Any] = getattr(cell, _COMPARATORS[comparator])(self._dialect.bound(value, source.type))
        return compared

    def _one_of(self, source: SourceColumn, values: tuple[Scalar, ...]) -> ColumnElement[Any]:
        cell = self._equal(source)
        grid = self._dialect.grids.get(source.type)
        if grid is not None:
            values = tuple(fit_all([Decimal(_number(value)) for value in values], grid))
        if not values:
            return self._dialect.constant(self._column(source), truth=False)
        return self._dialect.among(cell, values, source.type)

    def _under(self, source: SourceColumn, prefixes: tuple[str, ...]) -> ColumnElement[Any]:
        """Ranges, so that an index serves: what begins with `33` lies between `33` and `34`, by code point."""
        if source.type is not FieldType.TEXT or not all(prefix.isascii() and prefix.isdigit() for prefix in prefixes):
            raise Defect(operator="a region prefix that is not all digits, or of a field that is no text")
        cell = self._comparable(source)
        if not prefixes:
            return self._dialect.constant(self._column(source), truth=False)
        ranges = []
        for prefix in prefixes:
            after = prefix[:-1] + chr(ord(prefix[-1]) + 1)
            low = cell >= self._dialect.bound(prefix, FieldType.TEXT)
            ranges.append(and_(low, cell < self._dialect.bound(after, FieldType.TEXT)))
        return or_(*ranges)

    # -------------------------------------------------------------- masks
    def _masked(self, wanted: FetchColumn) -> ColumnElement[Any]:
        if wanted.form is None or wanted.source.type is not FieldType.TEXT:
            raise Defect(operator="a mask at the source for a column that is no text")
        self._deciding[wanted.source.column] = wanted.source
        cell = self._column(wanted.source)
        return case((cell.is_(None), null()), else_=self._form(wanted.form, cell))

    def _form(self, form: SqlForm, cell: Expression) -> Expression:
        match form:
            case sqlform.Column():
                return cell
            case sqlform.Constant(value):
                return null() if value is None else literal(value, String())
            case sqlform.Left(count):
                return self._dialect.left(cell, count)
            case sqlform.Right(count):
                return self._dialect.right(cell, count)
            case sqlform.Concat(parts):
                joined: Expression = literal("", String())
                for part in parts:
                    joined = joined.concat(self._form(part, cell))
                return joined
            case sqlform.IfShape(shapes, then, otherwise):
                fits = or_(false(), *(self._dialect.shaped(cell, shape.positions) for shape in shapes))
                return case((fits, self._form(then, cell)), else_=self._form(otherwise, cell))


def _number(value: Scalar) -> int | Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or not Decimal(value).is_finite():
        raise Defect(operator="a filter's value is no number")
    return value
