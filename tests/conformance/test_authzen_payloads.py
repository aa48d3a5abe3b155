"""The payloads of OpenID Authorization API 1.0, sent as they are, and what else a caller may send instead."""

import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from gateway.api.authzen import MOST_EVALUATIONS
from tests.town import Town

_TOLD: dict[str, Any] = json.loads((Path(__file__).parent / "authzen_payloads.json").read_text(encoding="utf-8"))
PAYLOADS = [
    pytest.param(path, body, id=f"{path} {section}")
    for path, examples in _TOLD.items()
    if path != "source"
    for example in examples
    for section, body in example.items()
]
REQUEST_ID = "bfe9eb29-ab87-4ca3-be83-a1d5d8305716"


def written(**parts: object) -> bytes:
    """A question with some of its parts changed."""
    whole = {"subject": {"type": "user", "id": "a"}, "action": {"name": "a"}, "resource": {"type": "t", "id": "1"}}
    return json.dumps(whole | parts).encode()


def send(
    town: Town, path: str, body: bytes, kind: str = "application/json", person: str = "officer"
) -> httpx2.Response:
    headers = town.headers(person, "policy-administration") | {"x-request-id": REQUEST_ID, "content-type": kind}
    with httpx2.Client(base_url=town.url, timeout=60, trust_env=False) as client:
        return client.post(f"/access/v1/{path}", content=body, headers=headers)


@pytest.mark.parametrize(("path", "body"), PAYLOADS)
def test_a_payload_of_the_specification_is_answered_in_its_shape(town: Town, path: str, body: dict[str, Any]) -> None:
    response = send(town, path, json.dumps(body).encode())
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/json"
    assert response.headers["x-request-id"] == REQUEST_ID
    told = response.json()
    if path == "evaluation":
        assert told["decision"] is False
    elif path == "evaluations":
        semantic = body.get("options", {}).get("evaluations_semantic")
        expected = 1 if semantic == "deny_on_first_deny" else len(body["evaluations"])
        assert [one["decision"] for one in told["evaluations"]] == [False] * expected
        assert "decision" not in told
    else:
        # nothing here is called an account
        assert told["results"] == []
        assert told["page"]["next_token"] == ""


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("evaluation", b""),
        ("evaluation", b"{"),
        ("evaluation", b"[]"),
        ("evaluation", b"null"),
        ("evaluation", b'"alice"'),
        ("evaluation", b"{}"),
        ("evaluation", written(subject={"type": "user"})),
        ("evaluation", written(subject={"type": 7, "id": "a"})),
        ("evaluation", b'{"subject": "alice", "action": "read", "resource": "account"}'),
        ("evaluation", written(subject={"type": "user", "id": "a", "properties": []})),
        ("evaluation", b'{"subject": {"type": "user", "id": "\xff"}}'),
        ("evaluations", b'{"evaluations": {}}'),
        ("evaluations", b'{"evaluations": [7]}'),
        ("evaluations", b'{"options": {"evaluations_semantic": "first"}, "evaluations": [{}]}'),
        ("evaluations", json.dumps({"evaluations": [{}] * (MOST_EVALUATIONS + 1)}).encode()),
        ("search/resource", b'{"subject": {"type": "user", "id": "a"}, "action": {"name": "a"}}'),
        ("search/resource", written(resource={"type": "field"}, page={"token": "x"})),
        ("search/resource", written(resource={"type": "field"}, page={"limit": 0})),
        ("search/action", b'{"subject": {"type": "user"}, "resource": {"type": "t", "id": "1"}}'),
        ("search/subject", written(subject={"type": "user"}, resource={"type": "dataset", "id": "community.need"})),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_a_bad_request_with_its_fault_and_identifier(town: Town, path: str, body: bytes) -> None:
    response = send(town, path, body)
    assert response.status_code == 400, response.text
    assert response.headers["x-request-id"] == REQUEST_ID
    told = response.json()
    assert told["code"] == "GW115"
    assert told["detail"]
    assert "alice" not in response.text


def test_a_body_over_the_limit_is_refused_before_it_is_read(town: Town) -> None:
    response = send(town, "evaluation", b'{"subject": "' + b"x" * 1_048_576 + b'"}')
    assert response.status_code == 413


def test_a_body_that_is_not_said_to_be_json_is_refused(town: Town) -> None:
    assert send(town, "evaluation", b"{}", kind="text/plain").status_code == 400


def test_nobody_asks_without_credentials_or_permission(town: Town) -> None:
    body = json.dumps(_TOLD["evaluation"][0]["5.1"]).encode()
    with httpx2.Client(base_url=town.url, timeout=60, trust_env=False) as client:
        stranger = client.post("/access/v1/evaluation", content=body, headers={"content-type": "application/json"})
    assert stranger.status_code == 401
    assert send(town, "evaluation", body, person="reviewer").status_code in {403, 404}


@pytest.mark.parametrize("key", ["purpose", "app", "case", "justification", "network"])
def test_half_a_character_is_no_text(town: Town, key: str) -> None:
    context = {"purpose": "home-visit", "app": "community-desk", key: "\ud800"}
    body = {"subject": {"type": "user", "id": "a", "properties": {"roles": ["community/grid-worker"]}},
            "action": {"name": "show"}, "resource": {"type": "field", "id": "community.need.name"}}  # fmt: skip
    told = send(town, "evaluation", json.dumps(body | {"context": context}).encode())
    assert told.status_code == 200, told.text
    assert told.json()["decision"] is False
    assert told.json()["context"]["error"]["code"] == "GW115"
