"""Break-glass over HTTP: a grant that lapses, a notice at once, a review by somebody else that nobody can skip."""

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.administration import ReviewDesk, build_engine
from gateway.app import Gateway
from gateway.cli.commands import app as command
from gateway.demo.ask import Answer, get, post
from gateway.demo.prepare import Demo, bundle_folder
from gateway.errors import EntryUnknown, GrantLapsed, ReviewOverdue
from gateway.model.caller import Caller, InboundRequest
from gateway.model.ids import AppId, PrincipalId, PurposeId
from gateway.model.response import Refusal, Response
from gateway.settings import load_settings
from gateway.store import State, open_grant, open_state, step_review
from tests.audit_logs import seals_in_memory
from tests.key_rings import ring_at, ring_of, seals_of
from tests.postgres_server import Server, postgres_server
from tests.town import Clock, Town, served, town_at

QUESTION = "public-security.resident?select=name&limit=1"
NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
FIRE = "a man collapsed at home, his family is sought"
VERDICT: dict[str, object] = {"verdict": "justified", "note": "the ward of 张三 confirms it"}


@pytest.fixture
def clocked(fresh_demo: Demo) -> Iterator[Callable[[datetime], Town]]:
    """A town whose clock shows what is asked for; everybody is signed in anew."""
    clock = Clock(NOW)
    with ExitStack() as stack:
        stack.enter_context(served(fresh_demo, clock))

        def at(moment: datetime) -> Town:
            clock.now = moment
            return town_at(fresh_demo, moment)

        yield at


def broken(town: Town, because: str | None = FIRE) -> Answer:
    return town.ask("doctor", QUESTION, "break-glass", justification=because)


def index_of(answer: Answer) -> int:
    assert answer.status == 200, answer.text
    return int(answer.receipt.partition("#")[2].partition(":")[0])


def test_a_reason_serves_for_an_hour_from_its_first_use_and_never_again(clocked: Callable[[datetime], Town]) -> None:
    assert broken(clocked(NOW), None).code == "GW207"
    index_of(broken(clocked(NOW)))
    index_of(broken(clocked(NOW + timedelta(minutes=59, seconds=59))))
    lapsed = broken(clocked(NOW + timedelta(hours=1)))
    assert (lapsed.status, lapsed.code) == (403, "GW409")
    assert "60" in lapsed.text
    index_of(broken(clocked(NOW + timedelta(hours=1)), "another man collapsed in the same house"))
    # a clock that is set back gives nothing more than it gave
    index_of(broken(clocked(NOW + timedelta(minutes=30))))


def test_a_use_is_told_at_once_and_bars_its_user_until_somebody_else_has_decided(
    clocked: Callable[[datetime], Town],
) -> None:
    town = clocked(NOW)
    index = index_of(broken(town))
    told = get(town.askers["officer"], "/notices", purpose="policy-administration")
    (notice,) = told_entries(told)
    assert notice["index"] == index
    assert notice["principal"] == town.entries()[index]["principal"]
    assert (notice["dataset"], notice["rows"], notice["justification"]) == ("public-security.resident", 1, FIRE)
    assert (notice["verdict"], notice["is_overdue"]) == (None, False)
    assert told_entries(get(town.askers["officer"], f"/notices?after={index}", purpose="policy-administration")) == []

    due = NOW + timedelta(hours=72)
    index_of(broken(clocked(due - timedelta(microseconds=1)), "a second collapse in the street"))
    town = clocked(due)
    refused = broken(town, "a third collapse in the street")
    assert (refused.status, refused.code) == (403, "GW408")
    assert str(index) in refused.text
    # the others still may, and she still does her ordinary work
    officer = town.ask(
        "civil-officer", QUESTION, "break-glass", justification="a flat is on fire and its people unknown"
    )
    index_of(officer)

    waiting = told_entries(get(town.askers["reviewer"], "/reviews", purpose="compliance-review"))
    assert [entry["is_overdue"] for entry in waiting] == [True, False, False]
    own = post(town.askers["doctor"], f"/reviews/{index}", VERDICT, purpose="break-glass")
    assert own.code == "GW406"
    decided = post(town.askers["reviewer"], f"/reviews/{index}", VERDICT, purpose="compliance-review")
    assert decided.status == 200, decided.text
    again = post(town.askers["reviewer"], f"/reviews/{index}", VERDICT | {"verdict": "not-justified"},
                 purpose="compliance-review")  # fmt: skip
    assert (again.status, again.code) == (409, "GW751")
    index_of(broken(town, "a third collapse in the street"))
    (first, *_) = told_entries(get(town.askers["officer"], "/notices", purpose="policy-administration"))
    assert (first["verdict"], first["note"]) == ("justified", VERDICT["note"])

    entry = town.entries()[index_of(decided)]
    assert entry["kind"] == "review"
    assert entry["detail"] == f"review of entry {index}: justified"
    assert not any("张三" in str(each) for each in town.entries()), "a reviewer's words are not in the log"


