"""Rows -> groups with their aggregates, and a source's aggregates -> values of the catalogue. Pure.

Whoever adds up, the gateway or the source, the same number is written the same way: sums are exact, averages have 28
digits (half even), and numerics that a source keeps as they are lose zeros at their end. Aggregates skip NULL.
"""

from collections.abc import Sequence
from decimal import Context, Decimal
from functools import reduce
from typing import Any, Final

from gateway.catalog.storage import decode
from gateway.model.catalog import Field, FieldType, Storage
from gateway.model.ids import FieldName
from gateway.model.plan import PlannedColumn
from gateway.model.query import AggregateFunction
from gateway.model.rows import Cell, Row

_EXACT: Final = Context(prec=100)
_QUOTIENT: Final = Context(prec=28)


def group_rows(rows: Sequence[Row], columns: Sequence[PlannedColumn], places: dict[FieldName, int]) -> list[Row]:
    """One row a group, with a cell for each column; without keys there is one group, be it empty."""
    keys = [places[column.field.name] for column in columns if column.aggregate is None and column.field is not None]
    groups: dict[Row, list[Row]] = {} if keys else {(): []}
    for row in rows:
        groups.setdefault(tuple(row[at] for at in keys), []).append(row)
    return [tuple(_cell(column, members, places) for column in columns) for members in groups.values()]


def read_aggregate(cell: Cell, function: AggregateFunction, field: Field | None) -> Cell:
    """A source's aggregate in catalogue form; raises ValueError, which never holds the value."""
    if function is AggregateFunction.COUNT:
        if type(cell) is not int or cell < 0:
            raise ValueError("a count is no number of rows")
        return cell
    if cell is None or field is None:
        return None
    if function in {AggregateFunction.MIN, AggregateFunction.MAX}:
        return written(decode(cell, field), field)
    if isinstance(cell, bool) or not isinstance(cell, int | Decimal) or not Decimal(cell).is_finite():
        raise ValueError(f"a {function.value} is no number")
    if function is AggregateFunction.SUM and field.type is FieldType.INTEGER:
        if type(cell) is not int:
            raise ValueError("a sum of integers is no integer")
        return cell
    number = Decimal(cell)
    if field.storage is Storage.FEN:
        number = _EXACT.scaleb(number, -2)
    return _plain(number) if function is AggregateFunction.AVG else written(number, field)


def written(value: Cell, field: Field | None) -> Cell:
    """A numeric as every way of computing it writes it; every other value as it is."""
    is_free = field is not None and field.storage is Storage.NATIVE
    return _plain(value) if is_free and isinstance(value, Decimal) else value


def _cell(column: PlannedColumn, members: Sequence[Row], places: dict[FieldName, int]) -> Cell:
    if column.field is None:
        return len(members)
    at = places[column.field.name]
    if column.aggregate is None:
        return written(members[0][at], column.field)
    cells = [cell for row in members if (cell := row[at]) is not None]
    return len(cells) if column.aggregate is AggregateFunction.COUNT else _of_values(column, cells)


def _of_values(column: PlannedColumn, cells: list[Any]) -> Cell:
    if not cells:
        return None
    match column.aggregate:
        case AggregateFunction.MIN:
            return written(min(cells), column.field)
        case AggregateFunction.MAX:
            return written(max(cells), column.field)
        case AggregateFunction.AVG:
            return _plain(_QUOTIENT.divide(Decimal(_total(cells)), Decimal(len(cells))))
        case _:
            return written(_total(cells), column.field)


def _total(cells: list[Any]) -> int | Decimal:
    if all(isinstance(cell, int) for cell in cells):
        return int(sum(cells))
    return reduce(_EXACT.add, cells, Decimal(0))


def _plain(value: Decimal) -> Decimal:
    if not value:
        return Decimal(0)
    if value == value.to_integral_value(context=_EXACT):
        return Decimal(int(value))
    return value.normalize(_EXACT)
