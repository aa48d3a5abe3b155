"""Rows -> groups, also by values that a path or a cast makes of a field. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from gateway.catalog.values import cast_cell, cell_at, field_at
from gateway.disclosure.aggregates import group_rows
from gateway.errors import ValueUncastable
from gateway.model.catalog import Field, FieldType
from gateway.model.ids import FieldName
from gateway.model.plan import PlannedColumn, ReadPlan
from gateway.model.rows import Cell, Row


def computing(column: PlannedColumn) -> Callable[[Cell], Cell] | None:
    """What the column's path and cast make of a cell; None where they make nothing of it. May raise ValueUncastable."""
    if column.field is None or (not column.path and column.cast is None):
        return None
    return partial(_computed, column=column, name=column.field.name)


def recast(column: PlannedColumn) -> Callable[[Cell], Cell] | None:
    """What the cast of an aggregate's result makes of it; None where there is none. May raise ValueUncastable."""
    if column.result_cast is None:
        return None
    return partial(_cast, kind=column.result_cast, name=column.name)


def _computed(cell: Cell, column: PlannedColumn, name: str) -> Cell:
    if column.path:
        cell = cell_at(cell, column.path)
    return cell if column.cast is None else _cast(cell, column.cast, name)


def _cast(cell: Cell, kind: FieldType, name: str) -> Cell:
    try:
        return cast_cell(cell, kind)
    except ValueError:
        raise ValueUncastable(field=name, type=kind.value) from None


def grouped(rows: Sequence[Row], plan: ReadPlan, places: dict[FieldName, int]) -> list[Row]:
    """One row a group, in the residual's order, with a cell for each of the plan's columns."""
    columns: list[PlannedColumn] = []
    computed: list[tuple[int, Callable[[Cell], Cell]]] = []
    places = dict(places)
    width = len(rows[0]) if rows else 0
    for at, column in enumerate(plan.columns):
        compute = computing(column)
        if compute is None or column.field is None:
            columns.append(column)
            continue
        name = FieldName(f"{column.field.name}#{at}")  # no field has such a name
        columns.append(replace(column, field=_made(column, column.field, name)))
        computed.append((places[column.field.name], compute))
        places[name] = width + len(computed) - 1
    if computed:
        rows = [(*row, *(compute(row[at]) for at, compute in computed)) for row in rows]
    return group_rows(rows, columns, places)


def _made(column: PlannedColumn, field: Field, name: FieldName) -> Field:
    there = field_at(field, column.path)
    return replace(there, name=name, type=column.cast or there.type, codes={})
