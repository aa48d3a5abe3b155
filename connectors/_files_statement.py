"""Fetch and listed files -> one DuckDB SELECT with bound values, and how to read each of its columns.

Inside, every file's columns are cast to the catalogue's types, strictly: a cell that does not fit ends the query.
Outside, only our own short names are left (`f0`, `f1`, ...): no name of the department's stands beside a predicate.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

from connectors._cells import (
    DATE,
    DECIMAL,
    INTEGERS,
    NUMERICS,
    TIMESTAMP,
    NotPromised,
    Reader,
    fit,
    fit_all,
    plain,
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
from connectors._files_dialect import Dialect
from connectors._files_listing import EXCEL, PARQUET, Listed, told_of
from connectors._told import named
from gateway.errors import Defect
from gateway.model import sqlform
from gateway.model.catalog import FieldType
from gateway.model.ids import FieldName
from gateway.model.parts import conjuncts, fields_of
from gateway.model.plan import Fetch, FetchColumn, SourceColumn
from gateway.model.predicate import (
    EVERYTHING,
    AllOf,
    AnyOf,
    Comparator,
    Compare,
    IsNull,
    IsTruth,
    Like,
    Not,
    OneOf,
    Predicate,
    Scalar,
    Under,
)
from gateway.model.query import AggregateFunction
from gateway.model.sqlform import SqlForm

_COMPARATORS = {
    Comparator.EQ: "=",
    Comparator.NEQ: "<>",
    Comparator.GT: ">",
    Comparator.GTE: ">=",
    Comparator.LT: "<",
    Comparator.LTE: "<=",
}
_GRIDS = {FieldType.INTEGER: INTEGERS, FieldType.NUMERIC: NUMERICS}
_FROM_TEXT = {  # the shape that a text cell must have, and what it is cast to
    FieldType.INTEGER: ("-?[0-9]{1,19}", "BIGINT"),
    FieldType.NUMERIC: (DECIMAL, "DECIMAL(38,12)"),
    FieldType.BOOLEAN: ("(?i)true|false|1|0", "BOOLEAN"),
    FieldType.DATE: (DATE, "DATE"),
    FieldType.TIMESTAMP: (TIMESTAMP, "TIMESTAMP"),
}
_INTEGER_TYPES = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"}
_NATIVE = {
    FieldType.TEXT: {"VARCHAR"},
    FieldType.INTEGER: _INTEGER_TYPES,
    FieldType.NUMERIC: _INTEGER_TYPES,
    FieldType.BOOLEAN: {"BOOLEAN"},
    FieldType.DATE: {"DATE"},
    FieldType.TIMESTAMP: {"TIMESTAMP", "TIMESTAMP_MS", "TIMESTAMP_S", "TIMESTAMP WITH TIME ZONE"},
}
_DECIMAL_TYPE = re.compile(r"DECIMAL\(([0-9]+),([0-9]+)\)")
Bound = str | int | bool | float | datetime | object


def _read_plain_numeric(cell: object) -> Decimal:
    return plain(read_numeric(cell))


_READERS: dict[FieldType, Reader] = {
    FieldType.TEXT: read_text,
    FieldType.INTEGER: read_integer,
    FieldType.NUMERIC: _read_plain_numeric,
    FieldType.BOOLEAN: read_boolean,
    FieldType.DATE: read_date,
    FieldType.TIMESTAMP: read_timestamp,
    **COMPOSITES,
}


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL without a value in it, its bound values, and the readers of its columns."""

    sql: str
    values: Mapping[str, Bound]
    readers: tuple[Reader, ...]
    averages: frozenset[int]  # positions of sums that the next column (a count) divides
    held: tuple[Listed, ...] = ()  # those that the statement names `held0`, `held1`, ...


def compile_fetch(fetch: Fetch, files: Sequence[Listed], dialect: Dialect) -> Statement:
    """The whole fetch in one statement. Raises NotPromised for files that lack a column, Defect for misuse."""
    return _Compilation(fetch, files, dialect).statement()


