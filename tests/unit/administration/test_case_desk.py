"""A case: opened by one, approved by another, closed; its subjects sealed; each step once."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.administration import CaseDesk, build_engine
from gateway.demo.prepare import bundle_folder
from gateway.errors import BodyMalformed, CaseConflict, CaseUnavailable, FourEyesNeeded
from gateway.model.caller import Caller
from gateway.model.case import CaseState
from gateway.model.catalog import Purpose
from gateway.model.change import Change
from gateway.model.ids import AppId, CaseId, PrincipalId, PurposeId, RoleName
from gateway.store import open_state
from tests.key_rings import ring_at

NOW = datetime(2026, 11, 1, 9, tzinfo=UTC)
CASE = CaseId("c-1")
SUBJECT = "34052419800101001X"


def _caller(name: str) -> Caller:
    return Caller(
        principal=PrincipalId(name),
        app=AppId("community-desk"),
        roles=(RoleName("community/grid-worker"),),
        organisation="x",
        regions=(),
        assurance=2,
        network="",
        id_number=None,
        purpose=PurposeId("vaccination-transport"),
        case=None,
        justification=None,
        token_id="t",
    )


@pytest.fixture(scope="module")
def purpose() -> Purpose:
    return build_engine(bundle_folder()).catalog.purposes[PurposeId("vaccination-transport")]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[CaseDesk]:
    state = open_state(f"sqlite:///{tmp_path / 'state.db'}")
    yield CaseDesk(state, ring_at(tmp_path / "keys"))
    state.close()


async def _open(desk: CaseDesk, purpose: Purpose) -> Change:
    return await desk.open(
        CASE, _caller("worker"), purpose, subjects=(SUBJECT,), app=AppId("dispatch"), hours=2, now=NOW
    )


async def test_a_step_is_made_only_when_it_is_made(desk: CaseDesk, purpose: Purpose) -> None:
    change = await _open(desk, purpose)
    assert desk.find(CASE) is None
    await change.make()
    found = desk.find(CASE)
    assert found is not None
    assert (found.state, found.subjects, found.assignee_app) == (CaseState.OPENED, (SUBJECT,), "dispatch")


async def test_the_subjects_are_sealed_in_the_database(desk: CaseDesk, purpose: Purpose, tmp_path: Path) -> None:
    await (await _open(desk, purpose)).make()
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("state.db*"))
    assert SUBJECT.encode() not in kept
    assert SUBJECT not in repr(desk.find(CASE))


async def test_who_opened_it_cannot_approve_it(desk: CaseDesk, purpose: Purpose) -> None:
    await (await _open(desk, purpose)).make()
    with pytest.raises(FourEyesNeeded):
        await desk.approve(CASE, _caller("worker"), purpose, NOW)
    await (await desk.approve(CASE, _caller("officer"), purpose, NOW)).make()
    found = desk.find(CASE)
    assert found is not None
    assert (found.state, found.approved_by) == (CaseState.APPROVED, "officer")


async def test_of_two_who_approve_at_once_one_finds_it_changed(desk: CaseDesk, purpose: Purpose) -> None:
    await (await _open(desk, purpose)).make()
    one = await desk.approve(CASE, _caller("a"), purpose, NOW)
    other = await desk.approve(CASE, _caller("b"), purpose, NOW)
    await one.make()
    with pytest.raises(CaseConflict):
        await other.make()


async def test_an_expired_case_is_not_approved(desk: CaseDesk, purpose: Purpose) -> None:
    await (await _open(desk, purpose)).make()
    with pytest.raises(CaseConflict) as refused:
        await desk.approve(CASE, _caller("officer"), purpose, NOW + timedelta(hours=2))
    assert "expired" in refused.value.message()


async def test_a_closed_case_stays_closed(desk: CaseDesk, purpose: Purpose) -> None:
    await (await _open(desk, purpose)).make()
    await (await desk.close(CASE, _caller("officer"), purpose, NOW)).make()
    for step in (desk.approve, desk.close):
        with pytest.raises(CaseConflict):
            await step(CASE, _caller("other"), purpose, NOW)


async def test_an_unknown_case_and_one_of_another_purpose_answer_alike(desk: CaseDesk, purpose: Purpose) -> None:
    await (await _open(desk, purpose)).make()
    other = build_engine(bundle_folder()).catalog.purposes[PurposeId("home-visit")]
    for case, asked in ((CaseId("c-2"), purpose), (CASE, other)):
        with pytest.raises(CaseUnavailable):
            await desk.approve(case, _caller("officer"), asked, NOW)


@pytest.mark.parametrize(
    "subjects", [(SUBJECT, SUBJECT), ("３４０５２４１９８００１０１００１Ｘ",), ("' or 1=1 --......",)]
)
async def test_subjects_are_id_numbers_each_once(desk: CaseDesk, purpose: Purpose, subjects: tuple[str, ...]) -> None:
    with pytest.raises(BodyMalformed):
        await desk.open(CASE, _caller("w"), purpose, subjects=subjects, app=AppId("dispatch"), hours=1, now=NOW)


async def test_an_app_that_the_purpose_does_not_admit_gets_no_case(desk: CaseDesk, purpose: Purpose) -> None:
    with pytest.raises(BodyMalformed):
        await desk.open(
            CASE, _caller("w"), purpose, subjects=(SUBJECT,), app=AppId("statistics-desk"), hours=1, now=NOW
        )
