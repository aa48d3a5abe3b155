"""Fetch -> one SELECT with bound values, and how to read each of its columns.

Every name is quoted as the catalogue writes it, every value is bound; text of the asker is never part of the SQL.
The row has a last column more than the fetch asks for: whether the cells that decided over it were well typed.
"""

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import (
    BigInteger,
    Select,
    String,
    and_,
    bindparam,
    case,
    column,
    false,
    func,
    literal_column,
    not_,
    or_,
    select,
    table,
    true,
)
from sqlalchemy.sql.elements import ColumnElement, quoted_name

from connectors._cells import Reader, read_integer, read_text
from connectors._sql_dialect import Dialect, Expression
from connectors._sql_lift import (
    Always,
    Among,
    Begins,
    Compared,
    Lifted,
    Question,
    Shape,
    Slot,
    Special,
    fields_of,
)
from connectors._sql_masks import masked, read_marked
from connectors._sql_reading import Reading
from gateway.errors import Defect
from gateway.model.catalog import FieldType
from gateway.model.ids import FieldName
from gateway.model.json_value import JsonStep
from gateway.model.plan import Fetch, FetchColumn, SourceColumn
from gateway.model.predicate import (
    AllOf,
    AnyOf,
    AtPath,
    Comparator,
    FullText,
    IsNull,
    IsTruth,
    Like,
    Matches,
)
from gateway.model.query import AggregateFunction

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
    """A SELECT and how its answer is read."""

    select: Select[Any]
    reading: Reading


def compile_question(
    fetch: Fetch,
    question: Question,
    values: Sequence[object],
    *,
    dialect: Dialect,
    schema: str | None,
    stored: Mapping[str, object],
) -> Statement:
    """The statement of a lifted fetch: the bound parameter of slot 3 is called `v3`."""
    return _Compilation(fetch, question, values, dialect=dialect, schema=schema, stored=stored).statement()


