"""Sick sources over real HTTP: one that hangs starves nobody, one that fails is left alone and comes back by itself."""

import asyncio
import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from connectors.rest import RestConnector
from connectors.sql import SqlConnector
from gateway.errors import (
    SourceBusy,
    SourceDeclined,
    SourceDenied,
    SourceFailed,
    SourceResting,
    SourceTimeout,
    SourceUnavailable,
)
from gateway.model.ids import SourceName
from gateway.settings import Resilience
from gateway.sources import Circuit, Credentials, GuardedSource, Sources, keeping_fresh
from gateway.spi import Lease
from tests.connectors import kit
from tests.connectors.sources import serving, write_postgresql
from tests.connectors.web import JSON_ROWS, reply
from tests.postgres_server import postgres_server

ROWS = json.dumps(JSON_ROWS[:3]).encode()


class Service:
    """`how` is a status, or `hang` (until `released`), or `good`; `sent` are the tokens that came."""

    def __init__(self, how: str = "good") -> None:
        self.how = how
        self.asked = 0
        self.at_once = 0
        self.most_at_once = 0
        self.token: str | None = None
        self.sent: list[str] = []
        self.released = threading.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked += 1
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.sent.append(headers.get("authorization", ""))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            while self.how == "hang" and not self.released.is_set():
                await asyncio.sleep(0.01)
            if self.token is not None and self.sent[-1] != f"Bearer {self.token}":
                await reply(send, b"", 401)
            elif self.how.isdigit():
                await reply(send, b"", int(self.how))
            else:
                await reply(send, ROWS)
        finally:
            self.at_once -= 1


class Hands:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = time.monotonic()
        self.began = self.now

    def __call__(self) -> float:
        return self.now


def guarded(
    host: str, name: str = "s", *, monotonic: Callable[[], float] = time.monotonic, **options: Any
) -> GuardedSource:
    limits = Resilience.model_validate(options.pop("limits", {}))
    stores = options.pop("stores", {})
    given = {
        "base_url": f"http://{host}",
        "host_allow": [host],
        "retries": 0,
        "connections": 50,
        "tables": {kit.TABLE: {"path": "/e", "paging": "none"}},
        **options,
    }
    return GuardedSource(
        name=SourceName(name),
        kind="rest",
        resilience=limits,
        credentials=Credentials(name=SourceName(name), given=given, stores=stores, monotonic=monotonic),
        open_connector=lambda filled: RestConnector.open(SourceName(name), filled),
        monotonic=monotonic,
        clock=lambda: datetime(2026, 1, 1, tzinfo=UTC),
    )


async def ask(source: GuardedSource, seconds: float = 5.0) -> int:
    return len(await kit.collect(source, kit.make_fetch(columns=["id"], seconds=seconds)))


async def outcome(source: GuardedSource, seconds: float = 5.0) -> type[BaseException] | int:
    try:
        return await ask(source, seconds)
    except SourceFailed as error:
        told = error.message() + error.operator + repr(source)
        return AssertionError if "127.0.0.1" in told else type(error)


@pytest.fixture
def service() -> Iterator[tuple[Service, str]]:
    made = Service()
    with serving(made) as host:
        yield made, host
        made.released.set()


async def test_a_hung_source_starves_no_other(service: tuple[Service, str]) -> None:
    hung, hung_host = service
    hung.how = "hang"
    limits = {"concurrency": 4, "queue": 6, "wait_seconds": 0.2}
    with serving(Service()) as healthy_host:
        sick, healthy = guarded(hung_host, "sick", limits=limits), guarded(healthy_host, "well", limits=limits)
        storm = [asyncio.create_task(outcome(sick, seconds=30)) for _ in range(60)]
        while hung.at_once < 4:
            await asyncio.sleep(0.01)
        found = []
        for _ in range(40):
            found += await asyncio.gather(*(outcome(healthy) for _ in range(4)))
        assert found == [3] * 160
        assert hung.most_at_once == 4
        done = [task for task in storm if task.done()]
        assert len(done) >= 50
        assert {task.result() for task in done} == {SourceBusy}
        assert sick.standing().running == 4
        assert sick.standing().busy >= 50
        hung.released.set()
        assert [one for one in await asyncio.gather(*storm) if one == 3] == [3] * (60 - len(done))
        await sick.close()
        await healthy.close()


