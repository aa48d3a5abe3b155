"""A thousand guesses of an ID number through `match`: the purpose's limit ends them, and a flag tells who guessed."""

import asyncio
import json
import re
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest
from typer.testing import CliRunner

from gateway.administration import FlagDesk
from gateway.audit import AuditLog, Recorder
from gateway.cli.commands import app as command
from gateway.demo.ask import get
from gateway.demo.prepare import Demo
from gateway.errors import AuditFailed, AuditUnavailable, LimitReached
from gateway.model.caller import Caller
from gateway.model.ids import AppId, PolicyVersion, PrincipalId, PurposeId
from gateway.model.trail import Trail
from gateway.store import FlagKey, State, claim_flag, open_state, settle_flag
from tests.audit_logs import house, open_log
from tests.postgres_server import Server, postgres_server
from tests.town import Clock, Town, served, town_at

LIMIT = 50  # of home-visit, in the city's purposes.yaml
GUESSES = 1_000
NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
DETAIL = f"flag matches-limit purpose home-visit limit {LIMIT}"


def numbers(town: Town) -> list[str]:
    """Right guesses: everybody in the police's register."""
    with closing(sqlite3.connect(f"file:{town.demo.folder / 'city' / 'police.db'}?mode=ro", uri=True)) as connection:
        (table,) = [
            name
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")
            if {"SFZH", "LXDH"} <= {row[1] for row in connection.execute(f"PRAGMA table_info({name})")}
        ]
        return [row[0] for row in connection.execute(f"SELECT SFZH FROM {table} WHERE SFZH IS NOT NULL")]


def wrong(number: str) -> str:
    """The same place and birth date with another sequence number, and its own right check character."""
    body = f"{number[:14]}{(int(number[14:17]) + 501) % 1000:03}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return body + "10X98765432"[sum(int(digit) * weight for digit, weight in zip(body, weights, strict=True)) % 11]


def guess(client: httpx2.Client, headers: dict[str, str], number: str) -> httpx2.Response:
    question = f"/data/public-security.resident?select=name&id_number=eq.{number}"
    return client.get(question, headers=headers)


def without_ids(response: httpx2.Response) -> tuple[str, dict[str, str]]:
    """Body and headers, but for what names the one request."""
    body = re.sub(r'"(trace_id|receipt)":"[^"]*"', r'"\1":""', response.text)
    own = {"date", "langqiao-receipt", "trace-id", "content-length"}
    return body, {name: value for name, value in response.headers.items() if name.lower() not in own}


def flags(town: Town) -> list[dict[str, object]]:
    return [entry for entry in town.entries() if entry["kind"] == "flag"]


