"""A gateway as a process of its own, to be killed: started, watched until it is ready, killed."""

import http.client
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.faults.canary_house import CanaryHouse

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 60.0  # of a machine that is busy; nothing waits so long on a quiet one


class GatewayProcess:
    """`langqiao serve` of one house."""

    def __init__(self, home: CanaryHouse, environment: Mapping[str, str] | None = None) -> None:
        self._home = home
        self._environment = {**os.environ, **(environment or {})}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns when it is ready."""
        with (self._home.folder / "serve.log").open("ab") as told:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "gateway.cli", "serve", "--settings", str(self._home.settings)],
                cwd=ROOT, env=self._environment, stdout=told, stderr=told,
            )  # fmt: skip
        self.until_ready()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def until_ready(self) -> None:
        end = time.monotonic() + PATIENCE_SECONDS
        while self.readiness() != 200:
            if not self.is_running() or time.monotonic() > end:
                msg = f"not ready: {(self._home.folder / 'serve.log').read_text()[-2_000:]}"
                raise AssertionError(msg)
            time.sleep(0.02)

    def readiness(self) -> int:
        """The status of /readyz; 0 where nobody answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self._home.port, timeout=PATIENCE_SECONDS)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()

    def kill(self) -> None:
        """With SIGKILL; returns when it is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(PATIENCE_SECONDS)

    def wait(self) -> int:
        """Its exit status, where it ends by itself."""
        assert self._process is not None
        return self._process.wait(PATIENCE_SECONDS)


@contextmanager
def gateway_process(home: CanaryHouse, environment: Mapping[str, str] | None = None) -> Iterator[GatewayProcess]:
    """A ready gateway while the block runs."""
    process = GatewayProcess(home, environment)
    try:
        process.start()
        yield process
    finally:
        process.kill()
