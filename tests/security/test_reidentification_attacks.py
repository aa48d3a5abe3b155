"""A token comes back to one person, once, by another's approval; every other way to what it stands for is shut."""

import json
import re
import shutil
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.administration import CaseDesk, ReidentificationDesk, build_engine
from gateway.app import utc_now
from gateway.cli.commands import app as command
from gateway.demo.ask import Answer, get, post
from gateway.demo.prepare import Demo
from gateway.errors import KeyUnavailable
from gateway.model.caller import Caller
from gateway.model.ids import AppId, PrincipalId, PurposeId, RoleName
from gateway.settings import load_settings
from gateway.spi import FormatCipher
from gateway.store import open_state
from tests.key_rings import ring_of, seals_of
from tests.town import Clock, Town, build, edited_bundle, edited_settings, served, town_at

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
PURPOSE = "re-identification"
RESIDENT = "public-security.resident"
REASON = "the complaint of 张三 can't be answered without knowing whom it is about"
NOTE: dict[str, object] = {"verdict": "approved", "note": "agreed with 李四"}
LIMIT = 5  # of the purpose, in the city's purposes.yaml
CODED = """
coded:
  title: {zh: 测试代码, en: Coded}
  rank: 47
  terms:
    person.name: {kind: partial, shape: name}
    person.id_number: {kind: token, shape: id_number}
    person.phone: {kind: token, shape: mobile}
    person.address: {kind: partial, shape: address, keeps: street}
    person.birth_date: {kind: generalise, to: year}
    org.name: {kind: partial, shape: organisation}
    org.uscc: {kind: token, shape: uscc}
    org.address: {kind: partial, shape: address, keeps: street}
    aid.amount: {kind: generalise, bucket: "0, 1000, 2000, 5000"}
    region.community: {kind: generalise, region_level: street}
    region.street: {kind: generalise, region_level: county}
  otherwise: {kind: redact}
"""
RULE = "p, {}, role:any, app:any, {}, {}, pur:{}, cn, *, , , , {}\n"
EVERYBODY = "".join(
    # in this town both people of the admin desk may take every step, so that only the steps' own conditions are left
    RULE.format(f"T10{at}", f"field:langqiao.{field}", "write", PURPOSE, "allow,")
    for at, field in enumerate(
        ("reidentification.request", "reidentification.approval", "reidentification.opening", "case.application",
         "case.approval", "case.closure")
    )
)  # fmt: skip
TOKENS = (
    RULE.format("T200", "term:person.id_number", "show", "home-visit", "oblige, level=coded")
    + RULE.format("T201", f"field:{RESIDENT}.phone", "show", "home-visit", "oblige, level=coded")
    + RULE.format("T202", "term:person.id_number", "show", "vaccination-outreach", "oblige, level=coded")
    + RULE.format("T203", f"field:{RESIDENT}.address", "show", "home-visit", "oblige, level=pseudonym")
)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    last = "p, C034, role:community/grid-worker"
    return edited_bundle(
        tmp_path_factory.mktemp("bundle"),
        {
            "masks.yaml": ("pseudonym:\n  title", f"{CODED}\npseudonym:\n  title"),
            "rules/community.csv": (last, f"{TOKENS}{last}"),
            "rules/oversight.csv": ("p, O040,", f"{EVERYBODY}p, O040,"),
        },
    )


