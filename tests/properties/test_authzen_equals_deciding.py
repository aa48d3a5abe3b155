"""The AuthZEN door says what the PDP decides, of every field and use, and finds by search what it would permit."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.administration import authzen
from gateway.model.caller import Caller
from gateway.model.case import CaseFacts
from gateway.model.decision import Verdict
from gateway.model.ids import PrincipalId
from tests.unit.decision.small_city import NOW, caller, line
from tests.unit.decision.small_city import engine as small_engine
from tests.unit.decision.worlds import DATASETS, World, ask, build_engine, requests, worlds


def asked_of(who: Caller, field: str, action: str, now: datetime) -> authzen.Tuple:
    context = {
        "purpose": who.purpose,
        "app": who.app,
        "network": who.network,
        "time": now.isoformat(),
        **({"case": who.case} if who.case else {}),
        **({"justification": who.justification} if who.justification else {}),
    }
    return authzen.Tuple(
        subject_type="user",
        subject_id=who.principal,
        properties={
            "roles": list(who.roles),
            "regions": list(who.regions),
            "organisation": who.organisation,
            "assurance": who.assurance,
        },
        action=action,
        resource_type="field",
        resource_id=field,
        context=context,
    )


@settings(max_examples=40, deadline=None)
@given(world=worlds(), asked=st.lists(requests(), min_size=4, max_size=4))
def test_an_evaluation_is_the_decision(world: World, asked: list[tuple[Caller, CaseFacts | None, datetime]]) -> None:
    engine = build_engine(world)
    for somebody, case, now in asked:
        # a number of the person isn't told through this door
        who = replace(somebody, id_number=None, principal=PrincipalId("p-1"))
        for name in DATASETS:
            decision, dataset = ask(engine, who, case, now, name)
            for field, verdict in decision.fields.items():
                for action, use in authzen.FIELD_ACTIONS.items():
                    question = asked_of(who, f"{dataset.name}.{field}", action, now)
                    found = authzen.evaluate(engine, question, {who.case: case}.get, now)
                    is_open = verdict.verdict is Verdict.ALLOW or action == "show" or use in verdict.granted
                    expected = verdict.verdict is not Verdict.DENY and decision.rows.is_allowed and is_open
                    assert found.decision == expected, (field, action)


@settings(max_examples=15, deadline=None)
@given(world=worlds(), asked=requests(), limit=st.integers(1, 5))
def test_a_search_finds_exactly_what_an_evaluation_permits(
    world: World, asked: tuple[Caller, CaseFacts | None, datetime], limit: int
) -> None:
    engine = build_engine(world)
    somebody, case, now = asked
    who = replace(somebody, id_number=None)
    question = asked_of(who, "", "show", now)
    found: list[str] = []
    token = ""
    while True:
        page = authzen.search(engine, question, "resource", {who.case: case}.get, now, token=token, limit=limit)
        assert len(page.results) <= limit
        found += [one["id"] for one in page.results]
        token = page.next_token
        if not token:
            break
    permitted = [
        f"{dataset.name}.{field}"
        for dataset in engine.catalog.datasets.values()
        if dataset.source is not None
        for field in dataset.fields
        if authzen.evaluate(
            engine, asked_of(who, f"{dataset.name}.{field}", "show", now), {who.case: case}.get, now
        ).decision
    ]
    assert sorted(found) == sorted(permitted)


def test_a_page_is_no_longer_than_the_limit_whatever_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [line(f"R{number}", "allow", f"ds:{name}", act="rows") for number, name in enumerate(DATASETS)]
    engine = small_engine(tmp_path, line("A", "allow", "class:any"), *rows)
    question = asked_of(caller(), "", "show", NOW)
    whole = authzen.search(engine, question, "resource", lambda _case: None, NOW, token="", limit=10_000)
    assert 3 < len(whole.results) <= authzen.LONGEST_PAGE
    monkeypatch.setattr(authzen, "LONGEST_PAGE", 3)
    page = authzen.search(engine, question, "resource", lambda _case: None, NOW, token="", limit=10_000)
    assert len(page.results) == 3
    assert page.next_token
    assert page.total == len(whole.results)
