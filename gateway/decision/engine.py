"""BoundQuery + Caller -> Decision. The PDP: answers, does not act.

A policy engine is one policy version, built from one bundle, and never changes: to change the policy, load another and
swap the reference. It reads no clock, no network and no data; everything it depends on is an argument. Deny by default:
what no rule allows is denied, and so is everything where the purpose itself doesn't stand.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Self

from gateway.decision import soundness
from gateway.decision.attributes import attributes_of
from gateway.decision.hierarchy import ROOT_REGION, Hierarchies, field_object
from gateway.decision.judge import Circumstances, Judge, Request, Sitting
from gateway.decision.levels import Ceiling, ceilings_of, granted_level, under_ceilings
from gateway.decision.near_miss import near_misses
from gateway.decision.row_filter import no_rows, row_verdict
from gateway.decision.rule import ROWS, Rule
from gateway.decision.standing import refuse_circumstances, refuse_purpose
from gateway.errors import Defect, PurposeMissing
from gateway.model.caller import Caller
from gateway.model.case import CaseFacts
from gateway.model.catalog import Catalog, Dataset, Field, Purpose
from gateway.model.decision import BoundObligation, Decision, Effect, FieldVerdict, NearMiss, RowVerdict, Verdict
from gateway.model.ids import FieldName, PolicyVersion, PurposeId, RuleId
from gateway.model.query import BoundQuery, FieldUse

_BY_NAME = (FieldUse.MATCH, FieldUse.AGGREGATE, FieldUse.EXPORT)
"""Uses that a rule must grant by name where the field isn't clear."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _FieldAnswer:
    verdict: FieldVerdict
    binding: tuple[Rule, ...]  # allow and oblige rules whose obligations bind whoever uses the field


