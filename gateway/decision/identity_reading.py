"""Policy -> the rules that read an ID number for more than whose it is.

Where ID numbers are told by stand-ins (equal exactly where the numbers are), a decision comes out the same as long as
rules hold numbers against rows or against one another. A rule that holds one against a text of its own, or against
anything else, can't be tried without the number.
"""

from collections.abc import Iterator

from gateway.catalog.condition import parse_condition
from gateway.decision.engine import PolicyEngine
from gateway.decision.hierarchy import field_object
from gateway.decision.rule import ROWS, Rule
from gateway.model.catalog import Dataset
from gateway.model.condition import (
    AttributeOperand,
    Comparison,
    Condition,
    ConditionTerm,
    Conjunction,
    Disjunction,
    Matching,
    Membership,
    Negation,
)
from gateway.model.ids import RuleId
from gateway.model.query import FieldUse

PERSON, SUBJECTS = "subject.id_number", "case.subjects"


def rules_that_read_numbers(engine: PolicyEngine, dataset: Dataset, numbers: frozenset[str]) -> tuple[RuleId, ...]:
    """Rules on the dataset or its fields that need the number itself; `numbers`: which of the two attributes are known.

    Sorted. Whether they would match the request isn't asked: that may be what can't be told.
    """
    asked = {(field_object(dataset, field), use.value) for field in dataset.fields.values() for use in FieldUse}
    asked.add((f"ds:{dataset.name}", ROWS))
    rules = {rule.id: rule for obj, act in asked for rule in engine.judge.rules_on(obj, act)}
    return tuple(sorted(name for name, rule in rules.items() if _needs_number(rule, dataset, numbers)))


def _needs_number(rule: Rule, dataset: Dataset, numbers: frozenset[str]) -> bool:
    conditions: list[Condition] = [rule.where[dataset.name]] if dataset.name in rule.where else []
    if any(name in rule.cond for name in numbers):
        conditions.append(parse_condition(rule.cond, dataset=None))
    return any(_tests_number(term, numbers) for condition in conditions for term in _tests(condition.root))


def _tests(term: ConditionTerm) -> Iterator[ConditionTerm]:
    match term:
        case Conjunction() | Disjunction():
            for part in term.terms:
                yield from _tests(part)
        case Negation():
            yield from _tests(term.term)
        case _:
            yield term


def _tests_number(term: ConditionTerm, numbers: frozenset[str]) -> bool:
    """Whether a test looks at a number beyond putting it beside rows, or finding it among the case's people."""

    def is_number(operand: object) -> bool:
        return isinstance(operand, AttributeOperand) and operand.name in numbers

    match term:
        case Comparison(left=AttributeOperand() as left, right=right):
            return is_number(left) or is_number(right)
        case Membership(operand=AttributeOperand() as operand, among=among):
            if isinstance(among, AttributeOperand) and (operand.name, among.name) == (PERSON, SUBJECTS):
                return False
            return is_number(operand) or is_number(among)
        case Matching(operand=operand):
            return is_number(operand)
        case _:
            return False


__all__ = ["PERSON", "SUBJECTS", "rules_that_read_numbers"]
