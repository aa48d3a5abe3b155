"""The compliance desk over HTTP: flags that are made again, reviews from question to closing, canaries, reports."""

import asyncio
import csv
import io
import json
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from typer.testing import CliRunner

from gateway.app import Gateway
from gateway.cli.commands import app as command
from gateway.demo.ask import Answer, Download, answer_of, download, get, post
from gateway.demo.prepare import Demo
from gateway.settings import load_settings
from tests.town import Clock, Town, build, edited_bundle, served, town_at

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)  # Monday, 10:00 in Hangzhou
ONE_RESIDENT = "public-security.resident?select=name,id_number&limit=1"
FIRE = "a man collapsed at home, his family is sought"
REVIEW, ADMINISTRATION = "compliance-review", "policy-administration"
MONTH = {"since": "2026-11-01T00:00:00+08:00", "until": "2026-12-01T00:00:00+08:00"}
NOTE = "the ward of 张三 confirms it"


def watched(demo: Demo, clock: Clock) -> None:
    """A replica that has just started and looks at the log once."""

    async def once() -> None:
        replica = Gateway(settings=load_settings(demo.settings), clock=clock)
        async with replica.open():
            await replica.rooms.oversight.watch.catch_up()

    asyncio.run(once())


def index_of(answer: Answer) -> int:
    assert answer.status < 300, answer.text
    return int(answer.receipt.partition("#")[2].partition(":")[0])


def told(answer: Answer, of: str = "entries") -> list[dict[str, Any]]:
    assert answer.status == 200, answer.text
    found: list[dict[str, Any]] = json.loads(answer.text)[of]
    return found


class Desk:
    """One town with a clock, and everybody in it signed in at whatever moment it shows."""

    def __init__(self, demo: Demo, clock: Clock) -> None:
        self.demo, self.clock = demo, clock

    @property
    def town(self) -> Town:
        return town_at(self.demo, self.clock.now)

    def visit(self, question: str = "public-security.resident?select=name&limit=1") -> int:
        return index_of(self.town.ask("grid-worker", question, "home-visit"))

    def say(self, person: str, path: str, content: dict[str, object], purpose: str = REVIEW) -> Answer:
        return post(self.town.askers[person], path, content, purpose=purpose)

    def hear(self, person: str, path: str, purpose: str = REVIEW) -> Answer:
        return get(self.town.askers[person], path, purpose=purpose)

    def flags(self) -> list[dict[str, Any]]:
        watched(self.demo, self.clock)
        return told(self.hear("reviewer", "/flags"), "flags")

    def report(self, kind: str, form: str, **more: object) -> Download:
        order: dict[str, object] = {"kind": kind, "format": form, **MONTH, **more}
        return download(self.town.askers["reviewer"], "/reports", order, purpose=REVIEW)

    def command(self, *words: str) -> tuple[int, str]:
        done = CliRunner().invoke(command, [*words])
        return done.exit_code, done.output


@pytest.fixture
def opened(tmp_path: Path, city: Demo) -> Iterator[Callable[..., Desk]]:
    with ExitStack() as stack:

        def make(edits: dict[str, tuple[str, str]] | None = None) -> Desk:
            bundle = edited_bundle(tmp_path, edits) if edits else None
            demo = build(tmp_path / "town", city=city.folder / "city", bundle=bundle)
            clock = Clock(NOW)
            stack.enter_context(served(demo, clock))
            return Desk(demo, clock)

        yield make


@pytest.fixture
def desk(opened: Callable[..., Desk]) -> Desk:
    return opened()


# ---------------------------------------------------------------------- flags
def test_flags_are_raised_once_told_in_a_sentence_and_made_again(desk: Desk) -> None:
    for _ in range(11):
        desk.visit()
    for _ in range(20):
        assert desk.town.ask("grid-worker", "public-security.resident?select=ethnicity", "home-visit").status >= 400
    desk.clock.now = NOW + timedelta(hours=11)
    desk.visit()
    flags = desk.flags()
    assert [flag["detail"].split(" ")[1] for flag in flags] == ["repeated", "refusals", "off-hours"]
    assert {flag["principal"] for flag in flags} == {"grid-worker"}
    assert flags[0]["en"].startswith("grid-worker looked up one and the same person 11 times in 7 days")
    assert "星期1" in flags[2]["zh"]
    assert desk.flags() == flags, "looked at twice, flagged once"

    settings = ["--settings", str(desk.demo.settings)]
    for flag in flags:
        status, output = desk.command("audit", "flags", "--reproduce", flag["id"], *settings)
        assert status == 0, output
        assert flag["en"] in output
        assert flag["zh"] in output
    assert desk.command("audit", "flags", "--reproduce", str(flags[0]["index"]), *settings)[0] == 0
    assert desk.command("audit", "flags", "--reproduce", "f-0123456789abcdef", *settings)[0] == 1
    assert desk.command("audit", "flags", "--reproduce", "0", *settings)[0] == 1
    # each opens a review, whose person is who was flagged
    # (beside those that were drawn by lot: by a key that is another in every town)
    waiting = [one for one in told(desk.hear("reviewer", "/reviews")) if one["origin"] != "sample"]
    assert [(one["index"], one["origin"]) for one in waiting] == [(flag["index"], "flag") for flag in flags]


