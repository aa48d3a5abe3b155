"""Text of a row filter or condition -> Condition -> predicate or truth.

The small language of policy: comparisons (`= <> < <= > >=`), `between`, `in`, `like`, `is null`, `x under regions`,
joined by `and`, `or`, `not` and parentheses, over a dataset's fields, attributes of the request and literals. There are
no functions, no arithmetic, no comments and no second statement. Nothing here promises that a condition is wise, or
that its attributes will be there: whoever binds decides what a missing one means (AttributeMissing: fail closed).
Why it has a parser of its own: docs/decisions/0001-condition-parser.md.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone

from gateway.catalog._condition_binding import bind_term, truth_of
from gateway.catalog._condition_parser import parse_tree
from gateway.catalog._condition_types import ATTRIBUTES
from gateway.model.catalog import Dataset
from gateway.model.condition import (
    AttributeMissing,
    AttributeOperand,
    AttributeValue,
    Comparison,
    Condition,
    ConditionInvalid,
    ConditionTerm,
    Conjunction,
    Cover,
    Disjunction,
    FieldOperand,
    LiteralOperand,
    Membership,
    Negation,
)
from gateway.model.predicate import Predicate

_SHANGHAI = timezone(timedelta(hours=8))  # China has kept one offset without summer time since 1992


def parse_condition(text: str, *, dataset: Dataset | None) -> Condition:
    """The typed condition; without `dataset` it may read attributes only.

    Raises ConditionInvalid (and nothing else, whatever the text). At most 2,000 characters, nested at most 20 deep.
    """
    root = parse_tree(text, dataset)
    operands = tuple(_operands(root))
    return Condition(
        text=text,
        root=root,
        fields=frozenset(operand.name for operand in operands if isinstance(operand, FieldOperand)),
        attributes=frozenset(operand.name for operand in operands if isinstance(operand, AttributeOperand)),
    )


def bind_condition(condition: Condition, attributes: Mapping[str, AttributeValue]) -> Predicate:
    """The predicate over rows, with every attribute replaced by its value (catalogue form).

    Raises AttributeMissing where any attribute that the condition reads (but for `is null`) is absent, None, empty text
    or of the wrong type, wherever it stands: there is no short cut through `or`. `under` and `in` an empty list: never
    true; an empty list under `not` raises AttributeMissing instead, so that it can't open everything.
    """
    return bind_term(condition.root, attributes, is_negated=False)


def evaluate_condition(condition: Condition, attributes: Mapping[str, AttributeValue]) -> bool:
    """The truth of a condition without fields; raises AttributeMissing as bind_condition does.

    Raises ValueError for a condition that reads fields.
    """
    if condition.fields:
        msg = "a condition over fields has no truth without a row"
        raise ValueError(msg)
    return truth_of(bind_term(condition.root, attributes, is_negated=False))


def time_attributes(now: datetime) -> dict[str, AttributeValue]:
    """The attributes that come from the clock: `now` and `ctx.time` (HH:MM in Asia/Shanghai). `now` is aware."""
    local = now.astimezone(_SHANGHAI)
    return {"now": now, "ctx.time": f"{local.hour:02}:{local.minute:02}"}


def _operands(term: ConditionTerm) -> Iterator[FieldOperand | AttributeOperand | LiteralOperand]:
    match term:
        case Conjunction() | Disjunction():
            for part in term.terms:
                yield from _operands(part)
        case Negation():
            yield from _operands(term.term)
        case Comparison():
            yield term.left
            yield term.right
        case Membership():
            yield term.operand
            if isinstance(term.among, AttributeOperand):
                yield term.among
        case Cover():
            yield term.field
            if isinstance(term.regions, AttributeOperand):
                yield term.regions
        case _:
            yield term.operand


__all__ = [
    "ATTRIBUTES",
    "AttributeMissing",
    "ConditionInvalid",
    "bind_condition",
    "evaluate_condition",
    "parse_condition",
    "time_attributes",
]
