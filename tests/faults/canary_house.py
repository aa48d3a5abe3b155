"""A department whose every row carries a random canary, and a gateway of its own before it: the bed of all faults."""

import json
import secrets
import shutil
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path

from gateway.administration import Apps, create_ring, open_seals
from gateway.app import utc_now
from gateway.audit.entry import Opener
from gateway.demo.prepare import bundle_folder
from gateway.demo.serving import free_port
from gateway.keys import Issuer
from gateway.settings import Settings, load_settings
from gateway.store import open_state, open_state_read_only

ROWS = 240
PAGE_ROWS = 20
ORIGIN = "langqiao.example/canaries"
_ISSUER = "https://sign-in.canaries.example"

_TITLE = "title: {zh: 题, en: Title}"
_BUNDLE = {
    "terms.yaml": "person.id_number: {zh: 公民身份号码, en: ID number}\n",
    "masks.yaml": f"redact:\n  {_TITLE}\n  rank: 90\n  otherwise: {{kind: redact}}\n",
    "roles.yaml": f"worker:\n  {_TITLE}\n",
    "apps.yaml": f"desk:\n  {_TITLE}\n  organisation: 部门\n  purposes: [visit]\n  ceiling: null\n",
    "regions.csv": "code,name,level,parent\n33,浙江省,province,\n",
    "purposes.yaml": f"""\
any: {{{_TITLE}, abstract: true}}
normal: {{{_TITLE}, abstract: true, parents: [any]}}
visit:
  {_TITLE}
  parents: [normal]
  legal_basis:
    - law: {{zh: 中华人民共和国个人信息保护法, en: PIPL}}
      article: {{zh: 第三十四条, en: Article 34}}
  controller: {{zh: 部门, en: Department}}
  apps: [desk]
  roles: [worker]
  valid: [2020-01-01, "2099-01-01"]
  retention_days: 365
""",
    "catalog/department.yaml": f"""\
department: department
{_TITLE}
source: rows
datasets:
  record:
    {_TITLE}
    table: record
    key: [number]
    subject: person
    fields:
      number: {{type: integer, class: public, {_TITLE}}}
      person: {{type: text, term: person.id_number, class: sensitive, {_TITLE}}}
      canary: {{type: text, class: internal, {_TITLE}}}
""",
    "rules/main.csv": """\
p, R1, role:worker, app:any, ds:department.record, rows, pur:visit, cn, *, , , , allow, where=number >= 0
p, R2, role:worker, app:any, field:department.record.number, show, pur:visit, cn, *, , , , allow, level=clear
p, R3, role:worker, app:any, field:department.record.canary, show, pur:visit, cn, *, , , , allow, level=clear
p, R4, role:worker, app:any, ds:department.record, export, pur:visit, cn, *, , , , allow,
""",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CanaryHouse:
    """A prepared folder; the gateway before it is not served yet."""

    folder: Path
    settings: Path
    port: int
    headers: dict[str, str]
    canaries: frozenset[str] = field(repr=False)

    def read_settings(self) -> Settings:
        return load_settings(self.settings)

    @property
    def url(self) -> str:
        """Of the gateway's own database."""
        return self.read_settings().state_url

    @property
    def file(self) -> Path:
        """The gateway's own database, where it is SQLite."""
        return self.folder / "state" / "langqiao.db"

    def vkey(self) -> str:
        state = open_state(self.url)
        try:
            return create_ring(self.read_settings().keys, state, utc_now).log_signer(ORIGIN).vkey
        finally:
            state.close()

    def opener(self) -> Opener:
        settings = self.read_settings()
        return open_seals(settings.keys, open_state_read_only(settings.state_url), utc_now).open


def build_canary_house(folder: Path, state_url: str | None = None) -> CanaryHouse:
    """The department's rows, a bundle, keys and one signed-in worker; the state on SQLite where no address is given."""
    (folder / "state").mkdir(parents=True, mode=0o700)
    folder.chmod(0o700)
    (folder / "mark").mkdir()
    canaries = _rows(folder / "rows.db")
    bundle = folder / "policies"
    for name, text in _BUNDLE.items():
        (bundle / name).parent.mkdir(parents=True, exist_ok=True)
        (bundle / name).write_text(text, encoding="utf-8")
    shutil.copy(bundle_folder() / "model.conf", bundle / "model.conf")
    issuer = Issuer.create(folder / "issuer", _ISSUER)
    (folder / "issuer" / "jwks.json").write_text(json.dumps(issuer.jwks()), encoding="utf-8")
    port = free_port()
    settings = folder / "langqiao.toml"
    state_url = state_url or f"sqlite:///{folder / 'state' / 'langqiao.db'}"
    settings.write_text(_settings(folder, state_url, port), encoding="utf-8")
    state = open_state(state_url)
    try:
        create_ring(load_settings(settings).keys, state, utc_now)
        app_key = Apps(state).create_key("desk", utc_now())
    finally:
        state.close()
    claims = {
        "sub": "worker-1", "roles": ["worker"], "org": "department", "regions": ["33"], "assurance": 2,
        "jti": secrets.token_hex(8), "aud": "langqiao",
    }  # fmt: skip
    token = issuer.sign(claims, lifetime_seconds=24 * 3600, now=utc_now())
    headers = {"apikey": app_key, "authorization": f"Bearer {token}", "purpose": "visit"}
    return CanaryHouse(folder=folder, settings=settings, port=port, headers=headers, canaries=canaries)


def _rows(file: Path) -> frozenset[str]:
    canaries = [secrets.token_hex(12) for _ in range(ROWS)]
    connection = sqlite3.connect(file)
    with connection:
        connection.execute("CREATE TABLE record (number INTEGER PRIMARY KEY, person TEXT, canary TEXT)")
        connection.executemany(
            "INSERT INTO record VALUES (?, ?, ?)",
            [(number, f"33010219500101{number:04d}", canary) for number, canary in enumerate(canaries)],
        )
    connection.close()
    return frozenset(canaries)


def _settings(folder: Path, state_url: str, port: int) -> str:
    return f"""\
port = {port}
bundle = {json.dumps(str(folder / "policies"))}
state_url = {json.dumps(state_url)}
high_water = "mark/high-water.json"

[telemetry]
log_level = "CRITICAL"

[audit]
origin = "{ORIGIN}"

[limits]
page_rows = {PAGE_ROWS}

[[issuers]]
issuer = "{_ISSUER}"
jwks_file = "issuer/jwks.json"

[sources.rows]
kind = "sql"
folder = {json.dumps(str(folder))}
file = "rows.db"
"""
