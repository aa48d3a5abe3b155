"""Keys over HTTP, on two gateways on one PostgreSQL: each step decided, written down, and seen by both at once."""

import asyncio
import base64
import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.administration import Apps, KeyDesk, create_ring, open_ring, open_seals, rewrap_ring
from gateway.app import Gateway, create_application, utc_now
from gateway.audit import AuditLog, verify_log
from gateway.audit.encoding import encode_entry
from gateway.audit.entry import decode_entry
from gateway.cli.commands import app as command
from gateway.demo.ask import Answer, Asker, get, post
from gateway.demo.personas import DEMO_ISSUER
from gateway.demo.prepare import Demo
from gateway.demo.serving import free_port, serving
from gateway.errors import EntryErased, KeysUnreadable, KeyUnavailable, SettingsInvalid
from gateway.keys import Issuer, KeyRing, open_root
from gateway.model.data_key import KeyUse
from gateway.model.ids import PurposeId
from gateway.settings import Keys, load_settings
from gateway.store import open_state, read_data_keys
from tests.audit_logs import entry
from tests.postgres_server import Server, postgres_server
from tests.town import Town

HOME_VISIT = PurposeId("home-visit")
OFFICE = "policy-administration"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with postgres_server() as running:
        yield running


def other_officer(town: Demo, officer: Asker) -> Asker:
    """A second person of the same role."""
    part = officer.token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    kept = {name: value for name, value in claims.items() if name not in {"iat", "nbf", "exp", "iss"}}
    issuer = Issuer.open(town.folder / "issuer", DEMO_ISSUER)
    token = issuer.sign(kept | {"sub": "officer-two", "jti": "two"}, lifetime_seconds=3600, now=utc_now())
    return replace(officer, token=token)


@dataclass(frozen=True, kw_only=True)
class Replicas:
    """Two gateways on one database."""

    gateways: tuple[Gateway, Gateway]
    officer: Asker
    second: Asker

    def rings(self) -> tuple[KeyRing, KeyRing]:
        one, other = (gateway.rooms.ring for gateway in self.gateways)
        return one, other

    def step(self, path: str, content: dict[str, object] | None = None, *, by: Asker | None = None) -> Answer:
        return post(by or self.officer, path, content, purpose=OFFICE)


@pytest.fixture
def replicas(server: Server, fresh_demo: Demo) -> Iterator[Replicas]:
    url = server.fresh_database()
    text = fresh_demo.settings.read_text(encoding="utf-8")
    line = next(line for line in text.splitlines() if line.startswith("state_url"))
    text = text.replace(line, f"state_url = {json.dumps(url)}")
    people = fresh_demo.folder / "people.json"
    content = json.loads(people.read_text(encoding="utf-8"))
    state = open_state(url)
    try:
        content["app_keys"] = {app: Apps(state).create_key(app, utc_now()) for app in content["app_keys"]}
        create_ring(Keys(root_file=fresh_demo.folder / "keys" / "root.key"), state, utc_now)
    finally:
        state.close()
    people.write_text(json.dumps(content), encoding="utf-8")
    with ExitStack() as stack:
        gateways: list[Gateway] = []
        for name in ("one", "two"):
            settings = fresh_demo.folder / f"{name}.toml"
            settings.write_text(text.replace("state/high-water.json", f"state/{name}.json"), encoding="utf-8")
            gateways.append(Gateway(settings=load_settings(settings)))
            url = stack.enter_context(serving(create_application(gateways[-1]), free_port()))
        officer = Asker.from_demo(fresh_demo.folder, "officer", utc_now(), url=url)
        second = other_officer(fresh_demo, officer)
        yield Replicas(gateways=(gateways[0], gateways[1]), officer=officer, second=second)