def test_a_canary_is_watched_for_and_its_number_is_nowhere(desk: Desk) -> None:
    number = str(desk.town.ask("doctor", ONE_RESIDENT, "break-glass", justification=FIRE).rows()[0]["id_number"])
    assert desk.flags() == []
    planted = desk.say("officer", "/canaries", {"id_number": number}, ADMINISTRATION)
    assert planted.status == 201
    subject = json.loads(planted.text)["subject"]
    index = index_of(desk.town.ask("doctor", ONE_RESIDENT, "break-glass", justification=FIRE))
    (flag,) = desk.flags()
    assert flag["en"].startswith(f"doctor touched a planted record in public-security.resident (entry {index});")
    assert number not in "".join(json.dumps(entry) for entry in desk.town.entries())
    assert number.encode() not in desk.town.log.read_bytes()
    (listed,) = told(desk.hear("officer", "/canaries", ADMINISTRATION), "canaries")
    assert (listed["subject"], listed["added_by"]) == (subject, "officer")
    assert desk.hear("reviewer", "/canaries").status == 403
    assert desk.say("officer", "/canaries/withdrawal", {"subject": subject}, ADMINISTRATION).status == 200
    gone = desk.say("officer", "/canaries/withdrawal", {"subject": subject}, ADMINISTRATION)
    assert (gone.status, gone.code) == (404, "GW755")
    index_of(desk.town.ask("doctor", ONE_RESIDENT, "break-glass", justification=FIRE))
    assert desk.flags() == [flag]


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("/canaries", {"id_number": "12"}), ("/canaries", {"id_number": "3301 2194910010010"}), ("/canaries", {}),
        ("/canaries/withdrawal", {"subject": "x" * 32}), ("/canaries/withdrawal", {"subject": "ab"}),
    ],
)  # fmt: skip
def test_what_is_no_canary_is_refused(town: Town, path: str, content: dict[str, object]) -> None:
    answer = post(town.askers["officer"], path, content, purpose=ADMINISTRATION)
    assert answer.code == "GW115"


