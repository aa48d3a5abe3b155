"""Trail and outcome -> AuditEntry: what is written down of a request. Pure."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from gateway.audit.decided import level_of, trace_of
from gateway.errors import GatewayError
from gateway.model.amending import amended
from gateway.model.audit import AuditEntry, DecisionTrace, EntryKind, FieldTrace
from gateway.model.catalog import Purpose
from gateway.model.decision import Decision, Verdict
from gateway.model.ids import DatasetName, FieldName
from gateway.model.query import BoundQuery
from gateway.model.remembered import Remembered
from gateway.model.trail import Trail

_LOG = DatasetName("langqiao.access")
_REVIEW = "review"
_MICROSECOND: Final = timedelta(microseconds=1)
_MOST: Final = 1_024
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
    place = _place(trail, kind, outcome, detail) if refusal is None and not case else None
    like = _like.get(place) if place is not None else None
    if like is not None:
        made = like.entry
        return amended(
            made, at=now, trace_id=trail.trace_id, rows=rows, subjects=subjects, duration_us=_duration(trail, now),
            response_sha256=sha256, refers_to=refers_to, decision=amended(made.decision, decided_at=trail.decided_at),
        )  # fmt: skip
    caller, bound, decision = trail.caller, trail.bound, trail.decision
    names_log = bound is not None and bound.dataset.name == _LOG
    entry = AuditEntry(
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
        duration_us=_duration(trail, now),
        response_sha256=sha256,
        justification=(caller.justification or "") if caller else "",
        needs_review=_needs_review(trail.purpose, decision),
        refers_to=refers_to,
        detail=detail,
        decision=_decision(trail, hash_subject),
    )
    if place is not None and entry.decision is not None:
        if len(_like) >= _MOST:
            _like.clear()
        _like[place] = _Like(amended(entry, like=object(), subjects=(), trace_id=""), _rested_on(trail))
    return entry


def released_again(
    trail: Trail, *, now: datetime, rows: int, sha256: str, subjects: tuple[str, ...], refers_to: int | None
) -> AuditEntry | None:
    """The entry of rows that were released to a question whose like was answered before; None: it has to be made."""
    place = _released_place(trail)
    again = _released.get(place) if place is not None else None
    if again is None:
        return None
    made = again.entry
    return amended(
        made, at=now, trace_id=trail.trace_id, rows=rows, subjects=subjects, duration_us=_duration(trail, now),
        response_sha256=sha256, refers_to=refers_to, decision=amended(made.decision, decided_at=trail.decided_at),
    )  # fmt: skip


def keep_released(trail: Trail, entry: AuditEntry) -> None:
    """Keep what was made of a plan's rows for its like, without the people that it was about."""
    place = _released_place(trail)
    if place is None or entry.decision is None or trail.plan is None:
        return
    if len(_released) >= _MOST:
        _released.clear()
    held = (trail.plan.like, trail.caller, trail.decision, trail.purpose)
    _released[place] = _Like(amended(entry, like=object(), subjects=(), trace_id=""), held)


def _released_place(trail: Trail) -> tuple[object, ...] | None:
    """As `_place`: all that the entry says the same each time is of the plan's likes, of who asks, and why."""
    plan, caller = trail.plan, trail.caller
    if (
        plan is None
        or caller is None
        or plan.like is None
        or trail.decided_at is None
        or trail.facts is not None
        or caller.id_number is not None
        or caller.case is not None
        or caller.justification is not None
    ):
        return None
    held = (id(plan.like), id(caller), id(trail.decision), id(trail.purpose))
    return (*held, trail.policy_version, trail.token_version)


class _Like(NamedTuple):
    """An entry whose like may come again, without the people that it was about."""

    entry: AuditEntry
    held: tuple[object, ...]  # whose identity is part of its place, so that it stays theirs


_like: Final[dict[tuple[object, ...], _Like]] = {}
_released: Final[dict[tuple[object, ...], _Like]] = {}


def _place(trail: Trail, kind: EntryKind, outcome: str, detail: str) -> tuple[object, ...] | None:
    """By all that an entry says the same each time; None where it says what can differ, or what is of one person."""
    caller, bound = trail.caller, trail.bound
    if (
        caller is None
        or bound is None
        or trail.decided_at is None
        or trail.facts is not None
        or (caller.id_number, caller.case, caller.justification) != (None, None, None)
    ):
        return None
    return (*map(id, _rested_on(trail)), bound.filter_shape, kind, outcome, detail, trail.policy_version)


def _rested_on(trail: Trail) -> tuple[object, ...]:
    bound = trail.bound
    told = (bound.dataset, bound.uses, bound.starred) if bound is not None else ()
    return trail.caller, trail.decision, trail.purpose, *told


def _duration(trail: Trail, now: datetime) -> int:
    return max(0, (now - trail.started_at) // _MICROSECOND)


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
