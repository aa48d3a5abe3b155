"""Condition tree + attribute values -> predicate over rows. A tree without fields binds to EVERYTHING or NOTHING."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from gateway.catalog._condition_types import is_region
from gateway.model.catalog import FieldType
from gateway.model.condition import (
    Absence,
    AttributeMissing,
    AttributeOperand,
    AttributeType,
    AttributeValue,
    Comparison,
    ConditionTerm,
    Conjunction,
    Cover,
    Disjunction,
    FieldOperand,
    Matching,
    Membership,
    Negation,
)
from gateway.model.predicate import (
    EVERYTHING,
    NOTHING,
    AllOf,
    AnyOf,
    Comparator,
    Compare,
    IsNull,
    Like,
    Not,
    OneOf,
    Predicate,
    Scalar,
    Under,
)

Attributes = Mapping[str, AttributeValue]


def bind_term(term: ConditionTerm, attributes: Attributes, *, is_negated: bool) -> Predicate:
    """The predicate; every part is bound before any is dropped, so that a missing attribute is always noticed."""
    match term:
        case Conjunction():
            return _all(tuple(bind_term(part, attributes, is_negated=is_negated) for part in term.terms))
        case Disjunction():
            return _any(tuple(bind_term(part, attributes, is_negated=is_negated) for part in term.terms))
        case Negation():
            return _not(bind_term(term.term, attributes, is_negated=not is_negated))
        case Comparison():
            return _comparison(term, attributes)
        case Membership():
            return _membership(term, attributes, is_negated=is_negated)
        case Cover():
            return _cover(term, attributes, is_negated=is_negated)
        case Matching():
            if isinstance(term.operand, FieldOperand):
                return Like(term.operand.name, term.pattern, ignores_case=False)
            return _constant(truth=_is_like(_text(term.operand, attributes), term.pattern))
        case Absence():
            if isinstance(term.operand, FieldOperand):
                return IsNull(term.operand.name)
            return _constant(truth=_is_absent(term.operand, attributes))


def truth_of(predicate: Predicate) -> bool:
    """The truth of a predicate without fields; raises ValueError for any other."""
    if predicate not in {EVERYTHING, NOTHING}:
        msg = "the predicate reads fields"
        raise ValueError(msg)
    return predicate == EVERYTHING


# ---------------------------------------------------------------------- attribute values
def _value(operand: AttributeOperand, attributes: Attributes) -> str | int | datetime | tuple[str, ...]:
    value = attributes.get(operand.name)
    if value is None or not _fits(value, operand.type):
        raise AttributeMissing(operand.name)
    return value


def _fits(value: object, kind: AttributeType) -> bool:
    # callers may be wrong about types: an empty text or a bool among numbers would open what should stay closed
    match kind:
        case AttributeType.TEXT:
            return isinstance(value, str) and value != ""
        case AttributeType.INTEGER:
            return isinstance(value, int) and not isinstance(value, bool)
        case AttributeType.TIMESTAMP:
            return isinstance(value, datetime) and value.utcoffset() is not None
        case AttributeType.TEXT_LIST:
            return isinstance(value, tuple) and all(isinstance(part, str) and part for part in value)


def _text(operand: AttributeOperand, attributes: Attributes) -> str:
    value = _value(operand, attributes)
    if not isinstance(value, str):
        raise AttributeMissing(operand.name)
    return value


def _scalar(operand: AttributeOperand, attributes: Attributes) -> Scalar:
    value = _value(operand, attributes)
    if isinstance(value, tuple):
        raise AttributeMissing(operand.name)
    return value


def _list(operand: AttributeOperand, attributes: Attributes, *, is_negated: bool) -> tuple[str, ...]:
    value = _value(operand, attributes)
    if not isinstance(value, tuple) or (is_negated and not value):
        raise AttributeMissing(operand.name)
    return tuple(dict.fromkeys(value))


def _is_absent(operand: AttributeOperand, attributes: Attributes) -> bool:
    value = attributes.get(operand.name)
    if value is None or value == "":
        return True
    _value(operand, attributes)  # a value of the wrong type is neither there nor absent
    return False


# ---------------------------------------------------------------------- tests
def _comparison(term: Comparison, attributes: Attributes) -> Predicate:
    right = _scalar(term.right, attributes) if isinstance(term.right, AttributeOperand) else term.right.value
    if isinstance(term.left, AttributeOperand):
        return _constant(truth=_compare(_scalar(term.left, attributes), term.comparator, right))
    if term.left.type is FieldType.NUMERIC and isinstance(right, int):
        right = Decimal(right)
    return Compare(term.left.name, term.comparator, right)


def _compare(left: Scalar, comparator: Comparator, right: Scalar) -> bool:
    # both sides have one type: the parser saw to the literal, `_value` to the attribute
    match comparator:
        case Comparator.EQ:
            return left == right
        case Comparator.NEQ:
            return left != right
        case Comparator.LT:
            return left < right  # type: ignore[operator]
        case Comparator.LTE:
            return left <= right  # type: ignore[operator]
        case Comparator.GT:
            return left > right  # type: ignore[operator]
        case Comparator.GTE:
            return left >= right  # type: ignore[operator]


def _membership(term: Membership, attributes: Attributes, *, is_negated: bool) -> Predicate:
    among: tuple[Scalar, ...] = (
        _list(term.among, attributes, is_negated=is_negated) if isinstance(term.among, AttributeOperand) else term.among
    )
    if isinstance(term.operand, AttributeOperand):
        return _constant(truth=_scalar(term.operand, attributes) in among)
    return OneOf(term.operand.name, among) if among else NOTHING


def _cover(term: Cover, attributes: Attributes, *, is_negated: bool) -> Predicate:
    if not isinstance(term.regions, AttributeOperand):
        return Under(term.field.name, term.regions)
    regions = _list(term.regions, attributes, is_negated=is_negated)
    if not all(is_region(region) for region in regions):
        raise AttributeMissing(term.regions.name)
    return Under(term.field.name, regions) if regions else NOTHING


def _is_like(text: str, pattern: str) -> bool:
    """SQL LIKE without backtracking into more than the last `%`: at most len(text) * len(pattern) steps."""
    at = part = 0
    star, resume = -1, 0
    while at < len(text):
        if part < len(pattern) and pattern[part] == "%":
            star, resume = part, at
            part += 1
        elif part < len(pattern) and pattern[part] in {"_", text[at]}:
            at += 1
            part += 1
        elif star >= 0:
            resume += 1
            at, part = resume, star + 1
        else:
            return False
    return all(character == "%" for character in pattern[part:])


# ---------------------------------------------------------------------- constants fold away
def _constant(*, truth: bool) -> Predicate:
    return EVERYTHING if truth else NOTHING


def _all(terms: tuple[Predicate, ...]) -> Predicate:
    if NOTHING in terms:
        return NOTHING
    kept = tuple(term for term in terms if term != EVERYTHING)
    return kept[0] if len(kept) == 1 else AllOf(kept)


def _any(terms: tuple[Predicate, ...]) -> Predicate:
    if EVERYTHING in terms:
        return EVERYTHING
    kept = tuple(term for term in terms if term != NOTHING)
    return kept[0] if len(kept) == 1 else AnyOf(kept)


def _not(term: Predicate) -> Predicate:
    if term == EVERYTHING:
        return NOTHING
    return EVERYTHING if term == NOTHING else Not(term)
