"""No order of steps, people and clock jumps lets a subject be seen outside an approved, unexpired case."""

import asyncio
import tempfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from gateway.administration import CaseDesk, build_engine
from gateway.demo.prepare import bundle_folder
from gateway.errors import GatewayError
from gateway.model.caller import Caller
from gateway.model.case import CaseState
from gateway.model.change import Change
from gateway.model.ids import AppId, CaseId, PrincipalId, PurposeId, RoleName
from gateway.store import open_state
from tests.key_rings import ring_at

ENGINE = build_engine(bundle_folder())
PURPOSE = ENGINE.catalog.purposes[PurposeId("vaccination-transport")]
START = datetime(2026, 12, 1, tzinfo=UTC)
CASE = CaseId("c-1")
DRIVER = Caller(
    principal=PrincipalId("driver"), app=AppId("dispatch"), roles=(RoleName("vendor/vehicles"),), organisation="",
    regions=(), assurance=1, network="", id_number=None, purpose=PURPOSE.id, case=CASE, justification=None,
    token_id="t",
)  # fmt: skip
PEOPLE = st.sampled_from(["anna", "bo", "chen"])


class CaseLife(RuleBasedStateMachine):
    """The desk, beside a model of who has done what."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        root = Path(self.folder.name)
        self.state = open_state(f"sqlite:///{root / 'state.db'}")
        self.desk = CaseDesk(self.state, ring_at(root / "keys"))
        self.now = START
        self.opener = ""
        self.approved = self.closed = False
        self.end = START

    def teardown(self) -> None:
        self.state.close()
        self.folder.cleanup()

    def _by(self, person: str) -> Caller:
        return replace(DRIVER, principal=PrincipalId(person))

    def _done(self, step: object) -> bool:
        async def run() -> None:
            change = await step  # type: ignore[misc]
            assert isinstance(change, Change)
            await change.make()

        try:
            asyncio.run(run())
        except GatewayError:
            return False
        return True

    @precondition(lambda self: not self.opener)
    @rule(person=PEOPLE, hours=st.integers(1, 48))
    def open(self, person: str, hours: int) -> None:
        assert self._done(
            self.desk.open(
                CASE,
                self._by(person),
                PURPOSE,
                subjects=("330102194910010010",),
                app=AppId("dispatch"),
                hours=hours,
                now=self.now,
            )
        )
        self.opener, self.end = person, self.now + timedelta(hours=hours)

    @precondition(lambda self: self.opener)
    @rule(person=PEOPLE)
    def approve(self, person: str) -> None:
        may = person != self.opener and not self.approved and not self.closed and self.now < self.end
        assert self._done(self.desk.approve(CASE, self._by(person), PURPOSE, self.now)) == may
        self.approved = self.approved or may

    @precondition(lambda self: self.opener)
    @rule(person=PEOPLE, hours=st.integers(1, 2000))
    def extend(self, person: str, hours: int) -> None:
        until = self.end + timedelta(hours=hours)
        lives = self.approved and not self.closed and self.now < self.end
        done = self._done(self.desk.extend(CASE, self._by(person), PURPOSE, hours=hours, now=self.now))
        assert not done or (lives and person != self.opener)
        if done:
            self.end = until

    @precondition(lambda self: self.opener)
    @rule(person=PEOPLE)
    def close(self, person: str) -> None:
        assert self._done(self.desk.close(CASE, self._by(person), PURPOSE, self.now)) != self.closed
        self.closed = True

    @rule(microseconds=st.sampled_from([-3_600_000_000, -1, 0, 1, 3_600_000_000, 86_400_000_000]))
    def jump(self, microseconds: int) -> None:
        self.now += timedelta(microseconds=microseconds)

    @precondition(lambda self: self.opener)
    @rule(microseconds=st.sampled_from([-1, 0, 1]))
    def jump_to_the_edge(self, microseconds: int) -> None:
        self.now = self.end + timedelta(microseconds=microseconds)

    @invariant()
    def only_an_approved_unexpired_case_opens_the_door(self) -> None:
        facts = self.desk.find(CASE)
        try:
            ENGINE.check_purpose(PURPOSE, DRIVER, facts, self.now)
            seen = True
        except GatewayError:
            seen = False
        assert seen == (self.approved and not self.closed and self.now < self.end)
        assert facts is None or not seen or facts.state is CaseState.APPROVED


TestCaseLife = CaseLife.TestCase
TestCaseLife.settings = settings(
    max_examples=25, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
)
