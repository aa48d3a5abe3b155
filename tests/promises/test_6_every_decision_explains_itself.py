"""Promise 6: the rules that made a decision, the policy version and each obligation; and it can be made again."""

import json
from datetime import datetime

from gateway.administration import build_engine, simulate
from gateway.app import utc_now
from gateway.demo.prepare import bundle_folder
from gateway.model.caller import Caller, InboundRequest
from gateway.model.ids import AppId, PrincipalId, PurposeId, RegionCode, RoleName
from tests.town import Town

QUESTION = "community.need?select=name,phone,address&limit=1"


def test_an_explanation_and_the_entry_of_the_same_question_name_the_same_rules(town: Town) -> None:
    told = json.loads(town.ask("grid-worker", QUESTION, "home-visit", explain=True).text)
    answer = town.ask("grid-worker", QUESTION, "home-visit")
    entry = town.entry_of(answer)
    levels = {field["field"]: field["level"] for field in entry["fields"]}  # type: ignore[attr-defined]
    assert levels == {name: told["fields"][name]["level"] for name in levels}
    named = {rule for name in levels for rule in told["fields"][name]["rules"]} | set(told["rows"]["rules"])
    assert named <= set(entry["rules"])  # type: ignore[call-overload]
    assert entry["policy_version"] == told["policy"]
    assert named


def test_a_decision_can_be_made_again_from_its_entry(town: Town) -> None:
    answer = town.ask("grid-worker", QUESTION, "home-visit")
    entry = town.entry_of(answer)
    engine = build_engine(bundle_folder())
    assert engine.version == entry["policy_version"]
    caller = Caller(
        principal=PrincipalId(str(entry["principal"])),
        app=AppId(str(entry["app"])),
        roles=tuple(RoleName(role) for role in entry["roles"]),  # type: ignore[attr-defined]
        organisation=str(entry["organisation"]),
        regions=(RegionCode(town.demo.summary.lonely_elder.community_code),),
        assurance=2,
        network="gov-vpn",
        id_number=None,
        purpose=PurposeId(str(entry["purpose"])),
        case=None,
        justification=None,
        token_id="again",
    )
    at = datetime.fromisoformat(str(entry["at"]))
    path, _, query_string = f"/data/{QUESTION}".partition("?")
    question = InboundRequest(
        method="GET",
        path=path,
        query_string=query_string,
        headers={},
        client_address="",
        received_at=at,
        trace_id="0" * 32,
    )
    again = simulate(engine, question, caller, None, at)
    levels = {field.field: field.level for field in again.fields}
    assert all(levels[field["field"]] == field["level"] for field in entry["fields"])  # type: ignore[attr-defined]


def test_an_explanation_touches_no_data_and_is_written_down(town: Town) -> None:
    before = len(town.entries())
    told = town.ask("grid-worker", QUESTION, "home-visit", explain=True)
    assert "***" not in told.text
    added = town.entries()[before:]
    assert [entry["kind"] for entry in added] == ["explain"]
    assert added[0]["rows"] == 0
    assert utc_now() >= datetime.fromisoformat(str(added[0]["at"]))
