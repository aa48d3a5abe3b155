"""The body of one page -> its rows and the total, strictly.

Numbers stay exact; NaN, a name twice in an object, rows that are no list of objects: all refused.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import NoReturn

from connectors._cells import (
    NotPromised,
    Reader,
    read_boolean,
    read_date,
    read_integer,
    read_numeric,
    read_text,
    read_timestamp,
)
from connectors._composite_cells import COMPOSITES, read_parsed_json
from gateway.model.catalog import FieldType
from gateway.model.plan import SourceColumn
from gateway.model.predicate import Comparator, Compare, OneOf, Scalar
from gateway.model.rows import Cell, Row

JsonObject = dict[str, object]


def _read_json_text(cell: object) -> str:
    text = read_text(cell)
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON's escapes admit
        raise NotPromised("a cell is no text") from None
    return text


READERS: dict[FieldType, Reader] = {
    FieldType.TEXT: _read_json_text,
    FieldType.INTEGER: read_integer,
    FieldType.NUMERIC: read_numeric,
    FieldType.BOOLEAN: read_boolean,
    FieldType.DATE: read_date,
    FieldType.TIMESTAMP: read_timestamp,
    **COMPOSITES,
    FieldType.JSON: read_parsed_json,
}


@dataclass(frozen=True, slots=True, repr=False)
class Page:
    """One page as the service gave it."""

    rows: Sequence[JsonObject]
    total: int | None

    def __repr__(self) -> str:
        """Counts only."""
        return f"<Page of {len(self.rows)} rows>"


def read_page(body: bytes, rows_at: str, total_at: str | None) -> Page:
    """Parse a page; the places are dotted (`data.records`; `` for the whole body). Raises NotPromised."""
    try:
        parsed: object = json.loads(
            body.decode("utf-8"), parse_float=Decimal, parse_constant=_refuse, object_pairs_hook=_once
        )
    except (UnicodeDecodeError, ValueError, RecursionError, ArithmeticError):
        raise NotPromised("a page is no JSON") from None
    rows = _at(parsed, rows_at)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise NotPromised("a page's rows are no list of objects")
    total = None if total_at is None else _at(parsed, total_at)
    if total is not None and (type(total) is not int or total < 0):
        raise NotPromised("a page's total is no count")
    if total_at is not None and total is None:
        raise NotPromised("a page has no total")
    return Page(rows, total if isinstance(total, int) else None)


def _refuse(_: str) -> NoReturn:
    raise ValueError


def _once(pairs: list[tuple[str, object]]) -> JsonObject:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError
    return made


def _at(parsed: object, place: str) -> object:
    for name in place.split(".") if place else ():
        if not isinstance(parsed, dict) or name not in parsed:
            raise NotPromised("a page lacks its rows or its total")
        parsed = parsed[name]
    return parsed


def read_cell(row: JsonObject, source: SourceColumn) -> Cell:
    """One typed cell; a missing name is not the same as null. Raises NotPromised."""
    if source.column not in row:
        raise NotPromised("a row lacks a column of the catalogue")
    cell = row[source.column]
    return None if cell is None else READERS[source.type](cell)


def typed_row(row: JsonObject, columns: Sequence[SourceColumn]) -> Row:
    """The cells in the order of the columns."""
    return tuple([read_cell(row, source) for source in columns])


def passes(row: JsonObject, compared: Sequence[tuple[SourceColumn, Compare | OneOf]]) -> bool:
    """Whether the row is one that was asked for: services match loosely or ignore what they don't know."""
    for source, compare in compared:
        cell = read_cell(row, source)
        if cell is None or not (cell in compare.values if isinstance(compare, OneOf) else _holds(cell, compare)):
            return False
    return True


def _holds(cell: Scalar, compare: Compare) -> bool:
    value = compare.value
    match compare.comparator:
        case Comparator.EQ:
            return cell == value
        case Comparator.NEQ:
            return cell != value
        case Comparator.GT:
            return cell > value  # type: ignore[operator]  # both have the field's type
        case Comparator.GTE:
            return cell >= value  # type: ignore[operator]  # as above
        case Comparator.LT:
            return cell < value  # type: ignore[operator]  # as above
        case Comparator.LTE:
            return cell <= value  # type: ignore[operator]  # as above


def parameter(value: Scalar) -> str:
    """A value as the service reads it in its address: ISO dates, UTC with `Z`, `true` and `false`."""
    match value:
        case bool():
            return "true" if value else "false"
        case datetime():
            return value.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"
        case date():
            return value.isoformat()
        case Decimal():
            return format(value, "f")
        case _:
            return str(value)
