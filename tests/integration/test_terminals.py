"""Terminals over HTTP: registered by their person, approved by another, and then only they open what is sealed."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest
from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey
from typer.testing import CliRunner

from gateway.administration.terminals import MOST_TERMINALS
from gateway.app import Gateway, utc_now
from gateway.cli.commands import app as command
from gateway.demo.ask import Answer, Asker, get, post
from gateway.demo.prepare import Demo
from gateway.errors import TerminalUnavailable
from gateway.keys.jwe import PADDED_TO
from gateway.model.caller import InboundRequest
from gateway.model.ids import PrincipalId
from gateway.model.response import Stream
from gateway.settings import load_settings
from tests.town import Town, build, edited_bundle, served

VISIT, OFFICE = "home-visit", "policy-administration"
SEALED = """
sealed:
  title: {zh: 加密至终端, en: Sealed to the terminal}
  rank: 5
  terms: {}
  otherwise: {kind: seal}
"""
QUESTION = "community.need?select=need_no,name&order=need_no&limit=3"


@pytest.fixture(scope="module")
def sealing(tmp_path_factory: pytest.TempPathFactory, city: Demo) -> Iterator[Town]:
    """A town in which grid workers see names sealed, where they saw them."""
    folder = tmp_path_factory.mktemp("sealing")
    masks = ("generalise:\n", f"{SEALED.lstrip()}\ngeneralise:\n")
    bundle = edited_bundle(folder, {"masks.yaml": masks})
    rules = bundle / "rules" / "community.csv"
    rules.write_text(
        rules.read_text(encoding="utf-8")
        + "p, ZZ1, role:community/grid-worker, app:community-desk, field:community.need.name, show, pur:home-visit,"
        " cn, *, , , , oblige, level=sealed\n",
        encoding="utf-8",
    )
    with served(build(folder / "town", city=city.folder / "city", bundle=bundle)) as town:
        yield town


def key_of(kind: str) -> ECKey | OKPKey:
    return ECKey.generate_key("P-256") if kind == "EC" else OKPKey.generate_key("X25519")


def register(asker: Asker, key: ECKey | OKPKey, title: str = "tablet 7") -> Answer:
    return post(asker, "/terminals", {"key": key.as_dict(private=False), "title": title}, purpose=VISIT)


def usable(town: Town, key: ECKey | OKPKey) -> str:
    """The id of a terminal that is approved."""
    terminal = str(json.loads(register(town.askers["grid-worker"], key).text)["id"])
    assert post(town.askers["officer"], f"/terminals/{terminal}/approval", None, purpose=OFFICE).status == 200
    return terminal


def retire(town: Town, terminal: str) -> None:
    assert post(town.askers["officer"], f"/terminals/{terminal}/revocation", None, purpose=OFFICE).status == 200


def ask(town: Town, terminal: str | None, person: str = "grid-worker", accept: str = "*/*") -> httpx2.Response:
    headers = town.headers(person, VISIT) | {"accept": accept}
    return town.get(f"/data/{QUESTION}", headers | ({"terminal": terminal} if terminal is not None else {}))


def opened(sealed: str, key: ECKey | OKPKey) -> str:
    plain = jwe.decrypt_compact(sealed, key).plaintext
    assert plain is not None
    assert len(plain) % PADDED_TO == 0
    return plain.rstrip(b"\0")[:-1].decode()


@pytest.mark.parametrize("kind", ["EC", "OKP"])
def test_only_the_terminal_opens_what_is_sealed_to_it(sealing: Town, kind: str) -> None:
    key = key_of(kind)
    terminal = usable(sealing, key)
    answer = ask(sealing, terminal)
    assert answer.status_code == 200
    names = [row["name"] for row in answer.json()]
    assert names
    assert all(2 <= len(opened(name, key)) <= 15 for name in names), "the very values"
    with pytest.raises(JoseError):
        jwe.decrypt_compact(names[0], key_of(kind))
    index = int(answer.headers["langqiao-receipt"].partition("#")[2].partition(":")[0])
    entry = sealing.entries()[index]
    assert entry["detail"] == f"sealed to {terminal}"
    assert all(opened(name, key) not in json.dumps(entry) for name in names)
    retire(sealing, terminal)


def test_without_a_terminal_the_value_is_hidden_whole(sealing: Town) -> None:
    assert {row["name"] for row in ask(sealing, None).json()} == {"***"}


def test_one_that_waits_is_revoked_or_is_somebody_elses_answers_as_an_unknown_one(sealing: Town) -> None:
    grid, officer = sealing.askers["grid-worker"], sealing.askers["officer"]
    key = key_of("EC")
    waiting = str(json.loads(register(grid, key).text)["id"])
    answers = [ask(sealing, waiting)]
    assert post(officer, f"/terminals/{waiting}/approval", None, purpose=OFFICE).status == 200
    assert ask(sealing, waiting).status_code == 200
    others = sealing.headers("civil-officer", "low-income-verification") | {"terminal": waiting}
    answers.append(sealing.get("/data/civil-affairs.assistance?select=case_no&limit=1", others))
    assert post(grid, f"/terminals/{waiting}/return", None, purpose=VISIT).status == 200
    answers += [ask(sealing, waiting), ask(sealing, "t-" + "0" * 16), ask(sealing, "t-x"), ask(sealing, "' or 1=1 --")]
    told = {(answer.status_code, answer.json()["gateway_code"], answer.json()["message"]) for answer in answers}
    assert told == {(403, "GW304", "the terminal is not one that you may use here")}


def test_a_header_told_twice_counts_for_neither(sealing: Town) -> None:
    terminal = usable(sealing, key_of("EC"))
    headers = [*sealing.headers("grid-worker", VISIT).items(), ("terminal", terminal), ("terminal", terminal)]
    with httpx2.Client(base_url=sealing.url, timeout=30, trust_env=False) as client:
        assert client.get(f"/data/{QUESTION}", headers=headers).json()["gateway_code"] == "GW304"
    retire(sealing, terminal)


def test_nobody_approves_their_own_and_nobody_takes_somebody_elses(sealing: Town) -> None:
    grid, officer = sealing.askers["grid-worker"], sealing.askers["officer"]
    key = key_of("EC")
    own = post(officer, "/terminals", {"key": key.as_dict(private=False), "title": "desk"}, purpose=OFFICE)
    terminal = str(json.loads(own.text)["id"])
    assert post(officer, f"/terminals/{terminal}/approval", None, purpose=OFFICE).code == "GW702"
    assert post(grid, f"/terminals/{terminal}/approval", None, purpose=VISIT).code == "GW406"
    assert post(grid, f"/terminals/{terminal}/return", None, purpose=VISIT).code == "GW746"
    assert post(officer, f"/terminals/{terminal}/return", None, purpose=OFFICE).status == 200
    assert post(officer, f"/terminals/{terminal}/return", None, purpose=OFFICE).code == "GW746", "for good"
    assert post(officer, f"/terminals/t-{'1' * 16}/approval", None, purpose=OFFICE).code == "GW746"


def test_a_person_has_five_and_each_key_once(sealing: Town) -> None:
    grid = sealing.askers["grid-worker"]
    keys = [key_of("OKP") for _ in range(MOST_TERMINALS)]
    ids = [str(json.loads(register(grid, key).text)["id"]) for key in keys]
    assert register(grid, key_of("EC")).code == "GW746", "one too many"
    listed = json.loads(get(grid, "/terminals/own", purpose=VISIT).text)["terminals"]
    assert {one["id"] for one in listed if one["state"] == "registered"} == set(ids)
    assert post(grid, f"/terminals/{ids[0]}/return", None, purpose=VISIT).status == 200
    assert register(grid, keys[1]).code == "GW746", "the same key"
    assert register(grid, keys[0]).status == 200, "its first registration is revoked"
    for one in json.loads(get(grid, "/terminals/own", purpose=VISIT).text)["terminals"]:
        if one["state"] != "revoked":
            assert post(grid, f"/terminals/{one['id']}/return", None, purpose=VISIT).status == 200
    assert all("jwk" not in one for one in listed)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"d": "AAAA"}, "GW745"),
        ({"crv": "P-384"}, "GW745"),
        ({"kty": "RSA"}, "GW745"),
        ({"x": "AAAA"}, "GW745"),
        ({"x": "A" * 43}, "GW745"),
        ({"x": 7}, "GW115"),
        ({"x": "x" * 101}, "GW115"),
    ],
)
def test_what_is_no_public_key_is_refused_and_not_echoed(sealing: Town, change: dict[str, object], code: str) -> None:
    key = ECKey.generate_key("P-256").as_dict(private=False) | change
    answer = post(sealing.askers["grid-worker"], "/terminals", {"key": key, "title": "x"}, purpose=VISIT)
    assert answer.code == code
    assert "AAAA" not in answer.text


def test_a_small_order_point_is_refused(sealing: Town) -> None:
    key = {"kty": "OKP", "crv": "X25519", "x": "A" * 43}
    assert post(sealing.askers["grid-worker"], "/terminals", {"key": key, "title": "x"}, purpose=VISIT).code == "GW745"


@pytest.mark.parametrize("title", ["", "x" * 101, "a\nb", "a\0b"])
def test_titles_have_limits(sealing: Town, title: str) -> None:
    assert register(sealing.askers["grid-worker"], key_of("EC"), title).code == "GW115"


def test_each_step_is_an_entry(sealing: Town) -> None:
    before = len(sealing.entries())
    terminal = usable(sealing, key_of("EC"))
    retire(sealing, terminal)
    details = [str(entry["detail"]) for entry in sealing.entries()[before:] if entry["kind"] == "terminal"]
    assert [detail.split(",")[0] for detail in details] == [
        f"terminal {terminal} {step}" for step in ("registered", "approved", "revoked")
    ]


def test_the_commands(sealing: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    place = ["--url", sealing.url, "--folder", str(sealing.demo.folder)]
    file = tmp_path / "key.jwk"
    file.write_text(json.dumps(key_of("EC").as_dict(private=False)), encoding="utf-8")

    def run(*words: str) -> str:
        result = CliRunner().invoke(command, ["terminals", *words, *place])
        assert result.exit_code == 0, result.output
        return result.output

    terminal = run("register", str(file), "--title", "tablet", "--as", "grid-worker", "--purpose", VISIT).strip()
    assert terminal in run("list", "--own", "--as", "grid-worker", "--purpose", VISIT)
    run("approve", terminal, "--as", "officer")
    assert "approved" in run("list", "--as", "officer")
    run("revoke", terminal, "--own", "--as", "grid-worker", "--purpose", VISIT)


async def test_revoked_in_the_middle_of_a_long_answer_it_ends(tmp_path: Path, sealing: Town, city: Demo) -> None:
    demo = build(tmp_path / "town", city=city.folder / "city", bundle=sealing.demo.folder.parent / "policies")
    gateway, key = Gateway(settings=load_settings(demo.settings)), key_of("EC")
    async with gateway.open():
        asker, desk = Asker.from_demo(demo.folder, "grid-worker", utc_now()), gateway.rooms.terminals
        terminal = desk.new_id()
        request = InboundRequest(
            method="GET", path="/data/community.need", query_string="select=need_no,name", client_address="127.0.0.1",
            headers={"apikey": asker.app_key, "authorization": f"Bearer {asker.token}", "purpose": VISIT,
                     "terminal": terminal, "accept": "application/x-ndjson"},
            received_at=utc_now(), trace_id="0" * 32,
        )  # fmt: skip
        pipeline = gateway.rooms.pipeline
        pipeline = replace(pipeline, limits=pipeline.limits.model_copy(update={"page_rows": 5}))
        caller = pipeline.authenticator.authenticate(request, utc_now())
        other = replace(caller, principal=PrincipalId("officer"))
        jwk = key.as_dict(private=False)
        await (await desk.register(terminal, caller, jwk=jwk, title="x", now=utc_now())).make()
        await (await desk.approve(terminal, other)).make()
        answer = await pipeline.answer(request)
        assert isinstance(answer, Stream)
        first = [json.loads(line) for line in (await anext(answer.batches)).splitlines()]
        assert all(len(opened(row["name"], key)) >= 2 for row in first)
        await (await desk.revoke(terminal, other, own=False, now=utc_now())).make()
        with pytest.raises(TerminalUnavailable):
            await anext(answer.batches)
