"""The log's storage fails in earnest: locked, full, taken away, hung. Refused in time, and back without a restart."""

import asyncio
import os
import resource
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.audit import AuditLog
from gateway.errors import AuditUnavailable
from gateway.model.audit import AuditReceipt
from gateway.store import open_state
from gateway.store._log_postgresql import PostgresqlWriter
from gateway.store._log_sqlite import SqliteWriter
from tests.audit_logs import House, entry, house, open_log, released_are, until_ready
from tests.postgres_server import Server, postgres_server


@pytest.fixture
def home(tmp_path: Path) -> House:
    return house(tmp_path)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with postgres_server() as running:
        yield running


async def refused(log: AuditLog, count: int) -> float:
    """Seconds until all of `count` callers were refused."""
    began = time.monotonic()
    results = await asyncio.gather(*(log.append(entry(number)) for number in range(count)), return_exceptions=True)
    assert {type(result) for result in results} == {AuditUnavailable}
    return time.monotonic() - began


def take_away(file: Path, suffix: str) -> None:
    file.with_name(file.name + suffix).unlink()


LOCKER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.read()
"""


@contextmanager
def locked_by_another_process(file: Path) -> Iterator[None]:
    with subprocess.Popen(
        [sys.executable, "-c", LOCKER, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as locker:
        assert locker.stdout is not None
        assert locker.stdout.readline() == b"locked\n"
        yield
        locker.kill()


async def test_a_locked_database_is_refused_in_time_and_comes_back(home: House) -> None:
    async with open_log(home, batch=8) as log:
        await log.append(entry())
        with locked_by_another_process(home.file):
            # more than a batch: those in the queue must not be left hanging either
            assert await refused(log, 50) < 2.5
            assert not log.is_ready
            assert await refused(log, 5) < 0.1, "while it is down, nobody waits"
        await until_ready(log)
        receipt = await log.append(entry(1))
        assert log.entry(receipt.index) == entry(1)
    assert home.verify().is_sound


async def test_those_in_the_queue_are_refused_with_the_batch_that_failed_not_at_their_deadline(home: House) -> None:
    async with open_log(home, batch=8) as log:
        with sqlite3.connect(home.file) as beside:
            beside.execute("CREATE TRIGGER broken BEFORE UPDATE ON audit_head BEGIN SELECT RAISE(ABORT, 'no'); END")
        assert await refused(log, 50) < 1.0
        with sqlite3.connect(home.file) as beside:
            beside.execute("DROP TRIGGER broken")
        await until_ready(log)
    assert home.verify().is_sound


async def test_green_comes_only_after_a_durable_probe(home: House) -> None:
    async with open_log(home) as log:
        with locked_by_another_process(home.file):
            await refused(log, 1)
            await asyncio.sleep(0.5)  # until the write itself has failed
        await until_ready(log)
        kinds = [log.entry(index).kind for index in range(log.prove_receipt(0)["tree_size"])]  # type: ignore[call-overload]
        assert "probe" in kinds


async def test_a_limit_on_its_files_refuses_all_and_it_recovers_when_there_is_room(home: House) -> None:
    async with open_log(home) as log:
        await log.append(entry())
        writer = log._sequencer._store._writer
        assert isinstance(writer, SqliteWriter)
        # the process that writes, which is thrown away at the first failure
        resource.prlimit(writer.pid, resource.RLIMIT_FSIZE, (100_000, 100_000))
        results = await asyncio.gather(
            *(log.append(entry(number, detail="x" * 9_000)) for number in range(40)), return_exceptions=True
        )
        assert {type(result) for result in results} == {AuditUnavailable}
        await until_ready(log)
        assert isinstance(await log.append(entry(2)), AuditReceipt)
    found = home.verify()
    assert found.is_sound, found.text()


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A real file system with little room; mounted for this process alone needs root, which tests in CI have."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


async def test_a_full_disk_refuses_all_in_time_and_recovers_when_there_is_room(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "6m") as disk:
        home = house(disk)
        async with open_log(home) as log:
            await log.append(entry())
            filler = disk / "filler"
            room = os.statvfs(disk)
            with filler.open("wb") as file:
                file.write(b"\0" * (room.f_bavail * room.f_bsize))
            acknowledged: list[AuditReceipt] = []
            began = time.monotonic()
            while log.is_ready and time.monotonic() - began < 5:
                try:
                    acknowledged.append(await log.append(entry(len(acknowledged), detail="x" * 20_000)))
                except AuditUnavailable:
                    break
            assert time.monotonic() - began < 5
            assert not log.is_ready
            assert await refused(log, 20) < 2.5
            filler.unlink()
            await until_ready(log)
            receipt = await log.append(entry(1))
            for one in [*acknowledged, receipt]:
                assert log.prove_receipt(one.index)["leaf_hash"] == one.leaf_hash
        assert home.verify().is_sound


@pytest.mark.parametrize("at", range(1, 7))
async def test_whichever_statement_fails_nothing_of_the_batch_is_kept(home: House, at: int) -> None:
    """SQLite itself raises on the n-th row that is written to the log's tables."""
    state = open_state(home.url)
    async with open_log(home, state=state) as log:
        await asyncio.gather(*(log.append(entry(number)) for number in range(254)))
        with sqlite3.connect(home.file) as beside:
            beside.execute("CREATE TABLE fuse (burned INTEGER)")
            for table, event in (
                ("audit_head", "UPDATE"), ("audit_entry", "INSERT"),
                ("audit_tile", "INSERT"), ("audit_checkpoint", "INSERT"),
            ):  # fmt: skip
                beside.execute(
                    f"CREATE TRIGGER fuse_{table} BEFORE {event} ON {table} BEGIN INSERT INTO fuse VALUES (1);"
                    f" SELECT RAISE(ROLLBACK, 'fuse') WHERE (SELECT count(*) FROM fuse) = {at}; END"
                )
        results = await asyncio.gather(*(log.append(entry(number)) for number in range(3)), return_exceptions=True)
        kinds = {type(result) for result in results}
        assert kinds in ({AuditUnavailable}, {AuditReceipt})
        with sqlite3.connect(home.file) as beside:
            count = beside.execute("SELECT count(*) FROM audit_entry").fetchone()[0]
            for table in ("audit_head", "audit_entry", "audit_tile", "audit_checkpoint"):
                beside.execute(f"DROP TRIGGER fuse_{table}")
        assert count == (257 if kinds == {AuditReceipt} else 254)
        await until_ready(log)
        assert isinstance(await log.append(entry(7)), AuditReceipt)
    state.close()
    found = home.verify()
    assert found.is_sound, found.text()


