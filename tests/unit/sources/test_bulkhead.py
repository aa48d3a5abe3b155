"""The bulkhead: places, a queue with an end, a wait with an end, and nothing lost to those who leave."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from gateway.sources.bulkhead import Bulkhead, NoPlace, Row


@asynccontextmanager
async def place(bulkhead: Bulkhead) -> AsyncIterator[None]:
    await bulkhead.enter(30)
    try:
        yield
    finally:
        bulkhead.leave()


async def test_the_queue_has_an_end_and_says_so_at_once() -> None:
    bulkhead = Bulkhead(Row(1, 1, 30), Row(1, 1, 30))
    async with place(bulkhead):
        waiting = asyncio.create_task(place(bulkhead).__aenter__())
        await asyncio.sleep(0)
        assert (bulkhead.running, bulkhead.waiting) == (1, 1)
        with pytest.raises(NoPlace):
            await place(bulkhead).__aenter__()
    await waiting
    assert (bulkhead.running, bulkhead.waiting) == (1, 0)


async def test_the_wait_has_an_end_too() -> None:
    bulkhead = Bulkhead(Row(1, 9, 0.01), Row(1, 9, 0.01))
    async with place(bulkhead):
        with pytest.raises(NoPlace):
            await place(bulkhead).__aenter__()
    assert (bulkhead.running, bulkhead.waiting) == (0, 0)


async def test_those_who_leave_while_they_wait_cost_no_place() -> None:
    bulkhead = Bulkhead(Row(1, 50, 30), Row(1, 50, 30))

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


async def test_long_answers_have_their_share_and_wait_in_their_own_row() -> None:
    bulkhead = Bulkhead(Row(4, 9, 0.01), Row(2, 1, 30))
    for _ in range(2):
        await bulkhead.enter(30, is_long=True)
    third = asyncio.create_task(bulkhead.enter(30, is_long=True))
    await asyncio.sleep(0)
    assert (bulkhead.running, bulkhead.waiting) == (2, 1)
    with pytest.raises(NoPlace):
        await bulkhead.enter(30, is_long=True)
    for _ in range(2):  # short ones never stand behind it
        await bulkhead.enter(30)
    with pytest.raises(NoPlace):
        await bulkhead.enter(30)
    bulkhead.leave()
    bulkhead.leave(is_long=True)
    await third
    assert (bulkhead.running, bulkhead.waiting) == (3, 0)


async def test_a_long_answer_that_finds_no_place_costs_none_of_its_row() -> None:
    bulkhead = Bulkhead(Row(1, 9, 0.01), Row(1, 9, 30))
    await bulkhead.enter(30)
    for _ in range(3):
        with pytest.raises(NoPlace):
            await bulkhead.enter(30, is_long=True)
    bulkhead.leave()
    await bulkhead.enter(30, is_long=True)
    assert (bulkhead.running, bulkhead.waiting) == (1, 0)
    with pytest.raises(NoPlace):
        await bulkhead.enter(0.01, is_long=True)  # no longer than who asks has time


async def test_a_short_question_finds_a_free_place_at_once_and_takes_none_that_is_not() -> None:
    bulkhead = Bulkhead(Row(2, 9, 30), Row(1, 9, 30))
    await bulkhead.enter(30, is_long=True)
    assert bulkhead.enter_now()
    assert not bulkhead.enter_now()
    waiting = asyncio.create_task(bulkhead.enter(30))
    await asyncio.sleep(0)
    bulkhead.leave()
    assert not bulkhead.enter_now()  # it is theirs who waited
    await waiting
    assert (bulkhead.running, bulkhead.waiting) == (2, 0)