# ---------------------------------------------------------------------- reviews
def test_a_review_goes_from_question_to_closing_and_each_step_is_an_entry(desk: Desk) -> None:
    index = desk.visit()
    opened = desk.say("reviewer", "/reviews", {"entry": index})
    assert opened.status == 201
    again = desk.say("reviewer", "/reviews", {"entry": index})
    assert (again.status, again.code) == (409, "GW751")
    assert told(desk.hear("grid-worker", "/reviews/asked", "home-visit")) == []
    early = desk.say("grid-worker", f"/reviews/{index}/answer", {"answer": "x"}, "home-visit")
    assert (early.status, early.code) == (404, "GW604")

    asked = desk.say("reviewer", f"/reviews/{index}/question", {"question": "why did you look at 张三?"})
    assert asked.status == 200
    (mine,) = told(desk.hear("grid-worker", "/reviews/asked", "home-visit"))
    assert (mine["index"], mine["question"], mine["state"]) == (index, "why did you look at 张三?", "asked")
    assert mine["answer_due"] == (NOW + timedelta(hours=48)).isoformat()
    # nobody else is asked, may answer, or learns that there is a question
    assert told(desk.hear("driver", "/reviews/asked", "vaccination-transport")) == []
    other = desk.say("transport-worker", f"/reviews/{index}/answer", {"answer": "he is ill"}, "home-visit")
    assert (other.status, other.code) == (404, "GW604")
    unheard = desk.say("reviewer", f"/reviews/{index}", {"verdict": "justified", "note": NOTE})
    assert (unheard.status, unheard.code) == (409, "GW751"), "who was asked is heard first"
    answered = desk.say("grid-worker", f"/reviews/{index}/answer", {"answer": "张三 called for help"}, "home-visit")
    assert answered.status == 200, answered.text
    twice = desk.say("grid-worker", f"/reviews/{index}/answer", {"answer": "something else"}, "home-visit")
    assert (twice.status, twice.code) == (409, "GW751")

    assert (
        desk.say("grid-worker", f"/reviews/{index}", {"verdict": "justified", "note": "x"}, "home-visit").status == 403
    )
    early = desk.say("reviewer", f"/reviews/{index}/closing", {"note": "nothing followed"})
    assert (early.status, early.code) == (409, "GW751")
    decided = desk.say("reviewer", f"/reviews/{index}", {"verdict": "follow-up", "note": NOTE})
    assert decided.status == 200
    for verdict in ("justified", "not-justified"):
        late = desk.say("reviewer", f"/reviews/{index}", {"verdict": verdict, "note": NOTE})
        assert (late.status, late.code) == (409, "GW751")
    closed = desk.say("reviewer", f"/reviews/{index}/closing", {"note": "张三 was visited"})
    assert closed.status == 200
    assert desk.say("reviewer", f"/reviews/{index}/closing", {"note": "again"}).code == "GW751"

    (review,) = told(desk.hear("reviewer", f"/reviews/{index}"))
    words = ("why did you look at 张三?", "张三 called for help", NOTE, "张三 was visited")
    assert tuple(review[name] for name in ("question", "answer", "note", "closing")) == words
    assert (review["state"], review["verdict"], review["decided_by"]) == ("closed", "follow-up", "reviewer")
    (mine,) = told(desk.hear("grid-worker", "/reviews/asked", "home-visit"))
    assert (mine["verdict"], mine["note"], mine["decided_by"]) == ("follow-up", None, None)

    steps = [str(entry["detail"]) for entry in desk.town.entries() if entry["kind"] == "review"]
    said = ["opened: by hand", "asked", "answered", ": follow-up", "closed"]
    assert [step for step in steps if step.startswith(f"review of entry {index}")] == [
        *(f"review of entry {index}{one if one.startswith(':') else f' {one}'}" for one in said),
        f"review of entry {index} read",
    ]
    kept = desk.town.log.read_bytes() + desk.town.log.with_name("langqiao.db-wal").read_bytes()
    assert not any(word.encode() in kept for word in words), "words are sealed"


def test_an_answer_that_never_comes_is_overdue_and_holds_nothing_up(desk: Desk) -> None:
    index = desk.visit()
    assert desk.say("reviewer", "/reviews", {"entry": index}).status == 201
    assert desk.say("reviewer", f"/reviews/{index}/question", {"question": "why?"}).status == 200
    verdict: dict[str, object] = {"verdict": "not-justified", "note": "no answer"}
    desk.clock.now = NOW + timedelta(hours=48) - timedelta(microseconds=1)
    assert desk.say("reviewer", f"/reviews/{index}", verdict).code == "GW751"
    desk.clock.now = NOW + timedelta(hours=48)
    (waiting,) = told(desk.hear("reviewer", "/reviews"))
    assert (waiting["is_answer_overdue"], waiting["is_overdue"]) == (True, False)
    desk.clock.now = NOW + timedelta(hours=72)
    (waiting,) = told(desk.hear("reviewer", "/reviews"))
    assert waiting["is_overdue"]
    assert desk.say("reviewer", f"/reviews/{index}", verdict).status == 200
    late = desk.say("grid-worker", f"/reviews/{index}/answer", {"answer": "I was away"}, "home-visit")
    assert (late.status, late.code) == (409, "GW751")


def test_nobody_reviews_their_own(desk: Desk) -> None:
    own = index_of(desk.town.ask("reviewer", "langqiao.access?select=entry&limit=1", REVIEW))
    assert desk.say("reviewer", "/reviews", {"entry": own}).code == "GW702"


@pytest.mark.parametrize("words", ["", "x" * 2001, "x" * 10_000, "a\x00b", "\ud800"])
def test_words_that_are_none_say_nothing(town: Town, words: str) -> None:
    """A lone surrogate comes as a JSON escape."""
    for person, purpose, step, name in (
        ("reviewer", REVIEW, "question", "question"),
        ("reviewer", REVIEW, "closing", "note"),
        ("grid-worker", "home-visit", "answer", "answer"),
    ):
        with httpx2.Client(base_url=town.url, trust_env=False) as client:
            headers = town.headers(person, purpose) | {"content-type": "application/json"}
            response = client.post(f"/reviews/0/{step}", headers=headers, content=json.dumps({name: words}))
        assert answer_of(response).code == "GW115"


