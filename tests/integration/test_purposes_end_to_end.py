"""Purposes over HTTP: hierarchy, legal basis, validity, apps and roles, ceilings, group size, and cases that expire."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from gateway.demo.prepare import Demo
from tests.integration.test_case_lifecycle import QUESTION as PICK_UP
from tests.integration.test_case_lifecycle import _passenger as passenger
from tests.town import Clock, Town, build, edited_bundle, served, town_at

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
TICK = timedelta(microseconds=1)
RESIDENT = "public-security.resident?select=name&limit=3"
NAME = "role:community/grid-worker, app:any, field:public-security.resident.name, show"
Laid = Callable[..., Callable[[datetime], Town]]


@pytest.fixture
def laid(tmp_path: Path, city: Demo) -> Iterator[Laid]:
    """A town under an edited bundle with rules of its own, whose clock shows what is asked for."""
    with ExitStack() as stack:

        def lay(*rules: str, **edits: tuple[str, str]) -> Callable[[datetime], Town]:
            bundle = edited_bundle(
                tmp_path, {name.replace("__", "/") + _ENDS[name]: edit for name, edit in edits.items()}
            )
            lines = [f"p, ZZ{number}, {rule}" for number, rule in enumerate(rules)]
            (bundle / "rules" / "zz.csv").write_text("\n".join(["# more rules", *lines, ""]), encoding="utf-8")
            demo = build(tmp_path / "town", city=city.folder / "city", bundle=bundle)
            clock = Clock(NOW)
            stack.enter_context(served(demo, clock))

            def at(moment: datetime) -> Town:
                clock.now = moment
                return town_at(demo, moment)

            return at

        yield lay


_ENDS = {"rules__community": ".csv", "purposes": ".yaml", "apps": ".yaml"}


def names(town: Town, purpose: str = "home-visit", person: str = "grid-worker", **more: Any) -> list[str] | str:
    """The names that a person sees, or the refusal's code."""
    answer = town.ask(person, RESIDENT, purpose, **more)
    return [str(row["name"]) for row in answer.rows()] if answer.status == 200 else answer.code


# ---------------------------------------------------------------------- hierarchy
def test_a_rule_on_a_parent_purpose_reaches_its_children_and_no_other(laid: Laid) -> None:
    rule = "pur:home-visit, cn, *, , , , allow, level=clear"
    at = laid(rules__community=(f"{NAME}, {rule}", f"{NAME}, {rule.replace('home-visit', 'social-service')}"))
    assert len(names(at(NOW))) == 3
    assert not isinstance(names(at(NOW)), str)


def test_a_rule_on_another_branch_or_a_child_does_not_reach_up_or_across(laid: Laid) -> None:
    rule = "pur:home-visit, cn, *, , , , allow, level=clear"
    at = laid(rules__community=(f"{NAME}, {rule}", f"{NAME}, {rule.replace('home-visit', 'public-health')}"))
    assert names(at(NOW)) == "GW201"


def test_a_soft_deny_leaves_break_glass_open_and_a_hard_one_does_not(laid: Laid) -> None:
    glass = {"person": "doctor", "justification": "a man collapsed, his family is sought"}
    at = laid("role:any, app:any, field:public-security.resident.name, show, pur:normal, cn, *, , , , deny,")
    assert names(at(NOW)) == "GW201"
    assert not isinstance(names(at(NOW), "break-glass", **glass), str)


def test_a_hard_deny_closes_break_glass_too(laid: Laid) -> None:
    at = laid("role:any, app:any, field:public-security.resident.name, show, pur:any, cn, *, , , , deny,")
    assert names(at(NOW)) == "GW201"
    because = "a man collapsed, his family is sought"
    assert names(at(NOW), "break-glass", person="doctor", justification=because) == "GW201"


# ---------------------------------------------------------------------- legal basis
def test_the_entry_names_the_law_and_article_that_the_purpose_stands_on(town: Town) -> None:
    answer = town.ask("grid-worker", RESIDENT, "home-visit")
    assert town.entry_of(answer)["legal_basis"] == [
        "中华人民共和国个人信息保护法 第三十四条",
        "中华人民共和国个人信息保护法 第三十七条",
    ]
    refused = town.ask("grid-worker", "public-security.resident?select=ethnicity", "home-visit")
    assert refused.status == 403
    assert town.entry_of(refused)["legal_basis"] == town.entry_of(answer)["legal_basis"]


# ---------------------------------------------------------------------- validity
def test_a_purpose_stands_from_its_first_moment_until_just_before_its_last(laid: Laid) -> None:
    at = laid()
    begin, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2029, 1, 1, tzinfo=UTC)
    for moment, stands in (
        (begin - TICK, False), (begin, True), (end - TICK, True), (end, False), (begin - TICK, False), (NOW, True),
    ):  # fmt: skip
        found = names(at(moment))
        assert (found != "GW203") == stands, moment


