"""Policies published again and again while questions are asked over HTTP: each answer is of one version throughout."""

import asyncio
import json
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from gateway.api.authzen import MOST_EVALUATIONS
from gateway.app import Gateway, utc_now
from gateway.demo.prepare import Demo
from gateway.model.caller import InboundRequest
from gateway.model.plan import Fetch
from gateway.model.response import Response
from gateway.settings import load_settings
from gateway.spi import Connector
from tests.policies import mark_serving
from tests.town import Town, build, edited_bundle, town_at

RULES = "rules/community.csv"
CLEAR = "field:public-security.resident.name, show, pur:home-visit, cn, *, , , , allow, level=clear"
MASKED = "field:public-security.resident.name, show, pur:home-visit, cn, *, , , , allow, level=partial"
TURNS = 6


class Publisher:
    """Turns the name's rule to and fro and has the gateway take it."""

    def __init__(self, town: Town, bundle: Path) -> None:
        self._town = town
        self._file = bundle / RULES
        self._text = self._file.read_text(encoding="utf-8")
        self.levels: dict[str, str] = {}  # version -> what the name is under it

    def publish(self, turn: int) -> None:
        text = self._text.replace(CLEAR, MASKED) if turn % 2 else self._text
        self._file.write_text(text, encoding="utf-8")
        headers = self._town.headers("officer", "policy-administration")
        with httpx2.Client(base_url=self._town.url, timeout=60, trust_env=False) as client:
            told = client.post("/policy/reload", headers=headers)
        assert told.status_code == 200, told.text
        self.levels[told.json()["policy"]] = "partial" if turn % 2 else "clear"


@pytest.fixture
def publisher(tmp_path: Path, city: Demo, serve: Callable[[Demo], Town]) -> tuple[Town, Publisher]:
    bundle = edited_bundle(tmp_path, {RULES: (CLEAR, CLEAR)})
    town = serve(build(tmp_path / "town", city=city.folder / "city", bundle=bundle))
    return town, Publisher(town, bundle)


def test_an_answer_its_entry_and_its_masks_are_of_the_version_it_names(publisher: tuple[Town, Publisher]) -> None:
    town, officer = publisher
    is_over = threading.Event()
    answers: list[tuple[str, str, int]] = []

    def ask() -> None:
        headers = town.headers("grid-worker", "home-visit")
        with httpx2.Client(base_url=town.url, timeout=60, trust_env=False) as client:
            while not is_over.is_set():
                told = client.get("/data/public-security.resident?select=name&limit=20", headers=headers)
                assert told.status_code == 200, told.text
                names = [row["name"] for row in told.json() if row["name"]]
                level = "partial" if all("*" in name for name in names) else "clear"
                index = int(told.headers["langqiao-receipt"].partition("#")[2].partition(":")[0])
                answers.append((told.headers["langqiao-policy"], level, index))

    officer.publish(0)
    with ThreadPoolExecutor() as pool:
        asking = [pool.submit(ask) for _ in range(3)]
        for turn in range(1, TURNS):
            officer.publish(turn)
        is_over.set()
        for each in asking:
            each.result()
    entries = town.entries()
    assert {version for version, _, _ in answers} == set(officer.levels)
    for version, level, index in answers:
        assert level == officer.levels[version]
        entry = entries[index]
        assert entry["policy_version"] == version
        fields = entry["fields"]
        assert isinstance(fields, list)
        assert [(traced["field"], traced["level"]) for traced in fields] == [("name", level)]