async def test_streams_leave_places_to_short_questions(service: tuple[Service, str]) -> None:
    hung, host = service
    hung.how = "hang"
    source = guarded(host, limits={"concurrency": 4, "queue": 6, "wait_seconds": 0.1, "stream_wait_seconds": 30})
    stream = replace(kit.make_fetch(columns=["id"], seconds=60), is_stream=True)
    streams = [asyncio.create_task(kit.collect(source, stream)) for _ in range(9)]
    while hung.at_once < 2:
        await asyncio.sleep(0.01)
    assert (source.standing().running, source.standing().waiting) == (2, 7)
    short = [asyncio.create_task(outcome(source, seconds=60)) for _ in range(2)]
    while hung.at_once < 4:
        await asyncio.sleep(0.01)
    assert await outcome(source) is SourceBusy
    hung.released.set()
    assert await asyncio.gather(*short) == [3, 3]
    assert [len(rows) for rows in await asyncio.gather(*streams)] == [3] * 9
    assert hung.most_at_once == 4
    await source.close()


async def test_a_failing_source_is_left_alone_and_comes_back_by_itself(service: tuple[Service, str]) -> None:
    sick, host = service
    sick.how = "500"
    hands = Hands()
    source = guarded(host, monotonic=hands, limits={"failures": 3, "window": 6, "open_seconds": 5})
    assert [await outcome(source) for _ in range(3)] == [SourceUnavailable] * 3
    asked = sick.asked
    assert set(await asyncio.gather(*(outcome(source) for _ in range(50)))) == {SourceResting}
    assert sick.asked == asked
    standing = source.standing()
    assert (standing.circuit, standing.last_code, standing.rested, standing.openings) == (Circuit.OPEN, "GW501", 50, 1)
    hands.now += 5
    assert source.standing().circuit is Circuit.HALF_OPEN
    found = await asyncio.gather(*(outcome(source) for _ in range(20)))
    assert sick.asked == asked + 1  # one probe, however many ask
    assert sorted(map(str, found)).count(str(SourceUnavailable)) == 1
    assert source.standing().retry_in == 10
    sick.how = "good"
    hands.now += 10
    assert await ask(source) == 3
    assert await asyncio.gather(*(ask(source) for _ in range(5))) == [3] * 5
    assert source.standing().circuit is Circuit.CLOSED
    await source.close()


@pytest.mark.parametrize("how", ["400", "404", "422"])
async def test_a_question_that_the_source_refuses_never_opens_the_circuit(
    service: tuple[Service, str], how: str
) -> None:
    picky, host = service
    picky.how = how
    source = guarded(host, limits={"failures": 2, "window": 2})
    assert {await outcome(source) for _ in range(8)} == {SourceDeclined}
    assert source.standing().circuit is Circuit.CLOSED
    assert source.standing().failed == 0
    await source.close()


async def test_an_asker_who_leaves_is_no_failure_and_gives_the_place_back(service: tuple[Service, str]) -> None:
    hung, host = service
    hung.how = "hang"
    source = guarded(host, limits={"failures": 1, "window": 1, "concurrency": 2})
    for _ in range(3):
        tasks = [asyncio.create_task(ask(source)) for _ in range(2)]
        while source.standing().running < 2:
            await asyncio.sleep(0.005)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    assert source.standing().running == 0
    assert source.standing().circuit is Circuit.CLOSED
    hung.released.set()
    assert await ask(source) == 3
    await source.close()


async def test_a_source_that_hangs_in_a_long_answer_is_told_by_its_first_batch(service: tuple[Service, str]) -> None:
    hung, host = service
    hung.how = "hang"
    source = guarded(host, limits={"batch_seconds": 0.1, "failures": 2, "window": 2})
    assert [await outcome(source, seconds=600) for _ in range(2)] == [SourceTimeout] * 2
    assert await outcome(source, seconds=600) is SourceResting
    await source.close()


async def test_what_was_waited_for_a_place_is_gone_from_the_time_limit(service: tuple[Service, str]) -> None:
    hung, host = service
    hung.how = "hang"
    source = guarded(host, limits={"concurrency": 1, "wait_seconds": 5})
    first = asyncio.create_task(outcome(source, seconds=0.3))
    second = asyncio.create_task(outcome(source, seconds=0.6))
    began = time.monotonic()
    assert await first is await second is SourceTimeout
    assert time.monotonic() - began < 2
    await source.close()


async def test_however_many_look_one_asks(service: tuple[Service, str]) -> None:
    sick, host = service
    source = guarded(host)
    sources = Sources({SourceName("s"): source})
    found = await asyncio.gather(*(sources.look() for _ in range(30)))
    assert found == [{"s": "ok"}] * 30
    assert sick.asked == 1
    sick.how = "503"
    for _ in range(9):
        await sources.look()
    assert sick.asked == 1 + 5
    assert await sources.look() == {"s": "GW506"}
    await source.close()


