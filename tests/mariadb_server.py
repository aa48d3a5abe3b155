"""A real MariaDB for tests: Debian's binaries, on a loopback port, thrown away after.

As root the server runs under the user `nobody`, for MariaDB refuses to run as root. Its general log, which holds every
statement as it came, is a file that tests may read.
"""

import asyncio
import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncmy

_NOBODY = 65534
_INSTALLS = 3
_PATIENCE_SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class MariadbServer:
    """A running server; each test takes a database of its own."""

    port: int
    password: str
    general_log: Path

    def url(self, database: str, user: str = "tester") -> str:
        return f"mysql://{user}:{self.password}@127.0.0.1:{self.port}/{database}"

    def run(self, *statements: tuple[str, Sequence[Any]] | str, database: str = "mysql") -> list[tuple[Any, ...]]:
        """Run statements as the administrator; gives the rows of the last."""
        with ThreadPoolExecutor(1) as threads:  # a test may have an event loop of its own
            return threads.submit(lambda: asyncio.run(self._run(statements, database))).result()

    async def _run(self, statements: Sequence[tuple[str, Sequence[Any]] | str], database: str) -> list[tuple[Any, ...]]:
        connection = await asyncmy.connect(
            host="127.0.0.1", port=self.port, user="tester", password=self.password, database=database,
            autocommit=True, charset="utf8mb4",
        )  # fmt: skip
        try:
            cursor = connection.cursor()
            for statement in statements:
                sql, values = statement if isinstance(statement, tuple) else (statement, None)
                if values and isinstance(values[0], tuple | list):
                    await cursor.executemany(sql, [tuple(row) for row in values])
                else:
                    await cursor.execute(sql, values)
            return list(await cursor.fetchall() or ())
        finally:
            await connection.ensure_closed()

    def fresh_database(self) -> str:
        """The name of a new, empty database."""
        name = f"t{secrets.token_hex(6)}"
        self.run(f"CREATE DATABASE {name} CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci")
        return name


def _identity() -> dict[str, Any]:
    return {"user": _NOBODY, "group": _NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _program(name: str) -> str:
    found = shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/bin")
    if found is None:
        msg = f"{name} is not installed: apt-get install mariadb-server-core mariadb-client-core"
        raise RuntimeError(msg)
    return found


@contextmanager
def mariadb_server(*options: str) -> Iterator[MariadbServer]:
    """A server while the block runs, asked for a password; the general log is on."""
    home = Path(tempfile.mkdtemp(prefix="mariadb-"))
    try:
        if os.geteuid() == 0:
            os.chown(home, _NOBODY, _NOBODY)
        password = secrets.token_urlsafe(16)
        (home / "init.sql").write_text(
            f"CREATE USER tester@'127.0.0.1' IDENTIFIED BY '{password}';\n"
            "GRANT ALL ON *.* TO tester@'127.0.0.1' WITH GRANT OPTION;\n",
            encoding="utf-8",
        )
        data = home / "data"
        plain: dict[str, Any] = {"cwd": home, "env": {"PATH": f"{os.defpath}:/usr/sbin", "HOME": str(home)}}
        _install(data, plain)
        port = _free_port()
        process = subprocess.Popen(
            [
                _program("mariadbd"), "--no-defaults", f"--datadir={data}", f"--socket={home}/s", f"--port={port}",
                "--bind-address=127.0.0.1", f"--init-file={home}/init.sql", "--general-log=1",
                f"--general-log-file={home}/general.log", "--innodb-buffer-pool-size=32M",
                "--innodb-log-file-size=8M", "--skip-name-resolve", "--log-error=error.log", *options,
            ],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **plain, **_identity(),
        )  # fmt: skip
        server = MariadbServer(port=port, password=password, general_log=home / "general.log")
        try:
            _wait(server, process)
            yield server
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(15)
            if process.poll() is None:
                process.kill()
                process.wait(10)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _install(data: Path, plain: dict[str, Any]) -> None:
    """An empty database. On a machine that has much else to do its program failed once, and not again."""
    command = [
        _program("mariadb-install-db"), "--no-defaults", "--auth-root-authentication-method=normal",
        f"--datadir={data}", "--skip-test-db", "--innodb-log-file-size=8M",
    ]  # fmt: skip
    told = ""
    for _ in range(_INSTALLS):
        done = subprocess.run(command, check=False, capture_output=True, text=True, **plain, **_identity())
        if done.returncode == 0:
            return
        told = f"{done.stdout}\n{done.stderr}"
        shutil.rmtree(data, ignore_errors=True)
    raise RuntimeError(f"mariadb-install-db: {told}")


def _wait(server: MariadbServer, process: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            server.run("SELECT 1")
        except Exception:
            if process.poll() is not None or time.monotonic() > end:
                raise
            time.sleep(0.05)
        else:
            return