class _Compilation:
    def __init__(
        self,
        fetch: Fetch,
        question: Question,
        values: Sequence[object],
        *,
        dialect: Dialect,
        schema: str | None,
        stored: Mapping[str, object],
    ) -> None:
        self._fetch = fetch
        self._question = question
        self._values = values
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
        self._shown: dict[str, SourceColumn] = {}

    def statement(self) -> Statement:
        return self._grouped() if self._fetch.aggregates else self._plain()

    # -------------------------------------------------------------- the two shapes
    def _plain(self) -> Statement:
        fetch = self._fetch
        shown: list[Expression] = []
        readers: list[Reader] = []
        for wanted in fetch.columns:
            if wanted.form is None:
                self._shown[wanted.source.column] = wanted.source
                shown.append(self._dialect.shown(self._column(wanted.source), wanted.source.type))
                readers.append(self._dialect.reader(wanted.source.type))
            else:
                shown.append(self._masked(wanted))
                readers.append(read_marked if self._dialect.marks_masks else read_text)
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
        return Statement(self._paged(query), Reading(tuple(readers), frozenset()))

    def _grouped(self) -> Statement:
        fetch = self._fetch
        keys: list[Expression] = []
        readers: list[Reader] = []
        for wanted in fetch.columns:
            if wanted.form is None:
                keys.append(self._dialect.shown(self._comparable(wanted.source), wanted.source.type))
                readers.append(self._dialect.comparable_reader(wanted.source.type))
            else:
                keys.append(self._dialect.comparable(self._masked(wanted), FieldType.TEXT))
                reader = self._dialect.comparable_reader(FieldType.TEXT)
                readers.append(read_marked if self._dialect.marks_masks else reader)
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
        return Statement(self._paged(query), Reading(tuple(readers), frozenset(averages)))

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
            found = extreme(dialect.comparable(cell, source.type))
            return [(dialect.shown(found, source.type), dialect.comparable_reader(source.type))]
        if source.type not in (FieldType.INTEGER, FieldType.NUMERIC):
            raise Defect(operator=f"{function} of a {source.type} field")
        total = (dialect.total(cell, source.type), dialect.total_reader(source.type))
        return [total] if function is AggregateFunction.SUM else [total, counted]

    def _paged(self, query: Select[Any]) -> Select[Any]:
        fetch, places = self._fetch, len(self._values)
        if fetch.limit is None and not fetch.offset:
            return query
        if fetch.offset and self._dialect.skips_only_in_order and not fetch.order:
            query = query.order_by(literal_column("(SELECT NULL)"))
        if not self._dialect.binds_page:
            query = query if fetch.limit is None else query.limit(fetch.limit)
            return query.offset(fetch.offset) if fetch.offset else query
        if fetch.offset:
            places -= 1
            query = query.offset(self._page(places))
        return query if fetch.limit is None else query.limit(self._page(places - 1))

    def _page(self, place: int) -> Expression:
        return bindparam(f"v{place}", self._values[place], BigInteger())

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
        checks += [
            or_(self._raw(source).is_(None), check)
            for source in {**self._shown, **self._deciding}.values()
            if (check := self._dialect.sound(self._raw(source), source.type, self._stored.get(source.column)))
            is not None
        ]
        one: Expression = literal_column("1")
        found: Expression = case((and_(*checks), one), else_=literal_column("0")) if checks else one
        return found.label("ok")

    def _filtered(self) -> ColumnElement[Any]:
        """The whole filter. An engine evaluates conditions in its own order, so what could raise stands in a CASE.

        Else an error, or none, would tell of a row that doesn't exist for the asker.
        """
        visible, terms = self._question.visible, self._question.terms
        if visible is None:
            return and_(true(), *map(self._where, terms))
        shown = self._where(visible)
        return and_(shown, *(
            case((shown, self._where(term)), else_=false()) if self._may_raise(term) else self._where(term)
            for term in terms
        ))  # fmt: skip

    def _may_raise(self, term: Shape) -> bool:
        sources = [self._known(field) for field in fields_of(term)]
        return any(self._dialect.may_raise(source.type, self._stored.get(source.column)) for source in sources)

    def _where(self, shape: Shape) -> ColumnElement[Any]:
        match shape:
            case Lifted(node, terms, test):
                return self._connected(node, terms, test)
            case Always(field, truth):
                return self._dialect.constant(self._column(self._known(field)), truth=truth)
            case Compared(field, comparator, value):
                source = self._known(field)
                cell = self._equal(source) if comparator in _EQUALITY else self._comparable(source)
                compared: ColumnElement[Any] = getattr(cell, _COMPARATORS[comparator])(self._bound(value, source))
                is_equal = comparator is Comparator.EQ
                return self._narrowed(compared, source, value, is_prefix=False) if is_equal else compared
            case Among(field, values):
                source = self._known(field)
                name, given = f"v{values.number}", self._values[values.number]
                exact = self._dialect.among(self._equal(source), name, given, source.type)
                if self._narrowed(exact, source, values, is_prefix=False) is exact:
                    return exact
                return and_(self._dialect.among(self._raw(source), name, given, source.type), exact)
            case Begins(field, low, after):
                source = self._known(field)
                cell = self._comparable(source)
                between = and_(cell >= self._bound(low, source), cell < self._bound(after, source))
                return self._narrowed(between, source, low, is_prefix=True)
            case Special(Like(field), value):
                name, given = f"v{value.number}", self._values[value.number]
                return self._dialect.like(self._deciding_column(field), bindparam(name, given, String()))
            case Special(term, value):
                source = self._known(term.field)
                is_text = isinstance(term, Matches | FullText)
                bound = (
                    bindparam(f"v{value.number}", self._values[value.number], String())
                    if is_text
                    else self._bound(value, source)
                )
                return self._dialect.special(self._column(source), term, bound)

    def _narrowed(
        self, exact: ColumnElement[Any], source: SourceColumn, value: Slot, *, is_prefix: bool
    ) -> ColumnElement[Any]:
        """With a wider condition beside it that an index serves, where the engine has one."""
        if source.type is not FieldType.TEXT or self._there is not None:
            return exact
        stored = self._stored.get(source.column)
        wider = self._dialect.wider(self._raw(source), self._bound(value, source), stored, is_prefix=is_prefix)
        return exact if wider is None else and_(wider, exact)

    def _connected(
        self, node: type, terms: tuple[Shape, ...], test: IsNull | IsTruth | AtPath | None
    ) -> ColumnElement[Any]:
        match test:
            case IsNull(field):
                source = self._known(field)
                return self._dialect.is_null(self._raw(source), source.type)
            case IsTruth(field, truth):
                return self._dialect.is_truth(self._deciding_column(field), truth)
            case AtPath(field, path):
                return self._at_path(self._known(field), path, terms[0])
            case None if node is AllOf:
                return and_(true(), *map(self._where, terms))
            case None if node is AnyOf:
                return or_(false(), *map(self._where, terms))
            case _:
                return not_(self._where(terms[0]).self_group())

    def _at_path(self, source: SourceColumn, path: tuple[JsonStep, ...], term: Shape) -> ColumnElement[Any]:
        there = copy(self)
        kind = FieldType.TEXT if path[-1].as_text else FieldType.JSON
        there._there = (replace(source, type=kind), self._dialect.at_path(self._column(source), path))  # noqa: SLF001  # a copy of itself
        return there._where(term)  # noqa: SLF001  # as above

    def _deciding_column(self, field: FieldName) -> Expression:
        source = self._known(field)
        self._deciding[source.column] = source
        return self._column(source)

    def _bound(self, slot: Slot, source: SourceColumn) -> Expression:
        return self._dialect.bound(f"v{slot.number}", self._values[slot.number], source.type)

    # -------------------------------------------------------------- masks
    def _masked(self, wanted: FetchColumn) -> ColumnElement[Any]:
        if wanted.form is None or wanted.source.type is not FieldType.TEXT:
            raise Defect(operator="a mask at the source for a column that is no text")
        self._deciding[wanted.source.column] = wanted.source
        return masked(self._dialect, wanted.form, self._column(wanted.source))
