"""The PDP on a small city: levels, ceilings, rows, obligations, cases, purposes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.decision import PolicyEngine
from gateway.errors import (
    CaseMissing,
    CaseUnavailable,
    Defect,
    JustificationMissing,
    PurposeMissing,
    PurposeUnavailable,
)
from gateway.model.case import CaseState
from gateway.model.decision import Verdict
from gateway.model.ids import CaseId, DatasetName, FieldName, PolicyVersion
from gateway.model.predicate import EVERYTHING, NOTHING, AnyOf, Comparator, Compare, Not, OneOf, Under
from gateway.model.query import FieldUse
from tests.unit.decision.small_city import NOW, SOMEBODY, caller, case_of, engine, line, question

RESIDENT_ROWS = line("W1", "allow", "ds:police.resident", act="rows", obl="where=community_code under subject.regions")
NAME, PHONE, ID = FieldName("name"), FieldName("phone"), FieldName("id_number")


def test_without_a_rule_every_field_is_denied_and_no_row_exists(tmp_path: Path) -> None:
    pdp, who = engine(tmp_path, line("A", "allow", "ds:aid.office")), caller()
    decision = pdp.decide(question(pdp.catalog, who), who, None, NOW)
    assert {verdict.verdict for verdict in decision.fields.values()} == {Verdict.DENY}
    assert (decision.rows.is_allowed, decision.rows.filter, decision.rule_ids) == (False, NOTHING, ())


def test_the_best_grant_wins_under_the_strictest_ceiling(tmp_path: Path) -> None:
    pdp, who = (
        engine(
            tmp_path,
            line("A", "allow", "ds:police.resident", obl="level=dark"),
            line("B", "allow", "term:person.name", obl="level=clear"),
            line("C", "allow", "term:person.phone", obl="level=clear"),
            line("D", "oblige", "class:sensitive", obl="level=dim"),
        ),
        caller(),
    )
    fields = pdp.decide(question(pdp.catalog, who), who, None, NOW).fields
    assert (fields[NAME].verdict, fields[NAME].mask, fields[NAME].rules) == (Verdict.ALLOW, None, ("A", "B"))
    assert (fields[PHONE].verdict, fields[PHONE].mask, fields[PHONE].rules) == (Verdict.MASK, "dim", ("A", "C", "D"))
    assert fields[ID].mask == "dark"


def test_a_deny_in_any_role_beats_the_allow_of_another(tmp_path: Path) -> None:
    rules = line("A", "allow", "class:any", sub="role:worker"), line("B", "deny", "class:any", sub="role:vendor")
    pdp = engine(tmp_path, *rules)
    both, one = caller("worker", "vendor"), caller("worker")
    assert pdp.decide(question(pdp.catalog, one), one, None, NOW).fields[NAME].verdict is Verdict.ALLOW
    assert pdp.decide(question(pdp.catalog, both), both, None, NOW).fields[NAME].verdict is Verdict.DENY


def test_the_ceilings_of_purpose_and_app_lower_the_level_and_say_so(tmp_path: Path) -> None:
    pdp = engine(tmp_path, line("A", "allow", "class:any"))
    officer = caller("officer", purpose="verify")
    seen = pdp.decide(question(pdp.catalog, officer), officer, None, NOW).fields[NAME]
    assert (seen.mask, seen.ceiling) == ("dim", "purpose:verify")
    dim = caller("officer", purpose="verify", app="dim-desk")
    seen = pdp.decide(question(pdp.catalog, dim), dim, None, NOW).fields[NAME]
    assert (seen.mask, seen.ceiling) == ("dark", "app:dim-desk")


def test_match_is_granted_by_name_and_only_where_it_was_asked(tmp_path: Path) -> None:
    pdp, who = (
        engine(
            tmp_path,
            line("A", "allow", "ds:police.resident", obl="level=dim"),
            line("B", "allow", "term:person.id_number", act="match"),
            line("C", "allow", "term:person.phone", act="match"),
            line("D", "deny", "term:person.phone", act="match"),
        ),
        caller(),
    )
    uses = [("id_number", FieldUse.MATCH), ("phone", FieldUse.MATCH)]
    fields = pdp.decide(question(pdp.catalog, who, uses=uses), who, None, NOW).fields
    assert fields[ID].granted == {FieldUse.MATCH}
    assert fields[PHONE].granted == frozenset()
    assert set(fields[PHONE].rules) == {"A", "C", "D"}
    assert pdp.decide(question(pdp.catalog, who), who, None, NOW).fields[ID].granted == frozenset()
    joined = pdp.decide(question(pdp.catalog, who, uses=[("id_number", FieldUse.JOIN)]), who, None, NOW)
    assert joined.fields[ID].granted == {FieldUse.MATCH}


def test_a_denied_field_keeps_no_use_granted_by_name(tmp_path: Path) -> None:
    pdp, who = engine(tmp_path, line("B", "allow", "term:person.id_number", act="match")), caller()
    seen = pdp.decide(question(pdp.catalog, who, uses=[("id_number", FieldUse.MATCH)]), who, None, NOW).fields[ID]
    assert (seen.verdict, seen.granted) == (Verdict.DENY, frozenset())


def test_allowed_rows_are_joined_by_or_and_obliged_ones_by_and(tmp_path: Path) -> None:
    pdp, who = (
        engine(
            tmp_path,
            RESIDENT_ROWS,
            line("W2", "allow", "ds:police.resident", act="rows", obl="where=age > 90"),
            line("W3", "oblige", "dep:police", act="rows", obl="where=id_number <> '1'; k=5"),
        ),
        caller(),
    )
    decision = pdp.decide(question(pdp.catalog, who), who, None, NOW)
    first, second = decision.rows.filter.terms  # type: ignore[union-attr]
    assert first == AnyOf(
        (Under(FieldName("community_code"), ("330102001002",)), Compare(FieldName("age"), Comparator.GT, 90))
    )
    assert second == Compare(ID, Comparator.NEQ, "1")
    assert decision.rows.rules == ("W1", "W2", "W3")
    assert [(each.spec.name, each.origin) for each in decision.obligations] == [("k", "W3")]


def test_a_region_of_a_rows_rule_becomes_a_filter(tmp_path: Path) -> None:
    pdp, who = (
        engine(
            tmp_path,
            line("W1", "allow", "ds:police.resident", act="rows", reg="330102"),
            line("W2", "deny", "ds:police.resident", act="rows", reg="330102001"),
        ),
        caller(),
    )
    rows = pdp.decide(question(pdp.catalog, who), who, None, NOW).rows
    code = FieldName("community_code")
    assert rows.filter.terms == (Under(code, ("330102",)), Not(Under(code, ("330102001",))))  # type: ignore[union-attr]


def test_a_deny_on_all_rows_leaves_none(tmp_path: Path) -> None:
    pdp, who = engine(tmp_path, RESIDENT_ROWS, line("W2", "deny", "dep:police", act="rows")), caller()
    rows = pdp.decide(question(pdp.catalog, who), who, None, NOW).rows
    assert (rows.is_allowed, rows.rules) == (False, ("W1", "W2"))


def test_a_missing_attribute_silences_an_allow_and_closes_what_an_oblige_restricts(tmp_path: Path) -> None:
    own = line("W2", "allow", "ds:police.resident", act="rows", obl="where=id_number = subject.id_number")
    pdp, who = engine(tmp_path / "a", RESIDENT_ROWS, own), caller()
    rows = pdp.decide(question(pdp.catalog, who), who, None, NOW).rows
    assert (rows.filter, rows.rules) == (Under(FieldName("community_code"), ("330102001002",)), ("W1",))
    pdp = engine(tmp_path / "b", RESIDENT_ROWS, own.replace("allow", "oblige"))
    assert pdp.decide(question(pdp.catalog, who), who, None, NOW).rows.filter == NOTHING


@pytest.mark.parametrize(
    ("effect", "verdict"), [("allow", Verdict.DENY), ("deny", Verdict.DENY), ("oblige", Verdict.MASK)]
)
def test_a_condition_on_a_missing_attribute_fails_closed(tmp_path: Path, effect: str, verdict: Verdict) -> None:
    condition = "ctx.network = 'gov-vpn'"
    obl = "level=dim" if effect == "oblige" else ""
    rules = [line("B", effect, "term:person.name", cond=condition, obl=obl)]
    if effect != "allow":
        rules.append(line("A", "allow", "class:any"))
    pdp, who = engine(tmp_path, *rules), caller(network="")
    assert pdp.decide(question(pdp.catalog, who), who, None, NOW).fields[NAME].verdict is verdict


@pytest.mark.parametrize(("hour", "is_seen"), [(-1, False), (0, True), (23, True), (24, False)])
def test_a_window_opens_at_its_first_instant_and_closes_at_its_last(tmp_path: Path, hour: int, is_seen: bool) -> None:
    pdp, who = (
        engine(tmp_path, line("A", "allow", "class:any", nbf="2026-12-01T00:00:00Z", exp="2026-12-02T00:00:00Z")),
        caller(),
    )
    now = datetime(2026, 12, 1, tzinfo=UTC) + timedelta(hours=hour)
    seen = pdp.decide(question(pdp.catalog, who), who, None, now).fields[NAME].verdict
    assert (seen is Verdict.ALLOW) is is_seen


def test_a_case_bound_purpose_sees_the_cases_subjects_and_no_one_else(tmp_path: Path) -> None:
    pdp = engine(
        tmp_path,
        line("W1", "allow", "ds:police.resident", act="rows"),
        line("W2", "allow", "ds:aid.office", act="rows"),
        line("A", "allow", "class:any"),
    )
    who, case = caller("vendor", purpose="pickup", case="C-1"), case_of(SOMEBODY)
    assert pdp.decide(question(pdp.catalog, who), who, case, NOW).rows.filter == OneOf(ID, (SOMEBODY,))
    # a dataset that can't tell whom its rows are about
    assert not pdp.decide(question(pdp.catalog, who, "aid.office"), who, case, NOW).rows.is_allowed
    visit = caller(purpose="visit")
    assert pdp.decide(question(pdp.catalog, visit), visit, None, NOW).rows.filter == EVERYTHING


@pytest.mark.parametrize(
    "case",
    [
        None,
        case_of(SOMEBODY, state=CaseState.OPENED),
        case_of(SOMEBODY, state=CaseState.CLOSED),
        case_of(SOMEBODY, purpose="visit"),
        case_of(SOMEBODY, app="dim-desk"),
        replace(case_of(SOMEBODY), expires_at=NOW),
        replace(case_of(SOMEBODY), id=CaseId("C-2")),
    ],
)
def test_a_case_that_is_not_open_to_the_asker_opens_nothing(tmp_path: Path, case: object) -> None:
    pdp = engine(tmp_path, line("W1", "allow", "ds:police.resident", act="rows"), line("A", "allow", "class:any"))
    who = caller("vendor", purpose="pickup", case="C-1")
    decision = pdp.decide(question(pdp.catalog, who), who, case, NOW)  # type: ignore[arg-type]
    assert not decision.rows.is_allowed
    assert {verdict.verdict for verdict in decision.fields.values()} == {Verdict.DENY}
    with pytest.raises(CaseUnavailable):
        pdp.check_purpose(pdp.admit(who, NOW), who, case, NOW)  # type: ignore[arg-type]


def test_what_a_purpose_demands_is_named(tmp_path: Path) -> None:
    pdp = engine(tmp_path, line("A", "allow", "class:any"))
    nobody = replace(caller(), purpose=None)
    with pytest.raises(PurposeMissing):
        pdp.admit(nobody, NOW)
    pickup, rescue = caller("vendor", purpose="pickup"), caller(purpose="rescue", justification="help")
    with pytest.raises(CaseMissing):
        pdp.check_purpose(pdp.admit(pickup, NOW), pickup, None, NOW)
    with pytest.raises(JustificationMissing):
        pdp.check_purpose(pdp.admit(rescue, NOW), rescue, None, NOW)
    enough = caller(purpose="rescue", justification="the door does not open")
    pdp.check_purpose(pdp.admit(enough, NOW), enough, None, NOW)


@pytest.mark.parametrize(
    "who",
    [
        caller(purpose="unheard-of"),
        caller(purpose="normal"),
        caller(purpose="any"),
        caller("vendor", purpose="verify"),
        caller(app="unheard-of"),
        replace(caller(), roles=()),
    ],
)
def test_unknown_abstract_and_foreign_purposes_answer_alike(tmp_path: Path, who: object) -> None:
    pdp = engine(tmp_path, line("A", "allow", "class:any"))
    with pytest.raises(PurposeUnavailable) as refused:
        pdp.admit(who, NOW)  # type: ignore[arg-type]
    assert str(refused.value).startswith("GW203")


@pytest.mark.parametrize("now", [datetime(2025, 12, 31, tzinfo=UTC), datetime(2029, 1, 1, tzinfo=UTC)])
def test_a_purpose_out_of_its_time_denies_everything(tmp_path: Path, now: datetime) -> None:
    pdp, who = engine(tmp_path, RESIDENT_ROWS, line("A", "allow", "class:any")), caller()
    decision = pdp.decide(question(pdp.catalog, who), who, None, now)
    assert not decision.rows.is_allowed
    assert decision.rule_ids == ()
    with pytest.raises(PurposeUnavailable):
        pdp.admit(who, now)


def test_the_purpose_cannot_change_between_two_steps(tmp_path: Path) -> None:
    pdp = engine(tmp_path, line("A", "allow", "class:any", pur="pur:verify"))
    declared, meant = caller("officer", purpose="visit"), caller("officer", purpose="verify")
    decision = pdp.decide(question(pdp.catalog, meant), declared, None, NOW)
    assert {verdict.verdict for verdict in decision.fields.values()} == {Verdict.DENY}


def test_a_question_bound_to_another_policy_version_is_refused(tmp_path: Path) -> None:
    pdp, who = engine(tmp_path, line("A", "allow", "class:any")), caller()
    other = replace(pdp.catalog, version=PolicyVersion("1" * 64))
    with pytest.raises(Defect):
        pdp.decide(question(other, who), who, None, NOW)


def test_obligations_come_with_their_origin_from_rules_and_purposes(tmp_path: Path) -> None:
    pdp = engine(
        tmp_path,
        line("A", "allow", "term:person.name", obl="level=clear; watermark"),
        line("B", "oblige", "class:any", obl="k=10"),
        line("C", "oblige", "class:any", sub="role:vendor", obl="review"),
        line("D", "allow", "term:person.phone", sub="role:vendor", obl="level=clear; notify=duty"),
    )
    who = caller("officer", purpose="verify")
    bound = pdp.decide(question(pdp.catalog, who), who, None, NOW).obligations
    assert {(each.spec.name, each.spec.value, each.origin) for each in bound} == {
        ("watermark", "", "A"),
        ("k", "10", "B"),
        ("max_rows", "50", "purpose:verify"),
    }


def test_write_is_decided_for_permission_fields_without_a_case(tmp_path: Path) -> None:
    pdp = engine(
        tmp_path, line("A", "allow", "field:aid.office.note", act="write", sub="role:worker", pur="pur:pickup")
    )
    office, note = pdp.catalog.datasets[DatasetName("aid.office")], FieldName("note")

    def may(*roles: str, purpose: str = "pickup", field: FieldName = note) -> tuple[bool, tuple[str, ...]]:
        who = caller(*roles, purpose=purpose)
        assert who.purpose is not None
        return pdp.decide_action(office, field, pdp.catalog.purposes[who.purpose], who, None, NOW)

    assert may("worker") == (True, ("A",))
    assert may("vendor") == (False, ())
    assert may("worker", purpose="visit") == (False, ())
    assert may("worker", field=FieldName("office")) == (False, ())


def test_explain_names_the_first_column_that_failed(tmp_path: Path) -> None:
    pdp, who = (
        engine(
            tmp_path,
            line("A", "allow", "term:person.name", sub="role:vendor"),
            line("B", "allow", "term:person.name", app="app:dim-desk"),
            line("C", "allow", "term:person.name", pur="pur:verify"),
            line("D", "allow", "term:person.name", case="C-9"),
            line("E", "allow", "term:person.name", exp="2026-11-01T00:00:00Z"),
            line("F", "allow", "term:person.name", cond="ctx.network = 'gov-vpn'"),
            line("G", "allow", "term:person.phone"),
            line("W", "allow", "ds:police.resident", act="rows", obl="where=id_number = subject.id_number"),
        ),
        caller(),
    )
    missed = pdp.decide(question(pdp.catalog, who), who, None, NOW, explain=True).near_misses
    assert [(each.rule, each.failed) for each in missed[NAME]] == [
        ("A", "sub"), ("B", "app"), ("C", "pur"), ("D", "case"), ("E", "window"), ("F", "cond"),
    ]  # fmt: skip
    assert missed[PHONE] == ()
    assert [(each.rule, each.failed) for each in missed[None]] == [("W", "cond")]
    assert pdp.decide(question(pdp.catalog, who), who, None, NOW).near_misses == {}


def test_a_person_without_any_known_role_gets_nothing(tmp_path: Path) -> None:
    pdp = engine(tmp_path, line("A", "allow", "class:any"))
    who = caller("unheard-of")
    decision = pdp.decide(question(pdp.catalog, who), who, None, NOW)
    assert {verdict.verdict for verdict in decision.fields.values()} == {Verdict.DENY}


def test_an_app_that_is_not_registered_for_the_purpose_gets_nothing(tmp_path: Path) -> None:
    pdp, who = engine(tmp_path, line("A", "allow", "class:any")), caller()
    desk = replace(pdp.catalog.apps[who.app], purposes=())
    city = replace(pdp.catalog, apps={**pdp.catalog.apps, who.app: desk})
    with pytest.raises(PurposeUnavailable):
        PolicyEngine(city, pdp.judge, pdp.hierarchies).admit(who, NOW)


def test_the_case_cannot_change_between_two_steps(tmp_path: Path) -> None:
    pdp = engine(tmp_path, line("A", "allow", "class:any"))
    who = caller("vendor", purpose="pickup", case="C-1")
    bound = replace(question(pdp.catalog, who), case=CaseId("C-2"))
    decision = pdp.decide(bound, who, case_of(SOMEBODY), NOW)
    assert {verdict.verdict for verdict in decision.fields.values()} == {Verdict.DENY}
