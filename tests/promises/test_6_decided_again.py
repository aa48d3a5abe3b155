"""Promise 6, second half: a decision made yesterday is made again from its entry and the stored policy: the same.

Yesterday's requests are real ones over HTTP: clear, masked, under a case, of the resident themselves, refused by the
guard, in a window that closes. Then the policy is changed so that today's answers differ.
"""

import asyncio
import itertools
import json
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import httpx2
import pytest

from gateway.administration import Redecision, redecide
from gateway.app import Gateway, utc_now
from gateway.audit import entry_at
from gateway.catalog import load_catalog
from gateway.decision import PolicyEngine
from gateway.demo.ask import Answer, Asker
from gateway.demo.prepare import Demo
from gateway.errors import AuditUnavailable, NotRedecidable
from gateway.model.audit import AuditReceipt
from gateway.model.caller import Caller, InboundRequest
from gateway.model.case import CaseFacts
from gateway.model.decision import Decision
from gateway.model.query import BoundQuery
from gateway.model.response import Response
from gateway.settings import load_settings
from gateway.store import open_state_read_only
from tests.commands import Done, run
from tests.key_rings import ring_of, seals_of
from tests.town import Town, build, edited_bundle, served

TRANSPORT = "vaccination-transport"


@dataclass(frozen=True, kw_only=True)
class Yesterday:
    """What was asked before the policy changed, by name; and the town as it is now."""

    town: Town
    asked: dict[str, int]  # index of each entry
    numbers: tuple[str, ...]  # ID numbers that had a part in it
    before: str  # the policy version of yesterday

    def redecided(self, index: int) -> Redecision:
        settings = load_settings(self.town.demo.settings)
        ring = ring_of(settings)
        state = open_state_read_only(settings.state_url)
        try:
            return redecide(state, index, ring.subject_hash, seals_of(settings).open)
        finally:
            state.close()


def _index(answer: Answer) -> int:
    return int(answer.receipt.partition("#")[2].partition(":")[0])


def _post(town: Town, person: str, path: str, purpose: str, body: object = None) -> httpx2.Response:
    with httpx2.Client(base_url=town.url, timeout=30, trust_env=False) as client:
        return client.post(path, json=body, headers=town.headers(person, purpose))


def _case(town: Town, subjects: list[str]) -> str:
    body = {"subjects": subjects, "app": "dispatch", "hours": 2}
    opened = _post(town, "transport-worker", "/cases", TRANSPORT, body)
    assert opened.status_code == 201, opened.text
    case = str(opened.json()["case"])
    assert _post(town, "health-officer", f"/cases/{case}/approve", TRANSPORT).status_code == 200
    return case


@pytest.fixture(scope="module")
def yesterday(city: Demo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yesterday]:
    folder = tmp_path_factory.mktemp("yesterday")
    bundle = edited_bundle(folder, {})
    rules = bundle / "rules" / "community.csv"
    edge = utc_now().replace(microsecond=0)
    good = rules.read_text(encoding="utf-8")
    window = "p, DEC-WINDOW, role:community/grid-worker, app:any, field:community.need.address, match, pur:home-visit,"
    rules.write_text(f"{good}{window} cn, *, 2026-01-01T00:00:00Z, 2028-01-01T00:00:00Z, , allow,\n", encoding="utf-8")
    demo = build(folder / "town", city=city.folder / "city", bundle=bundle)
    with served(demo) as town:
        elder = demo.summary.lonely_elder.id_number
        resident = json.loads((demo.folder / "people.json").read_text(encoding="utf-8"))["people"]["resident"]
        case = _case(town, [elder])
        told = "门外无人应答，邻居报告老人三天未出门"
        asks = {
            "everything": town.ask("grid-worker", "community.need?select=*&limit=3", "home-visit"),
            "masked": town.ask("grid-worker", "community.need?select=name,phone&limit=2", "home-visit"),
            "alias": town.ask("grid-worker", "community.need?select=*,phone:name&limit=1", "home-visit"),
            "match": town.ask("grid-worker", f"community.need?select=name&id_number=eq.{elder}", "home-visit"),
            "window": town.ask("grid-worker", "community.need?select=name&address=eq.nowhere", "home-visit"),
            "case": town.ask("driver", "health.appointment?select=name,pickup_address", TRANSPORT, case=case),
            "guard": town.ask("grid-worker", "community.need?select=name&phone=like.138*", "home-visit"),
            "denied": town.ask("driver", "health.appointment?select=name,id_number", TRANSPORT, case=case),
            "unknown": town.ask("grid-worker", "community.need?select=name,no_such_field", "home-visit"),
            "statistics": town.ask("analyst", "public-security.resident?select=count()", "statistics"),
            "own": town.ask("resident", "langqiao.access?select=at,organisation", "own-data"),
            "emergency": town.ask(
                "doctor", "public-security.resident?select=name,phone&limit=1", "break-glass", justification=told
            ),
            "explained": town.ask("grid-worker", "community.need?select=*", "home-visit", explain=True),
        }
        assert town.get("/catalog", town.headers("grid-worker", "home-visit")).status_code == 200
        before = town.get("/readyz", {}).json()["policy"]
        # today: nobody sees what they saw; who may what is turned round and the window is closed
        text = rules.read_text(encoding="utf-8").replace("2028-01-01T00:00:00Z", f"{edge:%Y-%m-%dT%H:%M:%SZ}")
        rules.write_text(text, encoding="utf-8")
        city_rules = bundle / "rules" / "00-city.csv"
        deny = "p, DEC-DENY, role:any, app:any, class:any, show, pur:any, cn, *, , , , deny,\n"
        city_rules.write_text(city_rules.read_text(encoding="utf-8") + deny, encoding="utf-8")
        taken = _post(town, "officer", "/policy/reload", "policy-administration")
        assert taken.status_code == 200, taken.text
        assert town.ask("grid-worker", "community.need?select=name&limit=1", "home-visit").status == 403
        assert _post(town, "health-officer", f"/cases/{case}/close", TRANSPORT).status_code == 200
        entries = town.entries()
        explained, surveyed = (number for number, entry in enumerate(entries) if entry["kind"] == "explain")
        asked = {name: _index(answer) for name, answer in asks.items() if name != "explained"}
        yield Yesterday(
            town=town,
            asked=asked | {"explained": explained, "surveyed": surveyed},
            numbers=(elder, resident["id_number"]),
            before=before,
        )