def test_a_rule_holds_from_its_first_moment_until_just_before_its_last_whichever_way_the_clock_jumps(
    laid: Laid,
) -> None:
    edge = NOW.replace(microsecond=0)
    told = edge.strftime("%Y-%m-%dT%H:%M:%SZ"), (edge + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    at = laid(
        f"role:any, app:any, field:public-security.resident.name, show, pur:any, cn, *, {told[0]}, {told[1]}, , deny,"
    )
    for step, is_denied in (
        (-TICK, False), (timedelta(), True), (timedelta(hours=1) - TICK, True), (timedelta(hours=1), False),
        (timedelta(minutes=30), True), (-TICK, False),
    ):  # fmt: skip
        assert (names(at(edge + step)) == "GW201") == is_denied, step


# ---------------------------------------------------------------------- apps, roles
@pytest.mark.parametrize(
    ("person", "purpose"),
    [("grid-worker", "low-income-verification"), ("grid-worker", "break-glass"), ("civil-officer", "home-visit"),
     ("resident", "home-visit"), ("officer", "compliance-review"), ("grid-worker", "social-service"),
     ("grid-worker", "any"), ("grid-worker", "no-such-purpose")],
)  # fmt: skip
def test_a_purpose_is_for_its_apps_and_roles_and_others_are_told_no_more_than_that(
    town: Town, person: str, purpose: str
) -> None:
    answer = town.ask(person, RESIDENT, purpose, justification="a man collapsed, his family is sought")
    assert (answer.status, answer.code) == (403, "GW203")
    assert answer.text.count(purpose) == town.ask(person, RESIDENT, "made-up").text.count("made-up")


# ---------------------------------------------------------------------- ceilings
def test_the_ceiling_of_a_purpose_is_lifted_by_no_rule(laid: Laid) -> None:
    at = laid(
        "role:any, app:any, class:any, show, pur:any, cn, *, , , , allow, level=clear",
        purposes=(
            '  matches_per_day: 50\n  obligations: ["max_rows=200"]',
            '  matches_per_day: 50\n  ceiling: redact\n  obligations: ["max_rows=200"]',
        ),
    )
    found = names(at(NOW))
    assert len(set(found)) == 1, "redacted alike"
    explained = at(NOW).ask("grid-worker", RESIDENT, "home-visit", explain=True)
    assert "purpose:home-visit" in explained.text


def test_the_ceiling_of_an_app_binds_whoever_is_behind_it(laid: Laid) -> None:
    at = laid(
        "role:any, app:any, class:any, show, pur:any, cn, *, , , , allow, level=clear",
        apps=("ceiling: null", "ceiling: redact"),
    )
    assert len(set(names(at(NOW)))) == 1
    assert "app:community-desk" in at(NOW).ask("grid-worker", RESIDENT, "home-visit", explain=True).text


# ---------------------------------------------------------------------- group size
def test_no_group_smaller_than_k_is_told(town: Town) -> None:
    question = "public-security.resident?select={},count()"
    large = town.ask("analyst", question.format("street_code"), "statistics")
    assert large.status == 200, large.text
    assert large.rows()
    assert all(int(str(row["count"])) >= 10 for row in large.rows())
    small = town.ask("analyst", question.format("community_code,age_band,sex"), "statistics")
    assert (small.status, small.code) == (403, "GW402")
    unseen = town.ask("analyst", question.format("birth_date"), "statistics")
    assert (unseen.status, unseen.code) == (403, "GW201")


# ---------------------------------------------------------------------- cases that expire
def test_an_approved_case_opens_its_subject_until_it_expires_and_longer_only_where_it_is_extended(laid: Laid) -> None:
    at = laid()
    purpose = "vaccination-transport"
    town = at(NOW)
    case = _case(town, "transport-worker", "POST", "/cases",
                 {"subjects": [passenger(town)], "app": "dispatch", "hours": 2}).json()["case"]  # fmt: skip
    assert _case(town, "transport-worker", "POST", f"/cases/{case}/approve").status_code == 403
    assert _case(town, "health-officer", "POST", f"/cases/{case}/approve").status_code == 200
    end = NOW + timedelta(hours=2)
    assert at(end - TICK).ask("driver", PICK_UP, purpose, case=case).status == 200
    assert at(end).ask("driver", PICK_UP, purpose, case=case).code == "GW205"
    # a clock set back opens it again, and an expired case can't be extended
    assert _case(at(end), "health-officer", "POST", f"/cases/{case}/extend", {"hours": 5}).status_code == 409
    assert _case(at(end - TICK), "health-officer", "POST", f"/cases/{case}/extend", {"hours": 5}).status_code == 200
    assert at(end).ask("driver", PICK_UP, purpose, case=case).status == 200
    assert at(end + timedelta(hours=6)).ask("driver", PICK_UP, purpose, case=case).code == "GW205"


def _case(town: Town, person: str, method: str, path: str, body: dict[str, Any] | None = None) -> httpx2.Response:
    headers = town.headers(person, "vaccination-transport")
    with httpx2.Client(base_url=town.url, timeout=30, trust_env=False) as client:
        return client.request(method, path, json=body, headers=headers)