@dataclass(slots=True, kw_only=True)
class Desk:
    """A served town with a clock, and the steps by name."""

    demo: Demo
    clock: Clock
    town: Town
    case: str

    def at(self, moment: datetime) -> None:
        self.clock.now = moment
        self.town = town_at(self.demo, moment)

    def post(self, person: str, path: str, content: dict[str, object] | None = None, case: str | None = None) -> Answer:
        return post(self.town.askers[person], path, content, purpose=PURPOSE, case=case)

    def new_case(self, hours: int = 24 * 30) -> str:
        content: dict[str, object] = {"subjects": ["330102194910010010"], "app": "admin-desk", "hours": hours}
        opened = self.post("reviewer", "/cases", content)
        assert opened.status == 201, opened.text
        case = str(json.loads(opened.text)["case"])
        assert self.post("officer", f"/cases/{case}/approve").status == 200
        return case

    def request(self, entry: int, token: str, *, person: str = "reviewer", **changes: object) -> Answer:
        content: dict[str, object] = {
            "entry": entry, "dataset": RESIDENT, "field": "id_number", "token": token, "reason": REASON,
        }  # fmt: skip
        case = str(changes.pop("case", self.case))
        return self.post(person, "/reidentifications", content | changes, case or None)

    def requested(self, entry: int, token: str, **changes: object) -> str:
        answer = self.request(entry, token, **changes)  # type: ignore[arg-type]  # person is the one text
        assert answer.status == 201, answer.text
        return str(json.loads(answer.text)["id"])

    def approve(self, request: str, person: str = "officer", **changes: object) -> Answer:
        return self.post(person, f"/reidentifications/{request}/approval", NOTE | changes)

    def open(self, request: str, person: str = "reviewer", case: str | None = "") -> Answer:
        return self.post(person, f"/reidentifications/{request}/opening", None, self.case if case == "" else case)

    def approved(self, entry: int, token: str, **changes: object) -> str:
        request = self.requested(entry, token, **changes)
        assert self.approve(request).status == 200
        return request

    def next_day(self) -> None:
        """Tomorrow's limits."""
        self.at(self.clock.now + timedelta(days=1))

    def entries(self) -> list[dict[str, object]]:
        return self.town.entries()

    def steps(self) -> list[dict[str, object]]:
        return [entry for entry in self.entries() if entry["kind"] == "reidentification"]


@pytest.fixture
def desk(tmp_path: Path, city: Demo, bundle: Path) -> Iterator[Desk]:
    own = Path(shutil.copytree(bundle, tmp_path / "policies"))
    demo = edited_settings(
        build(tmp_path / "town", city=city.folder / "city", bundle=own), "\n[limits]\npage_rows = 3\n"
    )
    clock = Clock(NOW)
    with ExitStack() as stack:
        stack.enter_context(served(demo, clock))
        opened = Desk(demo=demo, clock=clock, town=town_at(demo, NOW), case="")
        opened.case = opened.new_case()
        yield opened


def index_of(answer: Answer) -> int:
    assert answer.status == 200, answer.text
    return int(answer.receipt.partition("#")[2].partition(":")[0])


def seen(
    desk: Desk, select: str = "id_number,phone,name,address", limit: int = 3
) -> tuple[int, list[dict[str, object]]]:
    """An answer with tokens: its entry and its rows."""
    answer = desk.town.ask("grid-worker", f"{RESIDENT}?select={select}&order=name&limit={limit}", "home-visit")
    return index_of(answer), answer.rows()


def register(desk: Desk) -> dict[str, str]:
    """Everybody's phone by ID number, from the police's own register."""
    with closing(sqlite3.connect(f"file:{desk.demo.folder / 'city' / 'police.db'}?mode=ro", uri=True)) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type='table'").fetchall():
            if {"SFZH", "LXDH"} <= {row[1] for row in connection.execute(f"PRAGMA table_info({name})")}:
                return dict(connection.execute(f"SELECT SFZH, LXDH FROM {name}").fetchall())
    raise AssertionError


def state_files(desk: Desk) -> bytes:
    return b"".join(path.read_bytes() for path in (desk.demo.folder / "state").glob("*.db*"))


# ---------------------------------------------------------------------- the way that is open
def test_a_token_comes_back_to_who_asked_once_somebody_else_agreed(desk: Desk) -> None:
    entry, rows = seen(desk)
    token = str(rows[0]["id_number"])
    assert token not in register(desk)
    request = desk.requested(entry, token)
    listed = get(desk.town.askers["officer"], "/reidentifications", purpose=PURPOSE)
    (one,) = json.loads(listed.text)["requests"]
    assert (one["id"], one["state"], one["case"], one["reason"]) == (request, "pending", desk.case, REASON)
    assert (one["requested_by"], one["seen_by"], one["entry"]) == ("reviewer", "grid-worker", entry)
    assert token not in listed.text
    assert desk.approve(request).status == 200
    opened = desk.open(request)
    assert opened.status == 200, opened.text
    value = json.loads(opened.text)["value"]
    assert value in register(desk)

    steps = desk.steps()
    assert [step["detail"] for step in steps] == [
        f"re-identification {request} requested: entry {entry} {RESIDENT}.id_number, answer of another",
        "re-identifications listed",
        f"re-identification {request} approved",
        f"re-identification {request} opened",
    ]
    ring = ring_of(load_settings(desk.demo.settings))
    told = [step for step in steps if step["detail"] != "re-identifications listed"]
    assert [step["subjects"] for step in told] == [[ring.subject_hash(value)]] * 3
    assert {step["case"] for step in told} == {desk.case}
    assert [step["principal"] for step in told] == ["reviewer", "officer", "reviewer"]
    assert desk.entries()[index_of(opened)]["detail"] == f"re-identification {request} opened"
    kept = state_files(desk)
    for secret in (token, value, "张三", "李四"):
        assert secret.encode() not in kept, "neither token, value nor words are in the database in the clear"


