"""Asking why is no way to learn: not what others may see, not what exists, and never any data."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from gateway.api.why import WhyFace
from gateway.app import Gateway, utc_now
from gateway.demo.ask import Asker
from gateway.demo.prepare import Demo
from gateway.errors import AuditUnavailable
from gateway.settings import load_settings
from tests.recording_source import RecordingSource
from tests.town import Town

SOMEBODY = {"roles": ["street/civil-officer"], "app": "street-desk", "purpose": "low-income-verification"}
WITHOUT = (("grid-worker", "home-visit"), ("reviewer", "compliance-review"), ("resident", "own-data"))


def _post(town: Town, body: dict[str, Any], person: str, purpose: str) -> httpx2.Response:
    with httpx2.Client(base_url=town.url, timeout=60, trust_env=False) as client:
        return client.post("/explain", json=body, headers=town.headers(person, purpose))


def _plain(response: httpx2.Response) -> dict[str, object]:
    """A refusal without what is its own: trace, receipt."""
    return {name: value for name, value in response.json().items() if name in {"gateway_code", "message", "hint"}}


@pytest.mark.parametrize(("person", "purpose"), WITHOUT)
def test_without_the_permission_what_exists_and_what_does_not_are_refused_alike(
    town: Town, person: str, purpose: str
) -> None:
    asked = [
        {"question": "/data/civil-affairs.assistance?select=*", "as": SOMEBODY},
        {"question": "/data/no.such?select=*", "as": SOMEBODY},
        {"question": "/data/civil-affairs.assistance?select=nosuch", "as": SOMEBODY},
        {"question": "/data/civil-affairs.assistance?select=*", "as": SOMEBODY | {"roles": ["no/such-role"]}},
        {"question": "/data/civil-affairs.assistance?select=*", "as": SOMEBODY | {"purpose": "nosuch"}},
    ]
    refused = [_post(town, body, person, purpose) for body in asked]
    assert {response.status_code for response in refused} == {403}
    assert all(_plain(response) == _plain(refused[0]) for response in refused)
    assert _plain(refused[0])["gateway_code"] == "GW406"
    fields = ("civil-affairs.assistance.monthly", "civil-affairs.assistance.nosuch", "no.such.field")
    headers = town.headers(person, purpose)
    backwards = [town.get(f"/who-can?field={field}", headers) for field in fields]
    assert {response.status_code for response in backwards} == {403}
    assert all(_plain(response) == _plain(refused[0]) for response in backwards)


def test_the_officers_purpose_is_needed_not_only_the_officer(town: Town) -> None:
    body = {"question": "/data/civil-affairs.assistance?select=*", "as": SOMEBODY}
    with httpx2.Client(base_url=town.url, timeout=60, trust_env=False) as client:
        assert client.post("/explain", json=body, headers=town.headers("officer")).json()["gateway_code"] == "GW204"
        assert client.post("/explain", json=body).status_code == 401
        assert client.get("/who-can?field=civil-affairs.assistance.monthly").status_code == 401


@pytest.mark.parametrize(
    ("person", "purpose", "question"),
    [
        ("grid-worker", "home-visit", "community.need?select=*"),
        ("grid-worker", "home-visit", "public-security.resident?select=name,ethnicity"),
        ("resident", "own-data", "public-security.resident?select=*"),
        ("analyst", "statistics", "civil-affairs.assistance?select=count()"),
    ],
)
def test_ones_own_explanation_never_tells_near_misses_or_the_text_of_rules(
    town: Town, person: str, purpose: str, question: str
) -> None:
    response = town.ask(person, question, purpose, explain=True)
    assert response.status in {200, 404}
    assert "near" not in response.text
    assert "failed" not in response.text
    assert "rules/" not in response.text
    if response.status == 200:
        told = json.loads(response.text)
        assert all(set(field) == {"level", "rules", "granted", "ceiling"} for field in told["fields"].values())


def test_denied_and_unknown_fields_are_explained_alike_to_their_asker(town: Town) -> None:
    denied = town.ask("grid-worker", "public-security.resident?select=name,ethnicity", "home-visit", explain=True)
    unknown = town.ask("grid-worker", "public-security.resident?select=name,nosuch", "home-visit", explain=True)
    assert denied.status == unknown.status == 200
    assert denied.text.replace("ethnicity", "nosuch") == unknown.text


def test_the_supposed_asker_takes_nothing_from_the_officer(town: Town) -> None:
    """An officer's roles, regions and assurance don't leak into the answer for somebody with less."""
    nobody = SOMEBODY | {"roles": ["resident"], "app": "resident-portal", "purpose": "own-data"}
    told = _post(
        town, {"question": "/data/public-security.resident?select=*", "as": nobody}, "officer", "policy-administration"
    ).json()
    assert told["rows"]["filter"] == "no rows"


@asynccontextmanager
async def _served_with_recording(demo: Demo) -> AsyncIterator[tuple[httpx2.AsyncClient, list[RecordingSource]]]:
    gateway = Gateway(settings=load_settings(demo.settings))
    async with gateway.open():
        rooms = gateway.rooms
        recording = {name: RecordingSource(source) for name, source in rooms.pipeline.sources.items()}
        pipeline = replace(rooms.pipeline, sources=dict(recording))
        api = FastAPI()
        api.include_router(WhyFace(pipeline=lambda: pipeline, policy=lambda: rooms.policy, clock=utc_now).routes())
        transport = httpx2.ASGITransport(app=api)
        async with httpx2.AsyncClient(transport=transport, base_url="http://gateway") as client:
            yield client, list(recording.values())


async def test_asking_why_fetches_nothing_from_any_source(fresh_demo: Demo) -> None:
    town = Town(demo=fresh_demo, askers=_askers(fresh_demo))
    async with _served_with_recording(fresh_demo) as (client, sources):
        officer = town.headers("officer", "policy-administration")
        for dataset in ("civil-affairs.assistance", "langqiao.access", "market-regulation.business"):
            body = {"question": f"/data/{dataset}?select=*", "as": SOMEBODY | {"regions": ["330108001"]}}
            answer = await client.post("/explain", json=body, headers=officer)
            assert answer.status_code == 200, answer.text
        found = await client.get("/who-can?field=civil-affairs.assistance.monthly", headers=officer)
        assert found.json()["count"] == 3
        own = {"question": "/data/community.need?select=*"}
        told = await client.post("/explain", json=own, headers=town.headers("grid-worker", "home-visit"))
        assert told.status_code == 200
        assert sources
        assert all(not source.fetches and not source.rows for source in sources)


def _askers(demo: Demo) -> dict[str, Asker]:
    return {name: Asker.from_demo(demo.folder, name, utc_now()) for name in ("officer", "grid-worker")}


async def test_what_cannot_be_written_down_is_not_told(fresh_demo: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    town = Town(demo=fresh_demo, askers=_askers(fresh_demo))
    async with _served_with_recording(fresh_demo) as (client, _):
        officer = town.headers("officer", "policy-administration")

        async def fails(*_: object, **__: object) -> None:
            raise AuditUnavailable

        monkeypatch.setattr("gateway.audit.recorder.Recorder.record", fails)
        body = {"question": "/data/civil-affairs.assistance?select=*", "as": SOMEBODY}
        refused = await client.post("/explain", json=body, headers=officer)
        backwards = await client.get("/who-can?field=civil-affairs.assistance.monthly", headers=officer)
        for response in (refused, backwards):
            assert response.status_code == 503
            assert "A012" not in response.text