class PolicyEngine:
    """One policy version that decides. Safe to use from several threads."""

    def __init__(self, catalog: Catalog, judge: Judge, hierarchies: Hierarchies) -> None:
        self.catalog = catalog
        self.judge = judge
        self.hierarchies = hierarchies

    @classmethod
    def load(cls, bundle: Path, catalog: Catalog) -> Self:
        """The engine of a bundle's model and rules; raises BundleInvalid with every problem, SettingsInvalid."""
        judge, hierarchies = soundness.build(bundle, catalog)
        return cls(catalog, judge, hierarchies)

    @property
    def version(self) -> PolicyVersion:
        """The bundle's content hash."""
        return self.catalog.version

    def admit(self, caller: Caller, now: datetime) -> Purpose:
        """The purpose that the caller declares; raises PurposeMissing, PurposeUnavailable."""
        if caller.purpose is None:
            raise PurposeMissing
        refusal = refuse_purpose(caller.purpose, caller, now, self.catalog, self.hierarchies.roles.above)
        if refusal is not None:
            raise refusal
        return self.catalog.purposes[caller.purpose]

    def purposes_open_to(self, caller: Caller, now: datetime) -> tuple[Purpose, ...]:
        """The purposes that the caller could declare in this app, by name."""
        above = self.hierarchies.roles.above
        return tuple(
            purpose
            for name, purpose in sorted(self.catalog.purposes.items())
            if refuse_purpose(name, replace(caller, purpose=name), now, self.catalog, above) is None
        )

    def check_purpose(self, purpose: Purpose, caller: Caller, case: CaseFacts | None, now: datetime) -> None:
        """Return where the purpose can serve the caller now.

        Raises PurposeUnavailable, JustificationMissing, CaseMissing, CaseUnavailable.
        """
        refusal = refuse_purpose(
            purpose.id, caller, now, self.catalog, self.hierarchies.roles.above
        ) or refuse_circumstances(purpose.id, caller, case, now, self.catalog)
        if refusal is not None:
            raise refusal

    def decide(
        self, bound: BoundQuery, caller: Caller, case: CaseFacts | None, now: datetime, *, explain: bool = False
    ) -> Decision:
        """Total over the dataset's fields. `explain` asks for every use by name and tells the near misses."""
        if bound.catalog.version != self.version:
            raise Defect(operator="the question was bound to another policy version")
        purpose = bound.purpose.id
        stands = (
            bound.case == caller.case
            and refuse_purpose(purpose, caller, now, self.catalog, self.hierarchies.roles.above) is None
            and refuse_circumstances(purpose, caller, case, now, self.catalog) is None
        )
        dataset = self.catalog.datasets[bound.dataset.name]
        if not stands:
            return self._decision(bound, {name: _denied(name, ()) for name in dataset.fields}, no_rows(), (), {})
        open_case = case if caller.case is not None else None
        request = self._request(purpose, caller, open_case, now)
        sitting = self.judge.sit(request)
        ceilings = ceilings_of(
            self.catalog.purposes[purpose], self.catalog.apps[caller.app], self._purposes_above(purpose), self.catalog
        )
        answers = {
            field.name: self._field(sitting, dataset, field, _uses_of(bound, field.name, explain=explain), ceilings)
            for field in dataset.fields.values()
        }
        row_rules = self._row_rules(sitting, dataset)
        subjects = open_case.subjects if open_case is not None else None
        if self._some_region_is_open(sitting, dataset):
            rows = row_verdict(row_rules, dataset, request.ctx.attributes, subjects)
        else:
            rows = no_rows(rule.id for rule in row_rules)
        used = {name for name, _ in bound.uses} | {column.field for column in bound.columns}
        binding = [rule for name, answer in answers.items() if name in used for rule in answer.binding]
        taken_rows = set(rows.rules)
        binding += [rule for rule in row_rules if rule.id in taken_rows and rule.eft is not Effect.DENY]
        verdicts = {name: answer.verdict for name, answer in answers.items()}
        missed = self._near_misses(request, dataset, verdicts, rows) if explain else {}
        return self._decision(bound, verdicts, rows, self._obligations(binding, purpose), missed)

    def decide_action(  # noqa: PLR0917 - everything that a decision depends on is an argument
        self,
        dataset: Dataset,
        field: FieldName,
        purpose: Purpose,
        caller: Caller,
        case: CaseFacts | None,
        now: datetime,
    ) -> tuple[bool, tuple[RuleId, ...]]:
        """Whether the caller may `write` a field of a permission dataset, and by which rules.

        The purpose must be theirs and in its time. A case isn't demanded: opening and approving one are such actions.
        """
        known = self.catalog.datasets.get(dataset.name)
        refusal = refuse_purpose(purpose.id, caller, now, self.catalog, self.hierarchies.roles.above)
        if refusal is not None or known is None or field not in known.fields:
            return False, ()
        sitting = self.judge.sit(self._request(purpose.id, caller, case, now))
        matched = sitting.matched(field_object(known, known.fields[field]), FieldUse.WRITE.value, ROOT_REGION)
        return self.judge.allows(matched), tuple(sorted(rule.id for rule in matched))

    # ------------------------------------------------------------------ one question, piece by piece
    def _request(self, purpose: PurposeId, caller: Caller, case: CaseFacts | None, now: datetime) -> Request:
        # names are looked up first: pycasbin keeps every name it is ever asked about
        known = tuple(sorted({f"role:{role}" for role in caller.roles} & self.hierarchies.roles.above.keys()))
        return Request(
            subs=known,
            app=f"app:{caller.app}",
            case=caller.case or "",
            pur=f"pur:{purpose}",
            now=now,
            ctx=Circumstances(attributes=attributes_of(caller, case, now)),
        )

    def _purposes_above(self, purpose: PurposeId) -> list[PurposeId]:
        return [PurposeId(name.removeprefix("pur:")) for name in self.hierarchies.purposes.above[f"pur:{purpose}"]]

    def _field(
        self, sitting: Sitting, dataset: Dataset, field: Field, uses: frozenset[FieldUse], ceilings: tuple[Ceiling, ...]
    ) -> _FieldAnswer:
        obj = field_object(dataset, field)
        shown = sitting.matched(obj, FieldUse.SHOW.value, ROOT_REGION)
        level = granted_level(shown, self.catalog.masks)
        if level is None or not self.judge.allows(shown):
            return _FieldAnswer(verdict=_denied(field.name, shown), binding=())
        level, ceiling = under_ceilings(level, ceilings)
        taken = list(shown)
        granted: set[FieldUse] = set()
        for use in _BY_NAME:
            if use in uses:
                matched = sitting.matched(obj, use.value, ROOT_REGION)
                taken.extend(matched)
                if self.judge.allows(matched):
                    granted.add(use)
        verdict = FieldVerdict(
            field=field.name,
            verdict=Verdict.ALLOW if level.mask is None else Verdict.MASK,
            mask=level.mask,
            rules=_ids(taken),
            granted=frozenset(granted),
            ceiling=ceiling,
        )
        return _FieldAnswer(verdict=verdict, binding=tuple(rule for rule in taken if rule.eft is not Effect.DENY))

    def _row_rules(self, sitting: Sitting, dataset: Dataset) -> tuple[Rule, ...]:
        """All `rows` rules that speak of the dataset's rows in some region."""
        regions = {ROOT_REGION, *self.judge.row_regions}
        found = {rule.id: rule for region in regions for rule in sitting.matched(f"ds:{dataset.name}", ROWS, region)}
        return tuple(found[rule_id] for rule_id in sorted(found))

    def _some_region_is_open(self, sitting: Sitting, dataset: Dataset) -> bool:
        """Whether Casbin allows rows anywhere; what exactly they are is for the row filter."""
        regions = {ROOT_REGION, *self.judge.row_regions}
        return any(self.judge.allows(sitting.matched(f"ds:{dataset.name}", ROWS, region)) for region in regions)

    def _obligations(self, binding: Iterable[Rule], purpose: PurposeId) -> tuple[BoundObligation, ...]:
        found = {BoundObligation(spec=spec, origin=rule.id) for rule in binding for spec in rule.obligations}
        for above in self._purposes_above(purpose):
            declared = self.catalog.purposes.get(above)
            if declared is not None:
                found |= {BoundObligation(spec=spec, origin=f"purpose:{above}") for spec in declared.obligations}
        return tuple(sorted(found, key=lambda each: (each.spec.name, each.spec.value, each.origin)))

    def _near_misses(
        self, request: Request, dataset: Dataset, verdicts: dict[FieldName, FieldVerdict], rows: RowVerdict
    ) -> dict[FieldName | None, tuple[NearMiss, ...]]:
        found: dict[FieldName | None, tuple[NearMiss, ...]] = {}
        for field in dataset.fields.values():
            obj = field_object(dataset, field)
            taken = verdicts[field.name].rules
            found[field.name] = near_misses(
                self.judge, self.hierarchies, request, obj=obj, act=FieldUse.SHOW.value, matched=taken
            )
        found[None] = near_misses(
            self.judge, self.hierarchies, request, obj=f"ds:{dataset.name}", act=ROWS, matched=rows.rules
        )
        return found

    def _decision(
        self,
        bound: BoundQuery,
        verdicts: dict[FieldName, FieldVerdict],
        rows: RowVerdict,
        obligations: tuple[BoundObligation, ...],
        missed: dict[FieldName | None, tuple[NearMiss, ...]],
    ) -> Decision:
        return Decision(
            policy_version=self.version,
            dataset=bound.dataset.name,
            purpose=bound.purpose.id,
            fields=verdicts,
            rows=rows,
            obligations=obligations,
            near_misses=missed,
        )


def _uses_of(bound: BoundQuery, field: FieldName, *, explain: bool) -> frozenset[FieldUse]:
    if explain:
        return frozenset(_BY_NAME)
    asked = frozenset(use for name, use in bound.uses if name == field)
    # a join on a masked key is a match of its values
    return asked | {FieldUse.MATCH} if FieldUse.JOIN in asked else asked


def _denied(field: FieldName, matched: Iterable[Rule]) -> FieldVerdict:
    return FieldVerdict(
        field=field, verdict=Verdict.DENY, mask=None, rules=_ids(matched), granted=frozenset(), ceiling=None
    )


def _ids(rules: Iterable[Rule]) -> tuple[RuleId, ...]:
    return tuple(sorted({rule.id for rule in rules}))