def value_of(answer: Answer) -> str:
    assert answer.status == 200, answer.text
    return str(json.loads(answer.text)["value"])


def test_a_phone_and_a_number_in_an_embedded_dataset_come_back(desk: Desk) -> None:
    entry, rows = seen(desk)
    people = register(desk)
    phone = value_of(desk.open(desk.approved(entry, str(rows[0]["phone"]), field="phone")))
    assert phone in people.values()

    answer = desk.town.ask("grid-worker", "community.need?select=need_kind,resident(id_number)&limit=2", "home-visit")
    inner = answer.rows()[0]["resident"]
    assert isinstance(inner, dict)
    request = desk.approved(index_of(answer), str(inner["id_number"]))
    assert value_of(desk.open(request)) in people


def test_a_token_of_an_answer_in_batches_comes_back(desk: Desk) -> None:
    asker = desk.town.askers["grid-worker"]
    headers = desk.town.headers("grid-worker", "home-visit") | {"accept": "application/x-ndjson"}
    assert asker.url == desk.town.url
    answer = desk.town.get(f"/data/{RESIDENT}?select=id_number&order=name&limit=8", headers)
    tokens = [json.loads(line)["id_number"] for line in answer.text.splitlines()]
    assert len(tokens) == 8
    opening = int(answer.headers["langqiao-receipt"].partition("#")[2].partition(":")[0])
    assert desk.entries()[opening]["outcome"] == "opened"
    assert value_of(desk.open(desk.approved(opening, tokens[7]))) in register(desk)


def test_a_token_comes_back_under_the_policy_that_made_it_whatever_serves_now(desk: Desk) -> None:
    entry, rows = seen(desk)
    rules = desk.demo.folder.parent / "policies" / "rules" / "community.csv"
    text = rules.read_text(encoding="utf-8")
    rules.write_text(text.replace("oblige, level=coded", "oblige, level=redact"), encoding="utf-8")
    reloaded = post(desk.town.askers["officer"], "/policy/reload", None, purpose="policy-administration")
    assert reloaded.status == 200, reloaded.text
    later, hidden = seen(desk)
    assert hidden[0]["id_number"] == "***"
    assert desk.request(later, str(rows[0]["id_number"])).code == "GW731"
    assert value_of(desk.open(desk.approved(entry, str(rows[0]["id_number"])))) in register(desk)


