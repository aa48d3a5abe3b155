"""A PostgreSQL schema that `langqiao discover` read, served by a gateway over real HTTP."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from gateway.administration import Apps, create_ring
from gateway.app import Gateway, create_application, utc_now
from gateway.demo.serving import free_port, serving
from gateway.keys import Issuer
from gateway.settings import load_settings
from gateway.store import open_state
from tests.postgres_server import Server

SCHEMA = Path(__file__).with_name("schema.sql")
DEPARTMENT = "cinema"
_ISSUER = "https://sign-in.staging.example"
_ROLE = "staging/reader"


@dataclass(frozen=True, slots=True, kw_only=True)
class Staging:
    """A served schema, and the database itself."""

    url: str  # of the data plane
    headers: dict[str, str]
    database: str

    def scalar(self, query: str) -> Any:
        """What the database itself says."""
        with psycopg.connect(self.database) as connection:
            row = connection.execute(query.encode()).fetchone()
        assert row is not None
        return row[0]

    def rows(self, query: str) -> list[Any]:
        """All rows of a query, as PostgreSQL writes JSON."""
        found: list[Any] = self.scalar(f"SELECT coalesce(json_agg(to_json(t)), '[]') FROM ({query}) t")
        return found

    def csv(self, query: str) -> str:
        """All rows of a query, as PostgreSQL writes CSV."""
        with (
            psycopg.connect(self.database) as connection,
            connection.cursor().copy(f"COPY ({query}) TO STDOUT WITH (FORMAT csv, HEADER)".encode()) as copy,
        ):
            return b"".join(bytes(part) for part in copy).decode()


@contextmanager
def served_schema(server: Server, folder: Path, statements: str, *, schema: str = "public") -> Iterator[Staging]:
    """Fill a database, discover it and serve what came out."""
    address = server.fresh_database()
    plain = address.replace("+psycopg", "")
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(statements.encode())
    bundle = folder / "bundle"
    options = ("--department", DEPARTMENT, "--bundle", str(bundle), "--grant", _ROLE, "--schema", schema)
    done = subprocess.run(
        [sys.executable, "-m", "gateway.cli", "discover", address, *options],
        capture_output=True,
        text=True,
        check=False,
        env=dict(os.environ),
    )
    assert done.returncode == 0, done.stderr
    snippet = re.search(r"^\[sources.*", done.stdout, re.MULTILINE | re.DOTALL)
    assert snippet is not None
    (folder / "database-url").write_text(address, encoding="utf-8")
    source = re.sub(r"^url_env = .*$", f"url_file = {_quoted(folder / 'database-url')}", snippet[0], flags=re.MULTILINE)
    port = free_port()
    issuer = Issuer.create(folder / "issuer", _ISSUER)
    (folder / "issuer" / "jwks.json").write_text(json.dumps(issuer.jwks()), encoding="utf-8")
    state_url = f"sqlite:///{folder / 'langqiao.db'}"
    settings = folder / "langqiao.toml"
    settings.write_text(
        f'port = {port}\nbundle = "bundle"\nstate_url = {_quoted(state_url)}\n'
        f'high_water = "high-water.json"\n\n[telemetry]\nlog_level = "WARNING"\n\n'
        f'[[issuers]]\nissuer = "{_ISSUER}"\njwks_file = "issuer/jwks.json"\n\n{source}',
        encoding="utf-8",
    )
    state = open_state(state_url)
    try:
        create_ring(load_settings(settings).keys, state, utc_now)
        app_key = Apps(state).create_key("staging-desk", utc_now())
    finally:
        state.close()
    claims = {"sub": "tester", "roles": [_ROLE], "org": "staging", "regions": [], "assurance": 2, "aud": "langqiao"}
    token = issuer.sign(claims | {"jti": "staging"}, lifetime_seconds=3600, now=utc_now())
    with serving(create_application(Gateway(settings=load_settings(settings))), port) as url:
        yield Staging(
            url=f"{url}/data",
            headers={"apikey": app_key, "authorization": f"Bearer {token}", "purpose": "staging"},
            database=plain,
        )


def _quoted(value: Path | str) -> str:
    return json.dumps(str(value))
