"""Batches that the event loop itself sends: large ones, late ones, given up ones, overtaken ones."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import pytest
import uvloop

from gateway.audit import AuditLog
from gateway.audit.sequencer import Sequencer
from gateway.errors import AuditUnavailable
from gateway.store._log_postgresql import PostgresqlWriter
from gateway.store._log_sqlite import SqliteWriter
from tests.audit_logs import House, entry, house, open_log
from tests.postgres_server import Server, postgres_server

Writer = PostgresqlWriter | SqliteWriter


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with postgres_server() as running:
        yield running


@pytest.fixture(params=["postgresql", "sqlite"])
def home(request: pytest.FixtureRequest, tmp_path: Path, server: Server) -> House:
    return house(tmp_path, server.fresh_database() if request.param == "postgresql" else None)


@asynccontextmanager
async def sending(home: House, *, deadline: float = 2.0) -> AsyncIterator[tuple[AuditLog, Writer]]:
    """A log whose next batch goes out from the loop: its connection is open, and no other replica writes."""
    async with open_log(home, deadline=deadline) as log:
        await log.append(entry(0))
        writer = log._sequencer._store._writer
        assert isinstance(writer, (PostgresqlWriter, SqliteWriter))
        assert log._sequencer._store.can_send
        yield log, writer


@contextmanager
def stopped(writer: Writer) -> Iterator[None]:
    """The server's process, or the one beside this, hangs meanwhile."""
    pid = writer.pid if isinstance(writer, SqliteWriter) else writer._libpq.backend_pid
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


async def _large(home: House) -> None:
    async with sending(home, deadline=20) as (log, _):
        entries = [entry(number, detail=f"{number:04d}" * 10_000) for number in range(200)]
        before = log._sequencer.seen_size
        receipts = await log.append_all(entries)
        assert [receipt.index for receipt in receipts] == list(range(before, before + 200))
        small = await asyncio.gather(*(log.append(entry(number)) for number in range(50)))
        assert sorted(receipt.index for receipt in small) == list(range(before + 200, before + 250))


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_a_batch_that_no_socket_takes_at_once_arrives_whole(home: House, run: object) -> None:
    assert callable(run)
    run(_large(home))  # eight megabytes
    assert home.verify().is_sound


async def test_closing_waits_no_longer_than_the_deadline_for_a_server_that_hangs(home: House) -> None:
    async with sending(home, deadline=0.5) as (log, writer):
        with stopped(writer):
            waiting = asyncio.create_task(log.append(entry(1)))
            while not log._in_flight:
                await asyncio.sleep(0)
            began = time.monotonic()
            await log.close()
            assert time.monotonic() - began < 2.5
            with pytest.raises(AuditUnavailable):
                await waiting
    assert home.verify().is_sound


async def test_an_answer_that_comes_after_its_deadline_is_no_receipt_for_the_next(home: House) -> None:
    async with sending(home, deadline=0.4) as (log, writer):
        with stopped(writer):
            with pytest.raises(AuditUnavailable):
                await log.append(entry(1))
            assert not log.is_ready
        async with asyncio.timeout(8):
            while not log.is_ready:
                await asyncio.sleep(0.02)
        receipt = await log.append(entry(2))
        assert log.entry(receipt.index).trace_id == f"{2:032x}"
        kept = [log.entry(index) for index in range(receipt.index + 1)]
        late = [index for index, one in enumerate(kept) if one.trace_id == f"{1:032x}" and one.kind == "read"]
        # durable after all or not: what was refused is not told as released
        assert [one.refers_to for one in kept if one.kind == "not-released"] == late
    assert home.verify().is_sound


async def test_a_caller_that_leaves_while_its_batch_is_under_way_is_answered_for(home: House) -> None:
    async with sending(home) as (log, writer):
        with stopped(writer):
            task = asyncio.create_task(log.append(entry(1)))
            while not log._in_flight:
                await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        await log.append(entry(2))
        async with asyncio.timeout(8):
            while log._waiting or log._in_flight:
                await asyncio.sleep(0.01)
        size = log.prove_receipt(0)["tree_size"]
        assert isinstance(size, int)
        kept = [log.entry(index) for index in range(size)]
        (left,) = [index for index, one in enumerate(kept) if one.trace_id == f"{1:032x}" and one.kind == "read"]
        assert [one.refers_to for one in kept if one.kind == "not-released"] == [left]
    assert home.verify().is_sound


async def test_a_batch_that_another_replica_overtook_is_written_behind_it(home: House) -> None:
    async with sending(home) as (one, _), open_log(home.replica()) as other:
        for turn in range(5):
            theirs = await other.append(entry(100 + turn))
            ours = await one.append(entry(200 + turn))  # its edge is an entry behind
            assert ours.index == theirs.index + 1
    found = home.verify()
    assert found.is_sound, found.text()


async def test_neither_of_two_replicas_waits_in_a_thread_while_they_take_turns(home: House) -> None:
    async with sending(home) as (one, _), sending(home.replica()) as (other, _):
        blocked = []

        def append(self: Sequencer, entries: object) -> None:
            blocked.append((self, entries))

        with pytest.MonkeyPatch.context() as watched:
            watched.setattr(Sequencer, "append", append)
            each = [log.append(entry(number)) for number in range(60) for log in (one, other)]
            receipts = await asyncio.gather(*each)
    assert sorted(receipt.index for receipt in receipts) == list(range(2, 122))
    assert not blocked
    assert home.verify().is_sound


async def test_a_server_that_hangs_with_the_head_in_hand_is_given_up(home: House) -> None:
    """The next batch has to wait for the head: nothing is known of it until a probe is durable."""
    async with sending(home, deadline=0.4) as (log, writer), open_log(home.replica()) as other:
        await other.append(entry(100))
        await log.append(entry(1))  # behind the other: from now on the head is held first
        with stopped(writer):
            with pytest.raises(AuditUnavailable):
                await log.append(entry(2))
            assert not log.is_ready
        async with asyncio.timeout(8):
            while not log.is_ready:
                await asyncio.sleep(0.02)
        await asyncio.gather(log.append(entry(3)), other.append(entry(103)))
    found = home.verify()
    assert found.is_sound, found.text()
