"""Matched rules -> what becomes of a dataset's fields and rows, before any attribute is read.

An outcome depends on roles, app, purpose, dataset and uses, and on the demands that its rules make; on nothing else of
the request. Row filters read more: they are bound for the request.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from types import MappingProxyType

from gateway.decision.hierarchy import ROOT_REGION, field_object
from gateway.decision.judge import Judge, Sitting
from gateway.decision.levels import Ceiling, granted_level, under_ceilings
from gateway.decision.rule import ROWS, Rule
from gateway.model.catalog import Catalog, Dataset, Field, Purpose
from gateway.model.condition import AttributeValue
from gateway.model.decision import BoundObligation, Decision, Effect, FieldVerdict, Verdict
from gateway.model.ids import FieldName, RuleId
from gateway.model.query import FieldUse

BY_NAME = (FieldUse.MATCH, FieldUse.AGGREGATE, FieldUse.EXPORT)
"""Uses that a rule must grant by name where the field isn't clear."""

Uses = frozenset[tuple[FieldName, FieldUse]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the matched rules amount to. Holds nothing of a person."""

    fields: Mapping[FieldName, FieldVerdict]  # every field of the dataset
    binding: tuple[Rule, ...]  # rules whose obligations bind whoever uses the fields asked for
    row_rules: tuple[Rule, ...]  # all that speak of the dataset's rows, by id
    is_open: bool  # whether Casbin allows rows in some region
    reads: tuple[str, ...]  # the attributes that row filters read
    decisions: dict[tuple[AttributeValue, ...], Decision] = dataclass_field(default_factory=dict)
    """Whole decisions by the values of `reads`, where those are common attributes and no case has a part in it."""


def compose(  # noqa: PLR0917 - everything that an outcome depends on is an argument
    judge: Judge,
    sitting: Sitting,
    dataset: Dataset,
    uses: Uses,
    ceilings: tuple[Ceiling, ...],
    catalog: Catalog,
    *,
    every_use: bool,
) -> Outcome:
    """Ask the judge about every field and about the rows; with `every_use`, about each use by name of each field."""
    asked: dict[FieldName, set[FieldUse]] = {}
    for name, use in uses:
        # a join on a masked key is a match of its values
        asked.setdefault(name, set()).add(FieldUse.MATCH if use is FieldUse.JOIN else use)
    verdicts: dict[FieldName, FieldVerdict] = {}
    binding: dict[RuleId, Rule] = {}
    for field in dataset.fields.values():
        by_name = set(BY_NAME) if every_use else asked.get(field.name, set())
        verdict, taken = _field(judge, sitting, dataset, field, by_name, ceilings, catalog)
        verdicts[field.name] = verdict
        if field.name in asked:
            binding.update((rule.id, rule) for rule in taken if rule.obligations)
    row_rules = tuple(sorted(sitting.row_rules(f"ds:{dataset.name}"), key=lambda rule: rule.id))
    return Outcome(
        fields=MappingProxyType(verdicts),
        binding=tuple(binding.values()),
        row_rules=row_rules,
        is_open=_is_open(judge, sitting, dataset, row_rules),
        reads=tuple(sorted({name for rule in row_rules if rule.where for name in rule.where[dataset.name].attributes})),
    )


def obligations_of(rules: Iterable[Rule], purposes: Iterable[Purpose]) -> tuple[BoundObligation, ...]:
    """The obligations that bind whoever uses what these rules and purposes speak of; denies bind nobody."""
    found = {
        BoundObligation(spec=spec, origin=rule.id)
        for rule in rules
        if rule.obligations and rule.eft is not Effect.DENY
        for spec in rule.obligations
    }
    for purpose in purposes:
        found |= {BoundObligation(spec=spec, origin=f"purpose:{purpose.id}") for spec in purpose.obligations}
    return tuple(sorted(found, key=lambda each: (each.spec.name, each.spec.value, each.origin)))


def _field(  # noqa: PLR0917 - as compose
    judge: Judge,
    sitting: Sitting,
    dataset: Dataset,
    field: Field,
    uses: set[FieldUse],
    ceilings: tuple[Ceiling, ...],
    catalog: Catalog,
) -> tuple[FieldVerdict, tuple[Rule, ...]]:
    """The verdict, and the rules whose obligations bind whoever uses the field."""
    obj = field_object(dataset, field)
    shown = sitting.matched(obj, FieldUse.SHOW.value, ROOT_REGION)
    level = granted_level(shown, catalog.masks)
    if level is None or not judge.allows(shown):
        return denied(field.name, shown), ()
    level, ceiling = under_ceilings(level, ceilings)
    taken = shown
    granted: set[FieldUse] = set()
    for use in BY_NAME:
        if use in uses:
            matched = sitting.matched(obj, use.value, ROOT_REGION)
            taken += matched
            if judge.allows(matched):
                granted.add(use)
    verdict = FieldVerdict(
        field=field.name,
        verdict=Verdict.ALLOW if level.mask is None else Verdict.MASK,
        mask=level.mask,
        rules=_ids(taken),
        granted=frozenset(granted),
        ceiling=ceiling,
    )
    return verdict, taken


def _is_open(judge: Judge, sitting: Sitting, dataset: Dataset, row_rules: tuple[Rule, ...]) -> bool:
    """Whether Casbin allows rows anywhere; what exactly they are is for the row filter.

    Where some region is open, the region that its allowing rule names is: a deny that reaches it reaches all below it.
    """
    regions = {rule.reg for rule in row_rules if rule.eft is Effect.ALLOW}
    return any(judge.allows(sitting.matched(f"ds:{dataset.name}", ROWS, region)) for region in regions)


def denied(field: FieldName, matched: Iterable[Rule] = ()) -> FieldVerdict:
    """Nothing of the field."""
    return FieldVerdict(
        field=field, verdict=Verdict.DENY, mask=None, rules=_ids(matched), granted=frozenset(), ceiling=None
    )


def _ids(rules: Iterable[Rule]) -> tuple[RuleId, ...]:
    return tuple(sorted({rule.id for rule in rules}))