@dataclass(slots=True)
class _Compilation:
    fetch: Fetch
    files: Sequence[Listed]
    dialect: Dialect
    values: dict[str, Bound] = field(default_factory=dict)
    used: dict[FieldName, str] = field(default_factory=dict)
    held: list[Listed] = field(default_factory=list)

    def statement(self) -> Statement:
        fetch = self.fetch
        readers: list[Reader] = []
        shown: list[str] = []
        averages: set[int] = set()
        for wanted in fetch.columns:
            shown.append(self._shown(wanted, is_key=bool(fetch.aggregates)))
            is_raw = wanted.source.type is FieldType.NUMERIC and not fetch.aggregates
            readers.append(read_text if wanted.form else read_numeric if is_raw else _READERS[wanted.source.type])
        keys = list(shown)
        for one in fetch.aggregates:
            if one.function is AggregateFunction.AVG:
                averages.add(len(shown) - len(averages))
            for expression, reader in self._aggregate(one.function, one.field):
                shown.append(expression)
                readers.append(reader)
        parts = [f"SELECT {', '.join(shown) or '1'}", "", f"WHERE {self._filtered()}"]
        if fetch.aggregates and keys:
            parts.append("GROUP BY " + ", ".join(keys))
        if fetch.order:
            parts.append(
                "ORDER BY "
                + ", ".join(
                    f"{self._cell(by.field)} {'DESC' if by.is_descending else 'ASC'}"
                    f" NULLS {'FIRST' if by.nulls_first else 'LAST'}"
                    for by in fetch.order
                )
            )
        if fetch.limit is not None:
            parts.append(f"LIMIT {self._bind(fetch.limit)}")
        if fetch.offset:
            parts.append(f"OFFSET {self._bind(fetch.offset)}")
        parts[1] = f"FROM ({self._source()}) AS source"  # last: only now are the used fields known
        return Statement(" ".join(parts), self.values, tuple(readers), frozenset(averages), tuple(self.held))

    # -------------------------------------------------------------- columns
    def _bind(self, value: Bound) -> str:
        name = f"p{len(self.values)}"
        self.values[name] = value
        return f"${name}"

    def _known(self, name: FieldName) -> SourceColumn:
        if name not in self.fetch.known:
            raise Defect(operator="a fetch names a field without a column")
        return self.fetch.known[name]

    def _cell(self, name: FieldName) -> str:
        self._known(name)
        return self.used.setdefault(name, f"f{len(self.used)}")

    def _shown(self, wanted: FetchColumn, *, is_key: bool) -> str:
        cell = self._cell(wanted.source.field)
        if wanted.form is not None:
            if wanted.source.type is not FieldType.TEXT:
                raise Defect(operator="a mask at the source for a column that is no text")
            return f"CASE WHEN {cell} IS NULL THEN NULL ELSE {self._form(wanted.form, cell)} END"
        return f"raw_{cell}" if wanted.source.type is FieldType.NUMERIC and not is_key else cell

    def _aggregate(self, function: AggregateFunction, name: FieldName | None) -> list[tuple[str, Reader]]:
        if name is None:
            if function is not AggregateFunction.COUNT:
                raise Defect(operator=f"{function} of no field")
            return [("count(*)", read_integer)]
        cell, field_type = self._cell(name), self._known(name).type
        counted: tuple[str, Reader] = (f"count({cell})", read_integer)
        if function is AggregateFunction.COUNT:
            return [counted]
        if function in (AggregateFunction.MIN, AggregateFunction.MAX):
            return [(f"{function.value}({cell})", _READERS[field_type])]
        if field_type not in (FieldType.INTEGER, FieldType.NUMERIC):
            raise Defect(operator=f"{function} of a {field_type} field")
        total = (f"sum({cell})", read_integer_sum if field_type is FieldType.INTEGER else read_sum)
        return [total] if function is AggregateFunction.SUM else [total, counted]

    # -------------------------------------------------------------- files
    def _source(self) -> str:
        groups: dict[tuple[object, ...], list[Listed]] = {}
        for at, file in enumerate(self.files):
            alike = file.kind if file.held is None else at
            groups.setdefault((alike, tuple(file.columns.items())), []).append(file)
        return " UNION ALL ".join(map(self._group, groups.values()))

    def _group(self, files: Sequence[Listed]) -> str:
        """Files that have the same columns: one reader call, or the one table that is held."""
        first, columns = files[0], files[0].columns
        selected = ["1 AS one"]
        with told_of(first.name):
            selected += self._selected(first)
        if first.held is not None:
            self.held.append(first)
            return f"SELECT {', '.join(selected)} FROM held{len(self.held) - 1}"  # noqa: S608  # a name of ours
        given = ", ".join(self._bind(str(file.path)) for file in files)
        if first.kind == PARQUET:
            return f"SELECT {', '.join(selected)} FROM read_parquet([{given}], hive_partitioning=false)"  # noqa: S608  # names quoted, values bound
        shape = ", ".join(f"'c{at}': 'VARCHAR'" for at in range(len(columns)))
        delimiter, quote, null = (
            self._bind(text) for text in (self.dialect.delimiter, self.dialect.quote, self.dialect.null)
        )
        return (
            f"SELECT {', '.join(selected)} FROM read_csv([{given}], auto_detect=false, header=true,"  # noqa: S608  # as above
            f" columns={{{shape}}}, delim={delimiter}, quote={quote}, escape={quote}, nullstr={null},"
            " allow_quoted_nulls=false, strict_mode=true, null_padding=false, ignore_errors=false,"
            " hive_partitioning=false)"
        )

    def _selected(self, file: Listed) -> Iterator[str]:
        places = {name: at for at, name in enumerate(file.columns)}
        for name, alias in self.used.items():
            source = self._known(name)
            if source.column not in places:
                raise NotPromised(f"it lacks the column {named(source.column)}")
            raw = _quoted(source.column) if file.kind == PARQUET else f"c{places[source.column]}"
            if file.kind == EXCEL and source.type is FieldType.TIMESTAMP:  # midnight is a mere date there
                raw = f"CASE WHEN regexp_full_match({raw}, '{DATE}') THEN {raw} || ' 00:00:00' ELSE {raw} END"
            yield f"{_typed(raw, source, file.columns[source.column])} AS {alias}"
            if source.type is FieldType.NUMERIC:
                yield f"CAST({raw} AS VARCHAR) AS raw_{alias}"

    # -------------------------------------------------------------- predicates
    def _filtered(self) -> str:
        """The whole filter; what could fail on a cell is not evaluated on rows that don't exist for the asker."""
        fetch = self.fetch
        if fetch.rows == EVERYTHING:
            return self._where(fetch.where)
        visible, own = self._where(fetch.rows), list(conjuncts(fetch.rows))
        terms = [
            self._where(term)
            if all(fetch.known[name].type is FieldType.TEXT for name in fields_of(term))
            else f"(CASE WHEN {visible} THEN {self._where(term)} ELSE FALSE END)"
            for term in conjuncts(fetch.where)
            if term not in own
        ]
        return " AND ".join([visible, *terms])

    def _where(self, predicate: Predicate) -> str:
        match predicate:
            case AllOf(terms):
                return "(" + " AND ".join(["TRUE", *map(self._where, terms)]) + ")"
            case AnyOf(terms):
                return "(" + " OR ".join(["FALSE", *map(self._where, terms)]) + ")"
            case Not(term):
                return f"(NOT {self._where(term)})"
            case IsNull(name):
                return f"({self._cell(name)} IS NULL)"
            case IsTruth(name, truth):
                return f"(coalesce({self._cell(name)} = {self._bind(truth)}, FALSE))"
            case Like(name, pattern, ignores_case):
                if ignores_case:
                    raise Defect(operator="a pattern that ignores case is not claimed")
                return f"({self._cell(name)} LIKE {self._bind(pattern)})"
            case Under(name, prefixes):
                if not all(prefix.isascii() and prefix.isdigit() for prefix in prefixes):
                    raise Defect(operator="a region prefix that is not all digits")
                cell = self._cell(name)
                begins = [f"starts_with({cell}, {self._bind(prefix)})" for prefix in prefixes]
                return f"({' OR '.join(begins)})" if begins else self._constant(name, truth=False)
            case OneOf(name, values):
                return self._one_of(name, values)
            case Compare(name, comparator, value):
                return self._compare(name, comparator, value)
            case _:
                raise Defect(operator="a predicate that is not claimed")

    def _constant(self, name: FieldName, *, truth: bool) -> str:
        return f"(CASE WHEN {self._cell(name)} IS NULL THEN NULL ELSE {'TRUE' if truth else 'FALSE'} END)"

    def _compare(self, name: FieldName, comparator: Comparator, value: Scalar) -> str:
        grid = _GRIDS.get(self._known(name).type)
        if grid is not None:
            fitted = fit(comparator, _number(value), grid)
            if isinstance(fitted, bool):
                return self._constant(name, truth=fitted)
            comparator, value = fitted
        return f"({self._cell(name)} {_COMPARATORS[comparator]} {self._value(value, self._known(name).type)})"

    def _one_of(self, name: FieldName, values: tuple[Scalar, ...]) -> str:
        field_type = self._known(name).type
        grid = _GRIDS.get(field_type)
        if grid is not None:
            values = tuple(fit_all([_number(value) for value in values], grid))
        if not values:
            return self._constant(name, truth=False)
        return f"({self._cell(name)} IN ({', '.join(self._value(value, field_type) for value in values)}))"

    def _value(self, value: Scalar, field_type: FieldType) -> str:
        match field_type, value:
            case (FieldType.INTEGER, int() | Decimal()):
                return f"CAST({self._bind(int(value))} AS BIGINT)"
            case (FieldType.NUMERIC, int() | Decimal()):
                return f"CAST({self._bind(format(value, 'f'))} AS DECIMAL(38,12))"
            case (FieldType.TIMESTAMP, datetime()):
                return f"CAST({self._bind(value.astimezone(UTC).replace(tzinfo=None))} AS TIMESTAMP)"
            case (FieldType.TEXT, str()):
                return self._bind(value)
            case (FieldType.BOOLEAN | FieldType.DATE, _):
                return self._bind(value)
            case _:
                raise Defect(operator=f"a filter's value does not fit the type {field_type}")

    # -------------------------------------------------------------- masks
    def _form(self, form: SqlForm, cell: str) -> str:
        match form:
            case sqlform.Column():
                return cell
            case sqlform.Constant(value):
                return "CAST(NULL AS VARCHAR)" if value is None else f"CAST({self._bind(value)} AS VARCHAR)"
            case sqlform.Left(count):
                return f"left({cell}, {self._bind(count)})"
            case sqlform.Right(count):
                return f"right({cell}, {self._bind(count)})"
            case sqlform.Concat(parts):
                return "(" + " || ".join(["''", *(self._form(part, cell) for part in parts)]) + ")"
            case sqlform.IfShape(shapes, then, otherwise):
                fits = " OR ".join(["FALSE", *(self._shaped(cell, shape.positions) for shape in shapes)])
                return f"CASE WHEN {fits} THEN {self._form(then, cell)} ELSE {self._form(otherwise, cell)} END"

    def _shaped(self, cell: str, positions: tuple[str, ...]) -> str:
        if not all(positions):
            return "FALSE"
        pattern = "".join("[" + "".join(f"\\x{{{ord(char):x}}}" for char in allowed) + "]" for allowed in positions)
        return f"regexp_full_match({cell}, {self._bind(pattern)})"


