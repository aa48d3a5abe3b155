"""What goes on beside a block begins and ends with it."""

import asyncio

import pytest

from gateway.meanwhile import meanwhile


async def test_all_works_run_while_the_block_does_and_have_ended_when_it_has() -> None:
    told: list[str] = []

    async def work(name: str) -> None:
        told.append(f"{name} begins")
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0)  # what it has to put away may take a turn
            told.append(f"{name} ends")

    async with meanwhile(work("one"), work("other")):
        await asyncio.sleep(0)
        assert told == ["one begins", "other begins"]
    assert sorted(told[2:]) == ["one ends", "other ends"]


async def test_they_end_where_the_block_fails() -> None:
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    async def block() -> None:
        async with meanwhile(work()):
            await asyncio.sleep(0)
            raise KeyError

    with pytest.raises(KeyError):
        await block()
    assert ended.is_set()


async def test_a_work_that_failed_says_so_at_the_end() -> None:
    async def work() -> None:
        raise ValueError("it could not go on")

    with pytest.raises(ValueError, match="could not go on"):
        async with meanwhile(work()):
            await asyncio.sleep(0)
