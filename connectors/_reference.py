"""The reference of the conformance kit: rows, and a naive evaluator of a Fetch over them.

Whatever a connector claims, it must give exactly what `expected` gives over the plain rows. The evaluator is written
on its own, in the simplest way that can be read off gateway.model: it shares no code with any connector.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Context, Decimal
from itertools import islice
from typing import Any

from gateway.model.catalog import FieldType
from gateway.model.ids import DatasetName, FieldName
from gateway.model.plan import Fetch, FetchAggregate, FetchColumn, SourceColumn
from gateway.model.predicate import (
    EVERYTHING,
    AllOf,
    AnyOf,
    Compare,
    IsNull,
    IsTruth,
    Like,
    Not,
    OneOf,
    Predicate,
    Under,
)
from gateway.model.query import AggregateFunction, BoundOrder
from gateway.model.rows import Row
from gateway.model.sqlform import Column, Concat, Constant, IfShape, Left, Right, SqlForm

TABLE = 't_"d;i b`ao 表'
_WIDE = Context(prec=80)
DATASET = DatasetName("kit.reference")
FIELDS: dict[str, tuple[str, FieldType]] = {  # field -> (hostile column name, type)
    "id": ("BH", FieldType.INTEGER),
    "name": ('X"M', FieldType.TEXT),
    "note": ("bz; DROP TABLE x --", FieldType.TEXT),
    "region": ("区 划", FieldType.TEXT),
    "amount": ("je%s", FieldType.NUMERIC),
    "members": ("select", FieldType.INTEGER),
    "active": ("a'b", FieldType.BOOLEAN),
    "born": (":rq", FieldType.DATE),
    "seen": ("?sj$1", FieldType.TIMESTAMP),
}
NAME_COLUMN = FIELDS["name"][0]
KNOWN: dict[FieldName, SourceColumn] = {
    FieldName(name): SourceColumn(field=FieldName(name), column=column, type=field_type)
    for name, (column, field_type) in FIELDS.items()
}
_TEXTS: tuple[str | None, ...] = (
    "张三", "李四", "", None, "O'Brien", 'say "hi"', "100%", "a_b", "back\\slash", "*?[x]", "😀b", "e\u0301", "\u00e9",
    "Ａbc", "abc", "ABC", " lead", "line\nbreak", "-- ;", "\uffff", "\U0001f600", None, "zz", "a,b", "NULL", "{}",
)  # fmt: skip
_REGIONS = ("330102001001", "330102001002", "33010200", "330103", "33", "34", None, "3", "330102", "9", "", "x33")
_AMOUNTS = (
    "1.50", "1.5", "0", "-3.25", None, "9999999999999999999999999.999999999999", "0.000000000001", "10", "9",
    "-0.1", "0.1", "0.2", "123456789.12",
)  # fmt: skip
_MEMBERS = (1, 2, 3, None, 0, -5, 2**63 - 1, -(2**63), 2, 2, 10)
_MOMENTS = (
    datetime(2026, 1, 1, tzinfo=UTC),
    datetime(2025, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    None,
    datetime(2026, 1, 1, 0, 0, 0, 1, tzinfo=UTC),
    datetime(1999, 2, 3, 4, 5, 6, tzinfo=UTC),
)
_DATES = (date(2000, 2, 29), date(1949, 10, 1), None, date(2026, 1, 1), date(999, 12, 31))
_FLAGS = (True, False, None)

ROWS: tuple[dict[str, Any], ...] = tuple(
    {
        "id": at,
        "name": _TEXTS[at % len(_TEXTS)],
        "note": _TEXTS[(at * 7 + 3) % len(_TEXTS)],
        "region": _REGIONS[at % len(_REGIONS)],
        "amount": None if (text := _AMOUNTS[at % len(_AMOUNTS)]) is None else Decimal(text),
        "members": _MEMBERS[at % len(_MEMBERS)],
        "active": _FLAGS[at % 3],
        "born": _DATES[at % 5],
        "seen": _MOMENTS[(at * 3) % 5],
    }
    for at in range(40)
)


# ------------------------------------------------------------------ the naive evaluator
def truth(predicate: Predicate, row: Mapping[str, Any]) -> bool | None:
    """True, False or None for unknown."""
    match predicate:
        case AllOf(terms):
            found = [truth(term, row) for term in terms]
            return False if False in found else None if None in found else True
        case AnyOf(terms):
            found = [truth(term, row) for term in terms]
            return True if True in found else None if None in found else False
        case Not(term):
            inner = truth(term, row)
            return None if inner is None else not inner
        case IsNull(field):
            return row[field] is None
        case IsTruth(field, wanted):
            return row[field] is wanted
        case Compare() | OneOf() | Like() | Under():
            return compared(predicate, row)
        case _:
            raise NotImplementedError


def compared(predicate: Compare | OneOf | Like | Under, row: Mapping[str, Any]) -> bool | None:
    """Those that are unknown over NULL."""
    cell = row[predicate.field]
    if cell is None:
        return None
    match predicate:
        case Like(_, pattern, ignores_case):
            if ignores_case:
                raise NotImplementedError
            return matches(cell, pattern)
        case Under(_, prefixes):
            return any(cell[: len(prefix)] == prefix for prefix in prefixes)
        case OneOf(_, values):
            return any(cell == value for value in values)
        case Compare(_, comparator, value):
            sign: int = (cell > value) - (cell < value)
            signs = {"eq": {0}, "neq": {-1, 1}, "gt": {1}, "gte": {0, 1}, "lt": {-1}, "lte": {-1, 0}}
            return sign in signs[comparator.value]


def matches(text: str, pattern: str) -> bool:
    """LIKE, by the definition."""
    if not pattern:
        return not text
    if pattern[0] == "%":
        return any(matches(text[at:], pattern[1:]) for at in range(len(text) + 1))
    return bool(text) and pattern[0] in ("_", text[0]) and matches(text[1:], pattern[1:])


def masked(form: SqlForm, text: str) -> str | None:
    """A mask's SQL form, by the definition."""
    match form:
        case Column():
            return text
        case Constant(value):
            return value
        case Left(count):
            return text[:count]
        case Right(count):
            return text[len(text) - count :] if count else ""
        case Concat(parts):
            done = [masked(part, text) for part in parts]
            return None if None in done else "".join(part or "" for part in done)
        case IfShape(shapes, then, otherwise):
            fits = any(
                len(text) == len(shape.positions)
                and all(char in allowed for char, allowed in zip(text, shape.positions, strict=True))
                for shape in shapes
            )
            return masked(then if fits else otherwise, text)


