"""Questions that were asked before, so that only what differs is done again. Of one policy version; bounded.

What is kept of a question: its names resolved, and for each decision its plan; nobody's name, and none of the literals
that were taken out. What is done at every request, kept or not: who asks, whether the purpose stands now, the decision.
A plan counts only for the very decision that it was made for, and for sources that can what they could. Questions
under a case are never kept.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from gateway.decision import PolicyEngine
from gateway.model.caller import Caller
from gateway.model.catalog import Dataset
from gateway.model.decision import DecidedQuery, Decision
from gateway.model.plan import ReadPlan
from gateway.model.query import BoundQuery
from gateway.planning import PreparedPlan, prepare
from gateway.query import QuestionShape
from gateway.spi import Capabilities

MOST_QUESTIONS: Final = 1_024
MOST_PLANS: Final = 16
"""Of one question, by decision."""
CapabilitiesOf = Callable[[Dataset], Capabilities]


@dataclass(frozen=True, slots=True, repr=False)
class _Kept:
    """A plan, and what it was made from. Decisions are held, so that an identity stays theirs as long as it is here."""

    decisions: tuple[Decision, ...]
    plan: PreparedPlan
    claims: tuple[tuple[Dataset, Capabilities], ...]


@dataclass(slots=True, repr=False)
class Question:
    """One shape of question under one purpose. `bound` has no literal."""

    bound: BoundQuery
    plans: dict[tuple[int, ...], _Kept] = field(default_factory=dict)

    def plan(
        self, decisions: tuple[Decision, ...], shape: QuestionShape, capabilities_of: CapabilitiesOf
    ) -> ReadPlan | None:
        """The plan for these literals under these decisions; None where there is none yet, or its sources changed."""
        kept = self.plans.get(tuple(map(id, decisions)))
        if kept is None:
            return None
        for dataset, known in kept.claims:
            claimed = capabilities_of(dataset)
            if claimed is not known and claimed != known:
                return None
        return kept.plan.of(shape.literals)


class PreparedQuestions:
    """Belongs to one pipeline, and to one thread."""

    def __init__(self, most: int = MOST_QUESTIONS) -> None:
        self._most = most
        self._engine: PolicyEngine | None = None
        self._questions: dict[object, Question] = {}

    def __len__(self) -> int:
        """How many questions are kept."""
        return len(self._questions)

    def plan_again(
        self,
        engine: PolicyEngine,
        caller: Caller,
        shape: QuestionShape | None,
        now: datetime,
        capabilities_of: CapabilitiesOf,
    ) -> tuple[Decision, ReadPlan] | None:
        """The decision, made now, and the plan that is kept for it; None where the question has to be planned.

        So it is where the purpose doesn't stand now: that denies everything, and no plan is kept for a denial.
        """
        if shape is None or engine is not self._engine or caller.case is not None:
            return None
        key = (caller.purpose, shape.key)
        known = self._questions.pop(key, None)
        if known is None:
            return None
        self._questions[key] = known  # whatever is unused for longest stands first, and goes first
        decisions = _decide(engine, known.bound, caller, now)
        plan = known.plan(decisions, shape, capabilities_of)
        return None if plan is None else (decisions[0], plan)

    def keep(  # noqa: PLR0917 - all that a plan is made from
        self,
        engine: PolicyEngine,
        caller: Caller,
        shape: QuestionShape | None,
        decided: DecidedQuery,
        plan: ReadPlan,
        capabilities_of: CapabilitiesOf,
    ) -> None:
        """Keep what was planned, where only literals can differ another time."""
        prepared = prepare(plan, shape.literals) if shape is not None and caller.case is None else None
        if shape is None or prepared is None:
            return
        if engine is not self._engine:
            self._engine, self._questions = engine, {}
        key = (caller.purpose, shape.key)
        question = self._questions.pop(key, None)
        if question is None:
            question = Question(replace(decided.bound, where=prepared.plan.bound.where))
        if len(self._questions) >= self._most:
            del self._questions[next(iter(self._questions))]
        self._questions[key] = question
        if len(question.plans) >= MOST_PLANS:
            del question.plans[next(iter(question.plans))]
        claims = tuple((dataset, capabilities_of(dataset)) for dataset in _datasets(decided))
        decisions = _decisions(decided)
        question.plans[tuple(map(id, decisions))] = _Kept(decisions, prepared, claims)


def _decide(engine: PolicyEngine, bound: BoundQuery, caller: Caller, now: datetime) -> tuple[Decision, ...]:
    """The decisions on every dataset of a question without a case, depth first."""
    own = engine.decide_again(bound, caller, now)
    if not bound.embeds:
        return (own,)
    return (own, *(one for embed in bound.embeds for one in _decide(engine, embed.question, caller, now)))


def _decisions(decided: DecidedQuery) -> tuple[Decision, ...]:
    """The same of what was decided."""
    return (decided.decision, *(one for _, below in decided.embeds for one in _decisions(below)))


def _datasets(decided: DecidedQuery) -> tuple[Dataset, ...]:
    return (decided.bound.dataset, *(one for _, below in decided.embeds for one in _datasets(below)))
