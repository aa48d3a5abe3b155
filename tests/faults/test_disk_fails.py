"""The disk fails on the n-th call: under SQLite, under PostgreSQL's WAL, under the high-water mark.

Whatever fails, clients receive only what is logged, and the gateway comes back by itself.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.faulty import IO_ERROR, NO_SPACE, Call, Faulty, Kind
from tests.faults.runs import GatewayRun, gateway_run
from tests.postgres_server import Cluster, postgres_cluster

_WAL = "langqiao.db-wal"
_MARK = "high-water"


@pytest.fixture
def faulty(tmp_path: Path) -> Iterator[Faulty]:
    made = Faulty.built_in(tmp_path)
    yield made
    made.close()


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with postgres_cluster() as made:
        yield made


async def struck(run: GatewayRun, faulty: Faulty, *, refuses: bool) -> None:
    """The fault that was ordered was met; where callers are refused for it, some were; then all is well again."""
    if refuses:
        await run.clients.until_status(503)
    await asyncio.to_thread(faulty.until_met)
    faulty.cancel()
    await asyncio.to_thread(run.gateway.until_ready)
    await run.clients.until_received(5)


async def test_whatever_fails_under_sqlite_nothing_leaves_that_is_not_logged(tmp_path: Path, faulty: Faulty) -> None:
    async with gateway_run(tmp_path / "house", environment=faulty.environment) as run:
        await run.clients.until_received(10)
        for call, error, at in (
            *((Call.SYNC, IO_ERROR, at) for at in (1, 2, 5)),
            *((Call.WRITE, IO_ERROR, at) for at in (1, 2, 3, 8)),
            *((Call.WRITE, NO_SPACE, at) for at in (1, 4, 13)),
        ):
            faulty.order(Kind.FAIL, call, _WAL, at=at, error=error)
            await struck(run, faulty, refuses=True)
        for at in (1, 3):
            faulty.order(Kind.SHORT, Call.WRITE, _WAL, at=at)
            await struck(run, faulty, refuses=False)
    assert run.assert_good().unaccounted == 0


async def test_a_disk_that_stays_broken_keeps_the_gateway_red(tmp_path: Path, faulty: Faulty) -> None:
    async with gateway_run(tmp_path / "house", environment=faulty.environment) as run:
        await run.clients.until_received(5)
        faulty.order(Kind.FAIL, Call.SYNC, _WAL, times=1_000_000)
        await run.clients.until_status(503)
        before = len(run.clients.received)
        for _ in range(3):  # it tries again all the while
            met = faulty.met
            assert await asyncio.to_thread(run.gateway.readiness) == 503
            while faulty.met == met:
                await asyncio.sleep(0.02)
        assert len(run.clients.received) - before <= run.callers, "only what was durable before is still on its way"
        await struck(run, faulty, refuses=False)
    assert run.assert_good().unaccounted == 0


async def test_a_sync_that_takes_longer_than_the_deadline_releases_nothing(tmp_path: Path, faulty: Faulty) -> None:
    async with gateway_run(tmp_path / "house", environment=faulty.environment) as run:
        await run.clients.until_received(5)
        faulty.order(Kind.WAIT, Call.SYNC, _WAL, milliseconds=100, times=10)  # slow, and in time
        await asyncio.to_thread(faulty.until_met)
        await run.clients.until_received(5)
        faulty.order(Kind.WAIT, Call.SYNC, _WAL, milliseconds=3_000)
        await struck(run, faulty, refuses=True)
    assert run.assert_good().unaccounted == 0


async def test_a_high_water_mark_that_cannot_be_written_refuses_and_comes_back(tmp_path: Path, faulty: Faulty) -> None:
    async with gateway_run(tmp_path / "house", environment=faulty.environment) as run:
        await run.clients.until_received(5)
        for call, error in ((Call.SYNC, IO_ERROR), (Call.WRITE, IO_ERROR), (Call.WRITE, NO_SPACE)):
            faulty.order(Kind.FAIL, call, _MARK, error=error, times=3)
            await struck(run, faulty, refuses=True)
        faulty.order(Kind.SHORT, Call.WRITE, _MARK)
        await struck(run, faulty, refuses=False)
    assert run.assert_good().unaccounted == 0


async def test_whatever_fails_under_postgresql_nothing_leaves_that_is_not_logged(
    tmp_path: Path, cluster: Cluster
) -> None:
    faulty = Faulty.built_in(cluster.home)
    cluster.start(faulty.environment)
    async with gateway_run(tmp_path / "house", cluster.server.fresh_database()) as run:
        await run.clients.until_received(10)
        for call, error, at in ((Call.SYNC, IO_ERROR, 1), (Call.SYNC, IO_ERROR, 3), (Call.WRITE, NO_SPACE, 2)):
            faulty.order(Kind.FAIL, call, "/pg_wal/", at=at, error=error)  # PostgreSQL panics, and starts anew
            await struck(run, faulty, refuses=True)
        faulty.order(Kind.SHORT, Call.WRITE, "/pg_wal/")
        await struck(run, faulty, refuses=False)
        faulty.order(Kind.WAIT, Call.SYNC, "/pg_wal/", milliseconds=3_500, times=1_000)
        await struck(run, faulty, refuses=True)
    assert run.assert_good().unaccounted == 0
    faulty.close()