NAMES = (
    "everything", "masked", "alias", "match", "window", "case", "guard", "denied", "unknown", "statistics", "own",
    "emergency", "explained", "surveyed",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_yesterdays_decision_is_the_same_under_yesterdays_policy(yesterday: Yesterday, name: str) -> None:
    result = yesterday.redecided(yesterday.asked[name])
    assert result.is_same, result.lines()
    assert result.policy_version == yesterday.before != yesterday.town.get("/readyz", {}).json()["policy"]


def test_yesterdays_questions_were_what_they_are_meant_to_be(yesterday: Yesterday) -> None:
    entries = yesterday.town.entries()
    told = {name: entries[index] for name, index in yesterday.asked.items()}
    outcomes = {name: (entry["outcome"], entry["code"]) for name, entry in told.items()}
    released = ("released", "")
    assert outcomes == {
        "everything": released, "masked": released, "alias": released, "match": released, "window": released,
        "case": released, "statistics": released, "own": released, "emergency": released, "explained": ("done", ""),
        "surveyed": ("done", ""),
        "guard": ("refused", "GW401"), "denied": ("refused", "GW201"), "unknown": ("refused", "GW201"),
    }  # fmt: skip
    decisions = {name: entry["decision"] for name, entry in told.items()}
    assert all(isinstance(decision, dict) for decision in decisions.values())
    assert "DEC-WINDOW" in json.dumps(told["window"])
    assert decisions["case"]["case"]["state"] == "approved"  # type: ignore[index]
    assert decisions["own"]["id_number"]  # type: ignore[index]
    assert decisions["alias"]["not_shown"] == ["phone"]  # type: ignore[index]


def test_no_id_number_is_in_any_entry(yesterday: Yesterday) -> None:
    everything = json.dumps(yesterday.town.entries())
    for number in yesterday.numbers:
        assert number not in everything


def test_entries_that_tell_of_no_decision_say_so(yesterday: Yesterday) -> None:
    entries = yesterday.town.entries()
    for kind in ("start", "case", "policy"):
        index = next(number for number, entry in enumerate(entries) if entry["kind"] == kind)
        with pytest.raises(NotRedecidable, match="no decision about data"):
            yesterday.redecided(index)


def _command(demo: Demo, index: int) -> Done:
    return run("audit", "redecide", str(index), "--settings", str(demo.settings))


def test_the_command_says_the_same_in_both_languages(yesterday: Yesterday) -> None:
    said = _command(yesterday.town.demo, yesterday.asked["masked"])
    assert said.returncode == 0, said.stderr
    assert "the same" in said.stdout
    assert "结果一致" in said.stdout
    unknown = _command(yesterday.town.demo, 10**6)
    assert (unknown.returncode, "GW604" in unknown.stderr) == (1, True)


def test_a_changed_entry_an_old_entry_and_a_lost_policy_are_told(
    fresh_demo: Demo, serve: Callable[[Demo], Town], tmp_path: Path
) -> None:
    town = serve(fresh_demo)
    asked = _index(town.ask("grid-worker", "community.need?select=name,phone&limit=1", "home-visit"))
    body = town.entries()[asked]
    settings = load_settings(fresh_demo.settings)
    ring = ring_of(settings)

    def after(change: str, *values: object) -> Redecision:
        with sqlite3.connect(town.log) as live, sqlite3.connect(tmp_path / "copy.db") as copy:
            live.backup(copy)
            copy.execute(change, values)
        state = open_state_read_only(f"sqlite:///{tmp_path / 'copy.db'}")
        try:
            return redecide(state, asked, ring.subject_hash, seals_of(settings).open)
        finally:
            state.close()

    tampered = json.loads(json.dumps(body)) | {"v": 2}
    phone = next(one for one in tampered["fields"] if one["field"] == "phone")
    was, phone["level"] = phone["level"], "clear"
    update = "UPDATE audit_entry SET body = ? WHERE idx = ?"
    result = after(update, json.dumps(tampered).encode(), asked)
    assert f"level of phone: was clear, now {was}" in result.lines("en")
    assert f"字段 phone 的级别：原为 clear，现为 {was}" in result.lines("zh")

    (raw,) = sqlite3.connect(town.log).execute("SELECT body FROM audit_entry WHERE idx = ?", (asked,)).fetchone()
    with pytest.raises(AuditUnavailable):  # what is sealed belongs to a public part that says otherwise
        after(update, raw.replace(b'"level":"clear"', b'"level":"dim"', 1), asked)

    old = {key: value for key, value in body.items() if key != "decision"} | {"v": 1}
    with pytest.raises(NotRedecidable, match="version 1"):
        after(update, json.dumps(old).encode(), asked)

    with pytest.raises(Exception, match="GW722"):
        after("DELETE FROM policy_versions")


class _Watched(PolicyEngine):
    """The engine, telling for which instants it decided."""

    instants: list[datetime]

    def decide(
        self, bound: BoundQuery, caller: Caller, case: CaseFacts | None, now: datetime, *, explain: bool = False
    ) -> Decision:
        self.instants.append(now)
        return super().decide(bound, caller, case, now, explain=explain)


def test_the_instant_that_is_written_down_is_the_one_that_was_decided_for(fresh_demo: Demo) -> None:
    """The clock goes on with every look at it, as clocks do."""
    settings = load_settings(fresh_demo.settings)
    asker = Asker.from_demo(fresh_demo.folder, "grid-worker", utc_now())
    engine = _Watched.load(settings.bundle, load_catalog(settings.bundle))
    engine.instants = []
    looks = itertools.count()

    def clock() -> datetime:
        return utc_now() + timedelta(milliseconds=50 * next(looks))

    def request(question: str) -> InboundRequest:
        path, _, query = question.partition("?")
        headers = {"apikey": asker.app_key, "authorization": f"Bearer {asker.token}", "purpose": "home-visit"}
        return InboundRequest(
            method="GET", path=f"/data/{path}", query_string=query, headers=headers, client_address="127.0.0.1",
            received_at=utc_now(), trace_id="0" * 32,
        )  # fmt: skip

    async def ask() -> list[AuditReceipt | None]:
        gateway = Gateway(settings=settings)
        async with gateway.open():
            pipeline = replace(gateway.rooms.pipeline, engine=lambda: engine, clock=clock)
            released = await pipeline.answer(request("community.need?select=name&limit=1"))
            refused = await pipeline.answer(request("community.need?select=name&phone=like.1*"))
            assert isinstance(released, Response)
            assert isinstance(refused, Response)
            await pipeline.explain(request("community.need"), request("community.need?select=name"))
        return [released.receipt, refused.receipt]

    receipts = asyncio.run(ask())
    state = open_state_read_only(settings.state_url)
    try:
        first = receipts[0].index if receipts[0] is not None else -1
        opener = seals_of(settings).open
        entries = [entry_at(state, first + number, opener) for number in range(3)]
        vouched = [redecide(state, first + number, lambda number: number, opener) for number in range(3)]
    finally:
        state.close()
    written = [entry.decision.decided_at for entry in entries if entry.decision is not None]
    # (a question is planned on both roads here, and each decides)
    assert [instant for instant in engine.instants if instant in written] == written
    assert [entry.outcome for entry in entries] == ["released", "refused", "done"]
    assert all(entry.at > instant for entry, instant in zip(entries, written, strict=True))
    assert all(one.is_same for one in vouched)
