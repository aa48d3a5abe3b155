"""BoundQuery + Decision -> Explanation: what the question would meet. Fetches nothing."""

from gateway.errors import GatewayError
from gateway.model.decision import DecidedQuery, Decision, FieldVerdict, Verdict
from gateway.model.explanation import Explanation, FieldExplanation
from gateway.model.plan import ReadPlan
from gateway.model.query import BoundQuery
from gateway.planning.question import CapabilitiesOf, plan_question
from gateway.planning.wording import word_predicate
from gateway.settings import Limits


def explain_plan(
    decided: DecidedQuery,
    capabilities_of: CapabilitiesOf,
    limits: Limits,
    source_seconds: float,
    *,
    for_officer: bool = False,
) -> Explanation:
    """The explanation; a field that the asker neither sees nor named is told to officers only.

    A refused question explains its refusal and nothing that the refusal hides, its embeds neither.
    """
    try:
        plan = plan_question(decided, capabilities_of, limits, source_seconds)
    except GatewayError as refusal:
        return _explain(decided.bound, decided.decision, None, refusal, for_officer=for_officer)
    return _explain(decided.bound, decided.decision, plan, None, for_officer=for_officer)


def _explain(
    bound: BoundQuery, decision: Decision, plan: ReadPlan | None, refusal: GatewayError | None, *, for_officer: bool
) -> Explanation:
    named = {field for field, _ in bound.uses} - bound.starred
    hides = refusal is not None and not for_officer
    fields = tuple(
        _explain_field(verdict, decision, for_officer=for_officer)
        for verdict in decision.fields.values()
        if for_officer or (verdict.verdict is not Verdict.DENY) or (verdict.field in named and not hides)
    )
    return Explanation(
        policy_version=decision.policy_version,
        dataset=decision.dataset,
        purpose=decision.purpose,
        fields=fields,
        rows=word_predicate(decision.rows.filter, bound.dataset) if decision.rows.is_allowed else "no rows",
        row_rules=decision.rows.rules,
        row_near_misses=decision.near_misses.get(None, ()) if for_officer else (),
        obligations=tuple(
            f"{item.spec.name}{'=' if item.spec.value else ''}{item.spec.value} ({item.origin})"
            for item in decision.obligations
        ),
        pushed_down=None if plan is None else not plan.residual.is_needed,
        refusal=refusal,
        embeds=tuple(
            (embed.link, _explain(embed.plan.bound, embed.plan.decision, embed.plan, None, for_officer=for_officer))
            for embed in (plan.embeds if plan is not None else ())
        ),
    )


def _explain_field(verdict: FieldVerdict, decision: Decision, *, for_officer: bool) -> FieldExplanation:
    level = {Verdict.ALLOW: "clear", Verdict.DENY: "denied"}.get(verdict.verdict, verdict.mask or "")
    return FieldExplanation(
        field=verdict.field,
        level=level,
        rules=verdict.rules,
        granted=tuple(sorted(verdict.granted)),
        ceiling=verdict.ceiling,
        near_misses=decision.near_misses.get(verdict.field, ()) if for_officer else (),
    )
