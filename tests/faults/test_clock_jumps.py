"""A clock that jumps: the order of the log is its index, and nothing of it is lost, late or taken twice."""

import asyncio
import itertools
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gateway.audit import AuditLog
from gateway.settings import Audit
from gateway.store import open_state
from tests.audit_logs import NOON, ORIGIN, entry, house

_JUMPS = (timedelta(), -timedelta(hours=3), timedelta(days=40), -timedelta(days=800), timedelta(seconds=1))


class JumpingClock:
    """Another jump at every look."""

    def __init__(self) -> None:
        self._jumps = itertools.cycle(_JUMPS)
        self.told: list[datetime] = []

    def __call__(self) -> datetime:
        self.told.append(NOON + next(self._jumps))
        return self.told[-1]


async def test_the_order_is_that_of_the_index_whatever_the_clock_says(tmp_path: Path) -> None:
    home, clock = house(tmp_path), JumpingClock()
    state = open_state(home.url)
    log = AuditLog.open(
        state,
        home.signer,
        Audit(origin=ORIGIN),
        seals=home.seals(state),
        deadline_seconds=2.0,
        high_water=home.high_water,
        clock=clock,
    )
    await log.start()
    try:
        receipts = []
        for number in range(60):
            turn = await asyncio.gather(*(log.append(entry(number, at=clock())) for _ in range(3)))
            receipts += sorted(turn, key=lambda receipt: receipt.index)
        log.take_back(entry(1, at=clock()), receipts[0], may_have_arrived=False)
        last = await log.append(entry(61, at=clock()))
        entries = [log.entry(index) for index in range(last.index + 1)]
    finally:
        await log.close()
        state.close()
    assert [receipt.index for receipt in receipts] == list(range(180))
    assert [one.refers_to for one in entries if one.kind == "not-released"] == [0]
    moments = [one.at.astimezone(UTC) for one in entries]
    assert moments != sorted(moments), "the clock did jump"
    found = home.verify()
    assert found.is_sound, found.text()
