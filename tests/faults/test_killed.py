"""kill -9 at random moments under load: the gateway, PostgreSQL with all its backends, a process within its sync."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.faulty import Call, Faulty, Kind
from tests.faults.runs import Appender, appending, engine_house, gateway_run
from tests.postgres_server import Cluster, postgres_cluster


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with postgres_cluster() as made:
        made.start()
        yield made


async def test_a_gateway_on_sqlite_that_is_killed_has_logged_all_that_clients_received(tmp_path: Path) -> None:
    async with gateway_run(tmp_path / "house") as run:
        await run.clients.until_received(60)
        await asyncio.to_thread(run.kill_gateway)
        await asyncio.to_thread(run.gateway.start)
        await run.clients.until_received(20)
    run.assert_good()


async def test_a_gateway_and_a_postgresql_that_are_killed_in_turn(tmp_path: Path, cluster: Cluster) -> None:
    async with gateway_run(tmp_path / "house", cluster.server.fresh_database()) as run:
        for more in (40, 15):
            await run.clients.until_received(more)
            await asyncio.to_thread(cluster.kill)
            await asyncio.to_thread(cluster.start)
            await asyncio.to_thread(run.gateway.until_ready)
        await run.clients.until_received(30)
        await asyncio.to_thread(run.kill_gateway)
        await asyncio.to_thread(run.gateway.start)
        await run.clients.until_received(10)
    run.assert_good()


def test_an_engine_that_is_killed_at_full_speed_loses_nothing(tmp_path: Path) -> None:
    home, oracle = engine_house(tmp_path / "house")
    appender = Appender(home, callers=32)
    for seconds in (0.0, 0.2):
        with appending(appender):
            appender.until_appended()
            time.sleep(seconds)
        oracle.received(appender.receipts())
        oracle.look()
    verdict = oracle.judge(tmp_path / "judged")
    assert verdict.is_good, verdict.faults
    assert verdict.unaccounted <= 2 * 32


def test_a_process_that_ends_within_its_sync_loses_nothing(tmp_path: Path) -> None:
    """Mostly the one beside the engine, which then begins another; sometimes the engine, as it folds the journal in."""
    faulty = Faulty.built_in(tmp_path)
    home, oracle = engine_house(tmp_path / "house")
    appender = Appender(home, callers=16, environment=faulty.environment)
    for at in (1, 2, 7):
        with appending(appender):
            appender.until_appended(20)
            faulty.order(Kind.END, Call.SYNC, "log.db", at=at)
            faulty.until_met()
            assert faulty.met == 1
            faulty.cancel()
            if appender.goes_on():
                appender.until_appended(20)
    oracle.received(appender.receipts())
    verdict = oracle.judge(tmp_path / "judged")
    assert verdict.is_good, verdict.faults
    assert verdict.unaccounted <= 3 * 16
    faulty.close()
