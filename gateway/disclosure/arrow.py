"""Disclosures -> an Arrow IPC stream: one record batch a batch.

The types follow the plan, not the rows, so that every batch has the schema of the first: a mask gives text, a numeric
is a decimal with all its digits, JSON and ranges are their text, an embedded row is a struct and several are a list.
"""

import io
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from types import NoneType
from typing import Any

import pyarrow as pa

from gateway.catalog.values import field_at, text_of
from gateway.disclosure.assembling import Slot, meant, slots_of
from gateway.model.catalog import FieldType
from gateway.model.json_value import Json
from gateway.model.plan import PlannedColumn, ReadPlan
from gateway.model.query import AggregateFunction
from gateway.model.range_value import Range
from gateway.model.rows import Disclosure, Shown, columns_of_rows

_SCALARS: Mapping[FieldType, pa.DataType] = {
    FieldType.TEXT: pa.string(),
    FieldType.INTEGER: pa.int64(),
    FieldType.NUMERIC: pa.decimal128(38, 12),
    FieldType.BOOLEAN: pa.bool_(),
    FieldType.DATE: pa.date32(),
    FieldType.TIMESTAMP: pa.timestamp("us", tz="UTC"),
}
_PLAIN = frozenset({str, int, bool, Decimal, date, datetime, NoneType})  # what pyarrow takes as it is
_SUM_OF_INTEGERS = pa.decimal128(38, 0)
_SUM_OF_NUMERICS = pa.decimal256(76, 12)
_AVERAGE = pa.decimal256(76, 28)


class ArrowWriter:
    """One stream; the schema leaves with the first batch."""

    def __init__(self, plan: ReadPlan) -> None:
        self._schema = pa.schema(list(_fields(plan)))
        self._sink = io.BytesIO()
        self._writer = pa.ipc.new_stream(self._sink, self._schema)

    def batch(self, disclosure: Disclosure) -> bytes:
        """A record batch; none for no rows."""
        if disclosure.rows:
            columns = columns_of_rows(disclosure.rows)
            arrays = [
                pa.array(column if _PLAIN.issuperset(map(type, column)) else list(map(_cell, column)), type=field.type)
                for column, field in zip(columns, self._schema, strict=True)
            ]
            self._writer.write_batch(pa.record_batch(arrays, schema=self._schema))
        return self._taken()

    def end(self) -> bytes:
        """The end-of-stream mark."""
        self._writer.close()
        return self._taken()

    def _taken(self) -> bytes:
        written = self._sink.getvalue()
        self._sink.seek(0)
        self._sink.truncate()
        return written


def _fields(plan: ReadPlan) -> Iterator[pa.Field]:
    for slot in slots_of(plan):
        yield pa.field(slot.name, _type(plan, slot))


def _type(plan: ReadPlan, slot: Slot) -> pa.DataType:
    column = plan.columns[slot.column]
    if column.embed is None:
        return _of_column(column)
    embed = next(one for one in plan.embeds if one.name == column.embed)
    there = meant(embed)
    inner = pa.struct(list(_fields(there))) if slot.spread is None else _type(there, slots_of(there)[slot.spread])
    return inner if embed.one else pa.list_(inner)


def _of_column(column: PlannedColumn) -> pa.DataType:
    if column.result_cast is not None:
        return _of(column.result_cast)
    if column.aggregate is AggregateFunction.COUNT:
        return pa.int64()
    if column.mask is not None or column.field is None:
        return pa.string()
    kind = column.cast or field_at(column.field, column.path).type
    if column.aggregate is AggregateFunction.AVG:
        return _AVERAGE
    if column.aggregate is AggregateFunction.SUM:
        return _SUM_OF_INTEGERS if kind is FieldType.INTEGER else _SUM_OF_NUMERICS
    return _of(kind)


def _of(kind: FieldType) -> pa.DataType:
    element = kind.element
    if element is not None:
        return pa.list_(_of(element))
    return _SCALARS.get(kind, pa.string())


def _cell(cell: Shown) -> Any:  # noqa: ANN401  # whatever pyarrow takes for the type
    match cell:
        case Json() | Range():
            return text_of(cell)
        case Mapping():
            return {name: _cell(inner) for name, inner in cell.items()}
        case str():
            return cell
        case Sequence():
            return [_cell(inner) for inner in cell]
        case _:
            return cell