def told_entries(answer: Answer) -> list[dict[str, object]]:
    assert answer.status == 200, answer.text
    entries: list[dict[str, object]] = json.loads(answer.text)["entries"]
    return entries


@pytest.mark.parametrize(
    "content",
    [{}, {"verdict": "fine", "note": "x"}, {"verdict": "justified"}, {"verdict": "justified", "note": ""},
     {"verdict": "justified", "note": "x" * 501}, {"verdict": "justified", "note": "x", "index": 3},
     {"verdict": "justified", "note": "x\x00y"}],
)  # fmt: skip
def test_a_verdict_that_is_none_decides_nothing(town: Town, content: dict[str, object]) -> None:
    answer = post(town.askers["reviewer"], "/reviews/0", content, purpose="compliance-review")
    assert answer.code == "GW115"


@pytest.mark.parametrize("number", [2**63, 10**30, -2])
def test_a_number_that_no_entry_can_have_is_refused_as_such(town: Town, number: int) -> None:
    told = get(town.askers["officer"], f"/notices?after={number}", purpose="policy-administration")
    assert (told.status, told.code) == (422, "GW115")
    decided = post(town.askers["reviewer"], f"/reviews/{number}", VERDICT, purpose="compliance-review")
    assert (decided.status, decided.code) == (422, "GW115")


def test_who_has_no_permission_sees_no_notice_and_decides_nothing(town: Town) -> None:
    for person, purpose in (("grid-worker", "home-visit"), ("officer", "policy-administration")):
        assert get(town.askers[person], "/reviews", purpose=purpose).status == 403
        assert post(town.askers[person], "/reviews/0", VERDICT, purpose=purpose).status == 403
    assert get(town.askers["grid-worker"], "/notices", purpose="home-visit").status == 403


def test_a_grant_that_lapses_while_the_source_is_slow_releases_nothing(fresh_demo: Demo) -> None:
    clock = Clock(NOW)
    gateway = Gateway(settings=load_settings(fresh_demo.settings), clock=clock)
    asker = town_at(fresh_demo, NOW).askers["doctor"]

    class Slow:
        """The real source, which takes an hour by the gateway's clock."""

        def __init__(self, source: object) -> None:
            self._source = source

        def __getattr__(self, name: str) -> object:
            return getattr(self._source, name)

        def fetch(self, fetch: object) -> object:
            clock.now = NOW + timedelta(hours=1)
            return self._source.fetch(fetch)  # type: ignore[attr-defined]

    async def ask() -> None:
        async with gateway.open():
            rooms = gateway.rooms
            sources = {name: Slow(source) for name, source in rooms.pipeline.sources.items()}
            slow = replace(rooms.pipeline, sources=sources)  # type: ignore[arg-type]
            request = InboundRequest(
                method="GET",
                path="/data/public-security.resident",
                query_string="select=name&limit=1",
                headers={
                    "apikey": asker.app_key,
                    "authorization": f"Bearer {asker.token}",
                    "purpose": "break-glass",
                    "justification": FIRE.replace(" ", "%20"),
                },
                client_address="",
                received_at=NOW,
                trace_id="0" * 32,
            )
            response = await slow.answer(request)
            assert isinstance(response, Response)
            assert isinstance(response.outcome, Refusal)
            assert response.outcome.error.code == "GW409"
            assert rooms.oversight.reviews.notices(-1, clock.now) == ()

    asyncio.run(ask())


