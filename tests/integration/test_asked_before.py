"""Questions that were asked before: what is kept of them, what is decided anew, and when they are forgotten."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from gateway.app import Gateway, utc_now
from gateway.demo.ask import Asker
from gateway.demo.prepare import Demo
from gateway.errors import JustificationMissing
from gateway.model.audit import AuditEntry
from gateway.model.caller import InboundRequest
from gateway.model.response import Refusal, Response
from gateway.prepared import PreparedQuestions
from gateway.settings import load_settings

RESIDENTS = "public-security.resident?select=name,phone&limit=2"


class Desk:
    """Asks one pipeline as people of the town."""

    def __init__(self, demo: Demo, gateway: Gateway) -> None:
        self._demo = demo
        self.gateway = gateway
        self.pipeline = replace(gateway.rooms.pipeline)
        object.__setattr__(self.pipeline, "prepared", PreparedQuestions(most=3))

    async def ask(
        self, question: str, person: str = "grid-worker", purpose: str = "home-visit", **headers: str
    ) -> Response:
        return await self.ask_with(self.headers(person, purpose) | headers, question)

    def headers(self, person: str, purpose: str = "home-visit") -> dict[str, str]:
        asker = Asker.from_demo(self._demo.folder, person, utc_now())
        return {"apikey": asker.app_key, "authorization": f"Bearer {asker.token}", "purpose": purpose}

    async def ask_with(self, headers: dict[str, str], question: str) -> Response:
        path, _, query = question.partition("?")
        answered = await self.pipeline.answer(
            InboundRequest(
                method="GET", path=f"/data/{path}", query_string=query, headers=headers, client_address="127.0.0.1",
                received_at=utc_now(), trace_id="1" * 32,
            )
        )  # fmt: skip
        assert isinstance(answered, Response)
        return answered

    @property
    def kept(self) -> int:
        return len(self.pipeline.prepared)


def at_the_desk(demo: Demo, act: Callable[[Desk], Awaitable[None]]) -> None:
    async def run() -> None:
        gateway = Gateway(settings=load_settings(demo.settings))
        async with gateway.open():
            await act(Desk(demo, gateway))

    asyncio.run(run())


def test_one_question_is_kept_whatever_its_literals_and_each_is_answered_with_its_own(fresh_demo: Demo) -> None:
    async def act(desk: Desk) -> None:
        first = await desk.ask(RESIDENTS + "&household_no=eq.nobody")
        assert (first.body, desk.kept) == (b"[]", 1)
        everybody = await desk.ask("public-security.resident?select=name,household_no&limit=3")
        numbers = [row["household_no"] for row in _rows(everybody)]
        assert desk.kept == 2
        for number in numbers:
            asked = await desk.ask(f"public-security.resident?select=household_no&household_no=eq.{number}")
            assert {row["household_no"] for row in _rows(asked)} == {number}
        assert desk.kept == 3

    at_the_desk(fresh_demo, act)


def test_so_many_are_kept_and_the_one_unused_for_longest_goes(fresh_demo: Demo) -> None:
    async def act(desk: Desk) -> None:
        for limit in range(1, 8):
            assert len(_rows(await desk.ask(f"public-security.resident?select=name&limit={limit}"))) == limit
        assert desk.kept == 3

    at_the_desk(fresh_demo, act)


def test_another_policy_begins_with_none_and_decides_for_itself(fresh_demo: Demo) -> None:
    async def act(desk: Desk) -> None:
        before = await desk.ask(RESIDENTS)
        assert desk.kept == 1
        rooms = desk.gateway.rooms
        masks = rooms.policy.current.catalog
        stricter = rooms.policy.build()
        rooms.policy.swap(stricter)
        assert masks is not stricter.catalog
        after = await desk.ask(RESIDENTS)
        assert (after.body, desk.kept) == (before.body, 1)
        assert desk.pipeline.prepared._engine is stricter

    at_the_desk(fresh_demo, act)


def test_a_refusal_is_never_kept(fresh_demo: Demo) -> None:
    async def act(desk: Desk) -> None:
        for _ in range(2):
            refused = await desk.ask("public-security.resident?select=name&phone=like.138*")
            assert isinstance(refused.outcome, Refusal)
        assert desk.kept == 0

    at_the_desk(fresh_demo, act)


def test_a_purpose_that_does_not_stand_is_refused_as_at_a_first_question(fresh_demo: Demo) -> None:
    """The plan is kept, the denial is not: what is missing is said, not that the dataset is unavailable."""

    async def act(desk: Desk) -> None:
        told = {"justification": "a man collapsed at home, his family is sought"}
        assert len(_rows(await desk.ask(RESIDENTS, "doctor", "break-glass", **told))) == 2
        assert desk.kept == 1
        refused = await desk.ask(RESIDENTS, "doctor", "break-glass")
        assert isinstance(refused.outcome, Refusal)
        assert (type(refused.outcome.error), refused.outcome.stage) == (JustificationMissing, "bind")
        assert desk.kept == 1

    at_the_desk(fresh_demo, act)


def test_every_question_gives_its_turn_back_answered_or_not(fresh_demo: Demo) -> None:
    async def act(desk: Desk) -> None:
        for question in (RESIDENTS, RESIDENTS, "public-security.resident?select=none", "nobody.nothing"):
            await desk.ask(question)
            assert (desk.pipeline.turns.running, desk.pipeline.turns.waiting) == (0, 0)

    at_the_desk(fresh_demo, act)


@pytest.mark.parametrize("other", ["civil-officer"])
def test_what_one_may_see_says_nothing_of_what_another_may(fresh_demo: Demo, other: str) -> None:
    async def act(desk: Desk) -> None:
        question = "public-security.resident?select=name,id_number&limit=1"
        mine = await desk.ask(question)
        theirs = await desk.ask(question, other, "low-income-verification")
        again = await desk.ask(question)
        assert again.body == mine.body
        assert theirs.body != mine.body
        assert desk.kept == 2

    at_the_desk(fresh_demo, act)


def _rows(answered: Response) -> list[dict[str, object]]:
    assert not isinstance(answered.outcome, Refusal), answered.outcome.error.code
    return [dict(zip(answered.outcome.columns, row, strict=True)) for row in answered.outcome.rows]


def test_entries_that_are_alike_say_what_the_first_of_them_says(fresh_demo: Demo) -> None:
    async def act(desk: Desk) -> None:
        workers = {who: desk.headers(who) for who in ("grid-worker", "transport-worker")}
        questions = (RESIDENTS, "public-security.resident?select=name,id_number&limit=1", "community.need?select=name")
        first: dict[tuple[str, str], AuditEntry] = {}
        said = 0
        for _ in range(4):
            for who, headers in workers.items():
                for question in questions:
                    answer = await desk.ask_with(headers, question)
                    assert answer.receipt is not None
                    entry = await asyncio.to_thread(desk.gateway.rooms.audit.entry, answer.receipt.index)
                    if isinstance(answer.outcome, Refusal):
                        assert (entry.outcome, entry.rows, entry.response_sha256) == ("refused", 0, "")
                    else:
                        assert entry.rows == len(answer.outcome.rows)
                        assert entry.subjects == answer.outcome.subjects
                        assert entry.response_sha256 == hashlib.sha256(answer.body).hexdigest()
                        said += 1
                    known = first.setdefault((who, question), entry)
                    assert entry.decision is not None
                    assert known.decision is not None
                    assert entry.decision.decided_at >= known.decision.decided_at
                    decision = replace(entry.decision, decided_at=known.decision.decided_at)
                    varying = ("at", "duration_us", "rows", "subjects", "response_sha256")
                    same = {name: getattr(known, name) for name in varying}
                    assert replace(entry, decision=decision, **same) == known
        assert said >= 8

    at_the_desk(fresh_demo, act)
