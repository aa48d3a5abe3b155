"""A literal as the asker wrote it -> a value of the field's type, or the error that says how to write it.

Strict and ASCII only: full-width digits and look-alikes are refused, never folded, so that one value has one spelling
and a filter means the same here and at the source.
"""

import re
from datetime import UTC, date, datetime
from decimal import Decimal

from gateway.errors import ValueMalformed
from gateway.model.catalog import Field, FieldType
from gateway.model.json_value import Json
from gateway.model.predicate import Plain, Scalar
from gateway.model.range_value import Bound
from gateway.model.value_text import read_array, read_range

_EXAMPLES = {
    FieldType.TEXT: "text",
    FieldType.INTEGER: "42",
    FieldType.NUMERIC: "1250.50",
    FieldType.BOOLEAN: "true",
    FieldType.DATE: "2026-03-31",
    FieldType.TIMESTAMP: "2026-03-31T09:30:00Z",
    FieldType.JSON: '{"a": 1}',
    FieldType.TEXT_ARRAY: '{a,"b,c"}',
    FieldType.INTEGER_ARRAY: "{1,2}",
    FieldType.NUMERIC_ARRAY: "{1.5,2}",
    FieldType.BOOLEAN_ARRAY: "{true,false}",
    FieldType.DATE_ARRAY: "{2026-03-31,2026-04-01}",
    FieldType.TIMESTAMP_ARRAY: "{2026-03-31T09:30:00Z}",
    FieldType.INTEGER_RANGE: "[1,10)",
    FieldType.NUMERIC_RANGE: "[0.5,10)",
    FieldType.DATE_RANGE: "[2026-03-31,2026-05-01)",
    FieldType.TIMESTAMP_RANGE: "[2026-03-31T09:30:00Z,)",
}
# every pattern reads each character once
_INTEGER = re.compile(r"-?[0-9]{1,19}", re.ASCII)
_NUMERIC = re.compile(r"-?[0-9]{1,26}(\.[0-9]{1,12})?", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_TIMESTAMP = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})?", re.ASCII
)
TRUTHS = {"true": True, "false": False}
_LONGEST_SHOWN = 60


def read_literal(text: str, field: Field) -> Scalar:
    """The value; raises ValueMalformed. A timestamp without a zone is UTC, a date in its place that day's midnight."""
    try:
        value = _read(text, field.type)
    except ValueError:
        value = None
    if value is None:
        raise malformed(text, field, field.type.value, _EXAMPLES[field.type])
    return value


def malformed(text: str, field: Field, kind: str, example: str) -> ValueMalformed:
    """The error for a literal that is none; what can't be printed is not shown."""
    shown = "".join(character if character.isprintable() else "?" for character in text[:_LONGEST_SHOWN])
    return ValueMalformed(field=field.name, value=shown, type=kind, example=example)


def _read(text: str, kind: FieldType) -> Scalar | None:
    element, bound = kind.element, kind.bound
    if kind is FieldType.JSON:
        return Json(text)
    if element is not None:
        return read_array(text, lambda part: _needed(part, element))
    if bound is not None:
        return read_range(text, lambda part: _end(part, bound))
    return _plain(text, kind)


def _needed(text: str, kind: FieldType) -> Plain:
    value = _plain(text, kind)
    if value is None:
        raise ValueError("no such value")
    return value


def _end(text: str, kind: FieldType) -> Bound:
    value = _needed(text, kind)
    if isinstance(value, str):
        raise TypeError
    return value


def _plain(text: str, kind: FieldType) -> Plain | None:
    match kind:
        case FieldType.TEXT:
            return text
        case FieldType.INTEGER:
            value = int(text) if _INTEGER.fullmatch(text) else None
            return value if value is not None and -(2**63) <= value < 2**63 else None
        case FieldType.NUMERIC:
            return Decimal(text) if _NUMERIC.fullmatch(text) else None
        case FieldType.BOOLEAN:
            return TRUTHS.get(text.lower()) if text.isascii() else None
        case FieldType.DATE:
            return _date(text)
        case FieldType.TIMESTAMP:
            return _timestamp(text)
        case _:
            return None


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if _DATE.fullmatch(text) else None
    except ValueError:
        return None


def _timestamp(text: str) -> datetime | None:
    day = _date(text)
    if day is not None:
        return datetime(day.year, day.month, day.day, tzinfo=UTC)
    if not _TIMESTAMP.fullmatch(text):
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
