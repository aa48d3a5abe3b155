"""Names and literals of a condition -> typed operands, checked against the catalogue and the attribute table."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from types import MappingProxyType

from gateway.catalog._condition_tokens import Kind, Token
from gateway.catalog._suggestion import meant
from gateway.model.case import CaseState
from gateway.model.catalog import Dataset, FieldType, Storage
from gateway.model.condition import AttributeOperand, AttributeType, ConditionInvalid, FieldOperand
from gateway.model.ids import FieldName
from gateway.model.predicate import Scalar

ATTRIBUTES: Mapping[str, AttributeType] = MappingProxyType({
    "subject.principal": AttributeType.TEXT,
    "subject.organisation": AttributeType.TEXT,
    "subject.id_number": AttributeType.TEXT,
    "subject.regions": AttributeType.TEXT_LIST,
    "subject.assurance": AttributeType.INTEGER,
    "case.subjects": AttributeType.TEXT_LIST,
    "case.state": AttributeType.TEXT,
    "ctx.network": AttributeType.TEXT,
    "ctx.assurance": AttributeType.INTEGER,
    "ctx.case_state": AttributeType.TEXT,
    "ctx.approved_by": AttributeType.TEXT,
    "ctx.justification": AttributeType.TEXT,
    "ctx.time": AttributeType.TEXT,
    "now": AttributeType.TIMESTAMP,
})  # fmt: skip
"""Everything that a condition may read beside the fields of its dataset."""

_STATES = frozenset(state.value for state in CaseState)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIMESTAMP = re.compile(_DATE.pattern + r"T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})")
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_REGION = re.compile(r"[0-9]{2}|[0-9]{4}|[0-9]{6}|[0-9]{9}|[0-9]{12}")

Side = FieldOperand | AttributeOperand


def is_region(code: str) -> bool:
    """Whether the text has the form of a statistical division code."""
    return _REGION.fullmatch(code) is not None


def resolve(name: Token, dataset: Dataset | None) -> Side:
    """The field or attribute that a name stands for; raises ConditionInvalid with what was probably meant."""
    attribute = ATTRIBUTES.get(name.value)
    if attribute is not None:
        return AttributeOperand(name.value, attribute)
    fields = dataset.fields if dataset is not None else {}
    field = fields.get(FieldName(name.value))
    if field is not None:
        if not field.type.is_scalar:
            raise ConditionInvalid(
                f"`{field.name}` is {field.type.value}, and conditions speak of plain values only",
                "name a field of type text, integer, numeric, boolean, date or timestamp",
            )
        return FieldOperand(field.name, field.type)
    known: Iterable[str] = (*fields, *ATTRIBUTES)
    where = f"neither a field of {dataset.name} nor an attribute" if dataset is not None else "not an attribute"
    raise ConditionInvalid(f"{name} is {where}", meant(name.value, known))


def type_of(side: Side) -> str:
    """The type in one word, for comparing two sides."""
    if side.type in {FieldType.INTEGER, FieldType.NUMERIC, AttributeType.INTEGER}:
        return "number"
    return side.type.value


def literal(token: Token, side: Side, dataset: Dataset | None) -> Scalar:
    """The constant with the Python type of the other side; raises ConditionInvalid where it can't have it."""
    kind = type_of(side)
    if token.kind is Kind.KEYWORD and token.value in {"true", "false"} and kind == "boolean":
        return token.value == "true"
    if token.kind is Kind.NUMBER and kind == "number":
        return _number(token, side, dataset)
    if token.kind is Kind.TEXT and kind in {"text", "date", "timestamp"}:
        if kind == "text":
            return _text(token, side, dataset)
        return _date(token, side) if kind == "date" else _timestamp(token, side)
    raise ConditionInvalid(f"{token} is no {side.type.value} for `{side.name}`", f"write {_EXAMPLES[kind]}")


_EXAMPLES = {
    "boolean": "true or false, without quotes",
    "number": "a number without quotes: 100",
    "text": "a text in single quotes: 'text'",
    "date": "a date in single quotes: '2026-01-31'",
    "timestamp": "a time with its offset in single quotes: '2026-01-31T08:00:00+08:00'",
    "list of text": "`… in` the list, or `… under` it",
}


def _number(token: Token, side: Side, dataset: Dataset | None) -> Scalar:
    digits, _, decimals = token.value.lstrip("-").partition(".")
    if len(digits) > 18:
        raise ConditionInvalid(f"{token} has more than 18 digits", "use a smaller number")
    if side.type is not FieldType.NUMERIC:
        if decimals:
            raise ConditionInvalid(f"{token} is no integer for `{side.name}`", "write it without decimals")
        return int(token.value)
    places = 2 if dataset is not None and dataset.fields[FieldName(side.name)].storage is Storage.FEN else 6
    if len(decimals) > places:
        raise ConditionInvalid(f"{token} has more than {places} decimals", f"`{side.name}` keeps at most {places}")
    return Decimal(token.value)


def _text(token: Token, side: Side, dataset: Dataset | None) -> str:
    if side.name == "ctx.time" and not _CLOCK.fullmatch(token.value):
        raise ConditionInvalid(f"{token} is no time of day", "write it as '08:00', from '00:00' to '23:59'")
    allowed: Iterable[str] = ()
    if side.name in {"ctx.case_state", "case.state"}:
        allowed = sorted(_STATES)
    elif isinstance(side, FieldOperand) and dataset is not None:
        allowed = dataset.fields[side.name].codes.values()
    # a mistyped value would make an allow narrower and a deny void: both are refused here
    if allowed and token.value not in allowed:
        raise ConditionInvalid(f"`{side.name}` never has the value {token}", meant(token.value, allowed))
    return token.value


def _date(token: Token, side: Side) -> date:
    try:
        if _DATE.fullmatch(token.value):
            return date.fromisoformat(token.value)
    except ValueError:
        pass
    raise ConditionInvalid(f"{token} is no date for `{side.name}`", f"write {_EXAMPLES['date']}")


def _timestamp(token: Token, side: Side) -> datetime:
    try:
        if _TIMESTAMP.fullmatch(token.value):
            return datetime.fromisoformat(token.value).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise ConditionInvalid(f"{token} is no timestamp for `{side.name}`", f"write {_EXAMPLES['timestamp']}")


def region_literal(token: Token) -> str:
    """A region code after `under`; raises ConditionInvalid."""
    if token.kind is not Kind.TEXT or not is_region(token.value):
        raise ConditionInvalid(
            f"{token} is no region code", "write 2, 4, 6, 9 or 12 digits in single quotes, or subject.regions"
        )
    return token.value


__all__ = ["ATTRIBUTES", "is_region", "literal", "region_literal", "resolve", "type_of"]
