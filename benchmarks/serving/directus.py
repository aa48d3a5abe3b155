"""Directus 11 with a role that may read eight fields of the county's residents.

It can't mask: it shows all eight in the clear, which is less work than was asked. Its server's protection against
pressure is off, as are cache, rate limiter and telemetry.
"""

import os
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import orjson

from benchmarks.serving.databases import Databases
from benchmarks.serving.http_server import HttpServer
from benchmarks.serving.postgraphile import install
from benchmarks.serving.processes import serving
from benchmarks.serving.questions import FIELDS, Row, masked
from benchmarks.serving.residents import COUNTY
from benchmarks.serving.wrk import Request
from gateway.demo.serving import free_port

_HOME = Path(__file__).parents[2] / ".venv" / ".directus"
_PACKAGE = "directus@11.3"
_ADMIN = "admin@example.com"
_TABLE = """
    CREATE TABLE resident (
        id_number text PRIMARY KEY, name text NOT NULL, sex text NOT NULL, birth_date date NOT NULL,
        phone text NOT NULL, address text NOT NULL, community_code text NOT NULL, registered_on date NOT NULL)
"""


@contextmanager
def directus(databases: Databases, folder: Path) -> Iterator[HttpServer]:
    """In a database of its own, for it adds tables; thrown away after."""
    _install()
    server, name = databases.departments.server, f"directus_{secrets.token_hex(4)}"
    with server.connect() as connection:
        connection.execute(f"CREATE DATABASE {name}")
    try:
        _copy_residents(databases, name)
        port, password, token = free_port(), secrets.token_hex(16), secrets.token_hex(16)
        environment = {
            "DB_CLIENT": "pg", "DB_HOST": "127.0.0.1", "DB_PORT": str(server.port), "DB_DATABASE": name,
            "DB_USER": "tester", "DB_PASSWORD": server.password, "DB_POOL__MIN": "16", "DB_POOL__MAX": "16",
            "SECRET": secrets.token_hex(32), "ADMIN_EMAIL": _ADMIN, "ADMIN_PASSWORD": password, "HOST": "127.0.0.1",
            "PORT": str(port), "TELEMETRY": "false", "CACHE_ENABLED": "false", "RATE_LIMITER_ENABLED": "false",
            "PRESSURE_LIMITER_ENABLED": "false", "LOG_LEVEL": "error", "NODE_ENV": "production",
            "STORAGE_LOCAL_ROOT": str(folder / "uploads"), "EXTENSIONS_PATH": str(folder / "extensions"),
        }  # fmt: skip
        command: list[str | Path] = ["node", _HOME / "node_modules" / "directus" / "cli.js"]
        log = folder / "directus.log"
        made = subprocess.run(
            [*command, "bootstrap"], check=False, capture_output=True, text=True, cwd=_HOME,
            env={**os.environ, **environment},
        )  # fmt: skip
        if made.returncode:
            raise RuntimeError(f"Directus: {made.stdout[-1_000:]} {made.stderr[-1_000:]}")
        with serving([*command, "start"], port, log=log, environment=environment, folder=_HOME) as pid:
            _give_access(port, password, token)
            target = f"/items/resident?fields={','.join(FIELDS)}&filter%5B{{}}%5D%5B_eq%5D={{{{}}}}&{{}}"
            headers = {"Authorization": f"Bearer {token}"}
            requests = {
                "a": Request.get(port, target.format("id_number", "limit=1"), headers),
                "b": Request.get(port, target.format("community_code", "limit=50"), headers),
            }
            yield HttpServer(pid, requests, _read)
    finally:
        with server.connect() as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _install() -> None:
    """Without install scripts; isolated-vm, which needs one, runs scripts of users, and there are none."""
    install(_HOME, (_PACKAGE,), "--ignore-scripts")
    (_HOME / "node_modules" / "isolated-vm" / "isolated-vm.js").write_text("module.exports = {};\n", encoding="ascii")


def _copy_residents(databases: Databases, name: str) -> None:
    server = databases.departments.server
    with server.connect("police") as police, server.connect(name) as own:
        own.execute(_TABLE)
        with (
            police.cursor().copy(f"COPY resident ({', '.join(FIELDS)}) TO STDOUT") as source,
            own.cursor().copy(f"COPY resident ({', '.join(FIELDS)}) FROM STDIN") as target,
        ):
            for block in source:
                target.write(block)
        own.execute("CREATE INDEX ON resident (community_code, id_number)")
        own.execute("VACUUM (ANALYZE, FREEZE) resident")


def _give_access(port: int, password: str, token: str) -> None:
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60) as client:

        def post(path: str, content: dict[str, Any]) -> Any:  # noqa: ANN401  # JSON
            response = client.post(path, json=content)
            response.raise_for_status()
            return response.json()["data"]

        signed_in = post("/auth/login", {"email": _ADMIN, "password": password})
        client.headers["authorization"] = f"Bearer {signed_in['access_token']}"
        policy = post("/policies", {"name": "grid worker", "admin_access": False, "app_access": False})["id"]
        role = post("/roles", {"name": "grid worker"})["id"]
        post("/access", {"role": role, "policy": policy})
        post(
            "/permissions",
            {
                "policy": policy, "collection": "resident", "action": "read", "fields": list(FIELDS),
                "permissions": {"community_code": {"_starts_with": COUNTY}},
            },
        )  # fmt: skip
        post(
            "/users",
            {
                "email": "worker@example.com", "password": secrets.token_hex(16), "role": role, "token": token,
                "status": "active",
            },
        )  # fmt: skip


def _read(body: bytes) -> list[Row]:
    return [masked(row) for row in orjson.loads(body)["data"]]
