"""A long-lived engine answers as a fresh one: nothing of one person, case or instant is left for the next."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.decision import PolicyEngine
from gateway.model.caller import Caller
from gateway.model.case import CaseFacts
from gateway.model.decision import Decision, Verdict
from gateway.model.ids import AppId, FieldName, PrincipalId, PurposeId, RegionCode, RoleName
from gateway.model.query import FieldUse
from tests.unit.decision.small_city import NOW, SOMEBODY, caller, case_of, engine, line, question

EDGE = datetime(2026, 12, 1, tzinfo=UTC)
TICK = timedelta(microseconds=1)
NAME, PHONE = FieldName("name"), FieldName("phone")
RULES = (
    line("A1", "allow", "class:public"),
    line("A2", "allow", "term:person.name", sub="role:worker", obl="level=dim"),
    line("A3", "allow", "term:person.name", sub="role:officer", nbf="2026-12-01T00:00:00Z", exp="2026-12-02T00:00:00Z"),
    line("A4", "allow", "term:person.phone", cond="ctx.network = 'gov-vpn' and ctx.assurance >= 2", obl="k=5"),
    line("A5", "allow", "term:person.id_number", app="app:dim-desk", obl="level=dim; max_rows=3"),
    line("A6", "allow", "term:person.id_number", case="C-1", cond="subject.id_number in case.subjects"),
    line("A7", "allow", "term:person.phone", pur="pur:rescue", cond="ctx.justification like '%door%'"),
    line("A8", "allow", "term:person.phone", cond="subject.principal = 'p-9'"),
    line("A9", "allow", "term:person.name", act="match", sub="role:officer", cond="now >= '2026-12-01T00:00:00Z'"),
    line("R1", "allow", "ds:police.resident", act="rows", obl="where=community_code under subject.regions; k=2"),
    line(
        "R2", "allow", "ds:police.resident", act="rows", sub="role:officer", obl="where=id_number = subject.id_number"
    ),
    line("R3", "allow", "ds:police.resident", act="rows", pur="pur:pickup", obl="where=id_number in case.subjects"),
    line("R4", "oblige", "ds:police.resident", act="rows", cond="subject.organisation = 'north'", obl="where=age > 17"),
    line("O1", "oblige", "term:person.phone", exp="2026-12-01T00:00:00Z", obl="level=dark; no_export"),
    line("D1", "deny", "term:person.phone", cond="ctx.network = 'internet'"),
    line("D2", "deny", "term:person.name", sub="role:vendor", nbf="2026-12-01T00:00:00Z"),
)

Asked = tuple[Caller, CaseFacts | None, datetime, frozenset[tuple[str, FieldUse]]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("no-memory")


@pytest.fixture(scope="module")
def lived(folder: Path) -> PolicyEngine:
    """One engine for all examples of the module."""
    return engine(folder, *RULES)


@st.composite
def asked(draw: st.DrawFn) -> Asked:  # noqa: PLR0912 - one branch a thing
    """A question that differs from the plain one in one or two things."""
    who = caller("worker", network="gov-vpn", id_number=SOMEBODY)
    case: CaseFacts | None = None
    now = NOW
    uses: frozenset[tuple[str, FieldUse]] = frozenset()
    for thing in draw(st.lists(st.sampled_from(_THINGS), max_size=2, unique=True)):
        match thing:
            case "roles":
                roles = draw(st.sampled_from([("officer",), ("worker", "officer"), ("vendor",), ("chief",), ()]))
                who = replace(who, roles=tuple(RoleName(role) for role in roles))
            case "regions":
                regions = draw(st.sampled_from([("330102001",), ("330102", "33"), ()]))
                who = replace(who, regions=tuple(RegionCode(region) for region in regions))
            case "id_number":
                who = replace(who, id_number=draw(st.sampled_from([None, "330102194910010029"])))
            case "assurance":
                who = replace(who, assurance=draw(st.sampled_from([2, 3])))
            case "network":
                who = replace(who, assurance=2, network=draw(st.sampled_from(["gov-vpn", "internet", ""])))
            case "principal":
                who = replace(who, principal=PrincipalId(draw(st.sampled_from(["p-8", "p-9"]))))
            case "organisation":
                who = replace(who, organisation=draw(st.sampled_from(["north", "south"])))
            case "app":
                who = replace(who, app=AppId(draw(st.sampled_from(["dim-desk", "nowhere"]))))
            case "purpose":
                purpose = draw(st.sampled_from(["verify", "rescue", "normal"]))
                reason = draw(st.sampled_from([None, "nobody opens the door here", "an accident near the bridge"]))
                who = replace(who, purpose=PurposeId(purpose), justification=reason)
            case "case":
                subjects = draw(st.sampled_from([(SOMEBODY,), ("330102194910010029",), ()]))
                case = replace(case_of(*subjects), expires_at=draw(st.sampled_from([EDGE, NOW.replace(year=2027)])))
                who = replace(who, purpose=PurposeId("pickup"), case=case.id)
            case "uses":
                uses = frozenset({("name", draw(st.sampled_from([FieldUse.MATCH, FieldUse.AGGREGATE])))})
            case _:
                now = draw(st.sampled_from(_INSTANTS))
    return who, case, now, uses


_THINGS = [
    "roles", "regions", "id_number", "assurance", "network", "principal", "organisation", "app", "purpose", "case",
    "uses", "now",
]  # fmt: skip
_INSTANTS = [
    edge + tick * TICK
    for edge in (EDGE, EDGE + timedelta(days=1), datetime(2026, 1, 1, tzinfo=UTC), datetime(2029, 1, 1, tzinfo=UTC))
    for tick in (-1, 0, 1)
]


def _decide(pdp: PolicyEngine, question_asked: Asked, *, explain: bool = False) -> Decision:
    who, case, now, uses = question_asked
    return pdp.decide(question(pdp.catalog, who, uses=uses), who, case, now, explain=explain)


@settings(max_examples=60, deadline=None)
@given(questions=st.lists(asked(), min_size=2, max_size=8), data=st.data())
def test_people_asked_in_any_order_and_again_are_answered_as_if_alone(
    lived: PolicyEngine, folder: Path, questions: list[Asked], data: st.DataObject
) -> None:
    order = data.draw(st.permutations([*questions, *questions]))
    found = [_decide(lived, each) for each in order]
    for each, decision in zip(order, found, strict=True):
        assert decision == _decide(PolicyEngine.load(folder, lived.catalog), each)


@settings(max_examples=40, deadline=None)
@given(
    who=asked(),
    instants=st.lists(
        st.one_of(
            st.sampled_from(_INSTANTS),
            st.integers(-1_000_000_000, 70_000_000_000).map(lambda each: EDGE + each * timedelta(milliseconds=1)),
        ),
        min_size=2,
        max_size=10,
    ),
)
def test_instants_in_any_order_are_answered_as_by_a_fresh_engine(
    lived: PolicyEngine, folder: Path, who: Asked, instants: list[datetime]
) -> None:
    for now in instants:
        each = (who[0], who[1], now, who[3])
        assert _decide(lived, each) == _decide(PolicyEngine.load(folder, lived.catalog), each), now


def test_each_thing_that_a_question_may_differ_in_changes_some_answer(lived: PolicyEngine) -> None:
    plain = (caller("worker", network="gov-vpn", id_number=SOMEBODY), None, NOW, frozenset[tuple[str, FieldUse]]())
    others: dict[str, Asked] = {
        "role": (replace(plain[0], roles=(RoleName("vendor"),)), *plain[1:]),
        "region": (replace(plain[0], regions=(RegionCode("33"),)), *plain[1:]),
        "assurance": (replace(plain[0], assurance=2), *plain[1:]),
        "principal": (replace(plain[0], principal=PrincipalId("p-9")), *plain[1:]),
        "organisation": (replace(plain[0], organisation="south"), *plain[1:]),
        "app": (replace(plain[0], app=AppId("dim-desk")), *plain[1:]),
    }
    answers = {name: _decide(lived, each) for name, each in others.items()}
    assert [name for name, answer in answers.items() if answer == _decide(lived, plain)] == []
    one, two = (replace(case_of(number)) for number in (SOMEBODY, "330102194910010029"))
    who = replace(plain[0], purpose=PurposeId("pickup"), case=one.id)
    assert _decide(lived, (who, one, NOW, plain[3])) != _decide(lived, (who, two, NOW, plain[3]))
    officer = caller("officer", id_number=SOMEBODY)
    other = replace(officer, id_number="330102194910010029")
    assert _decide(lived, (officer, None, NOW, plain[3])) != _decide(lived, (other, None, NOW, plain[3]))


def _edges() -> Iterator[tuple[str, datetime, tuple[bool, bool, bool]]]:
    yield "officer", EDGE, (False, True, True)  # A3 begins
    yield "officer", EDGE + timedelta(days=1), (True, False, False)  # A3 ends
    yield "worker", datetime(2026, 1, 1, tzinfo=UTC), (False, True, True)  # the purpose begins
    yield "worker", datetime(2029, 1, 1, tzinfo=UTC), (True, False, False)  # the purpose ends


@pytest.mark.parametrize(("role", "edge", "expected"), list(_edges()))
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0, 1), (2, 0, 2, 0)], ids=str)
def test_over_an_edge_each_instant_has_its_own_answer_whichever_was_asked_before(
    lived: PolicyEngine, role: str, edge: datetime, expected: tuple[bool, bool, bool], order: tuple[int, ...]
) -> None:
    who = caller(role, id_number=SOMEBODY)
    for place in order:
        found = _decide(lived, (who, None, edge + (place - 1) * TICK, frozenset()))
        assert (found.fields[NAME].verdict is not Verdict.DENY) is expected[place], place


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (2, 0, 1, 0)], ids=str)
def test_a_case_ends_at_its_instant_and_a_clock_set_back_opens_it_again(
    lived: PolicyEngine, order: tuple[int, ...]
) -> None:
    case = replace(case_of(SOMEBODY), expires_at=EDGE)
    who = replace(caller("worker", purpose="pickup", id_number=SOMEBODY), case=case.id)
    for place in order:
        found = _decide(lived, (who, case, EDGE + (place - 1) * TICK, frozenset()))
        assert found.rows.is_allowed is (place == 0), place


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (2, 0, 1)], ids=str)
def test_a_ceiling_lapses_at_its_instant(lived: PolicyEngine, order: tuple[int, ...]) -> None:
    who = replace(caller("worker", network="gov-vpn"), assurance=2)
    for place in order:
        found = _decide(lived, (who, None, EDGE + (place - 1) * TICK, frozenset())).fields[PHONE]
        assert found.verdict is (Verdict.MASK if place == 0 else Verdict.ALLOW), place


def test_an_explained_question_leaves_nothing_for_the_plain_one(lived: PolicyEngine, folder: Path) -> None:
    plain = (caller("officer", id_number=SOMEBODY), None, NOW, frozenset[tuple[str, FieldUse]]())
    _decide(lived, plain, explain=True)
    assert _decide(lived, plain) == _decide(PolicyEngine.load(folder, lived.catalog), plain)