def test_the_commands_list_and_decide(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    index = index_of(broken(town, "a man collapsed on the stairs of the house"))
    place = ["--url", town.url, "--folder", str(town.demo.folder)]
    runner = CliRunner()
    told = runner.invoke(command, ["notices", "--as", "officer", *place])
    assert told.exit_code == 0, told.output
    waiting = runner.invoke(command, ["reviews", "list", "--as", "reviewer", *place])
    assert re.search(rf"\b{index}\b", waiting.output)
    note = ["--note", "the ward confirms it"]
    bad = runner.invoke(command, ["reviews", "decide", str(index), "perhaps", *note, "--as", "reviewer", *place])
    assert bad.exit_code == 1
    decide = ["reviews", "decide", str(index), "not-justified", *note, "--as", "reviewer", *place]
    assert runner.invoke(command, decide).exit_code == 0
    assert runner.invoke(command, decide).exit_code == 1
    after = runner.invoke(command, ["reviews", "list", "--as", "reviewer", "--json", *place])
    assert f'"index":{index},' not in after.output


# ---------------------------------------------------------------------- the database, on both engines
def _caller(principal: str, because: str) -> Caller:
    return Caller(
        principal=PrincipalId(principal), app=AppId("street-desk"), roles=(), organisation="", regions=(),
        assurance=2, network="", id_number=None, purpose=PurposeId("break-glass"), case=None, justification=because,
        token_id="t",
    )  # fmt: skip


@pytest.fixture(scope="module")
def postgres() -> Iterator[Server]:
    with postgres_server() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def state(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[State]:
    url = f"sqlite:///{tmp_path / 'state.db'}"
    if request.param == "postgresql":
        server = request.getfixturevalue("postgres")
        url = server.fresh_database()
    opened = open_state(url)
    yield opened
    opened.close()


def test_replicas_agree_when_a_reason_was_first_used_and_who_decided_first(state: State) -> None:
    first = open_grant(state, principal="d", purpose="break-glass", reason="r", now=NOW)
    second = open_grant(state, principal="d", purpose="break-glass", reason="r", now=NOW + timedelta(minutes=5))
    assert first == second == NOW
    for verdict, by, is_first in (("justified", "a", True), ("not-justified", "b", False)):
        values: dict[str, datetime | str | bytes] = {"decided_at": NOW, "decided_by": by, "verdict": verdict}
        taken = step_review(state, 7, opened_at=NOW, after=(), before=("decided_at",), values=values)
        assert taken == is_first


def test_a_reason_lapses_for_its_user_alone(state: State, tmp_path: Path) -> None:
    desk = ReviewDesk(state, ring_at(tmp_path / "keys"), seals_in_memory().open, review_hours=72, answer_hours=48)
    purpose = build_engine(bundle_folder()).catalog.purposes[PurposeId("break-glass")]
    desk.check(purpose, _caller("d", "fire"), NOW)
    desk.check(purpose, _caller("d", "fire"), NOW + timedelta(minutes=59, seconds=59))
    with pytest.raises(GrantLapsed):
        desk.check(purpose, _caller("d", " fire "), NOW + timedelta(minutes=60))
    desk.check(purpose, _caller("d", "a second fire"), NOW + timedelta(minutes=60))
    desk.check(purpose, _caller("e", "fire"), NOW + timedelta(minutes=60))


def test_what_waits_is_read_from_the_log_itself(fresh_demo: Demo, clocked: Callable[[datetime], Town]) -> None:
    """Nothing is written beside the entry, so that nothing can be lost between the two."""
    index = index_of(broken(clocked(NOW)))
    state = open_state(f"sqlite:///{fresh_demo.folder / 'state' / 'langqiao.db'}")
    read = load_settings(fresh_demo.settings)
    desk = ReviewDesk(state, ring_of(read), seals_of(read).open, review_hours=72, answer_hours=48)
    assert [notice.index for notice in desk.waiting(-1, NOW)] == [index]
    purpose = build_engine(bundle_folder()).catalog.purposes[PurposeId("break-glass")]
    doctor = desk.waiting(-1, NOW)[0].principal
    with pytest.raises(ReviewOverdue):
        desk.check(purpose, _caller(doctor, "another reason"), NOW + timedelta(hours=72))
    with pytest.raises(EntryUnknown):
        asyncio.run(desk.decide(index + 1, _caller("r", ""), verdict="justified", note="x", now=NOW))
    state.close()
