"""kill -9 at random moments: every acknowledged entry is there, the log verifies, and it goes on."""

import asyncio
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.audit_logs import House, entry, house, open_log
from tests.postgres_server import Server, postgres_server

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with postgres_server() as running:
        yield running


def acknowledged_until_killed(home: House, seconds: float) -> dict[int, str]:
    """Run a child, kill it after its first receipts and some time, and read what it was told."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.faults.audit_child", str(home.folder), home.url], cwd=ROOT, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        first = child.stdout.readline()
        assert first, "the child never appended"
        time.sleep(seconds)
        child.kill()
        lines = [first, *child.stdout.readlines()]
    whole = [line.decode().split() for line in lines if line.endswith(b"\n")]
    return {int(index): leaf for index, leaf in whole}


def stored(home: House) -> dict[int, str]:
    if home.url.startswith("sqlite"):
        with sqlite3.connect(home.file) as beside:
            rows = beside.execute("SELECT idx, leaf FROM audit_entry").fetchall()
    else:
        with psycopg.connect(home.url.replace("+psycopg", "")) as connection:
            rows = connection.execute("SELECT idx, leaf FROM audit_entry").fetchall()
    return {index: bytes(leaf).hex() for index, leaf in rows}


def check_trials(home: House, moments: tuple[float, ...]) -> None:
    acknowledged: dict[int, str] = {}
    for seconds in moments:
        told = acknowledged_until_killed(home, seconds)
        assert not told.keys() & acknowledged.keys(), "an index was given twice"
        acknowledged |= told
        found = home.verify()
        assert found.is_sound, found.text()
        kept = stored(home)
        assert acknowledged.items() <= kept.items()
        assert sorted(kept) == list(range(len(kept)))

    async def go_on() -> None:
        async with open_log(home) as log:
            assert (await log.append(entry())).index == len(stored(home)) - 1

    asyncio.run(go_on())
    assert home.verify().is_sound


def test_on_sqlite_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    check_trials(house(tmp_path), (0.0, 0.03, 0.11, 0.23, 0.4))


def test_on_postgresql_nothing_acknowledged_is_lost(tmp_path: Path, server: Server) -> None:
    check_trials(house(tmp_path, server.fresh_database()), (0.01, 0.2))
