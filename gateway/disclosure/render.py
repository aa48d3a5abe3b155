"""Disclosure -> the bytes of the answer: JSON, CSV or one object. The bytes are what the audit entry's hash covers."""

import csv
import io
from datetime import date, datetime
from decimal import Decimal
from typing import assert_never

import orjson

from gateway.errors import AnswerTooLarge, Defect, NotSingular, RangeUnsatisfiable
from gateway.model.query import MediaType
from gateway.model.rows import Cell, Disclosure


def render(disclosure: Disclosure, media_type: MediaType, answer_bytes: int) -> bytes:
    """UTF-8 bytes. Raises NotSingular, RangeUnsatisfiable or AnswerTooLarge (over `answer_bytes`).

    Numbers keep every digit, dates are ISO 8601, times RFC 3339 in UTC.
    """
    if disclosure.total is not None and disclosure.offset > 0 and disclosure.offset >= disclosure.total:
        raise RangeUnsatisfiable
    match media_type:
        case MediaType.JSON:
            body = _json([dict(zip(disclosure.columns, row, strict=True)) for row in disclosure.rows])
        case MediaType.OBJECT:
            if len(disclosure.rows) != 1:
                raise NotSingular
            body = _json(dict(zip(disclosure.columns, disclosure.rows[0], strict=True)))
        case MediaType.CSV:
            body = _csv(disclosure)
        case MediaType.NDJSON | MediaType.ARROW:
            raise Defect(operator="a stream is not written at once")
        case _:
            assert_never(media_type)
    if len(body) > answer_bytes:
        raise AnswerTooLarge(limit=answer_bytes)
    return body


def _json(value: object) -> bytes:
    return orjson.dumps(value, default=_exact, option=orjson.OPT_UTC_Z)


def _exact(value: object) -> object:
    # JSON numbers are decimal text: a fragment keeps what a double would lose
    if isinstance(value, Decimal) and value.is_finite():
        return orjson.Fragment(format(value, "f").encode())
    raise TypeError


def _csv(disclosure: Disclosure) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(disclosure.columns)
    writer.writerows([_field(cell) for cell in row] for row in disclosure.rows)
    return text.getvalue().encode()


def _field(cell: Cell) -> str:
    match cell:
        case None:
            return ""
        case bool():
            return "t" if cell else "f"
        case Decimal():
            return format(cell, "f")
        case datetime():
            return cell.isoformat().replace("+00:00", "Z")
        case date():
            return cell.isoformat()
        case _:
            return str(cell)