@pytest.mark.parametrize("entry", [-1, 2**63, "0x0", None])
def test_an_entry_that_can_not_be_is_refused_as_such(town: Town, entry: object) -> None:
    assert post(town.askers["reviewer"], "/reviews", {"entry": entry}, purpose=REVIEW).code == "GW115"
    assert get(town.askers["reviewer"], f"/reviews/{entry}", purpose=REVIEW).code == "GW115"


def test_an_entry_that_is_not_there_has_no_review(town: Town) -> None:
    assert post(town.askers["reviewer"], "/reviews", {"entry": 10**12}, purpose=REVIEW).code == "GW604"
    for path, content in (("question", {"question": "?"}), ("closing", {"note": "!"})):
        assert post(town.askers["reviewer"], f"/reviews/0/{path}", dict(content), purpose=REVIEW).code == "GW604"


# ---------------------------------------------------------------------- sampling
def test_every_answer_of_a_plan_of_a_hundred_is_drawn_and_it_can_be_checked(opened: Callable[..., Desk]) -> None:
    desk = opened({"purposes.yaml": ("  sample_per_hundred: 2\n", "  sample_per_hundred: 100\n")})
    indexes = [desk.visit() for _ in range(3)]
    settings = ["--settings", str(desk.demo.settings)]
    status, output = desk.command("audit", "sampling", *settings)
    assert status == 1
    assert str(indexes[0]) in output
    watched(desk.demo, desk.clock)
    waiting = told(desk.hear("reviewer", "/reviews"))
    assert [(one["index"], one["origin"]) for one in waiting] == [(index, "sample") for index in indexes]
    status, output = desk.command("audit", "sampling", *settings)
    assert status == 0, output
    assert "3 answers under a sampling plan, 3 drawn, each with its review" in output


# ---------------------------------------------------------------------- reports
def rows_of(made: Download) -> list[list[str]]:
    assert made.refused is None, made.refused
    return list(csv.reader(io.StringIO(made.content.decode("utf-8-sig"))))


def test_each_figure_is_counted_from_the_log(desk: Desk, tmp_path: Path) -> None:
    for _ in range(3):
        desk.visit("public-security.resident?select=name&limit=7")
    glass = index_of(desk.town.ask("doctor", ONE_RESIDENT, "break-glass", justification=FIRE))
    index_of(desk.town.ask("doctor", ONE_RESIDENT, "break-glass", justification=FIRE))
    assert desk.say("reviewer", f"/reviews/{glass}", {"verdict": "justified", "note": NOTE}).status == 200
    for _ in range(2):
        desk.town.ask("grid-worker", "public-security.resident?select=ethnicity", "home-visit")
    entries = desk.town.entries()
    released = [one for one in entries if one["kind"] == "read" and one["outcome"] == "released"]
    answers = Counter(str(one["purpose"]) for one in released)
    rows = {purpose: sum(int(str(one["rows"])) for one in released if one["purpose"] == purpose) for purpose in answers}

    made = desk.report("accesses", "csv", language="en")
    by_purpose = {row[0]: row[1:] for row in rows_of(made)[2:4]}
    assert by_purpose == {
        purpose: [str(count), str(rows[purpose]), str(rows[purpose]), "1"] for purpose, count in answers.items()
    }
    told_glass = rows_of(desk.report("break-glass", "csv"))
    assert [row[0] for row in told_glass[1:]] == [str(glass), str(glass + 1)]
    assert [row[7:9] for row in told_glass[1:]] == [["justified", "reviewer"], ["-", "-"]]
    assert ["GW201", "2", "0", "1"] in rows_of(desk.report("refusals", "csv"))
    coverage = {row[0]: row[1:] for row in rows_of(desk.report("sampling", "csv"))[1:]}
    assert coverage["break-glass"] == ["2", "2", "1", "0", "0", "0", "0", "0.00"]

    # the report says what it stands on, and was itself written down before it left
    text = made.note
    assert f"log langqiao.example/demo {len(entries)}\n" in text
    assert f"entries 0 {len(entries)}\n" in text
    entry = desk.town.entries()[int(made.receipt.partition("#")[2].partition(":")[0])]
    assert entry["kind"] == "log-read"
    assert str(entry["detail"]).startswith(f"report accesses csv entries 0 to {len(entries)} sha256 ")


def test_everyone_who_looked_at_one_resident(desk: Desk) -> None:
    number = str(desk.town.ask("doctor", ONE_RESIDENT, "break-glass", justification=FIRE).rows()[0]["id_number"])
    desk.visit("public-security.resident?select=name&limit=7")
    made = desk.report("resident", "csv", resident=number)
    assert [row[2] for row in rows_of(made)[1:]] == ["doctor"]
    assert number.encode() not in made.content
    assert number not in made.note
    entry = desk.town.entries()[-1]
    assert len(entry["subjects"]) == 1, "that somebody asked is an entry about the resident"  # type: ignore[arg-type]
    later = rows_of(desk.report("resident", "csv", resident=number))
    assert [row[2] for row in later[1:]] == ["doctor", "reviewer"]
    nobody = desk.report("resident", "csv", resident="330102194910010010")
    assert len(rows_of(nobody)) == 1


