"""The demo's folder: the city's six sources, keys, an issuer, app keys and a `langqiao.toml`, ready to serve."""

import json
import secrets
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from gateway.administration import Apps, create_ring
from gateway.catalog import load_catalog
from gateway.demo.city import (
    CIVIL_FILE,
    ENVIRONMENT_FOLDER,
    HEALTH_FILE,
    LEDGER_FILE,
    POLICE_FILE,
    CitySummary,
    build_city,
    read_summary,
)
from gateway.demo.personas import DEMO_ISSUER, Places, personas, write_people
from gateway.keys import Issuer
from gateway.settings import load_settings
from gateway.store import open_state

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """A prepared folder."""

    folder: Path
    settings: Path
    summary: CitySummary
    port: int
    market_port: int
    market_token: str


def bundle_folder() -> Path:
    """The bundle that comes with the program: the checkout's `policies/`, else the installed copy."""
    checkout = Path(__file__).resolve().parents[2] / "policies"
    return checkout if (checkout / "model.conf").is_file() else Path(__file__).resolve().parent / "policies"


def prepare(
    folder: Path,
    *,
    residents: int,
    seed: int,
    port: int,
    market_port: int,
    now: datetime,
    progress: Progress,
    bundle: Path | None = None,
) -> Demo:
    """Build what is missing: the city is kept where residents and seed are the same, everything else is made anew."""
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    bundle = bundle or bundle_folder()
    summary = _city(folder / "city", bundle / "regions.csv", residents, seed, progress)
    for stale in ("state", "keys", "issuer"):
        shutil.rmtree(folder / stale, ignore_errors=True)
    (folder / "state").mkdir(mode=0o700)
    issuer = Issuer.create(folder / "issuer", DEMO_ISSUER)
    (folder / "issuer" / "jwks.json").write_text(json.dumps(issuer.jwks()), encoding="utf-8")
    market_token = secrets.token_urlsafe(24)
    token_file = folder / "market-token"
    token_file.touch(mode=0o600)
    token_file.write_text(market_token, encoding="utf-8")
    settings = folder / "langqiao.toml"
    settings.write_text(_settings(folder, bundle, port, market_port), encoding="utf-8")
    state = open_state(_state_url(folder))
    try:
        create_ring(load_settings(settings).keys, state, lambda: now)
        apps = Apps(state)
        app_keys = {name: apps.create_key(name, now) for name in load_catalog(bundle).apps}
    finally:
        state.close()
    places = Places(
        home=summary.lonely_elder.community_code,
        transport=summary.transport_patient.community_code,
        family_street=summary.low_income_member.street_code,
        county="330102",
        resident_id=summary.lonely_elder.id_number,
    )
    write_people(folder, f"http://127.0.0.1:{port}", personas(places), {str(key): v for key, v in app_keys.items()})
    return Demo(
        folder=folder,
        settings=settings,
        summary=summary,
        port=port,
        market_port=market_port,
        market_token=market_token,
    )


def _city(folder: Path, regions: Path, residents: int, seed: int, progress: Progress) -> CitySummary:
    kept = read_summary(folder)
    if kept is not None and (kept.residents, kept.seed) == (residents, seed):
        return kept
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return build_city(folder, regions, residents, seed, progress)


def _state_url(folder: Path) -> str:
    return f"sqlite:///{folder / 'state' / 'langqiao.db'}"


def _settings(folder: Path, bundle: Path, port: int, market_port: int) -> str:
    city = folder / "city"
    files = {"police-db": POLICE_FILE, "civil-db": CIVIL_FILE, "health-db": HEALTH_FILE, "ledger-db": LEDGER_FILE}
    databases = "\n".join(
        f'[sources.{name}]\nkind = "sql"\nfolder = {_quoted(city)}\nfile = "{file}"\n' for name, file in files.items()
    )
    return f"""# Made by `langqiao demo`; a deployment writes its own (deploy/langqiao.toml.example).
port = {port}
bundle = {_quoted(bundle)}
state_url = {_quoted(_state_url(folder))}
high_water = "state/high-water.json"

[telemetry]
log_level = "WARNING"

[audit]
origin = "langqiao.example/demo"

[networks]
gov-vpn = ["127.0.0.0/8"]

[[issuers]]
issuer = "{DEMO_ISSUER}"
jwks_file = "issuer/jwks.json"

{databases}
[sources.env-files]
kind = "files"
folder = {_quoted(city / ENVIRONMENT_FOLDER)}

[sources.market-api]
kind = "rest"
base_url = "http://127.0.0.1:{market_port}"
host_allow = ["127.0.0.1:{market_port}"]
token_file = {_quoted(folder / "market-token")}

[sources.market-api.tables.enterprises]
path = "/api/v2/enterprises"
rows = "data.records"
total = "data.total"
page_param = "page"
size_param = "size"
page_size = 200
list_separator = ","

[sources.market-api.tables.enterprises.filters]
creditCode = "creditCode"
communityCode = "communityCode"
legalPersonIdNo = "legalPersonIdNo"
"""


def _quoted(value: Path | str) -> str:
    return json.dumps(str(value), ensure_ascii=False)
