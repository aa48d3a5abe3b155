"""Trail and outcome -> AuditEntry: what is written down of a request. Pure."""

from collections.abc import Callable
from datetime import datetime

from gateway.audit._remembered import Remembered
from gateway.audit.decided import level_of, trace_of
from gateway.errors import GatewayError
from gateway.model.audit import AuditEntry, DecisionTrace, EntryKind, FieldTrace
from gateway.model.catalog import Purpose
from gateway.model.decision import Decision, Verdict
from gateway.model.ids import DatasetName, FieldName
from gateway.model.query import BoundQuery
from gateway.model.trail import Trail

_LOG = DatasetName("langqiao.access")
_REVIEW = "review"
_laws: Remembered[Purpose, tuple[str, ...]] = Remembered()
_used: Remembered[Decision, tuple[FieldTrace, ...]] = Remembered()
_ruled: Remembered[Decision, tuple[str, ...]] = Remembered()


def entry_of(
    trail: Trail,
    *,
    hash_subject: Callable[[str], str],
    now: datetime,
    kind: EntryKind,
    outcome: str,
    refusal: GatewayError | None = None,
    stage: str = "",
    rows: int = 0,
    sha256: str = "",
    subjects: tuple[str, ...] = (),
    detail: str = "",
    case: str = "",
    refers_to: int | None = None,
) -> AuditEntry:
    """The entry for a request that came as far as `trail` and ended as `outcome` says."""
    caller, bound, decision = trail.caller, trail.bound, trail.decision
    names_log = bound is not None and bound.dataset.name == _LOG
    return AuditEntry(
        kind=EntryKind.LOG_READ if names_log and kind is EntryKind.READ else kind,
        at=now,
        trace_id=trail.trace_id,
        principal=caller.principal if caller else "",
        app=caller.app if caller else "",
        organisation=caller.organisation if caller else "",
        roles=tuple(caller.roles) if caller else (),
        purpose=(caller.purpose or "") if caller else "",
        legal_basis=_legal_basis(trail.purpose),
        case=case or ((caller.case or "") if caller else ""),
        dataset=bound.dataset.name if bound else "",
        fields=_fields(bound, decision),
        filter_shape=bound.filter_shape if bound else "",
        rows=rows,
        subjects=subjects,
        outcome=outcome,
        code=refusal.code if refusal else "",
        stage=stage,
        rules=_ruled.of(decision, None, lambda: tuple(decision.rule_ids)) if decision else (),
        policy_version=trail.policy_version or "",
        duration_us=max(0, round((now - trail.started_at).total_seconds() * 1e6)),
        response_sha256=sha256,
        justification=(caller.justification or "") if caller else "",
        needs_review=_needs_review(trail.purpose, decision),
        refers_to=refers_to,
        detail=detail,
        decision=_decision(trail, hash_subject),
    )


def _decision(trail: Trail, hash_subject: Callable[[str], str]) -> DecisionTrace | None:
    decision, bound, caller, at = trail.decision, trail.bound, trail.caller, trail.decided_at
    if decision is None or bound is None or caller is None or at is None or decision.dataset != bound.dataset.name:
        return None  # of many questions in one request the last had no decision
    return trace_of(decision, bound, caller, trail.facts, at, hash_subject)


def _legal_basis(purpose: Purpose | None) -> tuple[str, ...]:
    if purpose is None:
        return ()
    return _laws.of(purpose, None, lambda: tuple(f"{basis.law.zh} {basis.article.zh}" for basis in purpose.legal_basis))


def _fields(bound: BoundQuery | None, decision: Decision | None) -> tuple[FieldTrace, ...]:
    """Every field the question uses, in name order; those that `*` left out are not the asker's to know of."""
    if bound is None:
        return ()
    if decision is None:
        return _traced(bound, None)
    return _used.of(decision, (bound.uses, bound.starred), lambda: _traced(bound, decision))


def _traced(bound: BoundQuery, decision: Decision | None) -> tuple[FieldTrace, ...]:
    uses: dict[FieldName, set[str]] = {}
    for field, use in bound.uses:
        uses.setdefault(field, set()).add(use.value)
    traces = []
    for field in sorted(uses):
        verdict = decision.fields.get(field) if decision else None
        if verdict is not None and verdict.verdict is Verdict.DENY and field in bound.starred:
            continue
        traces.append(
            FieldTrace(
                field=field,
                level="undecided" if verdict is None else level_of(verdict),
                uses=tuple(sorted(uses[field])),
                granted=tuple(sorted(use.value for use in verdict.granted)) if verdict else (),
                ceiling=(verdict.ceiling or "") if verdict else "",
            )
        )
    return tuple(traces)


def _needs_review(purpose: Purpose | None, decision: Decision | None) -> bool:
    if purpose is not None and purpose.is_break_glass:
        return True
    return decision is not None and any(item.spec.name == _REVIEW for item in decision.obligations)
