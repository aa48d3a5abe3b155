"""Rules that speak of a question but did not match, and the first column that failed. For explain only.

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
    """By rule id."""
    taken = frozenset(matched)
    misses = [
        _first_failure(judge, hierarchies, request, rule) for rule in judge.rules_on(obj, act) if rule.id not in taken
    ]
    return tuple(sorted((miss for miss in misses if miss is not None), key=lambda miss: miss.rule))


def _first_failure(judge: Judge, hierarchies: Hierarchies, request: Request, rule: Rule) -> NearMiss | None:
    checks = (
        ("sub", rule.sub, any(rule.sub in hierarchies.roles.above[sub] for sub in request.subs)),
        ("app", rule.app, rule.app in hierarchies.apps.above[request.app]),
        ("pur", rule.pur, rule.pur in hierarchies.purposes.above[request.pur]),
        ("case", rule.case, rule.case in {"*", request.case}),
        ("window", f"{rule.nbf}..{rule.exp}", judge.within(request.now, rule.nbf, rule.exp)),
        ("cond", rule.cond, judge.cond(request.ctx, rule.cond, rule.eft.value)),
    )
    for column, cell, holds in checks:
        if not holds:
            return NearMiss(rule=rule.id, failed=column, because=cell)
    # an allow on rows whose filter reads a missing attribute: Casbin matched it, the row filter left it out
    return NearMiss(rule=rule.id, failed="cond", because=rule.obl)
