"""The entry of an answer to a question whose like was answered before says what it would have said the first time."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gateway.audit.record import entry_of, keep_released, released_again
from gateway.model.audit import AuditEntry, EntryKind
from gateway.model.caller import Caller
from gateway.model.case import CaseFacts
from gateway.model.ids import AppId, CaseId, FieldName, PolicyVersion, PrincipalId
from gateway.model.plan import ReadPlan
from gateway.model.predicate import Comparator, Compare
from gateway.model.trail import Trail
from gateway.planning import PreparedPlan, prepare
from tests.unit.planning.small_question import decision, plan, question

NOW = datetime(2026, 11, 29, 12, 0, 0, 5, UTC)
WORKER = Caller(
    principal=PrincipalId("li"), app=AppId("grid"), roles=(), organisation="o", regions=(), assurance=2, network="",
    id_number=None, purpose=None, case=None, justification=None, terminal=None, token_id="t",
)  # fmt: skip
DECISION = decision({"phone": "dim"})


def kept_plan() -> PreparedPlan:
    where = Compare(FieldName("person"), Comparator.EQ, "x")
    prepared = prepare(plan(question("no", "phone", where=where), DECISION), [(FieldName("person"), "x")])
    assert prepared is not None
    return prepared


def trail_of(planned: ReadPlan, number: int, caller: Caller = WORKER) -> Trail:
    at = NOW + timedelta(seconds=number)
    return Trail(
        trace_id=f"{number:032x}", started_at=at, policy_version=PolicyVersion("v1"), caller=caller,
        purpose=planned.bound.purpose, bound=planned.bound, decision=planned.decision, decided_at=at, plan=planned,
        token_version=1,
    )  # fmt: skip


def made(trail: Trail, number: int) -> AuditEntry:
    return entry_of(
        trail, hash_subject=lambda text: text, now=trail.started_at + timedelta(milliseconds=number),
        kind=EntryKind.READ, outcome="released", rows=number, sha256="ab" * 32, subjects=("cd" * 16,), detail="",
        refers_to=number,
    )  # fmt: skip


def again(trail: Trail, number: int) -> AuditEntry | None:
    now = trail.started_at + timedelta(milliseconds=number)
    return released_again(
        trail, now=now, rows=number, sha256="ab" * 32, subjects=("cd" * 16,), refers_to=number
    )  # fmt: skip


def test_it_is_the_entry_that_would_have_been_made() -> None:
    prepared = kept_plan()
    first, second = (trail_of(prepared.of([(FieldName("person"), text)]), at) for at, text in enumerate("yz"))
    assert again(first, 1) is None
    keep_released(first, made(first, 1))
    found = again(second, 2)
    assert found == made(second, 2)
    assert found is not None
    assert found.decision is not None
    assert (found.trace_id, found.decision.decided_at) == (second.trace_id, second.decided_at)


def test_nothing_of_the_one_before_is_kept_that_is_about_people() -> None:
    prepared = kept_plan()
    first = trail_of(prepared.of([(FieldName("person"), "330102199001011234")]), 1)
    keep_released(first, replace(made(first, 1), subjects=("ef" * 16,)))
    found = again(trail_of(prepared.of([(FieldName("person"), "z")]), 2), 2)
    assert found is not None
    assert found.subjects == ("cd" * 16,)
    assert "330102199001011234" not in repr(found)


@pytest.mark.parametrize(
    "other",
    [
        {"caller": replace(WORKER, principal=PrincipalId("wang"))},
        {"caller": replace(WORKER)},  # the same to look at: its entry is made for itself, once
        {"decision": replace(DECISION)},
        {"policy_version": PolicyVersion("v2")},
        {"token_version": 2},
        {"plan": replace(plan(question("no"), DECISION))},
    ],
)
def test_whatever_else_differs_is_made_anew(other: dict[str, object]) -> None:
    prepared = kept_plan()
    planned = prepared.of([(FieldName("person"), "y")])
    first = trail_of(planned, 1)
    keep_released(first, made(first, 1))
    assert again(replace(first, **other), 2) is None  # type: ignore[arg-type]  # fields of a trail


@pytest.mark.parametrize(
    "caller",
    [
        replace(WORKER, id_number="330102199001011234"),
        replace(WORKER, case=CaseId("c-1")),
        replace(WORKER, justification="a fire in the stairwell"),
    ],
)
def test_what_is_of_one_person_or_case_is_made_anew_each_time(caller: Caller) -> None:
    trail = trail_of(kept_plan().of([(FieldName("person"), "y")]), 1, caller)
    keep_released(trail, made(trail, 1))
    assert again(trail, 2) is None


def test_what_was_decided_under_a_case_is_made_anew() -> None:
    trail = trail_of(kept_plan().of([(FieldName("person"), "y")]), 1)
    keep_released(trail, made(trail, 1))
    trail.facts = object.__new__(CaseFacts)
    assert again(trail, 2) is None
