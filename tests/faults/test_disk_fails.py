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


async def struck(run: GatewayRun, faulty: Faulty, *, until_refused: bool = False) -> None:
    """The fault that was ordered was met, and is over; the gateway comes back.

    One that strikes once may have struck what nobody waited for: only one that lasts is sure to have someone refused.
    """
    if until_refused:
        await run.clients.until_status(503)
    await asyncio.to_thread(faulty.until_met)
    faulty.cancel()
    await asyncio.to_thread(run.gateway.until_ready)
    await run.clients.until_received(5)


async def test_whatever_fails_under_sqlite_nothing_leaves_that_is_not_logged(tmp_path: Path, faulty: Faulty) -> None:
    async with gateway_run(tmp_path / "house", environment=faulty.environment) as run:  # to start one takes longest
        await run.clients.until_received(10)
        await _the_journal_fails(run, faulty)
        await _the_journal_stays_broken(run, faulty)
        await _the_journal_is_slow(run, faulty)
        await _the_mark_fails(run, faulty)
    assert run.assert_good().unaccounted == 0
    assert run.clients.statuses[503] > 10


async def _the_journal_fails(run: GatewayRun, faulty: Faulty) -> None:
    for call, error, at in (
        *((Call.SYNC, IO_ERROR, at) for at in (1, 2, 5)),
        *((Call.WRITE, IO_ERROR, at) for at in (1, 2, 3, 8)),
        *((Call.WRITE, NO_SPACE, at) for at in (1, 4, 13)),
    ):
        faulty.order(Kind.FAIL, call, _WAL, at=at, error=error)
        await struck(run, faulty)
    for at in (1, 3):
        faulty.order(Kind.SHORT, Call.WRITE, _WAL, at=at)
        await struck(run, faulty)


async def _the_journal_stays_broken(run: GatewayRun, faulty: Faulty) -> None:
    """The gateway tries again all the while, and is red."""
    faulty.order(Kind.FAIL, Call.SYNC, _WAL, times=1_000_000)
    await run.clients.until_status(503)
    before = len(run.clients.received)
    for _ in range(2):
        met = faulty.met
        assert await asyncio.to_thread(run.gateway.readiness) == 503
        while faulty.met == met:
            await asyncio.sleep(0.02)
    assert len(run.clients.received) - before <= run.callers, "only what was durable before is still on its way"
    await struck(run, faulty)


async def _the_journal_is_slow(run: GatewayRun, faulty: Faulty) -> None:
    """In time, then beyond the deadline."""
    faulty.order(Kind.WAIT, Call.SYNC, _WAL, milliseconds=100, times=5)
    await asyncio.to_thread(faulty.until_met)
    await run.clients.until_received(5)
    faulty.order(Kind.WAIT, Call.SYNC, _WAL, milliseconds=3_000, times=1_000)
    await struck(run, faulty, until_refused=True)


async def _the_mark_fails(run: GatewayRun, faulty: Faulty) -> None:
    for call, error in ((Call.SYNC, IO_ERROR), (Call.WRITE, IO_ERROR), (Call.WRITE, NO_SPACE)):
        faulty.order(Kind.FAIL, call, _MARK, error=error, times=1_000)
        await struck(run, faulty, until_refused=True)
    faulty.order(Kind.SHORT, Call.WRITE, _MARK)
    await struck(run, faulty)


async def test_whatever_fails_under_postgresql_nothing_leaves_that_is_not_logged(
    tmp_path: Path, cluster: Cluster
) -> None:
    faulty = Faulty.built_in(cluster.home)
    cluster.start(faulty.environment)
    async with gateway_run(tmp_path / "house", cluster.server.fresh_database()) as run:
        await run.clients.until_received(10)
        for call, error, at in ((Call.SYNC, IO_ERROR, 1), (Call.WRITE, NO_SPACE, 2)):
            faulty.order(Kind.FAIL, call, "/pg_wal/", at=at, error=error)  # PostgreSQL panics, and starts anew
            await struck(run, faulty)
        faulty.order(Kind.SHORT, Call.WRITE, "/pg_wal/")
        await struck(run, faulty)
        faulty.order(Kind.WAIT, Call.SYNC, "/pg_wal/", milliseconds=3_500, times=1_000)
        await struck(run, faulty, until_refused=True)
    assert run.assert_good().unaccounted == 0
    faulty.close()
