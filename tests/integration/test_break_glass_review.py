"""Break-glass over HTTP: told at once, reviewed by somebody else, and barred while a review is overdue."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.administration import ReviewDesk, build_engine
from gateway.demo.ask import post
from gateway.demo.prepare import bundle_folder
from gateway.errors import GrantLapsed, ReviewOverdue
from gateway.model.caller import Caller
from gateway.model.ids import AppId, PrincipalId, PurposeId
from gateway.store import open_state
from tests.town import Town

QUESTION = "public-security.resident?select=name&limit=1"


def _caller(principal: str, because: str) -> Caller:
    return Caller(
        principal=PrincipalId(principal), app=AppId("street-desk"), roles=(), organisation="", regions=(),
        assurance=2, network="", id_number=None, purpose=PurposeId("break-glass"), case=None, justification=because,
        token_id="t",
    )  # fmt: skip


def test_an_answer_is_told_reviewed_once_and_bars_while_overdue(town: Town) -> None:
    answer = town.ask("doctor", QUESTION, "break-glass", justification="a man collapsed, his family is sought")
    assert answer.status == 200, answer.text
    index = int(answer.receipt.partition("#")[2].partition(":")[0])
    told = town.get("/notices", town.headers("officer", "policy-administration")).json()["entries"]
    assert index in [one["index"] for one in told]
    headers = town.headers("reviewer", "compliance-review")
    assert index in [one["index"] for one in town.get("/reviews", headers).json()["entries"]]

    state = open_state(f"sqlite:///{town.log}")
    desk = ReviewDesk(state, 72)
    purpose = build_engine(bundle_folder()).catalog.purposes[PurposeId("break-glass")]
    later = datetime.now(UTC) + timedelta(hours=73)  # noqa: TID251 - the served gateway has the real clock
    with pytest.raises(ReviewOverdue):
        desk.check(purpose, _caller("doctor", "another reason"), later)

    content: dict[str, object] = {"verdict": "justified", "note": "the ward confirms it"}
    doctor = post(town.askers["doctor"], f"/reviews/{index}", content, purpose="break-glass")
    assert doctor.code == "GW406"
    path = f"/reviews/{index}"
    for item in town.get("/reviews", headers).json()["entries"]:
        path = f"/reviews/{item['index']}"
        assert post(town.askers["reviewer"], path, content, purpose="compliance-review").status == 200
    assert post(town.askers["reviewer"], path, content, purpose="compliance-review").code == "GW604"
    desk.check(purpose, _caller("doctor", "another reason"), later)
    state.close()


def test_a_reason_lapses_and_cant_be_used_again(tmp_path: Path) -> None:
    state = open_state(f"sqlite:///{tmp_path / 'state.db'}")
    desk = ReviewDesk(state, 72)
    purpose = build_engine(bundle_folder()).catalog.purposes[PurposeId("break-glass")]
    now = datetime(2026, 11, 23, tzinfo=UTC)
    desk.check(purpose, _caller("d", "fire"), now)
    desk.check(purpose, _caller("d", "fire"), now + timedelta(minutes=59, seconds=59))
    with pytest.raises(GrantLapsed):
        desk.check(purpose, _caller("d", "fire"), now + timedelta(minutes=60))
    desk.check(purpose, _caller("d", "a second fire"), now + timedelta(minutes=60))
    desk.check(purpose, _caller("e", "fire"), now + timedelta(minutes=60))
    state.close()
