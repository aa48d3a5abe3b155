"""A plan -> the plan of every question that differs from its own in the literals of equality filters only. Pure.

The guard, the row filter, masks, columns and the division of work don't depend on such a literal: a source is asked for
the very text. `prepare` refuses whatever could depend on it, and then each question is planned for itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

from gateway.catalog.storage import keeps_text
from gateway.model.amending import amended
from gateway.model.ids import FieldName
from gateway.model.parts import conjuncts
from gateway.model.plan import Alike, ReadPlan
from gateway.model.predicate import NOTHING, AllOf, Comparator, Compare, Predicate
from gateway.obligations import join_obligations
from gateway.spi import AmendsPlan

Literals = Sequence[tuple[FieldName, str]]
"""Field and text of each equality filter, in the order in which they were asked."""


@dataclass(frozen=True, slots=True)
class _Filters:
    """A predicate in which some conjuncts stand for literals: (place among its terms, number of the literal)."""

    where: Predicate
    slots: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, where: Predicate, asked: Sequence[Compare]) -> Self:
        slots = tuple((at, asked.index(term)) for at, term in enumerate(_terms(where)) if term in asked)
        return cls(cls(where, slots).filled([NOTHING for _ in asked]), slots)

    def filled(self, asked: Sequence[Predicate]) -> Predicate:
        where, slots = self.where, self.slots
        if not slots:
            return where
        if type(where) is not AllOf:
            return asked[slots[0][1]]
        terms = [*where.terms]
        for at, number in slots:
            terms[at] = asked[number]
        return AllOf(tuple(terms))


@dataclass(frozen=True, slots=True)
class PreparedPlan:
    """Built by `prepare`. Holds none of the literals: where one belongs there is NOTHING."""

    plan: ReadPlan
    bound: _Filters
    pushed: _Filters
    residual: _Filters
    numbers: tuple[int, ...]  # of the literals that the source is given, in the order of their terms

    def of(self, literals: Literals) -> ReadPlan:
        """The plan for these literals, which are of the same fields in the same order."""
        if not literals:
            return self.plan
        asked = [Compare(name, Comparator.EQ, text) for name, text in literals]
        return self.filled(asked, tuple([literals[number][1] for number in self.numbers]))

    def filled(self, asked: Sequence[Predicate], given: tuple[str, ...] = ()) -> ReadPlan:
        """The plan with these in the places of the literals' comparisons; `given`: the texts of those at the source."""
        plan, pushed, kept = self.plan, self.pushed.filled(asked), self.plan.residual
        counted = plan.count_fetch
        return amended(
            plan,
            bound=amended(plan.bound, where=self.bound.filled(asked)),
            fetch=amended(plan.fetch, where=pushed, literals=given),
            count_fetch=None if counted is None else amended(counted, where=pushed),
            residual=replace(kept, where=self.residual.filled(asked)) if self.residual.slots else kept,
        )


def prepare(plan: ReadPlan, literals: Literals) -> PreparedPlan | None:
    """The plan without its literals; None where one of them may have had a part in it."""
    asked = [Compare(name, Comparator.EQ, text) for name, text in literals]
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
    numbers = tuple([number for _, number in pushed.slots])
    of_none = PreparedPlan(plan, bound, pushed, residual, numbers).filled([NOTHING for _ in asked])
    alike = Alike(tuple([at for at, _ in pushed.slots]))
    made = amended(of_none, like=object(), fetch=amended(of_none.fetch, like=alike))
    return PreparedPlan(made, bound, pushed, residual, numbers)


def _terms(where: Predicate) -> tuple[Predicate, ...]:
    return where.terms if isinstance(where, AllOf) else (where,)
