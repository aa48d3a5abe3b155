"""Matched `rows` rules -> which rows exist.

Allows are OR-ed, obliges AND-ed on top, denied regions taken out; a rule with a region speaks of the rows of that
region only. NULL is never a way in: SQL's unknown keeps a row out, also under `not`. A missing attribute silences an
allow and closes what an oblige restricts.
"""

from collections.abc import Iterable, Mapping

from gateway.catalog.condition import bind_condition
from gateway.decision.hierarchy import ROOT_REGION
from gateway.decision.rule import Rule
from gateway.model.catalog import Dataset
from gateway.model.condition import AttributeMissing, AttributeValue
from gateway.model.decision import Effect, RowVerdict
from gateway.model.ids import RuleId
from gateway.model.predicate import EVERYTHING, NOTHING, AllOf, AnyOf, Not, OneOf, Predicate, Under

Attributes = Mapping[str, AttributeValue]


def no_rows(rules: Iterable[RuleId] = ()) -> RowVerdict:
    """No row exists for the asker."""
    return RowVerdict(is_allowed=False, filter=NOTHING, rules=tuple(sorted(rules)))


def row_verdict(
    matched: Iterable[Rule], dataset: Dataset, attributes: Attributes, case_subjects: tuple[str, ...] | None
) -> RowVerdict:
    """The rows that the rules leave; with `case_subjects`, only rows about these people."""
    allowed: list[Predicate] = []
    bounds: list[Predicate] = []
    taken: list[RuleId] = []
    for rule in matched:
        region = _region(rule, dataset)
        where = _where(rule, dataset, attributes)
        match rule.eft:
            case Effect.ALLOW:
                if where is None or region is None:
                    continue
                allowed.append(all_of(where, region))
            case Effect.OBLIGE:
                bounds.append(any_of(_outside(region), where if where is not None else NOTHING))
            case Effect.DENY:
                bounds.append(_outside(region))
        taken.append(rule.id)
    if case_subjects is not None:
        bounds.append(OneOf(dataset.subject, case_subjects) if dataset.subject is not None else NOTHING)
    visible = all_of(any_of(*allowed), *bounds)
    if visible == NOTHING:
        return no_rows(taken)
    return RowVerdict(is_allowed=True, filter=visible, rules=tuple(sorted(taken)))


def all_of(*terms: Predicate) -> Predicate:
    """AND, flattened: NOTHING swallows all, EVERYTHING falls away, what is said twice stands once."""
    kept: dict[Predicate, None] = {}
    for term in terms:
        kept.update(dict.fromkeys(term.terms if isinstance(term, AllOf) else (term,)))
    if NOTHING in kept:
        return NOTHING
    return next(iter(kept)) if len(kept) == 1 else AllOf(tuple(kept))


def any_of(*terms: Predicate) -> Predicate:
    """OR, flattened: EVERYTHING swallows all, NOTHING falls away, what is said twice stands once."""
    kept: dict[Predicate, None] = {}
    for term in terms:
        kept.update(dict.fromkeys(term.terms if isinstance(term, AnyOf) else (term,)))
    if EVERYTHING in kept:
        return EVERYTHING
    return next(iter(kept)) if len(kept) == 1 else AnyOf(tuple(kept))


def _region(rule: Rule, dataset: Dataset) -> Predicate | None:
    """The rows of the rule's region; None where the dataset's rows belong to none."""
    if rule.reg == ROOT_REGION:
        return EVERYTHING
    return Under(dataset.region, (rule.reg,)) if dataset.region is not None else None


def _outside(region: Predicate | None) -> Predicate:
    # a region that the dataset can't tell binds every row
    return NOTHING if region is None or region == EVERYTHING else Not(region)


def _where(rule: Rule, dataset: Dataset, attributes: Attributes) -> Predicate | None:
    """The rule's row filter; None where an attribute is missing."""
    if not rule.where:
        return EVERYTHING
    condition = rule.where.get(dataset.name)
    if condition is None:
        return None
    try:
        return bind_condition(condition, attributes)
    except AttributeMissing:
        return None
