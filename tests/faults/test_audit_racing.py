"""Several writers of one log: one order, no index twice, no fork."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from itertools import pairwise
from pathlib import Path

import pytest

from gateway.audit import AuditLog
from gateway.model.audit import AuditReceipt
from tests.audit_logs import House, entry, house, open_log
from tests.postgres_server import Server, postgres_server

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with postgres_server() as running:
        yield running


async def _append(log: AuditLog, callers: int, each: int) -> list[AuditReceipt]:
    async def one(caller: int) -> list[AuditReceipt]:
        return [await log.append(entry(caller)) for _ in range(each)]

    return [receipt for receipts in await asyncio.gather(*map(one, range(callers))) for receipt in receipts]


async def _race(home: House, *, callers: int, each: int) -> None:
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(open_log(home))
        other = await stack.enter_async_context(open_log(home.replica()))
        both = await asyncio.gather(_append(one, callers, each), _append(other, callers, each))
        receipts = [receipt for part in both for receipt in part]
        assert sorted(receipt.index for receipt in receipts) == list(range(2 * callers * each))
        assert one.is_ready
        assert other.is_ready
        for receipt in receipts[:: max(1, len(receipts) // 20)]:
            assert one.prove_receipt(receipt.index)["leaf_hash"] == receipt.leaf_hash
    found = home.verify()
    assert found.is_sound, found.text()
    assert found.size == 2 * callers * each


async def test_two_writers_on_one_sqlite_file_share_one_order(tmp_path: Path) -> None:
    await _race(house(tmp_path), callers=8, each=12)


async def test_two_writers_on_one_postgresql_share_one_order(tmp_path: Path, server: Server) -> None:
    await _race(house(tmp_path, server.fresh_database()), callers=16, each=25)


async def test_two_writers_may_begin_one_log_at_once(tmp_path: Path, server: Server) -> None:
    home = house(tmp_path, server.fresh_database())
    async with AsyncExitStack() as stack:
        homes = [home, home.replica()]
        logs = await asyncio.gather(*(stack.enter_async_context(open_log(one)) for one in homes))
        await asyncio.gather(*(log.append(entry()) for log in logs))
    assert home.verify().is_sound


async def test_a_writer_that_fell_far_behind_catches_up(tmp_path: Path, server: Server) -> None:
    home = house(tmp_path, server.fresh_database())
    async with open_log(home) as slow, open_log(home.replica()) as busy:
        await slow.append(entry())
        for _ in range(3):
            await asyncio.gather(*(busy.append(entry(number)) for number in range(2_000)))
        receipt = await slow.append(entry(5))
        assert receipt.index == 6_001
        assert slow.is_ready
    found = home.verify()
    assert found.is_sound, found.text()


async def test_of_two_busy_replicas_neither_starves(tmp_path: Path, server: Server) -> None:
    home = house(tmp_path, server.fresh_database())
    turns: list[str] = []

    async def keep_busy(name: str, log: AuditLog) -> None:
        async def one(caller: int) -> None:
            for _ in range(40):
                receipt = await log.append(entry(caller))
                turns.append(f"{name}{receipt.tree_size}")

        await asyncio.gather(*map(one, range(8)))

    async with open_log(home) as one, open_log(home.replica()) as other:
        await asyncio.gather(keep_busy("a", one), keep_busy("b", other))
    batches = list(dict.fromkeys(turns))
    changes = sum(left[0] != right[0] for left, right in pairwise(batches))
    assert changes > len(batches) // 4, "each waits its turn"
    assert home.verify().is_sound
