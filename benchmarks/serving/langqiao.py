"""Langqiao with everything on: its real command, a bundle of its own, a real app key, a really signed token."""

import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import orjson

from benchmarks.serving.databases import Databases
from benchmarks.serving.http_server import HttpServer
from benchmarks.serving.passthrough import CONNECTIONS
from benchmarks.serving.processes import serving
from benchmarks.serving.questions import FIELDS
from benchmarks.serving.residents import COUNTY
from benchmarks.serving.wrk import Request
from gateway.administration import Apps, create_ring
from gateway.app import utc_now
from gateway.demo.serving import free_port
from gateway.keys import Issuer
from gateway.model.ids import AppId
from gateway.settings import load_settings
from gateway.store import open_state

BUNDLE = Path(__file__).parent / "bundle"
_POLICIES = Path(__file__).parents[2] / "policies"
_SHARED = ("model.conf", "masks.yaml", "terms.yaml", "regions.csv")  # as the demo city has them
_ISSUER = "https://sign-in.langqiao.example"
_SELECT = ",".join(FIELDS)
TARGETS = {
    "a": f"/data/public-security.resident?select={_SELECT}&id_number=eq.{{}}",
    "b": f"/data/public-security.resident?select={_SELECT}&community_code=eq.{{}}&limit=50",
    "c": (
        f"/data/public-security.resident?select={_SELECT},assistance(level,monthly),vaccinations(vaccine,dose,given_on)"
        "&community_code=eq.{}&limit=50"
    ),
}


@dataclass(frozen=True, slots=True, repr=False)
class Home:
    """A folder with all that a gateway needs, and what its one asker sends."""

    folder: Path
    settings: Path
    port: int
    headers: dict[str, str]
    neighbour: dict[str, str]  # of another person in another app


def build_home(folder: Path, databases: Databases, state_url: str, *, bundle: Path | None = None) -> Home:
    """Keys, issuer, app key, settings; `bundle`: instead of the benchmark's own."""
    folder.mkdir(mode=0o700, parents=True)
    bundle = bundle or build_bundle(folder / "bundle")
    issuer = Issuer.create(folder / "issuer", _ISSUER)
    (folder / "issuer" / "jwks.json").write_text(json.dumps(issuer.jwks()), encoding="utf-8")
    port = free_port()
    settings = folder / "langqiao.toml"
    settings.touch(mode=0o600)
    settings.write_text(_settings(port, bundle, state_url, databases), encoding="utf-8")
    state = open_state(state_url)
    try:
        create_ring(load_settings(settings).keys, state, utc_now)
        keys = {app: Apps(state).create_key(AppId(app), utc_now()) for app in ("community-desk", "street-desk")}
    finally:
        state.close()
    headers, neighbour = (
        {"apikey": key, "authorization": f"Bearer {_token(issuer, f'worker-of-{app}')}", "purpose": "home-visit"}
        for app, key in keys.items()
    )
    return Home(folder, settings, port, headers, neighbour)


def _token(issuer: Issuer, person: str) -> str:
    claims: dict[str, object] = {
        "sub": person, "roles": ["community/grid-worker"], "org": f"county-{COUNTY}", "regions": [COUNTY],
        "assurance": 2, "jti": "benchmark", "aud": "langqiao",
    }  # fmt: skip
    return issuer.sign(claims, lifetime_seconds=24 * 3600, now=utc_now())


def build_bundle(folder: Path) -> Path:
    """The benchmark's bundle, with the model, masks, terms and regions of the demo city."""
    shutil.copytree(BUNDLE, folder)
    for name in _SHARED:
        shutil.copyfile(_POLICIES / name, folder / name)
    return folder


def _settings(port: int, bundle: Path, state_url: str, databases: Databases) -> str:
    sources = {"police-db": "police", "civil-db": "civil", "health-db": "health"}
    parts = [
        f'[sources.{source}]\nkind = "postgresql"\nurl = {json.dumps(databases.address(database))}\n'
        f"connections = {CONNECTIONS}\n[sources.{source}.resilience]\nconcurrency = {CONNECTIONS}\nqueue = 1024\n"
        for source, database in sources.items()
    ]
    return "\n".join(
        (
            f"port = {port}",
            f"bundle = {json.dumps(str(bundle))}",
            f"state_url = {json.dumps(state_url)}",
            'high_water = "high-water.json"\n',
            '[telemetry]\nlog_level = "WARNING"\nsample_ratio = 0.01\n',
            '[audit]\norigin = "langqiao.example/bench"\n',
            f'[[issuers]]\nissuer = "{_ISSUER}"\njwks_file = "issuer/jwks.json"\n',
            *parts,
        )
    )


def beside(home: Home) -> Home:
    """A second process of the same gateway: the same state, keys and policy, another port."""
    port = free_port()
    settings = home.folder / f"langqiao-{port}.toml"
    settings.touch(mode=0o600)
    text = home.settings.read_text(encoding="utf-8").replace(f"port = {home.port}\n", f"port = {port}\n")
    settings.write_text(text.replace('"high-water.json"', f'"high-water-{port}.json"'), encoding="utf-8")
    return replace(home, settings=settings, port=port)


@contextmanager
def run_gateway(home: Home, *, workers: int = 1, is_off: bool = False) -> Iterator[HttpServer]:
    """`langqiao serve`; `is_off`: the same without log and policy (`off`)."""
    command: list[str | Path] = [Path(sys.executable).parent / "langqiao", "serve", "--settings", home.settings]
    if workers > 1:
        command += ["--workers", str(workers)]
    if is_off:
        command = [sys.executable, "-m", "benchmarks.serving.off", home.settings]
    with serving(command, home.port, log=home.folder / f"gateway-{home.port}.log") as pid:
        requests = {case: Request.get(home.port, target, home.headers) for case, target in TARGETS.items()}
        yield HttpServer(pid, requests, orjson.loads, home.headers)


def state_url(kind: str, databases: Databases, folder: Path) -> str:
    """An empty state: a database of the second server, or a file."""
    return databases.state.server.fresh_database() if kind == "postgresql" else f"sqlite:///{folder / 'langqiao.db'}"


@contextmanager
def langqiao(kind: str, databases: Databases, folder: Path) -> Iterator[HttpServer]:
    """The gateway with its state in an empty database of that kind."""
    home = build_home(folder / f"langqiao-{kind}", databases, state_url(kind, databases, folder))
    with run_gateway(home) as running:
        yield running


@contextmanager
def everything_off(databases: Databases, folder: Path) -> Iterator[HttpServer]:
    """The same road with neither log nor policy."""
    home = build_home(folder / "langqiao-off", databases, state_url("postgresql", databases, folder))
    with run_gateway(home, is_off=True) as running:
        yield running


@contextmanager
def two_workers(databases: Databases, folder: Path) -> Iterator[HttpServer]:
    """Two workers behind one port, their state on PostgreSQL."""
    home = build_home(folder / "langqiao-two", databases, state_url("postgresql", databases, folder))
    with run_gateway(home, workers=2) as running:
        yield running
