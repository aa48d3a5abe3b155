"""What the desk itself demands of a request, whatever a purpose or a rule would leave out."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.administration import PolicyEngine, ReidentificationDesk, TokenAsked, build_engine
from gateway.demo.prepare import bundle_folder
from gateway.errors import ActionNotAllowed, CaseMissing, CaseUnavailable, LimitReached, NotReversible
from gateway.model.caller import Caller
from gateway.model.case import CaseFacts, CaseState
from gateway.model.catalog import Purpose
from gateway.model.ids import AppId, CaseId, PrincipalId, PurposeId, RoleName
from gateway.spi import FormatCipher
from gateway.store import State, open_state
from tests.audit_logs import entry, house, open_log
from tests.key_rings import ring_at

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
CASE = CaseFacts(
    id=CaseId("c-1"), purpose=PurposeId("re-identification"), state=CaseState.APPROVED, subjects=(),
    assignee_app=AppId("admin-desk"), opened_by=PrincipalId("a"), approved_by=PrincipalId("b"),
    expires_at=NOW + timedelta(hours=1),
)  # fmt: skip
CALLER = Caller(
    principal=PrincipalId("reviewer"), app=AppId("admin-desk"), roles=(RoleName("compliance/reviewer"),),
    organisation="", regions=(), assurance=2, network="", id_number=None, purpose=CASE.purpose, case=CASE.id,
    justification=None, token_id="t",
)  # fmt: skip
ASKED = TokenAsked(entry=0, dataset="community.need", field="name", token="123456789012345", reason="because of it")


@pytest.fixture(scope="module")
def engine() -> PolicyEngine:
    return build_engine(bundle_folder())


@pytest.fixture
def purpose(engine: PolicyEngine) -> Purpose:
    return engine.catalog.purposes[CASE.purpose]


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    opened = open_state(house(tmp_path).url)
    yield opened
    opened.close()


def desk_over(state: State, tmp_path: Path, case: CaseFacts | None = CASE) -> ReidentificationDesk:
    ring = ring_at(tmp_path / "keys")

    def key(purpose: PurposeId, shape: str, _version: int) -> FormatCipher:
        return ring.mask_keys(purpose).token(shape)

    return ReidentificationDesk(state, ring, key, lambda _id: case, hours=24, opener=house(tmp_path).seals(state).open)


async def test_a_purpose_that_does_not_say_how_many_turns_none_back(
    state: State, tmp_path: Path, engine: PolicyEngine, purpose: Purpose
) -> None:
    none = replace(purpose, reidentifications_per_day=None)
    with pytest.raises(ActionNotAllowed):
        await desk_over(state, tmp_path).request(engine, CALLER, none, ASKED, NOW)


async def test_a_case_is_demanded_whatever_the_purpose_demands(
    state: State, tmp_path: Path, engine: PolicyEngine, purpose: Purpose
) -> None:
    lax, without = replace(purpose, needs_case=False), replace(CALLER, case=None)
    with pytest.raises(CaseMissing):
        await desk_over(state, tmp_path).request(engine, without, lax, ASKED, NOW)


@pytest.mark.parametrize(
    "case",
    [
        None,
        replace(CASE, state=CaseState.OPENED),
        replace(CASE, state=CaseState.CLOSED),
        replace(CASE, expires_at=NOW),
        replace(CASE, assignee_app=AppId("street-desk")),
        replace(CASE, purpose=PurposeId("vaccination-transport")),
        replace(CASE, id=CaseId("c-2")),
    ],
)
async def test_a_case_that_is_not_open_for_it_serves_not_and_counts_nothing(
    state: State, tmp_path: Path, engine: PolicyEngine, purpose: Purpose, case: CaseFacts | None
) -> None:
    once = replace(purpose, reidentifications_per_day=1)
    with pytest.raises(CaseUnavailable):
        await desk_over(state, tmp_path, case).request(engine, CALLER, once, ASKED, NOW)
    async with open_log(house(tmp_path), state=state):
        with pytest.raises(NotReversible):
            await desk_over(state, tmp_path).request(engine, CALLER, once, ASKED, NOW)
        with pytest.raises(LimitReached) as limit:
            await desk_over(state, tmp_path).request(engine, CALLER, once, ASKED, NOW)
    assert limit.value.flag == "reidentifications-limit"


async def test_an_entry_without_a_tokens_key_or_of_a_policy_that_is_not_kept_gives_nothing_back(
    state: State, tmp_path: Path, engine: PolicyEngine, purpose: Purpose
) -> None:
    async with open_log(house(tmp_path), state=state) as log:
        for number, (policy, detail) in enumerate(
            (("0" * 64, "token key 1"), (str(engine.version), ""), (str(engine.version), "token key 1"))
        ):
            receipt = await log.append(entry(number, policy_version=policy, detail=detail))
            with pytest.raises(NotReversible):
                await desk_over(state, tmp_path).request(
                    engine, CALLER, purpose, replace(ASKED, entry=receipt.index), NOW
                )
    assert ASKED.token not in repr(ASKED)
