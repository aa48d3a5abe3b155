"""A plan -> the plan of every question that differs from its own in the literals of equality filters only. Pure.

The guard, the row filter, masks, columns and the division of work don't depend on such a literal: a source is asked for
the very text. `prepare` refuses whatever could depend on it, and then each question is planned for itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

from gateway.catalog.storage import keeps_text
from gateway.model.ids import FieldName
from gateway.model.parts import conjuncts
from gateway.model.plan import ReadPlan
from gateway.model.predicate import NOTHING, AllOf, Comparator, Compare, Predicate
from gateway.obligations import join_obligations
from gateway.planning.conjuncts import conjunction
from gateway.spi import AmendsPlan

Literals = Sequence[tuple[str, str]]
"""Field and text of each equality filter, in the order in which they were asked."""
Terms = tuple[Predicate, ...]


@dataclass(frozen=True, slots=True)
class _Filters:
    """Conjuncts in which some stand for literals: (place among the conjuncts, number of the literal)."""

    terms: Terms
    slots: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, where: Predicate, asked: Sequence[Compare]) -> Self:
        terms = conjuncts(where)
        slots = tuple((at, asked.index(term)) for at, term in enumerate(terms) if term in asked)
        return cls(tuple(NOTHING if term in asked else term for term in terms), slots)

    def filled(self, asked: Sequence[Compare]) -> Terms:
        terms = list(self.terms)
        for at, number in self.slots:
            terms[at] = asked[number]
        return tuple(terms)


@dataclass(frozen=True, slots=True)
class PreparedPlan:
    """Built by `prepare`. Holds no literal: where one belongs there is NOTHING."""

    plan: ReadPlan
    bound: _Filters
    pushed: _Filters
    residual: _Filters

    def of(self, literals: Literals) -> ReadPlan:
        """The plan for these literals, which are of the same fields in the same order."""
        asked = [Compare(FieldName(name), Comparator.EQ, text) for name, text in literals]
        return (
            _with(self.plan, self.bound.filled(asked), self.pushed.filled(asked), self.residual.filled(asked))
            if asked
            else self.plan
        )


def prepare(plan: ReadPlan, literals: Literals) -> PreparedPlan | None:
    """The plan without its literals; None where one of them may have had a part in it."""
    asked = [Compare(FieldName(name), Comparator.EQ, text) for name, text in literals]
    bound = _Filters.of(plan.bound.where, asked)
    pushed, residual = _Filters.of(plan.fetch.where, asked), _Filters.of(plan.residual.where, asked)
    each_once = list(range(len(asked)))
    # a row filter may hold the same comparison: which of the two is the asker's could not be told
    own = conjuncts(plan.fetch.rows)
    is_sound = (
        sorted(number for _, number in bound.slots) == each_once
        and sorted(number for _, number in (*pushed.slots, *residual.slots)) == each_once
        and not any(term in own for term in asked)
        and all(keeps_text(plan.bound.dataset.fields[term.field]) for term in asked)
        and (plan.count_fetch is None or plan.count_fetch.where == plan.fetch.where)
        and all(one.ignores_literals for one in join_obligations(plan.obligations) if isinstance(one, AmendsPlan))
    )
    if not is_sound:
        return None
    return PreparedPlan(_with(plan, bound.terms, pushed.terms, residual.terms), bound, pushed, residual)


def _with(plan: ReadPlan, bound: Terms, pushed: Terms, residual: Terms) -> ReadPlan:
    """The plan with these conjuncts."""
    there = conjunction(pushed)
    return replace(
        plan,
        bound=replace(plan.bound, where=AllOf(bound)),
        fetch=replace(plan.fetch, where=there),
        count_fetch=None if plan.count_fetch is None else replace(plan.count_fetch, where=there),
        residual=replace(plan.residual, where=conjunction(residual)),
    )