def test_a_thousand_guesses_run_into_the_days_limit_and_raise_one_flag(
    fresh_demo: Demo, serve: Callable[[Demo], Town], monkeypatch: pytest.MonkeyPatch
) -> None:
    town = serve(fresh_demo)
    right = numbers(town)[: GUESSES // 2]
    known = set(numbers(town))
    guesses = [(number, kind) for one in right for number, kind in ((one, "right"), (wrong(one), "wrong"))]
    assert len(guesses) == GUESSES
    assert not {number for number, kind in guesses if kind == "wrong"} & known
    headers = town.headers("grid-worker", "home-visit")
    with httpx2.Client(base_url=town.url, timeout=30, trust_env=False) as client:
        answers = [(kind, guess(client, headers, number)) for number, kind in guesses]

    assert Counter(answer.status_code for _, answer in answers) == {200: LIMIT, 429: GUESSES - LIMIT}
    assert all(answer.status_code == 200 for _, answer in answers[:LIMIT]), "those within the limit came first"
    refused = {
        kind: {str(without_ids(one)) for said, one in answers[LIMIT:] if said == kind} for kind in ("right", "wrong")
    }
    assert len(refused["right"]) == 1
    assert refused["right"] == refused["wrong"], "a refusal tells nothing of the guess"
    assert "GW405" in next(iter(refused["right"]))

    (flag,) = flags(town)
    assert (flag["principal"], flag["app"], flag["purpose"]) == ("grid-worker", "community-desk", "home-visit")
    assert (flag["dataset"], flag["detail"], flag["outcome"]) == ("public-security.resident", DETAIL, "done")
    assert flag["organisation"]
    assert flag["subjects"] == []
    refusals = [entry for entry in town.entries() if entry["code"] == "GW405"]
    assert len(refusals) == GUESSES - LIMIT
    assert {entry["principal"] for entry in refusals} == {"grid-worker"}
    log = json.dumps(town.entries())
    assert not [number for number, _ in guesses if number in log], "the log holds no ID number"

    for person, purpose in (("officer", "policy-administration"), ("reviewer", "compliance-review")):
        told = get(town.askers[person], "/flags", purpose=purpose)
        (one,) = json.loads(told.text)["flags"]
        assert (one["principal"], one["detail"], one["at"]) == (
            "grid-worker",
            DETAIL,
            str(flag["at"]).replace("Z", "+00:00"),
        )
        assert json.loads(get(town.askers[person], f"/flags?after={one['index']}", purpose=purpose).text)["flags"] == []
    assert get(town.askers["grid-worker"], "/flags", purpose="home-visit").code == "GW406"
    assert get(town.askers["officer"], f"/flags?after={2**63}", purpose="policy-administration").code == "GW115"

    monkeypatch.setenv("COLUMNS", "300")
    place = ["--url", town.url, "--folder", str(town.demo.folder)]
    listed = CliRunner().invoke(command, ["flags", "--as", "officer", *place])
    assert listed.exit_code == 0, listed.output
    assert "grid-worker" in listed.output
    assert "50" in listed.output


def test_guesses_at_once_are_answered_as_often_and_raise_one_flag(
    fresh_demo: Demo, serve: Callable[[Demo], Town]
) -> None:
    town = serve(fresh_demo)
    headers = town.headers("grid-worker", "home-visit")
    guesses = numbers(town)[: 2 * LIMIT]
    with httpx2.Client(base_url=town.url, timeout=30, trust_env=False) as client, ThreadPoolExecutor(16) as at_once:
        statuses = Counter(at_once.map(lambda number: guess(client, headers, number).status_code, guesses))
    assert statuses == {200: LIMIT, 429: LIMIT}
    assert len(flags(town)) == 1


def test_each_day_has_its_own_flag(fresh_demo: Demo) -> None:
    clock = Clock(NOW)
    with served(fresh_demo, clock) as town:
        for day in range(2):
            clock.now = NOW + timedelta(days=day)
            headers = town_at(fresh_demo, clock.now).headers("grid-worker", "home-visit")
            with httpx2.Client(base_url=town.url, timeout=30, trust_env=False) as client:
                statuses = [guess(client, headers, number).status_code for number in numbers(town)[: LIMIT + 3]]
            assert statuses.count(429) == 3
            assert len(flags(town)) == day + 1


# ---------------------------------------------------------------------- the flag itself
def _recorder(log: AuditLog) -> Recorder:
    caller = Caller(
        principal=PrincipalId("guesser"), app=AppId("community-desk"), roles=(), organisation="o", regions=(),
        assurance=2, network="", id_number=None, purpose=PurposeId("home-visit"), case=None, justification=None,
        token_id="t",
    )  # fmt: skip
    trail = Trail(trace_id="0" * 32, started_at=NOW, policy_version=PolicyVersion("v"), caller=caller)
    return Recorder(log, lambda: NOW, lambda text: text, trail)


OVER = LimitReached(what=("look-ups", "查询"), limit=LIMIT, flag="matches-limit")


async def test_a_flag_that_can_not_be_written_is_the_logs_failure_and_is_raised_by_the_next(tmp_path: Path) -> None:
    home = house(tmp_path)
    state = open_state(home.url)
    desk = FlagDesk(state, lambda: NOW, home.seals(state).open)
    async with open_log(home, state=state) as log:
        pass
    with pytest.raises(AuditFailed):
        await desk.raise_flag(_recorder(log), OVER)
    assert desk.listed(-1) == ()
    async with open_log(home, state=state) as log:
        await asyncio.gather(*(desk.raise_flag(_recorder(log), OVER) for _ in range(20)))
        await desk.raise_flag(_recorder(log), LimitReached(what=("rows", "返回行数"), limit=3))
    (flag,) = desk.listed(-1)
    assert (flag.principal, flag.detail) == ("guesser", DETAIL)
    assert home.verify().is_sound
    state.close()


async def test_a_flag_that_can_not_be_claimed_is_the_logs_failure(tmp_path: Path) -> None:
    home = house(tmp_path)
    state = open_state(home.url)
    async with open_log(home, state=state) as log:
        with sqlite3.connect(home.file) as beside:
            beside.execute("DROP TABLE raised_flag")
        with pytest.raises(AuditUnavailable):
            await FlagDesk(state, lambda: NOW, home.seals(state).open).raise_flag(_recorder(log), OVER)
    state.close()


@pytest.fixture(scope="module")
def postgres() -> Iterator[Server]:
    with postgres_server() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def state(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[State]:
    url = f"sqlite:///{tmp_path / 'state.db'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres").fresh_database()
    opened = open_state(url)
    yield opened
    opened.close()


def test_of_many_who_claim_a_flag_at_once_one_gets_it_and_an_abandoned_claim_passes_on(state: State) -> None:
    key = FlagKey(principal="g", purpose="home-visit", day=NOW.date(), what="matches-limit")
    minute = timedelta(minutes=1)

    def claim(now: datetime) -> bool:
        return claim_flag(state, key, now=now, abandoned=now - minute)

    with ThreadPoolExecutor(8) as at_once:
        assert list(at_once.map(claim, [NOW] * 16)).count(True) == 1
    assert not claim(NOW + minute)
    assert claim(NOW + minute + timedelta(seconds=1)), "whoever claimed it never wrote it"
    settle_flag(state, key, index=None)
    assert claim(NOW), "it could not be written"
    settle_flag(state, key, index=7)
    assert not claim(NOW + timedelta(hours=9))
    assert claim_flag(state, replace(key, principal="h"), now=NOW, abandoned=NOW)