def test_the_commands_ask_list_approve_and_open(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.at(utc_now())
    desk.case = desk.new_case()
    monkeypatch.setenv("COLUMNS", "400")
    entry, rows = seen(desk)
    place = ["--url", desk.town.url, "--folder", str(desk.demo.folder)]

    def run(*words: str, fails: bool = False) -> str:
        done = CliRunner().invoke(command, ["reidentify", *words, *place])
        assert (done.exit_code == 1) is fails, done.output
        return done.output

    what = (str(entry), RESIDENT, "id_number", "--token", str(rows[0]["id_number"]), "--because", REASON)
    assert "GW206" in run("request", *what, "--as", "reviewer", fails=True)
    found = re.match(r"(r-[0-9a-f]{16}): pending", run("request", *what, "--case", desk.case, "--as", "reviewer"))
    assert found is not None
    request = found[1]
    assert request in run("list", "--as", "officer")
    assert f'"id":"{request}"' in run("list", "--as", "officer", "--json")
    assert "GW733" in run("open", request, "--case", desk.case, "--as", "reviewer", fails=True)
    assert f"{request}: approved" in run("approve", request, "--note", "agreed", "--as", "officer")
    assert run("open", request, "--case", desk.case, "--as", "reviewer").split()[0] in register(desk)
    second = desk.requested(entry, str(rows[1]["id_number"]))
    assert f"{second}: refused" in run("approve", second, "--note", "no", "--refuse", "--as", "officer")


# ---------------------------------------------------------------------- the steps, out of their order
def test_nobody_approves_their_own_request(desk: Desk) -> None:
    entry, rows = seen(desk)
    request = desk.requested(entry, str(rows[0]["id_number"]))
    assert (desk.approve(request, "reviewer").status, desk.approve(request, "reviewer").code) == (403, "GW702")
    assert desk.open(request).code == "GW733"
    assert desk.approve(request).status == 200
    assert desk.approve(request, verdict="refused").code == "GW733", "a decision is final"


def test_nobody_else_opens_it_not_even_who_approved(desk: Desk) -> None:
    entry, rows = seen(desk)
    request = desk.approved(entry, str(rows[0]["id_number"]))
    assert (desk.open(request, "officer").status, desk.open(request, "officer").code) == (404, "GW732")
    assert desk.open("r-0000000000000000").code == "GW732"
    value_of(desk.open(request))


def test_it_opens_once(desk: Desk) -> None:
    entry, rows = seen(desk)
    request = desk.approved(entry, str(rows[0]["id_number"]))
    value = value_of(desk.open(request))
    again = desk.open(request)
    assert (again.status, again.code) == (409, "GW733")
    assert value not in again.text


def test_of_openings_at_once_one_gets_the_value(desk: Desk) -> None:
    entry, rows = seen(desk)
    request = desk.approved(entry, str(rows[0]["id_number"]))
    with ThreadPoolExecutor(8) as at_once:
        answers = list(at_once.map(lambda _: desk.open(request), range(8)))
    assert sorted(answer.status for answer in answers) == [200] + [409] * 7
    people = register(desk)
    assert sum(any(number in answer.text for number in people) for answer in answers) == 1
    opened = [step for step in desk.steps() if step["detail"] == f"re-identification {request} opened"]
    unmade = [entry for entry in desk.entries() if entry["kind"] == "not-made"]
    assert len(opened) == len(unmade) + 1


def test_a_refused_request_stays_shut(desk: Desk) -> None:
    entry, rows = seen(desk)
    request = desk.requested(entry, str(rows[0]["id_number"]))
    assert desk.approve(request, verdict="refused").status == 200
    assert desk.approve(request).code == "GW733"
    assert desk.open(request).code == "GW733"


def test_an_approval_lapses_after_its_hours(desk: Desk) -> None:
    entry, rows = seen(desk)
    first, second = (desk.approved(entry, str(rows[at]["id_number"])) for at in (0, 1))
    desk.at(NOW + timedelta(hours=24) - timedelta(microseconds=1))
    value_of(desk.open(first))
    desk.at(NOW + timedelta(hours=24))
    lapsed = desk.open(second)
    assert lapsed.code == "GW733"
    assert "lapsed" in lapsed.text
    listed = json.loads(get(desk.town.askers["officer"], "/reidentifications", purpose=PURPOSE).text)["requests"]
    assert {one["id"]: one["state"] for one in listed} == {first: "opened", second: "lapsed"}


# ---------------------------------------------------------------------- the case
def test_without_a_case_or_with_another_nothing_moves(desk: Desk) -> None:
    entry, rows = seen(desk)
    token = str(rows[0]["id_number"])
    assert desk.request(entry, token, case="").code == "GW206"
    assert desk.request(entry, token, case="c-0000000000000000").code == "GW205"
    unapproved = desk.post("reviewer", "/cases", {"subjects": ["330102194910010010"], "app": "admin-desk", "hours": 3})
    assert desk.request(entry, token, case=json.loads(unapproved.text)["case"]).code == "GW205"
    request = desk.approved(entry, token)
    other = desk.new_case()
    assert desk.open(request, case=other).code == "GW205"
    assert desk.open(request, case=None).code == "GW206"
    value_of(desk.open(request))


def test_when_the_case_is_closed_nothing_is_approved_or_opened(desk: Desk) -> None:
    entry, rows = seen(desk)
    approved, pending = (
        desk.approved(entry, str(rows[0]["id_number"])),
        desk.requested(entry, str(rows[1]["id_number"])),
    )
    assert desk.post("officer", f"/cases/{desk.case}/close").status == 200
    assert desk.open(approved).code == "GW205"
    assert desk.approve(pending).code == "GW733"
    assert desk.request(entry, str(rows[2]["id_number"])).code == "GW205"
    assert desk.approve(pending, verdict="refused").status == 200


# ---------------------------------------------------------------------- what is no token of that answer
def test_what_is_no_token_of_the_named_answer_is_refused_with_one_and_the_same_text(desk: Desk) -> None:
    entry, rows = seen(desk)
    token, phone, shown = (str(rows[0][name]) for name in ("id_number", "phone", "name"))
    other_entry, others = seen(desk, limit=1)
    assert others[0]["id_number"] == token, "under one purpose a person has one token"
    outreach = desk.town.ask("health-officer", f"{RESIDENT}?select=id_number&limit=3", "vaccination-outreach")
    foreign = str(outreach.rows()[0]["id_number"])
    refusal = index_of_refusal(desk.town.ask("grid-worker", f"{RESIDENT}?select=ethnicity", "home-visit"))
    known = next(iter(register(desk)))
    tries: list[dict[str, object]] = [
        {"token": known},  # an ID number itself
        {"token": str(rows[1]["id_number"]), "entry": other_entry},  # a token of another answer
        {"token": foreign},  # of another purpose
        {"token": token, "entry": index_of(outreach)},  # in another purpose's answer
        {"token": token[:-1] + ("0" if token[-1] != "0" else "1")},
        {"token": token[:-1]},
        {"token": f"{token} "},
        {"token": "９" * 18},
        {"token": "***"},
        {"token": str(rows[0]["address"]), "field": "address"},  # a pseudonym
        {"token": shown, "field": "name"},
        {"token": phone},
        {"token": token, "field": "phone"},
        {"token": token, "field": "ethnicity"},
        {"token": token, "field": "no_such"},
        {"token": token, "dataset": "no.such"},
        {"token": token, "dataset": "community.need"},
        {"token": token, "entry": refusal},
        {"token": token, "entry": 0},
        {"token": token, "entry": len(desk.entries()) + 1000},
        {"token": token, "entry": 2**63 - 1},
    ]
    texts = set()
    for one in tries:
        desk.next_day()
        refused = desk.request(**{"entry": entry} | one)  # type: ignore[arg-type]  # each is as `request` takes it
        assert (refused.status, refused.code) == (403, "GW731"), one
        texts.add(re.sub(r'"(trace_id|receipt)":"[^"]*"', "", refused.text))
        assert desk.entries()[index_of_refusal(refused)]["subjects"] == []
    assert len(texts) == 1
    desk.next_day()
    desk.requested(entry, token)
    desk.requested(index_of(outreach), foreign)


def index_of_refusal(answer: Answer) -> int:
    assert answer.status >= 400
    return int(json.loads(answer.text)["receipt"].partition("#")[2].partition(":")[0])


def test_trying_texts_out_ends_at_the_days_limit_and_raises_a_flag(desk: Desk) -> None:
    entry, rows = seen(desk)
    token = str(rows[0]["id_number"])
    made_up = [f"{int(token[:17]) + step:017}{last}" for step in range(1, 4) for last in "0123456789X"]
    statuses = [desk.request(entry, text).status for text in made_up]
    assert statuses == [403] * LIMIT + [429] * (len(made_up) - LIMIT)
    assert desk.request(entry, token).code == "GW405", "a right one is refused as well"
    (flag,) = [one for one in desk.entries() if one["kind"] == "flag"]
    assert (flag["principal"], flag["purpose"]) == ("reviewer", PURPOSE)
    assert flag["detail"] == f"flag reidentifications-limit purpose {PURPOSE} limit {LIMIT}"
    desk.requested(entry, token, person="officer")
    desk.next_day()
    desk.requested(entry, token)


# ---------------------------------------------------------------------- who, and what is sent
def test_who_has_no_permission_takes_no_step(desk: Desk) -> None:
    entry, rows = seen(desk)
    request = desk.requested(entry, str(rows[0]["id_number"]))
    assert desk.request(entry, str(rows[0]["id_number"]), person="grid-worker").code == "GW203"
    for path, content in (
        (
            "/reidentifications",
            {"entry": entry, "dataset": RESIDENT, "field": "id_number", "token": "x", "reason": REASON},
        ),
        (f"/reidentifications/{request}/approval", NOTE),
        (f"/reidentifications/{request}/opening", None),
    ):
        wrong = post(desk.town.askers["reviewer"], path, content, purpose="compliance-review", case=desk.case)
        assert (wrong.status, wrong.code) == (403, "GW406")
    assert get(desk.town.askers["reviewer"], "/reidentifications", purpose="compliance-review").code == "GW406"


@pytest.mark.parametrize(
    "change",
    [{"entry": -1}, {"entry": 2**63}, {"token": ""}, {"token": "1" * 65}, {"reason": "short"},
     {"reason": "x" * 501}, {"reason": "a\x00 reason in words"}, {"dataset": ""}, {"more": 1}],
)  # fmt: skip
def test_a_request_that_is_none_counts_for_nothing(town: Town, change: dict[str, object]) -> None:
    content: dict[str, object] = {
        "entry": 1, "dataset": RESIDENT, "field": "id_number", "token": "330102", "reason": REASON,
    }  # fmt: skip
    answer = post(town.askers["reviewer"], "/reidentifications", content | change, purpose=PURPOSE)
    assert answer.code == "GW115"
    assert "330102" not in answer.text


async def test_a_token_whose_key_is_gone_can_only_be_refused(desk: Desk, bundle: Path) -> None:
    entry, rows = seen(desk)
    request = desk.requested(entry, str(rows[0]["id_number"]))

    def gone(_purpose: PurposeId, _shape: str, version: int) -> FormatCipher:
        raise KeyUnavailable(use="token", version=version, state="destroyed")

    state = open_state(f"sqlite:///{desk.town.log}")
    ring = ring_of(load_settings(desk.demo.settings))
    opener = seals_of(load_settings(desk.demo.settings)).open
    without = ReidentificationDesk(state, ring, gone, CaseDesk(state, ring).find, hours=24, opener=opener)
    engine = build_engine(bundle)
    purpose = engine.catalog.purposes[PurposeId(PURPOSE)]
    officer = Caller(
        principal=PrincipalId("officer"), app=AppId("admin-desk"), roles=(RoleName("security/officer"),),
        organisation="", regions=(), assurance=3, network="", id_number=None, purpose=purpose.id, case=None,
        justification=None, token_id="t",
    )  # fmt: skip
    with pytest.raises(KeyUnavailable, match="version 1"):
        await without.decide(engine, request, officer, purpose, verdict="approved", note="n", now=NOW)
    refused = await without.decide(engine, request, officer, purpose, verdict="refused", note="n", now=NOW)
    assert refused.subjects == ()
    await refused.make()
    assert desk.open(request).code == "GW733"
    state.close()


def test_tokens_come_back_after_a_rotation_and_not_after_the_key_was_taken_away(desk: Desk) -> None:
    entry, rows = seen(desk)
    before = [desk.approved(entry, str(row["id_number"])) for row in rows[:2]]
    now = desk.clock.now

    def keys(step: str) -> Answer:
        return post(desk.town.askers["officer"], f"/keys/{step}", {}, purpose="policy-administration")

    assert keys("token/rotation").status < 300
    assert keys("seal/rotation").status < 300
    desk.at(now + timedelta(seconds=2))
    assert desk.open(before[0]).status == 200, "an old version still turns its tokens back"
    later, others = seen(desk)
    assert others[0]["id_number"] != rows[0]["id_number"], "the new version makes other tokens"
    assert desk.open(desk.approved(later, str(others[0]["id_number"]))).status == 200
    assert keys("token/1/retirement").status < 300
    assert desk.open(before[1]).code == "GW742"
    assert keys("seal/1/retirement").status < 300
    listed = get(desk.town.askers["reviewer"], "/reidentifications", purpose=PURPOSE)
    assert listed.status == 200
    assert before[1] in listed.text
    assert keys("seal/1/reinstatement").status < 300
    assert keys("token/1/reinstatement").status < 300
    assert desk.open(before[1]).status == 200