def test_several_evaluations_of_one_request_are_decided_by_one_policy(publisher: tuple[Town, Publisher]) -> None:
    town, officer = publisher
    body = {
        "subject": {"type": "user", "id": "anna", "properties": {"roles": ["community/grid-worker"]}},
        "action": {"name": "show"},
        "context": {"purpose": "home-visit", "app": "community-desk"},
        "evaluations": [{"resource": {"type": "field", "id": "public-security.resident.name"}}] * MOST_EVALUATIONS,
    }
    is_over = threading.Event()
    seen: set[str] = set()

    def ask() -> None:
        headers = town.headers("officer", "policy-administration")
        with httpx2.Client(base_url=town.url, timeout=60, trust_env=False) as client:
            while not is_over.is_set():
                told = client.post("/access/v1/evaluations", content=json.dumps(body), headers=headers | _JSON).json()
                contexts = [one["context"] for one in told["evaluations"]]
                versions = {context["policy_version"] for context in contexts}
                assert len(versions) == 1
                assert {context["level"] for context in contexts} == {officer_levels(versions)}
                seen.update(versions)

    def officer_levels(versions: set[str]) -> str:
        # the version may serve a moment before its publisher has read the answer
        version = next(iter(versions))
        for _ in range(100):
            if version in officer.levels:
                break
            is_over.wait(0.05)
        return officer.levels[version]

    officer.publish(0)
    with ThreadPoolExecutor() as pool:
        asking = [pool.submit(ask) for _ in range(2)]
        for turn in range(1, TURNS):
            officer.publish(turn)
        is_over.set()
        for each in asking:
            each.result()
    assert seen == set(officer.levels)


_JSON = {"content-type": "application/json"}


class Publishing:
    """The real source, before whose answer another policy is published."""

    def __init__(self, source: Connector, publish: Callable[[], None]) -> None:
        self._source = source
        self._publish = publish

    def __getattr__(self, name: str) -> object:
        return getattr(self._source, name)

    def fetch(self, fetch: Fetch) -> object:
        self._publish()
        return self._source.fetch(fetch)


def test_a_policy_published_while_the_source_is_asked_changes_nothing_of_that_answer(
    tmp_path: Path, city: Demo
) -> None:
    bundle = edited_bundle(tmp_path, {RULES: (CLEAR, CLEAR)})
    demo = build(tmp_path / "town", city=city.folder / "city", bundle=bundle)
    gateway = Gateway(settings=load_settings(demo.settings))
    asker = town_at(demo, utc_now()).askers["grid-worker"]
    credentials = {"apikey": asker.app_key, "authorization": f"Bearer {asker.token}", "purpose": "home-visit"}

    async def ask() -> None:
        async with gateway.open():
            rooms = gateway.rooms
            old = rooms.policy.current.version
            (bundle / RULES).write_text(
                (bundle / RULES).read_text(encoding="utf-8").replace(CLEAR, MASKED), encoding="utf-8"
            )
            new = rooms.policy.build()

            def publish() -> None:
                mark_serving(gateway.settings.state_url, new.version)
                rooms.policy.swap(new)

            def question() -> InboundRequest:
                return InboundRequest(
                    method="GET",
                    path="/data/public-security.resident",
                    query_string="select=name&limit=20",
                    headers=credentials,
                    client_address="",
                    received_at=utc_now(),
                    trace_id="0" * 32,
                )

            sources = {name: Publishing(source, publish) for name, source in rooms.pipeline.sources.items()}
            turned = replace(rooms.pipeline, sources=sources)  # type: ignore[arg-type]
            during, after = await turned.answer(question()), await rooms.pipeline.answer(question())
            assert isinstance(during, Response)
            assert isinstance(after, Response)
            assert rooms.policy.current.version == new.version != old
            assert (during.policy_version, after.policy_version) == (old, new.version)
            names = [[row["name"] for row in json.loads(answer.body or b"[]")] for answer in (during, after)]
            assert all("*" not in name for name in names[0] if name)
            assert all("*" in name for name in names[1] if name)
            receipts = [answer.receipt.index for answer in (during, after) if answer.receipt is not None]
        with sqlite3.connect(f"file:{demo.folder / 'state' / 'langqiao.db'}?mode=ro", uri=True) as log:
            bodies = [log.execute("SELECT body FROM audit_entry WHERE idx = ?", (index,)).fetchone()[0]
                      for index in receipts]  # fmt: skip
        assert [json.loads(body)["policy_version"] for body in bodies] == [old, new.version]

    asyncio.run(ask())
