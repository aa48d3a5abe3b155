"""Rules that speak of a question and nearly matched, and the first column that failed. For explain only.

Casbin has decided already; this page only tells officers where a rule fell short. `because` is the rule's own cell.
"""

from collections.abc import Iterable, Mapping

from gateway.decision.hierarchy import Hierarchies, field_object
from gateway.decision.judge import Judge, Request
from gateway.decision.rule import ROWS, Rule
from gateway.model.catalog import Dataset
from gateway.model.decision import Decision, NearMiss
from gateway.model.ids import FieldName, RuleId
from gateway.model.query import FieldUse

MOST_MISSES = 20
"""Of one field: a city has thousands of rules on `class:sensitive`, and an officer reads the nearest."""


def near_misses_of(
    judge: Judge, hierarchies: Hierarchies, request: Request, dataset: Dataset, decision: Decision
) -> Mapping[FieldName | None, tuple[NearMiss, ...]]:
    """For each field (its `show`), and under None for the rows."""
    asked: dict[FieldName | None, tuple[str, str, Iterable[RuleId]]] = {
        field.name: (field_object(dataset, field), FieldUse.SHOW.value, decision.fields[field.name].rules)
        for field in dataset.fields.values()
    }
    asked[None] = (f"ds:{dataset.name}", ROWS, decision.rows.rules)
    return {
        name: _near_misses(judge, hierarchies, request, obj=obj, act=act, matched=matched)
        for name, (obj, act, matched) in asked.items()
    }


def _near_misses(
    judge: Judge, hierarchies: Hierarchies, request: Request, *, obj: str, act: str, matched: Iterable[RuleId]
) -> tuple[NearMiss, ...]:
    """By rule id; of many those that fell short in the fewest columns."""
    taken = frozenset(matched)
    misses = sorted(
        (*_missed(judge, hierarchies, request, rule), rule.id)
        for rule in judge.rules_on(obj, act)
        if rule.id not in taken
    )
    nearest = (NearMiss(rule=rule, failed=column, because=cell) for _, column, cell, rule in misses[:MOST_MISSES])
    return tuple(sorted(nearest, key=lambda miss: miss.rule))


def _missed(judge: Judge, hierarchies: Hierarchies, request: Request, rule: Rule) -> tuple[int, str, str]:
    """In how many columns the rule fell short, and the first of them with the rule's own cell."""
    checks = (
        ("sub", rule.sub, any(rule.sub in hierarchies.roles.above[sub] for sub in request.subs)),
        ("app", rule.app, rule.app in hierarchies.apps.above[request.app]),
        ("pur", rule.pur, rule.pur in hierarchies.purposes.above[request.pur]),
        ("case", rule.case, rule.case in {"*", request.case}),
        ("window", f"{rule.nbf}..{rule.exp}", judge.within(request.now, rule.nbf, rule.exp)),
        ("cond", rule.cond, judge.cond(request.ctx, rule.cond, rule.eft.value)),
    )
    failed = [(column, cell) for column, cell, holds in checks if not holds]
    # none: an allow on rows whose filter reads a missing attribute; Casbin matched it, the row filter left it out
    return (len(failed), *failed[0]) if failed else (1, "cond", rule.obl)
