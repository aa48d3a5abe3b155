"""A review's life, step by step and by anybody, beside a model of a few lines: what may happen does, nothing else."""

import asyncio
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from gateway.administration import ReviewDesk
from gateway.errors import EntryUnknown, FourEyesNeeded, GatewayError, ReviewConflict
from gateway.model.caller import Caller
from gateway.model.change import Change
from gateway.model.ids import AppId, PrincipalId, PurposeId
from gateway.store import State, open_state
from tests.audit_logs import entry, house, open_log
from tests.key_rings import ring_at

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
WORKER, REVIEWERS = "worker", ("reviewer", "colleague")
ANYBODY = st.sampled_from([WORKER, *REVIEWERS, "another"])
ENTRIES = (0, 1, 2)  # an ordinary answer, a break-glass answer, one of nobody
WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=40)


def caller(principal: str) -> Caller:
    return Caller(
        principal=PrincipalId(principal), app=AppId("admin-desk"), roles=(), organisation="", regions=(),
        assurance=2, network="", id_number=None, purpose=PurposeId("compliance-review"), case=None,
        justification=None, token_id="t",
    )  # fmt: skip


async def _written(folder: Path) -> State:
    home = house(folder)
    async with open_log(home) as log:
        await log.append(entry(principal=WORKER, at=NOW))
        await log.append(entry(principal=WORKER, at=NOW, needs_review=True))
        await log.append(entry(principal="", at=NOW))
    return open_state(home.url)


class ReviewLife(RuleBasedStateMachine):
    """Real desk, real database."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.state = asyncio.run(_written(Path(self.folder.name)))
        ring = ring_at(Path(self.folder.name) / "keys")
        self.desk = ReviewDesk(
            self.state, ring, house(Path(self.folder.name)).seals(self.state).open, review_hours=72, answer_hours=48
        )
        self.now = NOW
        self.model: dict[int, dict[str, Any]] = {1: {"state": "opened", "opened": NOW}}

    def teardown(self) -> None:
        if hasattr(self, "state"):
            self.state.close()
            self.folder.cleanup()

    @rule(hours=st.integers(1, 50))
    def time_passes(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    def attempt(self, change: Any, *, may: bool, fault: type[GatewayError] | tuple[type[GatewayError], ...]) -> bool:
        """Whether the step was taken; it must be where it may, and be refused as it should where it may not."""

        async def take() -> None:
            made: Change = await change
            await made.make()

        if may:
            asyncio.run(take())
            return True
        with pytest.raises(fault):
            asyncio.run(take())
        return False

    def stands(self, index: int) -> str:
        return str(self.model.get(index, {"state": "none"})["state"])

    def is_own(self, index: int, who: str) -> bool:
        return who == WORKER and index in {0, 1}

    @rule(index=st.sampled_from([*ENTRIES, 9]), who=ANYBODY)
    def open(self, index: int, who: str) -> None:
        may = index in ENTRIES and index not in self.model and not self.is_own(index, who)
        faults = (EntryUnknown, ReviewConflict, FourEyesNeeded)
        if self.attempt(self.desk.open(index, caller(who), self.now), may=may, fault=faults):
            self.model[index] = {"state": "opened", "opened": self.now}

    @rule(index=st.sampled_from([*ENTRIES, 9]), who=ANYBODY, words=WORDS)
    def ask(self, index: int, who: str, words: str) -> None:
        may = self.stands(index) == "opened" and not self.is_own(index, who) and index != 2
        faults = (EntryUnknown, ReviewConflict, FourEyesNeeded)
        if self.attempt(self.desk.ask(index, caller(who), question=words, now=self.now), may=may, fault=faults):
            self.model[index] |= {"state": "asked", "question": words, "due": self.now + timedelta(hours=48)}

    @rule(index=st.sampled_from([*ENTRIES, 9]), who=ANYBODY, words=WORDS)
    def answer(self, index: int, who: str, words: str) -> None:
        is_asked = "question" in self.model.get(index, {})
        may = self.stands(index) == "asked" and self.is_own(index, who)
        fault = ReviewConflict if is_asked and self.is_own(index, who) else EntryUnknown
        if self.attempt(self.desk.answer(index, caller(who), answer=words, now=self.now), may=may, fault=fault):
            self.model[index] |= {"state": "answered", "answer": words}

    @rule(
        index=st.sampled_from([*ENTRIES, 9]),
        who=ANYBODY,
        words=WORDS,
        verdict=st.sampled_from(["justified", "not-justified", "follow-up"]),
    )
    def decide(self, index: int, who: str, words: str, verdict: str) -> None:
        stands = self.stands(index)
        is_heard = stands in {"opened", "answered"} or (stands == "asked" and self.now >= self.model[index]["due"])
        may = is_heard and not self.is_own(index, who)
        faults = (EntryUnknown, ReviewConflict, FourEyesNeeded)
        step = self.desk.decide(index, caller(who), verdict=verdict, note=words, now=self.now)
        if self.attempt(step, may=may, fault=faults):
            self.model[index] |= {"state": "decided", "verdict": verdict, "note": words, "by": who}

    @rule(index=st.sampled_from([*ENTRIES, 9]), who=ANYBODY, words=WORDS)
    def close(self, index: int, who: str, words: str) -> None:
        may = self.stands(index) == "decided" and not self.is_own(index, who)
        faults = (EntryUnknown, ReviewConflict, FourEyesNeeded)
        if self.attempt(self.desk.close(index, caller(who), note=words, now=self.now), may=may, fault=faults):
            self.model[index] |= {"state": "closed", "closing": words}

    @precondition(lambda self: any(one["state"] in {"opened", "answered"} for one in self.model.values()))
    @rule(data=st.data())
    def two_decide_at_once(self, data: st.DataObject) -> None:
        index = data.draw(
            st.sampled_from(sorted(k for k, v in self.model.items() if v["state"] in {"opened", "answered"}))
        )

        async def both() -> list[object]:
            changes = [
                await self.desk.decide(index, caller(who), verdict="justified", note=who, now=self.now)
                for who in REVIEWERS
            ]
            return await asyncio.gather(*(change.make() for change in changes), return_exceptions=True)

        results = asyncio.run(both())
        (loser,) = [place for place, result in enumerate(results) if isinstance(result, ReviewConflict)]
        who = REVIEWERS[1 - loser]
        self.model[index] |= {"state": "decided", "verdict": "justified", "note": who, "by": who}

    @invariant()
    def what_is_told_is_what_happened(self) -> None:
        if not hasattr(self, "desk"):
            return
        for index, one in self.model.items():
            told = self.desk.read(index, self.now)
            assert told.state == one["state"]
            for name in ("question", "answer", "note", "closing", "verdict"):
                assert getattr(told, name) == one.get(name), name
            assert told.decided_by == one.get("by")
            is_open = one["state"] not in {"decided", "closed"}
            assert told.is_overdue == (is_open and self.now >= one["opened"] + timedelta(hours=72))
            assert told.is_answer_overdue == (one["state"] == "asked" and self.now >= one["due"])
        waiting = [notice.index for notice in self.desk.waiting(-1, self.now)]
        assert waiting == sorted(k for k, v in self.model.items() if v["state"] not in {"decided", "closed"})
        asked = {notice.index for notice in self.desk.asked_of(WORKER, self.now)}
        assert asked == {index for index, one in self.model.items() if "question" in one}
        assert not self.desk.asked_of("another", self.now)


ReviewLife.TestCase.settings = settings(max_examples=8, stateful_step_count=25, deadline=None)
TestReviewLife = ReviewLife.TestCase
