"""A run: a log, whoever writes to it, and the oracle that judges it at the end. For the suite and for the soak.

Two kinds of writers: a whole gateway with clients over HTTP, and processes that hold only the log's engine and append
as fast as it takes them (receipts by the million).
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from tests.audit_logs import House, house
from tests.faults.asking import Clients
from tests.faults.canary_house import CanaryHouse, build_canary_house
from tests.faults.gateway_process import PATIENCE_SECONDS, ROOT, GatewayProcess, gateway_process
from tests.faults.oracle import LogAddress, Oracle, Received, Verdict


@dataclass(slots=True, kw_only=True)
class GatewayRun:
    """A served gateway, its clients and the oracle."""

    home: CanaryHouse
    gateway: GatewayProcess
    clients: Clients
    oracle: Oracle
    callers: int
    kills: int = 0  # of the gateway: each may leave what was in flight

    def kill_gateway(self) -> None:
        self.gateway.kill()
        self.kills += 1

    def judge(self) -> Verdict:
        """After the clients have ended."""
        self.oracle.received(self.clients.received)
        for note in self.clients.notes:
            self.oracle.saw(note)
        return with_leaks(self.oracle.judge(self.home.folder / "judged"), self.clients.leaks)

    def assert_good(self) -> Verdict:
        verdict = self.judge()
        assert verdict.is_good, verdict.faults
        assert verdict.acknowledged
        assert verdict.unaccounted <= self.kills * self.callers, "more than was in flight was logged and not received"
        return verdict


def with_leaks(verdict: Verdict, leaks: list[str]) -> Verdict:
    return replace(verdict, faults=[*verdict.faults, *leaks])


@asynccontextmanager
async def gateway_run(
    folder: Path, url: str | None = None, *, callers: int = 8, environment: Mapping[str, str] | None = None
) -> AsyncIterator[GatewayRun]:
    """Clients ask while the block runs; the gateway is ready at its start and at its end."""
    home = build_canary_house(folder, url)
    log = LogAddress(
        url=home.url, vkey=home.vkey(), opener=home.opener, high_water=home.folder / "mark" / "high-water.json"
    )
    clients = Clients(home, callers)
    with gateway_process(home, environment) as gateway:
        async with clients.asking():
            yield GatewayRun(home=home, gateway=gateway, clients=clients, oracle=Oracle(log), callers=callers)


class Appender:
    """A process that appends to a house's log; its receipts are in a file that outlives it."""

    def __init__(self, home: House, callers: int, environment: Mapping[str, str] | None = None) -> None:
        self._home = home
        self._callers = callers
        self._file = home.folder / "receipts"
        self._file.touch()
        self._read = 0
        self._environment = {**os.environ, **(environment or {})}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self._home.folder / "told").open("ab") as told:
            self._process = subprocess.Popen(
                [
                    sys.executable, "-m", "tests.faults.audit_child", str(self._home.folder), self._home.url,
                    str(self._callers), str(self._file),
                ],
                cwd=ROOT, env=self._environment, stdout=told, stderr=told,
            )  # fmt: skip

    def until_appended(self, more: int = 1) -> None:
        """Wait until so many more receipts are there."""
        wanted = self._file.stat().st_size + more * 150  # bytes a line, about
        end = time.monotonic() + PATIENCE_SECONDS
        while self._file.stat().st_size < wanted:
            assert self._process is not None
            if self._process.poll() is not None or time.monotonic() > end:
                told = (self._home.folder / "told").read_text(encoding="utf-8")[-2_000:]
                msg = f"it appended nothing more; exit status {self._process.poll()}; {told}"
                raise AssertionError(msg)
            time.sleep(0.005)

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(PATIENCE_SECONDS)

    def goes_on(self) -> bool:
        """Whether it did not end with whatever ended."""
        assert self._process is not None
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(0.2)
            return False
        return True

    def receipts(self) -> list[Received]:
        """Those that were written since the last look."""
        with self._file.open("rb") as file:
            file.seek(self._read)
            whole, _, _ = file.read().rpartition(b"\n")
        self._read += len(whole) + 1 if whole else 0
        return [_receipt(line) for line in whole.decode().split("\n") if line]


def _receipt(line: str) -> Received:
    index, leaf, answer, began, ended = line.split(" ")
    return Received(
        index=int(index), leaf=leaf, hashes=(answer,), rows=0, is_long=False, began=int(began), ended=int(ended)
    )


def engine_house(folder: Path, url: str | None = None) -> tuple[House, Oracle]:
    """A log without a gateway, and its oracle."""
    folder.mkdir(exist_ok=True)
    home = house(folder, url)
    log = LogAddress(url=home.url, vkey=home.signer.vkey, high_water=home.high_water)
    return home, Oracle(log)


@contextmanager
def appending(*appenders: Appender) -> Iterator[None]:
    """They run while the block does."""
    try:
        for one in appenders:
            one.start()
        yield
    finally:
        for one in appenders:
            one.kill()
