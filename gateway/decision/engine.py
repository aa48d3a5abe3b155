"""BoundQuery + Caller -> Decision. The PDP: answers, does not act.

A policy engine is one policy version, built from one bundle, and never changes: to change the policy, load another and
swap the reference. It reads no clock, no network and no data; everything it depends on is an argument. Deny by default:
what no rule allows is denied, and so is everything where the purpose itself doesn't stand. What it found before it
finds again quickly, and the same (`outcome_cache`).
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import lru_cache, partial
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple, Self

from gateway.decision import soundness
from gateway.decision.attributes import COMMON, attributes_of
from gateway.decision.hierarchy import ROOT_REGION, Hierarchies, field_object
from gateway.decision.judge import Circumstances, Demand, Judge, Request
from gateway.decision.levels import Ceiling, ceilings_of
from gateway.decision.near_miss import near_misses_of
from gateway.decision.outcome import Outcome, compose, denied, obligations_of
from gateway.decision.outcome_cache import Key, OutcomeCache
from gateway.decision.row_filter import no_rows, row_verdict
from gateway.decision.standing import admits, refuse_circumstances, refuse_purpose
from gateway.errors import Defect, PurposeMissing
from gateway.model.caller import Caller
from gateway.model.case import CaseFacts
from gateway.model.catalog import Catalog, Dataset, Purpose
from gateway.model.decision import DecidedQuery, Decision, NearMiss, RowVerdict
from gateway.model.ids import AppId, FieldName, PolicyVersion, PurposeId, RoleName, RuleId
from gateway.model.query import BoundQuery, FieldUse

_MOST_NAMES = 4_096
_NO_MISSES: Mapping[FieldName | None, tuple[NearMiss, ...]] = MappingProxyType({})  # shared by answers that are kept
_MOST_AGAIN = 4_096  # pairs of a question that is kept and a caller who is
_MOST_DECISIONS = 32  # of one outcome: by the regions of posts


class _Again(NamedTuple):
    """A decision that the same question of the same caller meets again until its purpose's time is over."""

    bound: BoundQuery  # held, with the caller, so that their identity stays theirs
    caller: Caller
    decision: Decision
    since: datetime
    until: datetime


