"""JSON, arrays and ranges of foreign systems -> cells of exactly the promised type, as `_cells` does for plain values.

- JSON: its text, or what a JSON document was parsed to;
- arrays: PostgreSQL's text `{a,"b,c",NULL}`, or a list; of one dimension;
- ranges: PostgreSQL's text, `[1,5)`.
"""

import re
from collections.abc import Callable
from datetime import datetime

from connectors._cells import NotPromised, Reader, read_date, read_integer, read_numeric, read_text, read_timestamp
from gateway.model.catalog import FieldType
from gateway.model.json_value import Json, json_from
from gateway.model.predicate import Array, Plain
from gateway.model.range_value import Bound, Range
from gateway.model.value_text import read_array, read_range

_INTEGER = re.compile(r"-?[0-9]{1,19}", re.ASCII)
_TRUTHS = {"t": True, "f": False, "true": True, "false": False}
# an open end after the last day there is in Python, which is how PostgreSQL writes an end on that day
_PAST_THE_LAST_DAY = re.compile(r",10000-01-01\)$")


def read_json(cell: object) -> Json:
    """A JSON text, or what one was parsed to."""
    try:
        return Json(cell) if type(cell) is str else json_from(cell)
    except ValueError:
        raise NotPromised("a cell is no JSON") from None


def read_parsed_json(cell: object) -> Json:
    """A value within a parsed JSON document: a text there is a JSON text value."""
    try:
        return json_from(cell)
    except ValueError:
        raise NotPromised("a cell is no JSON") from None


def composite_readers() -> dict[FieldType, Reader]:
    """A reader for each type that is not plain."""
    readers: dict[FieldType, Reader] = {FieldType.JSON: read_json}
    for kind in FieldType:
        if kind.element is not None:
            readers[kind] = _array_reader(_FROM_TEXT[kind.element])
        elif kind.bound is not None:
            readers[kind] = _range_reader(_FROM_TEXT[kind.bound])
    return readers


def _array_reader(read: Callable[[object], Plain]) -> Callable[[object], Array]:
    def read_cell(cell: object) -> Array:
        if type(cell) is list:
            return tuple(None if element is None else read(element) for element in cell)
        try:
            return read_array(read_text(cell), read)
        except ValueError:
            raise NotPromised("a cell is no array") from None

    return read_cell


def _range_reader(read: Callable[[object], Plain]) -> Callable[[object], Range]:
    def read_bound(text: str) -> Bound:
        bound = read(text)
        if isinstance(bound, str):
            raise NotPromised("a cell is no range")
        return bound

    def read_cell(cell: object) -> Range:
        text = _PAST_THE_LAST_DAY.sub(",9999-12-31]", read_text(cell))
        try:
            return read_range(text, read_bound)
        except ValueError:
            raise NotPromised("a cell is no range") from None

    return read_cell


def _read_integer(cell: object) -> int:
    if type(cell) is str and _INTEGER.fullmatch(cell):
        return int(cell)
    return read_integer(cell)


def _read_boolean(cell: object) -> bool:
    if type(cell) is str and cell in _TRUTHS:
        return _TRUTHS[cell]
    if type(cell) is not bool:
        raise NotPromised("a cell is no boolean")
    return cell


def _read_timestamp(cell: object) -> datetime:
    return read_timestamp(f"{cell[:-3]}Z" if type(cell) is str and cell.endswith("+00") else cell)


_FROM_TEXT: dict[FieldType, Callable[[object], Plain]] = {
    FieldType.TEXT: read_text,
    FieldType.INTEGER: _read_integer,
    FieldType.NUMERIC: read_numeric,
    FieldType.BOOLEAN: _read_boolean,
    FieldType.DATE: read_date,
    FieldType.TIMESTAMP: _read_timestamp,
}
COMPOSITES = composite_readers()
