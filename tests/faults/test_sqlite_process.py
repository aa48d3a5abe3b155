"""The process beside a gateway that writes SQLite: killed, told to end, left alone."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gateway.errors import AuditUnavailable
from gateway.store._log_sqlite import SqliteWriter
from tests.audit_logs import House, entry, house, open_log, released_are, until_ready


@pytest.fixture
def home(tmp_path: Path) -> House:
    return house(tmp_path)


def is_running(pid: int) -> bool:
    """Whether there is such a process that has not ended."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


async def test_a_process_beside_that_is_killed_again_and_again_loses_nothing(home: House) -> None:
    acknowledged: set[int] = set()
    async with open_log(home) as log:
        await log.append(entry(0))
        acknowledged.add(0)
        numbers = iter(range(1, 1_000_000))
        over = asyncio.Event()

        async def caller() -> None:
            while not over.is_set():
                number = next(numbers)
                try:
                    await log.append(entry(number))
                except AuditUnavailable:
                    await asyncio.sleep(0.01)
                else:
                    acknowledged.add(number)

        callers = [asyncio.create_task(caller()) for _ in range(16)]
        for kill in range(5):
            before = len(acknowledged)
            while len(acknowledged) < before + 50 + 7 * kill:
                await asyncio.sleep(0.001)
            writer = log._sequencer._store._writer
            assert isinstance(writer, SqliteWriter)
            os.kill(writer.pid, signal.SIGKILL)
            while log.is_ready:
                await asyncio.sleep(0.001)
            await until_ready(log)
        over.set()
        await asyncio.gather(*callers)
        await log.append(entry(0))  # behind whatever was taken back
        released_are(acknowledged, log)
    found = home.verify()
    assert found.is_sound, found.text()


async def test_whatever_ends_a_service_or_a_terminal_leaves_it_to_the_gateway(home: House) -> None:
    async with open_log(home) as log:
        writer = log._sequencer._store._writer
        assert isinstance(writer, SqliteWriter)
        assert os.getsid(writer.pid) == writer.pid, "a terminal's interrupt does not go to it"
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            os.kill(writer.pid, number)
        receipts = await asyncio.gather(*(log.append(entry(at)) for at in range(50)))
        assert sorted(receipt.index for receipt in receipts) == list(range(50))
        assert log._sequencer._store._writer is writer, "the very same"
    assert not is_running(writer.pid)


HOLDER = """
import asyncio, sys
from pathlib import Path
from tests.audit_logs import entry, house, open_log

async def hold():
    async with open_log(house(Path(sys.argv[1]), sys.argv[2])) as log:
        await log.append(entry(0))
        print(log._sequencer._store._writer.pid, flush=True)
        await asyncio.sleep(600)

asyncio.run(hold())
"""


def test_a_process_beside_ends_with_the_gateway_that_is_killed(home: House) -> None:
    command = [sys.executable, "-c", HOLDER, str(home.folder), home.url]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as gateway:
        assert gateway.stdout is not None
        pid = int(gateway.stdout.readline())
        assert is_running(pid)
        gateway.kill()
    give_up = time.monotonic() + 5
    while is_running(pid):
        assert time.monotonic() < give_up
        time.sleep(0.01)
    assert home.verify().is_sound