class PolicyEngine:
    """One policy version that decides. Safe to use from several threads."""

    def __init__(self, catalog: Catalog, judge: Judge, hierarchies: Hierarchies) -> None:
        self.catalog = catalog
        self.judge = judge
        self.hierarchies = hierarchies
        self.outcomes = OutcomeCache()
        self._again: dict[tuple[int, int], _Again] = {}
        # What depends on the policy and on names alone; bounded, because callers choose the names. None of them knows
        # the engine: a policy that was replaced goes when its last request ends, and leaves no work to the collector.
        self._subs = lru_cache(_MOST_NAMES)(partial(_known_subs, hierarchies))
        self._admits = lru_cache(_MOST_NAMES)(partial(_is_admitted, catalog, hierarchies))
        self._ceilings = lru_cache(_MOST_NAMES)(partial(_ceilings_of, catalog, hierarchies))
        self._purposes = {
            name: tuple(catalog.purposes[up] for up in _purposes_above(hierarchies, name) if up in catalog.purposes)
            for name in catalog.purposes
        }

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
        refusal = refuse_purpose(caller.purpose, caller, now, self.catalog, self._admits)
        if refusal is not None:
            raise refusal
        return self.catalog.purposes[caller.purpose]

    def purposes_open_to(self, caller: Caller, now: datetime) -> tuple[Purpose, ...]:
        """The purposes that the caller could declare in this app, by name."""
        return tuple(
            purpose
            for name, purpose in sorted(self.catalog.purposes.items())
            if refuse_purpose(name, replace(caller, purpose=name), now, self.catalog, self._admits) is None
        )

    def check_purpose(self, purpose: Purpose, caller: Caller, case: CaseFacts | None, now: datetime) -> None:
        """Return where the purpose can serve the caller now.

        Raises PurposeUnavailable, JustificationMissing, CaseMissing, CaseUnavailable.
        """
        refusal = refuse_purpose(purpose.id, caller, now, self.catalog, self._admits) or refuse_circumstances(
            purpose.id, caller, case, now, self.catalog
        )
        if refusal is not None:
            raise refusal

    def decide(
        self, bound: BoundQuery, caller: Caller, case: CaseFacts | None, now: datetime, *, explain: bool = False
    ) -> Decision:
        """Total over the dataset's fields. `explain` asks for every use by name and tells the near misses."""
        if bound.catalog is not self.catalog and bound.catalog.version != self.version:
            raise Defect(operator="the question was bound to another policy version")
        purpose = bound.purpose.id
        dataset = self.catalog.datasets[bound.dataset.name]
        if not self._stands(bound, caller, case, now):
            fields = MappingProxyType({name: denied(name) for name in dataset.fields})
            return Decision(
                policy_version=self.version,
                dataset=dataset.name,
                purpose=purpose,
                fields=fields,
                rows=no_rows(),
                obligations=(),
                near_misses=_NO_MISSES,
            )
        open_case = case if caller.case is not None else None
        request = self._request(purpose, caller, open_case, now)
        if explain:
            outcome, _ = self._compose(request, dataset, bound, caller.app, every_use=True)
            decision = self._finish(outcome, dataset, purpose, request, open_case)
            missed = near_misses_of(self.judge, self.hierarchies, request, dataset, decision)
            return replace(decision, near_misses=missed)
        outcome = self._outcome(request, dataset, bound, caller.app)
        if open_case is not None or not COMMON.issuperset(outcome.reads):
            return self._finish(outcome, dataset, purpose, request, open_case)
        attributes = request.ctx.attributes
        values = tuple([attributes[name] for name in outcome.reads])
        known = outcome.decisions.get(values)
        if known is None:
            if len(outcome.decisions) >= _MOST_DECISIONS:
                outcome.decisions.clear()
            known = outcome.decisions[values] = self._finish(outcome, dataset, purpose, request, None)
        return known

    def decide_again(self, bound: BoundQuery, caller: Caller, now: datetime) -> Decision:
        """`decide` without a case, for a question and a caller that are kept as they are: `bound` has no literal.

        What depends on no moment but the purpose's own time is the same for these very two, and is found by them.
        """
        again = self._again.get((id(bound), id(caller)))
        if again is not None and again.since <= now < again.until:
            return again.decision
        decision = self.decide(bound, caller, None, now)
        dataset = self.catalog.datasets[bound.dataset.name]
        request = self._request(bound.purpose.id, caller, None, now)
        key = _key(request, dataset, bound, caller.app)
        outcome = self.outcomes.find(key, self.judge, request) if self.outcomes.asks_nothing(key) else None
        is_lasting = outcome is not None and COMMON.issuperset(outcome.reads)
        is_of_a_post = caller.case is None and caller.id_number is None  # no one's number stays here
        if is_lasting and is_of_a_post and self._stands(bound, caller, None, now):
            if len(self._again) >= _MOST_AGAIN:
                self._again.clear()
            purpose = self.catalog.purposes[bound.purpose.id]
            self._again[id(bound), id(caller)] = _Again(
                bound, caller, decision, purpose.valid_from, purpose.valid_until
            )
        return decision

    def decide_question(
        self,
        bound: BoundQuery,
        caller: Caller,
        case: CaseFacts | None,
        now: datetime,
        *,
        explain: bool = False,
    ) -> DecidedQuery:
        """The decision on each dataset of the question: every embed is decided as a question of its own."""
        return DecidedQuery(
            bound=bound,
            decision=self.decide(bound, caller, case, now, explain=explain),
            embeds=tuple(
                (embed, self.decide_question(embed.question, caller, case, now, explain=explain))
                for embed in bound.embeds
            ),
        )

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
        refusal = refuse_purpose(purpose.id, caller, now, self.catalog, self._admits)
        if refusal is not None or known is None or field not in known.fields:
            return False, ()
        sitting = self.judge.sit(self._request(purpose.id, caller, case, now))
        matched = sitting.matched(field_object(known, known.fields[field]), FieldUse.WRITE.value, ROOT_REGION)
        return self.judge.allows(matched), tuple(sorted(rule.id for rule in matched))

    # ------------------------------------------------------------------ one question, piece by piece
    def _stands(self, bound: BoundQuery, caller: Caller, case: CaseFacts | None, now: datetime) -> bool:
        purpose = bound.purpose.id
        return (
            bound.case == caller.case
            and refuse_purpose(purpose, caller, now, self.catalog, self._admits) is None
            and refuse_circumstances(purpose, caller, case, now, self.catalog) is None
        )

    def _request(self, purpose: PurposeId, caller: Caller, case: CaseFacts | None, now: datetime) -> Request:
        return Request(
            subs=self._subs(caller.roles),
            app=f"app:{caller.app}",
            case=caller.case or "",
            pur=f"pur:{purpose}",
            now=now,
            ctx=Circumstances(attributes=attributes_of(caller, case, now)),
        )

    def _outcome(self, request: Request, dataset: Dataset, bound: BoundQuery, app: AppId) -> Outcome:
        """As found before, or found now."""
        key = _key(request, dataset, bound, app)
        found = self.outcomes.find(key, self.judge, request)
        if found is None:
            found, demands = self._compose(request, dataset, bound, app, every_use=False)
            self.outcomes.add(key, self.judge, request, demands, found)
        return found

    def _compose(
        self, request: Request, dataset: Dataset, bound: BoundQuery, app: AppId, *, every_use: bool
    ) -> tuple[Outcome, frozenset[Demand]]:
        sitting = self.judge.sit(request)
        ceilings = self._ceilings(bound.purpose.id, app)
        outcome = compose(self.judge, sitting, dataset, bound.uses, ceilings, self.catalog, every_use=every_use)
        return outcome, sitting.demands_asked()

    def _finish(
        self, outcome: Outcome, dataset: Dataset, purpose: PurposeId, request: Request, case: CaseFacts | None
    ) -> Decision:
        """Bind what reads the request, and put the decision together."""
        rows = self._rows(outcome, dataset, request, case)
        taken = set(rows.rules)
        binding = (*outcome.binding, *(rule for rule in outcome.row_rules if rule.id in taken))
        return Decision(
            policy_version=self.version,
            dataset=dataset.name,
            purpose=purpose,
            fields=outcome.fields,
            rows=rows,
            obligations=obligations_of(binding, self._purposes[purpose]),
            near_misses=_NO_MISSES,
        )

    @staticmethod
    def _rows(outcome: Outcome, dataset: Dataset, request: Request, case: CaseFacts | None) -> RowVerdict:
        if not outcome.is_open:
            return no_rows(rule.id for rule in outcome.row_rules)
        subjects = case.subjects if case is not None else None
        return row_verdict(outcome.row_rules, dataset, request.ctx.attributes, subjects)


