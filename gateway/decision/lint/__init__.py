"""Rules, catalogue, hierarchies, clock -> findings beyond what loading refuses. Pure; decides nothing.

Promises: a finding of a kind with `is_idle` is true of every request: all such rules could be taken out together and no
decision would change. Does not promise to find everything that is idle. At 100,000 rules it takes seconds.
"""

from collections.abc import Mapping
from datetime import datetime

from gateway.catalog.condition import parse_condition
from gateway.decision.hierarchy import Hierarchies
from gateway.decision.lint.cover import Cover
from gateway.decision.lint.ground import Ground, Places
from gateway.decision.lint.kinds import KINDS, Kind
from gateway.decision.lint.matching import accidental, unmatched
from gateway.decision.lint.mattering import unmattering
from gateway.decision.lint.reach import unreached, wildcards
from gateway.decision.lint.standing import lapsed, unfounded
from gateway.decision.lint.waivers import waive
from gateway.decision.rule import Rule
from gateway.model.catalog import Catalog
from gateway.model.lint import Finding


def lint_rules(
    rules: tuple[Rule, ...],
    catalog: Catalog,
    hierarchies: Hierarchies,
    now: datetime,
    *,
    places: Places,
    texts: Mapping[str, str],
) -> tuple[Finding, ...]:
    """Every finding by file and line; `texts` holds the bundle's files, whose comments may waive warnings."""
    ground = Ground(rules, catalog, hierarchies, places)
    cover = Cover(ground)
    conditions = {text: parse_condition(text, dataset=None) for text in {rule.cond for rule in rules} if text}
    dead = tuple(unmatched(ground, conditions))
    never = frozenset(finding.rule for finding in dead)
    unneeded = tuple(finding for finding in unmattering(ground, cover) if finding.rule not in never)
    idle = frozenset(
        finding.rule for finding in (*dead, *unneeded) if finding.rule is not None and KINDS[finding.id].is_idle
    )
    others = (
        *accidental(ground),
        *wildcards(ground, cover),
        *lapsed(ground, now),
        *unfounded(ground),
        *unreached(ground, cover, idle),
    )
    told = waive((*dead, *unneeded, *(finding for finding in others if finding.rule not in never)), texts)
    return tuple(sorted(told, key=lambda each: (each.file, each.line, each.id)))


__all__ = ["KINDS", "Kind", "Places", "lint_rules"]