def _projected(column: FetchColumn, row: Mapping[str, Any]) -> Any:  # noqa: ANN401  # a cell of any type
    cell = row[column.source.field]
    return cell if column.form is None or cell is None else masked(column.form, cell)


def _aggregated(one: FetchAggregate, rows: Sequence[Mapping[str, Any]]) -> Any:  # noqa: ANN401  # as above
    if one.field is None:
        return len(rows)
    cells = [row[one.field] for row in rows if row[one.field] is not None]
    match one.function:
        case AggregateFunction.COUNT:
            return len(cells)
        case AggregateFunction.MIN:
            return min(cells, default=None)
        case AggregateFunction.MAX:
            return max(cells, default=None)
        case AggregateFunction.SUM:
            return _exact_sum(cells) if cells else None
        case AggregateFunction.AVG:
            return Decimal(_exact_sum(cells)) / len(cells) if cells else None


def _exact_sum(cells: Sequence[int | Decimal]) -> int | Decimal:
    if all(isinstance(cell, int) for cell in cells):
        return sum(cells)
    scaled = sum(int(Decimal(cell).scaleb(12, context=_WIDE)) for cell in cells)
    return Decimal(scaled).scaleb(-12, context=_WIDE)


def expected(fetch: Fetch, rows: Sequence[Mapping[str, Any]] = ROWS) -> list[Row]:
    """What the fetch gives over plain rows."""
    kept = [row for row in rows if truth(fetch.where, row) is True]
    if fetch.aggregates:
        groups: dict[Row, list[Mapping[str, Any]]] = {} if fetch.columns else {(): []}
        for row in kept:
            groups.setdefault(tuple(_projected(column, row) for column in fetch.columns), []).append(row)
        made = [(*key, *(_aggregated(one, members) for one in fetch.aggregates)) for key, members in groups.items()]
        by = {column.source.field: at for at, column in enumerate(fetch.columns)}
        for order in reversed(fetch.order):
            made = _sorted(made, order, lambda row, at=by[order.field]: row[at])
    else:
        for order in reversed(fetch.order):
            kept = _sorted(kept, order, lambda row, name=order.field: row[name])
        made = [tuple(_projected(column, row) for column in fetch.columns) for row in kept]
    return list(islice(made, fetch.offset, None if fetch.limit is None else fetch.offset + fetch.limit))


def _sorted(rows: list[Any], order: BoundOrder, cell: Any) -> list[Any]:  # noqa: ANN401  # of any kind of row
    nulls = [row for row in rows if cell(row) is None]
    others = sorted((row for row in rows if cell(row) is not None), key=cell, reverse=order.is_descending)
    return nulls + others if order.nulls_first else others + nulls


# ------------------------------------------------------------------ a fetch of it
def make_fetch(
    *,
    table: str = TABLE,
    columns: Sequence[str | FetchColumn] = tuple(FIELDS),
    aggregates: Sequence[tuple[AggregateFunction, str | None]] = (),
    where: Predicate = EVERYTHING,
    order: Sequence[tuple[str, bool, bool]] = (),
    limit: int | None = None,
    offset: int = 0,
    seconds: float = 10.0,
    batch_rows: int = 7,
) -> Fetch:
    """A fetch over the reference fields; order terms are (field, is_descending, nulls_first)."""
    return Fetch(
        dataset=DATASET,
        table=table,
        columns=tuple(
            FetchColumn(source=KNOWN[FieldName(column)]) if isinstance(column, str) else column for column in columns
        ),
        aggregates=tuple(
            FetchAggregate(function=function, field=None if field is None else FieldName(field))
            for function, field in aggregates
        ),
        known=KNOWN,
        where=where,
        order=tuple(
            BoundOrder(field=FieldName(field), is_descending=descending, nulls_first=nulls)
            for field, descending, nulls in order
        ),
        limit=limit,
        offset=offset,
        time_limit_seconds=seconds,
        batch_rows=batch_rows,
    )