def test_a_report_is_checked_with_the_public_key_alone(desk: Desk, tmp_path: Path) -> None:
    desk.visit()
    settings = ["--settings", str(desk.demo.settings)]
    key = desk.command("audit", "report-key", *settings)[1].strip()
    place = ["--as", "reviewer", "--url", desk.town.url, "--folder", str(desk.demo.folder)]
    # the demo's people sign in by the real clock
    desk.clock.now = datetime.now(UTC)  # noqa: TID251 - as the command's
    for form in ("html", "pdf", "csv", "xlsx"):
        path = tmp_path / f"report.{form}"
        status, output = desk.command(
            "audit", "report", "accesses", "--from", "2026-11-01", "--to", "2026-11-30", "--format", form,
            "--out", str(path), *place,
        )  # fmt: skip
        assert status == 0, output
        status, output = desk.command("audit", "report-verify", str(path), "--key", key)
        assert status == 0, output
        assert "entries 0 " in output
        assert desk.command("audit", "report-verify", str(path), *settings)[0] == 0
        path.write_bytes(path.read_bytes().replace(b"1", b"2", 1))
        assert desk.command("audit", "report-verify", str(path), "--key", key)[0] == 1
    assert desk.command("audit", "report", "accesses", "--from", "soon", "--to", "2026-11-30", *place)[0] == 2


def test_the_pdf_says_what_the_log_says_in_chinese(desk: Desk, tmp_path: Path) -> None:
    desk.visit()
    path = tmp_path / "report.pdf"
    path.write_bytes(desk.report("accesses", "pdf").content)
    text = subprocess.run(["pdftotext", "-layout", str(path), "-"], capture_output=True, text=True, check=True).stdout
    assert "访问统计" in text
    assert "home-visit" in text.replace("\u200b", "")
    assert "涉及居民" in text


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "everything"}, {"format": "docx"}, {"language": "fr"}, {"since": "2026-11-01"},
        {"until": MONTH["since"]},
        {"since": MONTH["until"], "until": MONTH["since"]}, {"since": "2026-11-01T00:00:00"}, {"kind": "resident"},
        {"resident": "330102194910010010"}, {"kind": "resident", "resident": "12"}, {"more": 1},
        {"since": "x" * 10_000}, {"until": "9999-12-31T23:59:59-12:00"}, {"since": "0001-01-01T00:00:00+14:00"},
    ],
)  # fmt: skip
def test_an_order_that_makes_no_sense_is_refused(town: Town, wrong: dict[str, object]) -> None:
    order: dict[str, object] = {"kind": "accesses", "format": "csv", **MONTH}
    made = download(town.askers["reviewer"], "/reports", order | wrong, purpose=REVIEW)
    assert made.refused is not None
    assert made.refused.code == "GW115"


def test_a_report_over_too_many_entries_is_refused_with_the_number(opened: Callable[..., Desk], tmp_path: Path) -> None:
    desk = opened()
    for _ in range(4):
        desk.visit()
    settings = load_settings(desk.demo.settings)
    limited = settings.model_copy(update={"limits": settings.limits.model_copy(update={"report_entries": 3})})
    asker = desk.town.askers["reviewer"]

    async def make() -> str:
        replica = Gateway(settings=limited, clock=desk.clock)
        async with replica.open():
            from gateway.administration.reports import ReportAsked
            from gateway.errors import ReportTooLarge

            asked = ReportAsked(
                kind="accesses", format="csv", language="en",
                since=NOW - timedelta(days=1), until=NOW + timedelta(days=1),
            )  # fmt: skip
            with pytest.raises(ReportTooLarge) as refused:
                await asyncio.to_thread(replica.rooms.oversight.reports.make, asked, NOW)
            return refused.value.message()

    assert asker.url == desk.town.url
    assert "more than 3 entries" in asyncio.run(make())


def test_only_who_may_gets_a_report(town: Town) -> None:
    for person, purpose in (("officer", ADMINISTRATION), ("grid-worker", "home-visit")):
        order: dict[str, object] = {"kind": "accesses", "format": "csv", **MONTH}
        made = download(town.askers[person], "/reports", order, purpose=purpose)
        assert made.refused is not None
        assert made.refused.status == 403