# ------------------------------------------------------------------ credentials
async def test_a_new_secret_in_the_file_is_taken_up_and_running_questions_end_with_the_old(
    service: tuple[Service, str], tmp_path: Path
) -> None:
    kept, host = service
    file = tmp_path / "token"
    file.write_text("old")
    kept.token, kept.how = "old", "hang"
    source = guarded(host, token_file=str(file))
    running = asyncio.create_task(ask(source))
    while not kept.at_once:
        await asyncio.sleep(0.005)
    (tmp_path / "next").write_text("new-secret")
    (tmp_path / "next").rename(file)
    assert await source.refresh()
    assert not await source.refresh()
    kept.released.set()
    assert await running == 3
    kept.token = "new-secret"
    assert await ask(source) == 3
    assert kept.sent == ["Bearer old", "Bearer new-secret"]
    assert source.standing().reopened == 1
    await source.close()


class Store:
    """A secret store of a third party, in a few lines; what it was asked is counted."""

    def __init__(self) -> None:
        self.secret: str | None = "pw-first"
        self.seconds: float | None = None
        self.read_times = 0

    @classmethod
    def open(cls, name: str, options: object) -> "Store":
        raise NotImplementedError

    def read(self, reference: str) -> Lease | None:
        assert reference == "kv/data/x#token"
        self.read_times += 1
        return None if self.secret is None else Lease(secret=SecretStr(self.secret), seconds=self.seconds)


async def test_a_secret_that_is_no_longer_taken_is_read_anew_and_the_question_asked_once_more(
    service: tuple[Service, str],
) -> None:
    kept, host = service
    hands, store = Hands(), Store()
    kept.token = "pw-first"
    source = guarded(host, monotonic=hands, stores={"v": store}, token_secret="v:kv/data/x#token")
    assert await ask(source) == 3
    kept.token = store.secret = "pw-second"
    hands.now += 6
    assert await ask(source) == 3
    assert kept.sent == ["Bearer pw-first", "Bearer pw-first", "Bearer pw-second"]
    kept.token = "nobody-knows"
    assert [await outcome(source) for _ in range(3)] == [SourceDenied] * 3
    assert store.read_times == 2  # not again within five seconds: a store meets no storm either
    told = repr(source) + repr(source.credentials) + str(source.standing())
    assert "pw-first" not in told
    assert "pw-second" not in told
    await source.close()


async def test_a_lease_that_is_over_is_renewed_in_the_background_and_a_dead_store_changes_nothing(
    service: tuple[Service, str],
) -> None:
    kept, host = service
    store = Store()
    store.seconds = 0.05
    source = guarded(host, stores={"v": store}, token_secret="v:kv/data/x#token")
    store.secret = None
    await asyncio.sleep(0.06)
    assert not await source.refresh()
    assert await ask(source) == 3
    store.secret = "pw-second"
    async with keeping_fresh(Sources({SourceName("s"): source})):
        async with asyncio.timeout(10):
            while source.standing().reopened == 0:
                await asyncio.sleep(0.02)
    assert await ask(source) == 3
    assert kept.sent == ["Bearer pw-first", "Bearer pw-second"]
    with contextlib.suppress(SourceFailed):
        await source.health()
    await source.close()


# ------------------------------------------------------------------ a database
async def test_a_password_that_was_changed_in_the_database_is_taken_up_by_the_next_question() -> None:
    store = Store()
    with postgres_server() as server:
        url = write_postgresql(server)
        database = url.rpartition("/")[2]

        def address(password: str) -> str:
            return url.replace(f"tester:{server.password}", f"reader:{password}")

        with server.connect(database) as connection:
            connection.execute("CREATE ROLE reader LOGIN PASSWORD 'pw-first'")
            connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader")
        store.secret = address("pw-first")
        name, hands = SourceName("civil-db"), Hands()
        source = GuardedSource(
            name=name,
            kind="sql",
            resilience=Resilience(),
            credentials=Credentials(
                name=name, given={"url_secret": "v:kv/data/x#token"}, stores={"v": store}, monotonic=hands
            ),
            open_connector=lambda options: SqlConnector.open(name, options),
            monotonic=time.monotonic,
            clock=lambda: datetime(2026, 1, 1, tzinfo=UTC),
        )
        running = source.fetch(kit.make_fetch(columns=["id"], batch_rows=5))
        assert len(await anext(running)) == 5
        with server.connect(database) as connection:
            connection.execute("ALTER ROLE reader PASSWORD 'pw-second'")
        store.secret = address("pw-second")
        hands.now += 400  # the lease is over
        assert await source.refresh()
        assert await ask(source) == 40
        assert 5 + sum([len(batch) async for batch in running]) == 40  # with the old session, to its end
        with server.connect(database) as connection:
            connection.execute("ALTER ROLE reader PASSWORD 'pw-third'")
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'reader'")
        store.secret = address("pw-third")
        hands.now += 6  # within the lease: it is the refusal that makes it look
        assert await ask(source) == 40
        assert source.standing().reopened == 2
        assert source.standing().failed == 0
        await source.close()