def _key(request: Request, dataset: Dataset, bound: BoundQuery, app: AppId) -> Key:
    return request.subs, app, bound.purpose.id, dataset.name, bound.uses


def _known_subs(hierarchies: Hierarchies, roles: tuple[RoleName, ...]) -> tuple[str, ...]:
    # pycasbin keeps every name it is ever asked about: unknown ones are dropped first
    return tuple(sorted(name for name in {f"role:{role}" for role in roles} if name in hierarchies.roles.above))


def _is_admitted(
    catalog: Catalog, hierarchies: Hierarchies, purpose: PurposeId, app: AppId, roles: tuple[RoleName, ...]
) -> bool:
    return admits(catalog.purposes[purpose], app, roles, catalog, hierarchies.roles.above)


def _ceilings_of(catalog: Catalog, hierarchies: Hierarchies, purpose: PurposeId, app: AppId) -> tuple[Ceiling, ...]:
    return ceilings_of(catalog.purposes[purpose], catalog.apps[app], _purposes_above(hierarchies, purpose), catalog)


def _purposes_above(hierarchies: Hierarchies, purpose: PurposeId) -> list[PurposeId]:
    return [PurposeId(name.removeprefix("pur:")) for name in hierarchies.purposes.above[f"pur:{purpose}"]]
