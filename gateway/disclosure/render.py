"""Disclosure -> the bytes of the answer, JSON or one object, and how its cells are written.

The bytes are what the audit entry's hash covers.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import assert_never, cast

import orjson

from gateway.catalog.values import json_of, text_of
from gateway.errors import AnswerTooLarge, Defect, NotSingular, RangeUnsatisfiable
from gateway.model.json_value import Json
from gateway.model.query import MediaType
from gateway.model.range_value import Range
from gateway.model.rows import Cell, Disclosure, Shown, named

_TEXTS, _DATES = {str}, {date}


def render(disclosure: Disclosure, media_type: MediaType, answer_bytes: int, *, strips_nulls: bool = False) -> bytes:
    """UTF-8 bytes. Raises NotSingular, RangeUnsatisfiable or AnswerTooLarge (over `answer_bytes`).

    Numbers keep every digit, dates are ISO 8601, times RFC 3339 in UTC.
    """
    refuse_range(disclosure)
    match media_type:
        case MediaType.JSON:
            body = json_bytes(_objects(disclosure, strips_nulls=strips_nulls))
        case MediaType.OBJECT:
            if len(disclosure.rows) != 1:
                raise NotSingular
            body = json_bytes(_objects(disclosure, strips_nulls=strips_nulls)[0])
        case MediaType.CSV | MediaType.NDJSON | MediaType.ARROW:
            raise Defect(operator=f"{media_type} is written in batches")
        case _:
            assert_never(media_type)
    if len(body) > answer_bytes:
        raise AnswerTooLarge(limit=answer_bytes)
    return body


def refuse_range(disclosure: Disclosure) -> None:
    """Raises RangeUnsatisfiable where the page begins after the last of the rows that were counted."""
    if disclosure.total is not None and disclosure.offset > 0 and disclosure.offset >= disclosure.total:
        raise RangeUnsatisfiable


def _objects(disclosure: Disclosure, *, strips_nulls: bool) -> Sequence[Mapping[str, Shown]]:
    names, rows = disclosure.columns, disclosure.rows
    if rows and len(rows[0]) != len(names):  # and so all others
        raise Defect(operator="the rows are not those of their names")
    shown = cast("list[Mapping[str, Shown]]", named(names, rows))
    return [stripped(one) for one in shown] if strips_nulls else shown


def stripped(shown: Mapping[str, Shown]) -> Mapping[str, Shown]:
    """Without members that are null, in embedded rows too; an element of a list stays."""
    return {
        name: stripped(value)
        if isinstance(value, Mapping)
        else [stripped(one) if isinstance(one, Mapping) else one for one in value]
        if isinstance(value, list)
        else value
        for name, value in shown.items()
        if value is not None
    }


def json_bytes(value: object) -> bytes:
    """JSON of what is shown; numbers keep every digit. Raises Defect for what is no shown value."""
    options = orjson.OPT_UTC_Z | orjson.OPT_PASSTHROUGH_DATACLASS
    try:
        return orjson.dumps(value, default=_exact, option=options)
    except orjson.JSONEncodeError:
        # an integer of more than 64 bits, of which orjson itself makes nothing
        return orjson.dumps(_written(value), default=_exact, option=options)


def _exact(value: object) -> object:
    if isinstance(value, Decimal | Json | Range):
        return json_of(value)
    raise TypeError


def _written(value: object) -> object:
    match value:
        case Mapping():
            return {name: _written(inner) for name, inner in value.items()}
        case list() | tuple():
            return [_written(inner) for inner in value]
        case int():
            return json_of(value)
        case _:
            return value


def csv_column(cells: Sequence[Shown]) -> Sequence[str]:
    """The cells of one column of CSV, as `csv_field` writes each. Most columns hold one kind, many of them texts."""
    kinds = set(map(type, cells))
    if kinds == _TEXTS:
        return cast("Sequence[str]", cells)
    if kinds == _DATES:
        return json_bytes(cells).decode()[2:-2].split('","')  # a list of them as JSON is written in a fifth of the time
    if any(issubclass(kind, Mapping | list) for kind in kinds):
        return list(map(csv_field, cells))
    return list(map(text_of, cast("Sequence[Cell]", cells)))


def csv_field(cell: Shown) -> str:
    """A cell of CSV: a value's text; embedded rows as JSON."""
    if isinstance(cell, Mapping | list):
        return json_bytes(cell).decode()
    return text_of(cast("Cell", cell))
