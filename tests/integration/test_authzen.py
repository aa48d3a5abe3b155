"""The AuthZEN door over HTTP. Shapes are those of OpenID Authorization API 1.0 (openid/authzen, api/ and interop/)."""

from typing import Any

import httpx2
import pytest

from tests.town import Town

ANNA: dict[str, Any] = {
    "type": "user",
    "id": "anna",
    "properties": {"roles": ["community/grid-worker"], "regions": ["330102"], "assurance": 2},
}
CONTEXT = {"purpose": "home-visit", "app": "community-desk"}
NAME = {"type": "field", "id": "community.need.name"}
NOTE = {"type": "field", "id": "public-security.resident.ethnicity"}


def _ask(town: Town, path: str, body: dict[str, Any], person: str = "officer") -> httpx2.Response:
    headers = town.headers(person, "policy-administration") | {"x-request-id": "bfe9eb29-ab87-4ca3-be83-a1d5d8305716"}
    with httpx2.Client(base_url=town.url, timeout=60, trust_env=False) as client:
        return client.post(f"/access/v1/{path}", json=body, headers=headers)


def _question(resource: dict[str, str], action: str = "show", **context: str) -> dict[str, Any]:
    return {"subject": ANNA, "action": {"name": action}, "resource": resource, "context": CONTEXT | context}


def test_the_metadata_names_every_endpoint(town: Town) -> None:
    told = town.get("/.well-known/authzen-configuration", {}).json()
    assert told["policy_decision_point"] == town.url
    assert told["search_action_endpoint"] == f"{town.url}/access/v1/search/action"


def test_one_decision_tells_what_it_rests_on_and_is_written_down(town: Town) -> None:
    response = _ask(town, "evaluation", _question(NAME))
    assert response.status_code == 200, response.text
    assert response.headers["x-request-id"] == "bfe9eb29-ab87-4ca3-be83-a1d5d8305716"
    answer = response.json()
    assert answer["decision"] is True
    assert answer["context"]["rules"]
    assert answer["context"]["policy_version"]
    entry = town.entries()[int(response.headers["langqiao-receipt"].partition("#")[2].partition(":")[0])]
    assert entry["kind"] == "explain"
    assert str(entry["detail"]).startswith("authzen evaluation: permit")
    assert "anna" not in str(entry)
    assert _ask(town, "evaluation", _question(NOTE)).json()["decision"] is False


@pytest.mark.parametrize(
    ("question", "code"),
    [
        (_question(NAME) | {"context": {}}, "GW204"),
        (_question(NAME, purpose="nosuch"), "GW203"),
        (_question(NAME, time="2031-05-31T15:22-07:00"), "GW203"),
        (_question(NAME, time="yesterday"), "GW115"),
        (_question({"type": "field", "id": "community.need.nosuch"}), "GW201"),
        (_question({"type": "dataset", "id": "no.such"}, "read"), "GW202"),
        (_question(NAME, "delete"), "GW115"),
        # the specification's own example, and the first payload of its todo interop, extra keys and all
        ({"subject": {"type": "user", "id": "alice@acmecorp.com"}, "action": {"name": "can_read"},
          "resource": {"type": "todo", "id": "1"}, "context": {"time": "1985-10-26T01:22-07:00"}}, "GW204"),
        ({"subject": {"type": "user", "id": "rick@the-citadel.com", "identity": "CiRmZDA2MTRkMy1jMzlhLTQ3ODE"},
          "action": {"name": "can_read_user"},
          "resource": {"type": "user", "id": "beth@the-smiths.com", "userID": "beth@the-smiths.com"}}, "GW204"),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_closed_with_the_reason(town: Town, question: dict[str, Any], code: str) -> None:
    answer = _ask(town, "evaluation", question)
    assert answer.status_code == 200
    assert answer.json()["decision"] is False
    assert answer.json()["context"]["error"]["code"] == code


@pytest.mark.parametrize(
    ("semantic", "decisions"),
    [
        (None, [True, False, True]),
        ("execute_all", [True, False, True]),
        ("deny_on_first_deny", [True, False]),
        ("permit_on_first_permit", [True]),
    ],
)
def test_several_questions_share_defaults_and_keep_their_semantic(
    town: Town, semantic: str | None, decisions: list[bool]
) -> None:
    body: dict[str, Any] = {
        "subject": ANNA,
        "action": {"name": "show"},
        "context": CONTEXT,
        "evaluations": [
            {"resource": NAME},
            {"resource": NOTE},
            {"resource": {"type": "dataset", "id": "community.need"}, "action": {"name": "read"}},
        ],
    }
    if semantic is not None:
        body["options"] = {"evaluations_semantic": semantic, "another_option": "value"}
    told = _ask(town, "evaluations", body).json()
    assert [one["decision"] for one in told["evaluations"]] == decisions
    assert "decision" not in told


def test_no_evaluations_is_one_and_a_missing_part_closes_only_its_own(town: Town) -> None:
    assert _ask(town, "evaluations", _question(NAME)).json()["decision"] is True
    told = _ask(town, "evaluations", _question(NAME) | {"resource": None, "evaluations": [{"resource": NAME}, {}]})
    assert [one["decision"] for one in told.json()["evaluations"]] == [True, False]
    assert told.json()["evaluations"][1]["context"]["error"]["status"] == 400
    assert _ask(town, "evaluations", _question(NAME) | {"options": {"evaluations_semantic": "x"}}).status_code == 400


def test_searches_find_what_evaluation_permits_page_by_page(town: Town) -> None:
    body = _question({"type": "field"}) | {"page": {"limit": 2}}
    found: list[str] = []
    while True:
        told = _ask(town, "search/resource", body).json()
        found += [one["id"] for one in told["results"]]
        if not told["page"]["next_token"]:
            break
        body["page"] = {"limit": 2, "token": told["page"]["next_token"]}
    assert len(found) == told["page"]["total"] == len(set(found))
    assert NAME["id"] in found
    assert NOTE["id"] not in found
    stolen = _question({"type": "dataset"}) | {"page": body["page"]}
    assert _ask(town, "search/resource", stolen).status_code == 400

    roles = _ask(town, "search/subject", _question(NAME) | {"subject": ANNA | {"type": "role"}}).json()["results"]
    assert roles == [{"type": "role", "id": "community/grid-worker"}]
    # an empty answer would say that nobody may
    assert _ask(town, "search/subject", _question(NAME) | {"subject": {"type": "user"}}).status_code == 400
    actions = _ask(town, "search/action", _question(NAME)).json()["results"]
    assert {"name": "show"} in actions


def test_who_has_no_permission_is_refused(town: Town) -> None:
    assert _ask(town, "evaluation", _question(NAME), "reviewer").status_code in {403, 404}
    assert town.get("/access/v1/evaluation", {}).status_code == 405
