"""The oracle itself: it is content with a sound run, and finds what was received and is not logged so."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.audit_logs import entry, open_log
from tests.faults.oracle import Received
from tests.faults.runs import engine_house

_ANSWER = "aa" * 32


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, ""),
        ({"hashes": ("bb" * 32,)}, "other bytes"),
        ({"leaf": "00" * 32}, "not in the log"),
        ({"index": 99}, "not in the log"),
        ({"rows": 2}, "more rows"),
        ({"is_long": True}, "not logged as opened"),
        ({"index": 2}, "not in the log"),
        ({"ended": 0, "began": 0}, "before an earlier entry"),
    ],
)
async def test_what_was_received_otherwise_than_it_is_logged_is_found(
    tmp_path: Path, changes: dict[str, object], said: str
) -> None:
    home, oracle = engine_house(tmp_path / "house")
    async with open_log(home) as log:
        receipts = [await log.append(entry(number, response_sha256=_ANSWER)) for number in range(3)]
        log.take_back(entry(2), receipts[2], may_have_arrived=False)
        await log.append(entry(3))
    answers = [
        Received(
            index=one.index, leaf=one.leaf_hash, hashes=(_ANSWER,), rows=1, is_long=False, began=10 * at + 1,
            ended=10 * at + 9,
        )
        for at, one in enumerate(receipts[:2])
    ]  # fmt: skip
    oracle.received([answers[0], replace(answers[1], **changes)])  # type: ignore[arg-type]
    verdict = oracle.judge(tmp_path / "judged")
    assert verdict.is_good == (not said), verdict.faults
    assert said in "".join(verdict.faults)
    if not said:
        assert verdict.unaccounted == 1, "the last answer was neither received nor taken back"
