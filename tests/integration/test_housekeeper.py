"""The process that keeps house beside `langqiao serve`: it indexes and looks, and comes and goes with who serves."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from gateway.app import utc_now
from gateway.demo.prepare import Demo
from gateway.store import State, open_state, reading_index
from tests.process_tree import is_alive, processes_of
from tests.town import Town, build, town_at

PATIENCE_SECONDS = 60.0
ENTRIES = 1_100  # a segment of the index is of 1,024
REFUSED = "/data/public-security.resident?select=name&phone=eq.13800000000"


@pytest.fixture
def demo(tmp_path: Path, city: Demo) -> Demo:
    made = build(tmp_path / "town", city=city.folder / "city")
    text = made.settings.read_text(encoding="utf-8")
    made.settings.write_text(text.replace("watch_seconds = 0\n", "watch_seconds = 0.2\n"), encoding="utf-8")
    return made


@contextmanager
def serving(demo: Demo, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("ab") as told:
        process = subprocess.Popen(
            [sys.executable, "-m", "gateway.cli", "serve", "--settings", str(demo.settings)],
            stdout=told,
            stderr=told,
            start_new_session=True,
        )
    try:
        until(lambda: is_ready(demo))
        yield process
    finally:
        process.terminate()
        process.wait(30)


def until(holds: Callable[[], object]) -> None:
    give_up = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < give_up, "it did not come about"
        time.sleep(0.05)


def is_ready(demo: Demo) -> bool:
    try:
        return httpx2.get(f"http://127.0.0.1:{demo.port}/readyz", trust_env=False, timeout=5).status_code == 200
    except httpx2.TransportError:
        return False


def keeper_of(process: subprocess.Popen[bytes]) -> int | None:
    found = [pid for pid, command in processes_of(process.pid).items() if "gateway.cli.housekeeper" in command]
    assert len(found) <= 1
    return found[0] if found else None


def indexed(state: State) -> int:
    with reading_index(state) as reader:
        return sum(row.size for row in reader.segments())


def flags(town: Town) -> list[str]:
    return [str(entry["detail"]) for entry in town.entries() if entry["kind"] == "flag"]


def refused(town: Town, times: int) -> None:
    headers = town.headers("grid-worker", "home-visit")
    with httpx2.Client(base_url=town.url, timeout=30, trust_env=False) as client:
        for _ in range(times):
            assert client.get(REFUSED, headers=headers).status_code in {400, 401, 403, 404}


def test_it_indexes_and_looks_and_is_begun_again_and_ends_with_the_gateway(demo: Demo, tmp_path: Path) -> None:
    with serving(demo, tmp_path / "log") as process:
        town = town_at(demo, utc_now())
        state = open_state(f"sqlite:///{town.log}")
        try:
            until(lambda: keeper_of(process) is not None)
            refused(town, 40)
            # found by the one, written by the other: each once
            until(lambda: any("refusals" in detail for detail in flags(town)))
            until(lambda: any("opened: flag" in str(entry["detail"]) for entry in town.entries()))
            # another is begun in its place, and goes on where it was
            first = keeper_of(process)
            assert first is not None
            os.kill(first, signal.SIGKILL)
            until(lambda: keeper_of(process) not in {None, first})
            refused(town, ENTRIES)
            until(lambda: indexed(state) >= 1_024)
        finally:
            state.close()
        keeper = keeper_of(process)
        assert keeper is not None
    until(lambda: not is_alive(keeper))
    told = (tmp_path / "log").read_bytes()
    assert b"Traceback" not in told
    assert told.count(b"housekeeper died") == 1


def test_it_does_not_outlive_a_gateway_that_is_killed(demo: Demo, tmp_path: Path) -> None:
    with serving(demo, tmp_path / "log") as process:
        until(lambda: keeper_of(process) is not None)
        keeper = keeper_of(process)
        process.kill()
        assert keeper is not None
        until(lambda: not is_alive(keeper))


def test_an_interrupt_that_reaches_all_ends_both_in_order(demo: Demo, tmp_path: Path) -> None:
    with serving(demo, tmp_path / "log") as process:
        until(lambda: keeper_of(process) is not None)
        keeper = keeper_of(process)
        assert keeper is not None
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        assert process.wait(30) == 0
        until(lambda: not is_alive(keeper))
    assert b"Traceback" not in (tmp_path / "log").read_bytes()
    assert b"housekeeper died" not in (tmp_path / "log").read_bytes()
