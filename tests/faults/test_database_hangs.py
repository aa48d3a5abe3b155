"""A database that hangs: refused with 503 while it hangs, nothing released, and green only after a durable probe."""

import asyncio
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from gateway.store import State, open_state
from tests.faults.oracle import rows_of
from tests.faults.runs import gateway_run
from tests.postgres_server import Cluster, postgres_cluster


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with postgres_cluster() as made:
        made.start()
        yield made


async def test_while_all_of_postgresql_hangs_everyone_is_refused(tmp_path: Path, cluster: Cluster) -> None:
    async with gateway_run(tmp_path / "house", cluster.server.fresh_database()) as run:
        await run.clients.until_received(10)
        cluster.signal(signal.SIGSTOP)
        stopped = time.monotonic_ns()
        try:
            await run.clients.until_status(503)
            assert await asyncio.to_thread(run.gateway.readiness) == 503
            await run.clients.until_status(503)
            assert not [one for one in run.clients.received if one.began > stopped]
        finally:
            cluster.signal(signal.SIGCONT)
        await asyncio.to_thread(run.gateway.until_ready)
        await run.clients.until_received(10)
    assert run.assert_good().unaccounted == 0
    kinds = [orjson.loads(body)["kind"] for _, _, body in rows_of(run.home.url)]
    assert "probe" in kinds


def asked(state: State) -> bool:
    with state.reading() as connection:
        return bool(connection.execute(text("SELECT 1")).scalar_one())


def test_a_server_that_hangs_is_given_up_by_whoever_asks_it(cluster: Cluster) -> None:
    state = open_state(cluster.server.fresh_database())
    try:
        assert asked(state)
        cluster.signal(signal.SIGSTOP)
        with pytest.raises(SQLAlchemyError):
            asked(state)
        with pytest.raises(SQLAlchemyError):
            asked(state)  # nor does a new connection wait for ever
        cluster.signal(signal.SIGCONT)
        assert asked(state)
    finally:
        cluster.signal(signal.SIGCONT)
        state.close()
