"""The bulkhead: places, a queue with an end, a wait with an end, and nothing lost to those who leave."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from gateway.sources.bulkhead import Bulkhead, NoPlace


@asynccontextmanager
async def place(bulkhead: Bulkhead) -> AsyncIterator[None]:
    await bulkhead.enter(30)
    try:
        yield
    finally:
        bulkhead.leave()


async def test_the_queue_has_an_end_and_says_so_at_once() -> None:
    bulkhead = Bulkhead(concurrency=1, queue=1, wait_seconds=30)
    async with place(bulkhead):
        waiting = asyncio.create_task(place(bulkhead).__aenter__())
        await asyncio.sleep(0)
        assert (bulkhead.running, bulkhead.waiting) == (1, 1)
        with pytest.raises(NoPlace):
            await place(bulkhead).__aenter__()
    await waiting
    assert (bulkhead.running, bulkhead.waiting) == (1, 0)


async def test_the_wait_has_an_end_too() -> None:
    bulkhead = Bulkhead(concurrency=1, queue=9, wait_seconds=0.01)
    async with place(bulkhead):
        with pytest.raises(NoPlace):
            await place(bulkhead).__aenter__()
    assert (bulkhead.running, bulkhead.waiting) == (0, 0)


async def test_those_who_leave_while_they_wait_cost_no_place() -> None:
    bulkhead = Bulkhead(concurrency=1, queue=50, wait_seconds=30)

    async def hold() -> None:
        async with place(bulkhead):
            await asyncio.sleep(0)

    for _ in range(20):
        tasks = [asyncio.create_task(hold()) for _ in range(10)]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert (bulkhead.running, bulkhead.waiting) == (0, 0)
    await hold()