@pytest.mark.parametrize("suffix", ["", "-wal"])
async def test_a_database_file_taken_away_under_the_gateway_is_noticed(home: House, suffix: str) -> None:
    async with open_log(home) as log:
        await log.append(entry())
        take_away(home.file, suffix)
        assert await refused(log, 3) < 2.5
        assert not log.is_ready
        await asyncio.sleep(0.5)
        assert not log.is_ready or suffix, "an empty log is not continued as if it were the old one"


async def test_an_older_database_put_in_place_while_it_runs_is_refused(home: House) -> None:
    async with open_log(home) as log:
        await log.append(entry())
    old = home.file.read_bytes()
    async with open_log(home) as log:
        await asyncio.gather(*(log.append(entry(number)) for number in range(30)))
        fresh = home.file.with_name("fresh.db")
        fresh.write_bytes(old)
        for suffix in ("-wal", "-shm"):
            take_away(home.file, suffix)
        fresh.replace(home.file)
        await refused(log, 3)
        await asyncio.sleep(0.6)
        assert not log.is_ready


def commits_take(server: Server, home: House, seconds: float) -> None:
    """Each of the log's from now on."""
    with server.connect(home.url.rpartition("/")[2]) as other:
        other.execute(
            "CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql"
            f" AS $$BEGIN PERFORM pg_sleep({seconds}); RETURN NULL; END$$"
        )
        other.execute(
            "CREATE CONSTRAINT TRIGGER late AFTER UPDATE ON audit_head"
            " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION late()"
        )


async def test_an_entry_that_became_durable_while_its_answer_was_lost_is_taken_back(
    tmp_path: Path, server: Server
) -> None:
    home = house(tmp_path, server.fresh_database())
    async with open_log(home) as log:
        await log.append(entry(0))
        writer = log._sequencer._store._writer
        assert isinstance(writer, PostgresqlWriter)
        commits_take(server, home, 0.3)  # else the answer may be here before anybody looks at the socket
        with socket.socket(fileno=os.dup(writer._libpq.socket)) as ours:
            ours.shutdown(socket.SHUT_RD)  # the statement goes out, and its answer can't come in
        assert await refused(log, 3) < 2.5
        await until_ready(log)
        await log.append(entry(9))
        kept = [log.entry(index).kind for index in range(9)]
        assert kept == ["read"] * 4 + ["probe"] + ["not-released"] * 3 + ["read"]
        released_are({0, 9}, log)
    found = home.verify()
    assert found.is_sound, found.text()


