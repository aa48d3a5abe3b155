"""Condition -> whether it can be proved that it never holds. Simple proofs only: what isn't proved may still be so.

The condition is brought into alternatives of plain tests; it is impossible where each alternative contradicts itself.
All of it stays right under SQL's three-valued logic: two tests that contradict each other are never both true.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product

from gateway.model.condition import (
    Absence,
    AttributeOperand,
    Comparison,
    Condition,
    ConditionTerm,
    Conjunction,
    Cover,
    Disjunction,
    FieldOperand,
    LiteralOperand,
    Membership,
    Negation,
)
from gateway.model.predicate import Comparator, Scalar

ALWAYS_KNOWN = frozenset({"now", "ctx.time", "ctx.assurance", "subject.assurance"})
"""Attributes that no request lacks: the engine itself or the type of the caller sees to them."""

_MOST_ALTERNATIVES = 64
_OPPOSITE = {
    Comparator.EQ: Comparator.NEQ,
    Comparator.NEQ: Comparator.EQ,
    Comparator.LT: Comparator.GTE,
    Comparator.GTE: Comparator.LT,
    Comparator.GT: Comparator.LTE,
    Comparator.LTE: Comparator.GT,
}

_Test = tuple[ConditionTerm, bool]
"""A plain test, and whether it is negated."""


def never_holds(condition: Condition) -> bool:
    """Whether no request and no row can make it true."""
    alternatives = _alternatives(condition.root, is_negated=False)
    return alternatives is not None and all(_contradicts_itself(tests) for tests in alternatives)


def _alternatives(term: ConditionTerm, *, is_negated: bool) -> list[tuple[_Test, ...]] | None:
    """The term as alternatives of tests that hold together; None where there are too many."""
    if isinstance(term, Negation):
        return _alternatives(term.term, is_negated=not is_negated)
    if not isinstance(term, Conjunction | Disjunction):
        return [((_positive(term), False) if is_negated and isinstance(term, Comparison) else (term, is_negated),)]
    parts = [_alternatives(part, is_negated=is_negated) for part in term.terms]
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return None
    if isinstance(term, Disjunction) is not is_negated:
        found = [tests for part in known for tests in part]
        return found if len(found) <= _MOST_ALTERNATIVES else None
    total = 1
    for part in known:
        total *= len(part)
    if total > _MOST_ALTERNATIVES:
        return None
    return [tuple(test for tests in choice for test in tests) for choice in product(*known)]


def _positive(test: Comparison) -> Comparison:
    """`not a < b` is `a >= b`, also where either is unknown."""
    return Comparison(test.left, _OPPOSITE[test.comparator], test.right)


@dataclass(slots=True)
class _Bounds:
    """What the tests together leave of one operand."""

    among: set[Scalar] | None = None  # None: anything
    refused: set[Scalar] = field(default_factory=set)
    least: tuple[Scalar, bool] | None = None  # and whether it is itself included
    most: tuple[Scalar, bool] | None = None
    prefixes: list[str] = field(default_factory=list)
    is_tested: bool = False  # some test needs a value
    is_absent: bool = False

    def is_empty(self) -> bool:
        if self.is_absent and self.is_tested:
            return True
        if any(not (a.startswith(b) or b.startswith(a)) for a, b in product(self.prefixes, repeat=2)):
            return True
        if self.among is not None:
            return not any(value not in self.refused and self._is_between(value) for value in self.among)
        if self.least is None or self.most is None:
            return False
        low, high = self.least[0], self.most[0]
        return low > high or (low == high and not (self.least[1] and self.most[1]))  # type: ignore[operator]

    def _is_between(self, value: Scalar) -> bool:
        if self.least is not None and (value < self.least[0] or (value == self.least[0] and not self.least[1])):  # type: ignore[operator]
            return False
        return self.most is None or not (value > self.most[0] or (value == self.most[0] and not self.most[1]))  # type: ignore[operator]

    def narrow(self, values: set[Scalar]) -> None:
        self.among = values if self.among is None else self.among & values

    def raise_to(self, value: Scalar, *, included: bool) -> None:
        if self.least is None or value > self.least[0]:  # type: ignore[operator]
            self.least = (value, included)
        elif value == self.least[0]:
            self.least = (value, included and self.least[1])

    def lower_to(self, value: Scalar, *, included: bool) -> None:
        if self.most is None or value < self.most[0]:  # type: ignore[operator]
            self.most = (value, included)
        elif value == self.most[0]:
            self.most = (value, included and self.most[1])


def _contradicts_itself(tests: tuple[_Test, ...]) -> bool:
    known = set(tests)
    if any((test, not is_negated) in known for test, is_negated in tests):
        return True
    if any(isinstance(test, Comparison) and (_positive(test), False) in known for test, _ in tests):
        return True
    bounds: dict[FieldOperand | AttributeOperand, _Bounds] = {}
    for test, is_negated in tests:
        for operand in _operands(test):
            found = bounds.setdefault(operand, _Bounds())
            if not isinstance(test, Absence) or is_negated:
                found.is_tested = True
        _take(test, bounds, is_negated=is_negated)
    return any(each.is_empty() for each in bounds.values())


def _operands(test: ConditionTerm) -> Iterator[FieldOperand | AttributeOperand]:
    """What must have a value for the test to be true."""
    match test:
        case Comparison(left, _, right):
            yield left
            if isinstance(right, AttributeOperand):
                yield right
        case Membership(operand, among):
            yield operand
            if isinstance(among, AttributeOperand):
                yield among
        case Cover(operand, regions):
            yield operand
            if isinstance(regions, AttributeOperand):
                yield regions
        case Conjunction() | Disjunction() | Negation():
            return
        case _:
            yield test.operand


def _take(test: ConditionTerm, bounds: dict[FieldOperand | AttributeOperand, _Bounds], *, is_negated: bool) -> None:
    match test:
        case Comparison(left, comparator, LiteralOperand(value)):
            found = bounds[left]
            match comparator:
                case Comparator.EQ:
                    found.narrow({value})
                case Comparator.NEQ:
                    found.refused.add(value)
                case Comparator.GT | Comparator.GTE:
                    found.raise_to(value, included=comparator is Comparator.GTE)
                case Comparator.LT | Comparator.LTE:
                    found.lower_to(value, included=comparator is Comparator.LTE)
        case Membership(operand, tuple(values)):
            if is_negated:
                bounds[operand].refused.update(values)
            else:
                bounds[operand].narrow(set(values))
        case Cover(operand, tuple(regions)) if not is_negated and len(regions) == 1:
            bounds[operand].prefixes.append(regions[0])
        case Absence(operand) if not is_negated:
            bounds[operand].is_absent = True
        case _:
            pass
