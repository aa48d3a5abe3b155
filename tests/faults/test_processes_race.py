"""Four processes write one log, and the one that holds its head is stopped: one history, none of it lost, no fork."""

import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.audit_logs import house
from tests.faults.gateway_process import PATIENCE_SECONDS
from tests.faults.oracle import Oracle, Received
from tests.faults.runs import Appender, appending, engine_house
from tests.postgres_server import Server, postgres_server

_PROCESSES, _CALLERS = 4, 8


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with postgres_server() as running:
        yield running


def replicas(folder: Path, url: str | None, count: int) -> tuple[list[Appender], Oracle]:
    """Appenders to one log, each with a high-water mark of its own, and known to the server by its number."""
    first, oracle = engine_house(folder / "house", url)
    homes = [first]
    for number in range(1, count):
        shutil.copytree(first.folder / "keys", folder / f"replica-{number}" / "keys")
        homes.append(house(folder / f"replica-{number}", first.url))
    appenders = [
        Appender(home, _CALLERS, environment={"PGAPPNAME": f"appender-{number}"}) for number, home in enumerate(homes)
    ]
    return appenders, oracle


def judged(appenders: list[Appender], oracle: Oracle, folder: Path) -> None:
    """Of the killed appenders each may leave what was in flight, and nothing more."""
    each: list[list[Received]] = [one.receipts() for one in appenders]
    assert all(each), "one of them starved"
    for receipts in each:
        oracle.received(receipts)
    verdict = oracle.judge(folder / "judged")
    assert verdict.is_good, verdict.faults
    assert verdict.unaccounted <= len(appenders) * _CALLERS


def holds_the_head(connection: psycopg.Connection[Any], name: str) -> bool:
    """Whether a stopped appender stopped between its lock and its commit."""
    found = connection.execute(
        "SELECT 1 FROM pg_stat_activity WHERE application_name = %s AND state = 'idle in transaction'", (name,)
    )
    return found.fetchone() is not None


def stop_while_it_holds_the_head(appenders: list[Appender], connection: psycopg.Connection[Any]) -> Appender:
    end, turn = time.monotonic() + PATIENCE_SECONDS, 0
    while time.monotonic() < end:
        number = turn % len(appenders)
        turn += 1
        appenders[number].signal(signal.SIGSTOP)
        time.sleep(0.01)  # until what it had sent has arrived
        if holds_the_head(connection, f"appender-{number}"):
            return appenders[number]
        appenders[number].signal(signal.SIGCONT)
        time.sleep(0.003)
    msg = "none was ever stopped while it held the head"
    raise AssertionError(msg)


def test_on_postgresql_whoever_is_stopped_with_the_head_in_hand_is_fenced_off(tmp_path: Path, server: Server) -> None:
    appenders, oracle = replicas(tmp_path, server.fresh_database(), _PROCESSES)
    with appending(*appenders), server.connect() as connection:
        for one in appenders:
            one.until_appended(20)
        for _ in range(2):
            stopped = stop_while_it_holds_the_head(appenders, connection)
            for one in appenders:
                if one is not stopped:
                    one.until_appended(20)  # the server takes the head from it
            stopped.signal(signal.SIGCONT)
            stopped.until_appended(20)
    judged(appenders, oracle, tmp_path)


def test_on_sqlite_one_that_is_stopped_holds_nobody_up_for_good(tmp_path: Path) -> None:
    appenders, oracle = replicas(tmp_path, None, 2)
    with appending(*appenders):
        for one in appenders:
            one.until_appended(20)
        appenders[0].signal(signal.SIGSTOP)
        time.sleep(0.3)
        appenders[0].signal(signal.SIGCONT)
        for one in appenders:
            one.until_appended(20)
    judged(appenders, oracle, tmp_path)