def until(holds: Callable[[], bool], seconds: float) -> float:
    """How long it took; fails where it doesn't come true in time."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < seconds, "not within its time"
        time.sleep(0.002)
    return time.monotonic() - began


def test_two_gateways_switch_to_a_new_version_at_the_same_instant(replicas: Replicas) -> None:
    one, other = replicas.rings()
    assert replicas.step("/keys/token/rotation").status == 200
    disagreed = 0
    began = time.monotonic()
    while one.mask_keys(HOME_VISIT).token_version == 1 or other.mask_keys(HOME_VISIT).token_version == 1:
        versions = {ring.mask_keys(HOME_VISIT).token_version for ring in (one, other)}
        disagreed += len(versions) > 1
        assert time.monotonic() - began < 1.5
        time.sleep(0.005)
    assert disagreed <= 1, "one sample may fall between two readings of the clock"


def test_retirement_reinstatement_and_destruction_reach_both_within_a_second(replicas: Replicas) -> None:
    one, other = replicas.rings()
    assert replicas.step("/keys/token/rotation").status == 200
    until(lambda: all(ring.mask_keys(HOME_VISIT).token_version == 2 for ring in (one, other)), 1.5)

    def serves(ring: KeyRing) -> bool:
        try:
            ring.token_key(HOME_VISIT, "id", 1)
        except KeyUnavailable:
            return False
        return True

    for step, is_served in (("retirement", False), ("reinstatement", True), ("retirement", False)):
        assert replicas.step(f"/keys/token/1/{step}").status == 200
        until(lambda wanted=is_served: all(serves(ring) is wanted for ring in (one, other)), 1)  # type: ignore[misc] # a loop's value, bound
    confirm: dict[str, object] = {"confirm": "token 1"}
    own = replicas.step("/keys/token/1/destruction", confirm)
    assert own.code == "GW702", "who retired it does not destroy it"
    wrong = replicas.step("/keys/token/1/destruction", {"confirm": "token 2"}, by=replicas.second)
    assert wrong.code == "GW744"
    assert replicas.step("/keys/token/1/destruction", confirm, by=replicas.second).status == 200

    def is_destroyed(ring: KeyRing) -> bool:
        return any(record.destroyed_at is not None and record.wrapped is None for record, _ in ring.records())

    until(lambda: all(is_destroyed(ring) for ring in (one, other)), 1)
    assert replicas.step("/keys/token/1/reinstatement").code == "GW742"


def test_steps_that_no_state_admits_are_refused(replicas: Replicas) -> None:
    assert replicas.step("/keys/seal/1/retirement").code == "GW742", "the one in force"
    assert replicas.step("/keys/seal/1/destruction", {"confirm": "seal 1"}).code == "GW742"
    assert replicas.step("/keys/seal/2/reinstatement").code == "GW742"
    for use in ("log", "subject"):
        assert replicas.step(f"/keys/{use}/rotation").code == "GW743"
        assert replicas.step(f"/keys/{use}/1/retirement").code == "GW743"
        assert replicas.step(f"/keys/{use}/1/destruction", {"confirm": f"{use} 1"}).code == "GW743"
    assert replicas.step("/keys/other/rotation").code == "GW115"
    assert replicas.step("/keys/shift/rotation").status == 200
    assert replicas.step("/keys/shift/rotation").code == "GW742", "one is pending"


def test_each_step_is_in_the_log_and_only_officers_take_one(fresh_demo: Demo, serve: Callable[[Demo], Town]) -> None:
    town = serve(fresh_demo)
    for person, purpose in (("reviewer", "compliance-review"), ("grid-worker", HOME_VISIT)):
        assert get(town.askers[person], "/keys", purpose=purpose).code == "GW406"
        assert post(town.askers[person], "/keys/seal/rotation", None, purpose=purpose).code == "GW406"
    rotated = post(town.askers["officer"], "/keys/seal/rotation", None, purpose=OFFICE)
    entry = town.entry_of(rotated)
    assert (entry["kind"], entry["detail"]) == ("key", "key seal 2 made")
    listed = get(town.askers["officer"], "/keys", purpose=OFFICE)
    assert town.entry_of(listed)["kind"] == "key"
    assert "wrapped" not in listed.text
    seals = [key["state"] for key in json.loads(listed.text)["keys"] if key["use"] == "seal"]
    assert seals == ["active", "pending"]


def test_what_will_be_lost_is_counted_and_said_before_it_is(fresh_demo: Demo, serve: Callable[[Demo], Town]) -> None:
    town = serve(fresh_demo)
    ring = CliRunner()
    folder = ["--folder", str(fresh_demo.folder), "--as", "officer"]
    case = {
        "purpose": "vaccination-transport", "subjects": ["330102194910010010"], "app": "dispatch", "hours": 5,
    }  # fmt: skip
    content: dict[str, object] = {name: value for name, value in case.items() if name != "purpose"}
    opened = post(town.askers["transport-worker"], "/cases", content, purpose=str(case["purpose"]))
    assert opened.status < 300, opened.text
    told = json.loads(get(town.askers["officer"], "/keys/seal/1/loss", purpose=OFFICE).text)
    assert (told["count"], told["confirm"]) == (1, "seal 1")
    assert told["text"]["en"].startswith("1 case files and 0 re-identification requests are sealed under seal 1")
    assert "1 份案件卷宗" in told["text"]["zh"]
    assert ring.invoke(command, ["keys", "rotate", "seal", *folder]).exit_code == 0
    state = open_state(load_settings(fresh_demo.settings).state_url)
    try:
        time.sleep(1.2)
        assert ring.invoke(command, ["keys", "retire", "seal", "1", *folder]).exit_code == 0
        shown = ring.invoke(command, ["keys", "destroy", "seal", "1", "--yes", "seal 1", *folder])
        assert "1 case files" in shown.output
        assert shown.exit_code == 1, "the same person retired it"
        second = other_officer(fresh_demo, town.askers["officer"])
        assert post(second, "/keys/seal/1/destruction", {"confirm": "seal 1"}, purpose=OFFICE).status == 200
        (gone,) = [key for key in read_data_keys(state) if key.destroyed_at is not None]
        assert (gone.use, gone.version, gone.wrapped) == (KeyUse.SEAL, 1, None)
    finally:
        state.close()
    cases = get(town.askers["transport-worker"], "/cases", purpose=str(case["purpose"]))
    assert (cases.status, json.loads(opened.text)["case"] in cases.text) == (200, True)
    assert '"hashes":[]' in cases.text
    listed = ring.invoke(command, ["keys", "list", *folder])
    assert "destroyed" in listed.output


def test_two_rings_on_one_sqlite_agree(tmp_path: Path) -> None:
    root = Keys(root_file=tmp_path / "keys" / "root.key")
    states = [open_state(f"sqlite:///{tmp_path / 'state.db'}") for _ in range(2)]
    now = [utc_now()]
    try:
        one = create_ring(root, states[0], lambda: now[0])
        other = open_ring(root, states[1], lambda: now[0])
        change = KeyDesk(states[0], one, open_seals(root, states[0], utc_now), "national").rotate(KeyUse.PSEUDONYM)

        async def make() -> None:
            await (await change).make()

        asyncio.run(make())
        other.refresh()
        before = [ring.mask_keys(HOME_VISIT).pseudonym().digest(b"x") for ring in (one, other)]
        now[0] += timedelta(seconds=1)
        after = [ring.mask_keys(HOME_VISIT).pseudonym().digest(b"x") for ring in (one, other)]
        assert len(set(before)) == len(set(after)) == 1
        assert before != after
    finally:
        for state in states:
            state.close()


def test_a_database_that_is_away_is_said_as_such(tmp_path: Path) -> None:
    state = open_state(f"sqlite:///{tmp_path / 'state.db'}")
    try:
        with state.writing() as connection:
            connection.exec_driver_sql("DROP TABLE data_key")
        with pytest.raises(KeysUnreadable):
            read_data_keys(state)
    finally:
        state.close()


# ---------------------------------------------------------------------- retention keys
async def _old_entries(gateway: Gateway, folder: Path) -> list[int]:
    """Entries of January 2025, written by a third replica."""
    settings = gateway.settings
    state = open_state(settings.state_url)
    signer = open_ring(settings.keys, state, utc_now).log_signer(settings.audit.origin)
    log = AuditLog.open(
        state, signer, settings.audit, seals=open_seals(settings.keys, state, utc_now), deadline_seconds=5,
        high_water=folder / "third.json", clock=utc_now,
    )  # fmt: skip
    try:
        await log.start()
        at = datetime(2025, 1, 10, tzinfo=UTC)
        return [(await log.append(entry(number, at=at, principal="wang-wu"))).index for number in range(5)]
    finally:
        await log.close()
        state.close()


def test_a_month_is_erased_on_every_replica_by_two_officers(replicas: Replicas, tmp_path: Path) -> None:
    indices = asyncio.run(_old_entries(replicas.gateways[0], tmp_path))
    audits = [gateway.rooms.audit for gateway in replicas.gateways]
    assert [audit.entry(indices[0]).principal for audit in audits] == ["wang-wu", "wang-wu"]
    report = json.loads(get(replicas.officer, "/retention", purpose=OFFICE).text)
    (month,) = [month for month in report["months"] if month["is_due"]]
    assert (month["key"], month["entries"], month["held_by"]) == ("home-visit/2025-01", 5, [])

    asked = replicas.step("/retention/erasures", {"purpose": "home-visit", "through": "2025-01"})
    assert asked.status == 201, asked.text
    path = f"/retention/erasures/{json.loads(asked.text)['erasure']}"
    confirm: dict[str, object] = {"confirm": "home-visit 2025-01"}
    assert replicas.step(path, confirm).code == "GW702"
    hold = replicas.step("/retention/holds", {"purpose": "home-visit", "reason": "a court asked"})
    assert replicas.step(path, confirm, by=replicas.second).code == "GW612"
    lift = replicas.step(f"/retention/holds/{json.loads(hold.text)['hold']}/lift")
    assert (hold.status, lift.status) == (201, 200)
    done = replicas.step(path, confirm, by=replicas.second)
    assert done.status == 200, done.text
    assert replicas.step(path, confirm, by=replicas.second).code == "GW612"

    def is_gone() -> bool:
        for audit in audits:
            try:
                audit.entry(indices[0])
            except EntryErased:
                continue
            return False
        return True

    until(is_gone, 5)
    settings = replicas.gateways[0].settings
    state = open_state(settings.state_url)
    try:
        vkey = open_ring(settings.keys, state, utc_now).log_signer(settings.audit.origin).vkey
        found = verify_log(settings.state_url, vkey, opener=open_seals(settings.keys, state, utc_now).open)
    finally:
        state.close()
    assert found.is_sound, found.text()
    assert found.erased == 5


def test_rewrapping_takes_the_retention_keys_along(tmp_path: Path) -> None:
    old, new = (Keys(root_file=tmp_path / name / "root.key") for name in ("old", "new"))
    state = open_state(f"sqlite:///{tmp_path / 'state.db'}")
    try:
        create_ring(old, state, utc_now)
        sealed = encode_entry(entry(), open_seals(old, state, utc_now)).body
        roots = open_root(old), open_root(new, create=True)
        assert rewrap_ring(state, *roots, "national") == len(KeyUse) + 1
        assert decode_entry(sealed, open_seals(new, state, utc_now).open) == entry()
        with pytest.raises(SettingsInvalid):
            decode_entry(sealed, open_seals(old, state, utc_now).open)
    finally:
        state.close()


def test_the_commands_of_retention(fresh_demo: Demo, serve: Callable[[Demo], Town]) -> None:
    serve(fresh_demo)
    folder = ["--folder", str(fresh_demo.folder), "--as", "officer"]
    run = CliRunner(env={"COLUMNS": "200"})

    def said(*words: str, code: int = 0) -> str:
        done = run.invoke(command, ["audit", "retention", *words, *folder])
        assert done.exit_code == code, done.output
        return done.output

    assert "home-visit/" in said("due")
    hold = said("hold", "home-visit", "--reason", "a court asked", "--case", "case-1").split()[0]
    assert hold in said("due")
    assert hold in said("lift", hold)
    assert "GW612" in said("lift", hold, code=1)
    month = utc_now().strftime("%Y-%m")
    assert "GW612" in said("request", "home-visit", month, code=1)
    assert "GW612" in said("erase", "erasure-0000000000000000", "--yes", "x", code=1)