async def test_what_was_late_but_durable_does_not_turn_it_green_without_a_probe(tmp_path: Path, server: Server) -> None:
    home = house(tmp_path, server.fresh_database())
    async with open_log(home, deadline=0.8) as log:
        await log.append(entry(0))
        commits_take(server, home, 0.5)
        first = asyncio.create_task(log.append(entry(1)))
        while not log._in_flight:
            await asyncio.sleep(0)
        assert await refused(log, 3) < 1.0  # they waited for the first, and are on their way at their deadline
        await first
        await until_ready(log)
        with server.connect(home.url.rpartition("/")[2]) as other:
            other.execute("DROP TRIGGER late ON audit_head")
        await log.append(entry(9))
        kept = [log.entry(index).kind for index in range(10)]
        assert kept == ["read"] * 5 + ["probe"] + ["not-released"] * 3 + ["read"]
        assert [log.entry(index).refers_to for index in range(6, 9)] == [2, 3, 4]
    assert home.verify().is_sound


async def test_a_write_that_waits_beyond_the_deadline_is_given_up_with_its_process(home: House) -> None:
    async with open_log(home, deadline=0.3) as log:
        await log.append(entry(0))
        lock = sqlite3.connect(home.file, isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")
        assert await refused(log, 3) < 1.0
        await asyncio.sleep(0.2)
        lock.execute("ROLLBACK")
        lock.close()
        await until_ready(log)
        await log.append(entry(9))
        assert [log.entry(index).kind for index in range(3)] == ["read", "probe", "read"]
        released_are({0, 9}, log)
    assert home.verify().is_sound


async def test_what_has_to_be_taken_back_is_kept_over_a_failure(home: House) -> None:
    async with open_log(home) as log:
        told = await log.append(entry(0))
        with sqlite3.connect(home.file) as beside:
            beside.execute("CREATE TRIGGER broken BEFORE UPDATE ON audit_head BEGIN SELECT RAISE(ABORT, 'no'); END")
        log.take_back(entry(0), told, may_have_arrived=False)
        assert await refused(log, 1) < 1.0
        with sqlite3.connect(home.file) as beside:
            beside.execute("DROP TRIGGER broken")
        await until_ready(log)
        await log.append(entry(9))
        released_are({9}, log)
    assert home.verify().is_sound


async def test_a_server_that_became_forgetful_while_it_runs_is_not_written_to(tmp_path: Path, server: Server) -> None:
    home = house(tmp_path, server.fresh_database())
    name = home.url.rpartition("/")[2]
    async with open_log(home) as log:
        await log.append(entry())
        with server.connect() as other:
            other.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
            other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
            assert await refused(log, 2) < 2.5
            await asyncio.sleep(0.8)  # some tries
            assert not log.is_ready
            other.execute(f"ALTER DATABASE {name} RESET synchronous_commit")
            other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
        await until_ready(log)
        await log.append(entry(1))
    assert home.verify().is_sound


async def test_a_hung_server_is_refused_in_time_and_comes_back(tmp_path: Path, server: Server) -> None:
    home = house(tmp_path, server.fresh_database())
    async with open_log(home) as log:
        await log.append(entry())
        writer = log._sequencer._store._writer
        assert isinstance(writer, PostgresqlWriter)
        pid = writer._libpq.backend_pid
        os.kill(pid, signal.SIGSTOP)
        try:
            assert await refused(log, 10) < 2.5
            assert not log.is_ready
            assert await refused(log, 1) < 0.1
            await until_ready(log)  # by another connection: the one that hangs is given up
        finally:
            os.kill(pid, signal.SIGCONT)
        await log.append(entry(99))
        released_are({0, 99}, log)
    found = home.verify()
    assert found.is_sound, found.text()


async def test_a_connection_that_is_cut_fails_its_batch_and_comes_back(tmp_path: Path, server: Server) -> None:
    home = house(tmp_path, server.fresh_database())
    async with open_log(home) as log:
        for _ in range(2):
            await log.append(entry())
            with server.connect() as other:
                other.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                    (home.url.rpartition("/")[2],),
                )
            assert await refused(log, 5) < 2.5
            await until_ready(log)
    found = home.verify()
    assert found.is_sound, found.text()