def _number(value: Scalar) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or not Decimal(value).is_finite():
        raise Defect(operator="a filter's value is no number")
    return Decimal(value)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _typed(raw: str, source: SourceColumn, stored: str) -> str:
    """A column of the file as the catalogue's type; a text cell of the wrong shape becomes `?`, which can't be cast."""
    field_type = source.type
    if stored in {"VARCHAR", "JSON"} and not field_type.is_scalar:
        return f"CAST({raw} AS VARCHAR)"
    if stored == "VARCHAR" and field_type is not FieldType.TEXT:
        pattern, target = _FROM_TEXT[field_type]
        text = f"CASE WHEN {raw} IS NULL OR regexp_full_match({raw}, '{pattern}') THEN {raw} ELSE '?' END"
        if field_type is FieldType.TIMESTAMP:
            text = f"regexp_replace({text}, '(Z|\\+00:00)$', '')"
        return f"CAST({text} AS {target})"
    decimal = _DECIMAL_TYPE.fullmatch(stored)
    if field_type is FieldType.NUMERIC and decimal is not None:
        width, scale = int(decimal[1]), int(decimal[2])
        if scale <= 12 and width - scale <= 26:
            return f"CAST({raw} AS DECIMAL(38,12))"
    if stored not in _NATIVE.get(field_type, ()):
        raise NotPromised(f"column {named(source.column)} is {stored.partition('(')[0]}, in the catalogue {field_type}")
    match field_type:
        case FieldType.INTEGER:
            return f"CAST({raw} AS BIGINT)"
        case FieldType.NUMERIC:
            return f"CAST({raw} AS DECIMAL(38,12))"
        case FieldType.TIMESTAMP if stored == "TIMESTAMP WITH TIME ZONE":
            return f"make_timestamp(epoch_us({raw}))"
        case FieldType.TIMESTAMP:
            return f"CAST({raw} AS TIMESTAMP)"
        case _:
            return raw
