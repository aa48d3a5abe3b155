"""Trail and outcome -> AuditEntry: what is written down of a request. Pure."""

import hashlib
from datetime import datetime

from gateway.errors import GatewayError
from gateway.model.audit import AuditEntry, EntryKind, FieldTrace
from gateway.model.catalog import Purpose
from gateway.model.decision import Decision, FieldVerdict, Verdict
from gateway.model.ids import DatasetName, FieldName
from gateway.model.query import BoundQuery
from gateway.model.rows import Disclosure
from gateway.model.trail import Trail

_LOG = DatasetName("langqiao.access")
_REVIEW = "review"


def entry_of(
    trail: Trail,
    *,
    now: datetime,
    kind: EntryKind,
    outcome: str,
    refusal: GatewayError | None = None,
    stage: str = "",
    disclosure: Disclosure | None = None,
    body: bytes | None = None,
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
        rows=len(disclosure.rows) if disclosure else 0,
        subjects=disclosure.subjects if disclosure else subjects,
        outcome=outcome,
        code=refusal.code if refusal else "",
        stage=stage,
        rules=tuple(decision.rule_ids) if decision else (),
        policy_version=trail.policy_version or "",
        duration_us=max(0, round((now - trail.started_at).total_seconds() * 1e6)),
        response_sha256=hashlib.sha256(body).hexdigest() if body is not None else "",
        justification=(caller.justification or "") if caller else "",
        needs_review=_needs_review(trail.purpose, decision),
        refers_to=refers_to,
        detail=detail,
    )


def _legal_basis(purpose: Purpose | None) -> tuple[str, ...]:
    if purpose is None:
        return ()
    return tuple(f"{basis.law.zh} {basis.article.zh}" for basis in purpose.legal_basis)


def _fields(bound: BoundQuery | None, decision: Decision | None) -> tuple[FieldTrace, ...]:
    """Every field the question uses, in name order; those that `*` left out are not the asker's to know of."""
    if bound is None:
        return ()
    uses: dict[FieldName, set[str]] = {}
    for field, use in bound.uses:
        uses.setdefault(field, set()).add(use.value)
    traces = []
    for field in sorted(uses):
        verdict = decision.fields.get(field) if decision else None
        if verdict is not None and verdict.verdict is Verdict.DENY and field in bound.starred:
            continue
        level = "undecided" if verdict is None else _level(verdict)
        traces.append(FieldTrace(field=field, level=level, uses=tuple(sorted(uses[field]))))
    return tuple(traces)


def _level(verdict: FieldVerdict) -> str:
    if verdict.verdict is Verdict.MASK:
        return verdict.mask or ""
    return "clear" if verdict.verdict is Verdict.ALLOW else "denied"


def _needs_review(purpose: Purpose | None, decision: Decision | None) -> bool:
    if purpose is not None and purpose.is_break_glass:
        return True
    return decision is not None and any(item.spec.name == _REVIEW for item in decision.obligations)
