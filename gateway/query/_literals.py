"""A literal as the asker wrote it -> a value of the field's type, or the error that says how to write it.

Strict and ASCII only: full-width digits and look-alikes are refused, never folded, so that one value has one spelling
and a filter means the same here and at the source.
"""

import re
from datetime import UTC, date, datetime
from decimal import Decimal

from gateway.errors import GatewayError, OperatorUnfit, ValueMalformed
from gateway.model.catalog import Field, FieldType
from gateway.model.predicate import Scalar
from gateway.model.query import AggregateFunction, Operator

_EXAMPLES = {
    FieldType.TEXT: "text",
    FieldType.INTEGER: "42",
    FieldType.NUMERIC: "1250.50",
    FieldType.BOOLEAN: "true",
    FieldType.DATE: "2026-03-31",
    FieldType.TIMESTAMP: "2026-03-31T09:30:00Z",
}
# every pattern reads each character once
_INTEGER = re.compile(r"-?[0-9]{1,19}", re.ASCII)
_NUMERIC = re.compile(r"-?[0-9]{1,26}(\.[0-9]{1,12})?", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_TIMESTAMP = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})?", re.ASCII
)
_TRUTHS = {"true": True, "false": False}
_LONGEST_SHOWN = 60

_EQUALITY = frozenset({Operator.EQ, Operator.NEQ, Operator.IN, Operator.IS, Operator.ISDISTINCT})
_ORDERING = _EQUALITY | {Operator.GT, Operator.GTE, Operator.LT, Operator.LTE}
_FIT = {
    FieldType.TEXT: _ORDERING | {Operator.LIKE, Operator.ILIKE},
    FieldType.INTEGER: _ORDERING,
    FieldType.NUMERIC: _ORDERING,
    FieldType.BOOLEAN: _EQUALITY,
    FieldType.DATE: _ORDERING,
    FieldType.TIMESTAMP: _ORDERING,
}
_NUMBERS = frozenset({FieldType.INTEGER, FieldType.NUMERIC})


def read_literal(text: str, field: Field) -> Scalar:
    """The value; raises ValueMalformed. A timestamp without a zone is UTC, a date in its place that day's midnight."""
    value = _read(text, field.type)
    if value is None:
        shown = "".join(character if character.isprintable() else "?" for character in text[:_LONGEST_SHOWN])
        raise ValueMalformed(field=field.name, value=shown, type=field.type.value, example=_EXAMPLES[field.type])
    return value


def unfit_operator(operator: Operator, values: tuple[str, ...], field: Field) -> GatewayError | None:
    """The error, where the operator does not fit the field's type."""
    is_truth = operator is Operator.IS and values[0] in {*_TRUTHS, "unknown"}
    if operator in _FIT[field.type] and not (is_truth and field.type is not FieldType.BOOLEAN):
        return None
    return OperatorUnfit(
        field=field.name,
        operator=f"{operator.value}.{values[0]}" if is_truth else operator.value,
        type=field.type.value,
        offered=", ".join(offered.value for offered in Operator if offered in _FIT[field.type]),
    )


def unfit_aggregate(function: AggregateFunction, field: Field) -> GatewayError | None:
    """The error, where the aggregate does not fit the field's type."""
    fit = {AggregateFunction.COUNT}
    if field.type is not FieldType.BOOLEAN:
        fit |= {AggregateFunction.MIN, AggregateFunction.MAX}
    if field.type in _NUMBERS:
        fit |= {AggregateFunction.SUM, AggregateFunction.AVG}
    if function in fit:
        return None
    return OperatorUnfit(
        field=field.name,
        operator=f"{function.value}()",
        type=field.type.value,
        offered=", ".join(f"{offered.value}()" for offered in AggregateFunction if offered in fit),
    )


def _read(text: str, kind: FieldType) -> Scalar | None:
    match kind:
        case FieldType.TEXT:
            return text
        case FieldType.INTEGER:
            value = int(text) if _INTEGER.fullmatch(text) else None
            return value if value is not None and -(2**63) <= value < 2**63 else None
        case FieldType.NUMERIC:
            return Decimal(text) if _NUMERIC.fullmatch(text) else None
        case FieldType.BOOLEAN:
            return _TRUTHS.get(text.lower()) if text.isascii() else None
        case FieldType.DATE:
            return _date(text)
        case FieldType.TIMESTAMP:
            return _timestamp(text)


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
