"""Rules that speak of a question but did not match, and the first column that failed. For explain only.

Casbin has decided already; this page only tells officers where a rule fell short. `because` is the rule's own cell.
"""

from collections.abc import Iterable

from gateway.decision.hierarchy import Hierarchies
from gateway.decision.judge import Judge, Request
from gateway.decision.rule import Rule
from gateway.model.decision import NearMiss
from gateway.model.ids import RuleId


def near_misses(
    judge: Judge, hierarchies: Hierarchies, request: Request, *, obj: str, act: str, matched: Iterable[RuleId]
) -> tuple[NearMiss, ...]:
    """By rule id."""
    taken = frozenset(matched)
    above = hierarchies.objects.above[obj]
    misses = [
        _first_failure(judge, hierarchies, request, rule)
        for rule, _ in judge.rules_for(act)
        if rule.obj in above and rule.id not in taken
    ]
    return tuple(sorted((miss for miss in misses if miss is not None), key=lambda miss: miss.rule))


def _first_failure(judge: Judge, hierarchies: Hierarchies, request: Request, rule: Rule) -> NearMiss | None:
    functions = judge.enforcer.fm.get_functions()
    checks = (
        ("sub", rule.sub, any(rule.sub in hierarchies.roles.above[sub] for sub in request.subs)),
        ("app", rule.app, rule.app in hierarchies.apps.above[request.app]),
        ("pur", rule.pur, rule.pur in hierarchies.purposes.above[request.pur]),
        ("case", rule.case, rule.case in {"*", request.case}),
        ("window", f"{rule.nbf}..{rule.exp}", functions["within"](request.now, rule.nbf, rule.exp)),
        ("cond", rule.cond, functions["cond"](request.ctx, rule.cond, rule.eft.value)),
    )
    for column, cell, holds in checks:
        if not holds:
            return NearMiss(rule=rule.id, failed=column, because=cell)
    # an allow on rows whose filter reads a missing attribute: Casbin matched it, the row filter left it out
    return NearMiss(rule=rule.id, failed="cond", because=rule.obl)
