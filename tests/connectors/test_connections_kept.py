"""Connections that are kept: one that is at hand is taken without waiting, and no place is lost on the way."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from connectors._pool import Pool
from gateway.errors import SourceTimeout, SourceUnavailable


@dataclass(eq=False)
class Line:
    """A connection that the server may close."""

    is_open: bool = True


@pytest.fixture
async def pool() -> AsyncIterator[Pool[Line]]:
    async def connect() -> Line:
        return Line()

    async def end(line: Line, is_busy: bool) -> None:
        line.is_open = False

    pool = Pool(2, connect=connect, is_open=lambda line: line.is_open, end=end)
    yield pool
    await pool.close()


def soon() -> float:
    return asyncio.get_running_loop().time() + 0.01


async def test_one_that_was_given_back_is_at_hand_and_no_other(pool: Pool[Line]) -> None:
    assert pool.take_now() is None
    line = await pool.acquire("a", soon())
    assert pool.take_now() is None
    pool.release(line, is_sound=True)
    assert pool.take_now() is line
    assert pool.busy == 1
    assert pool.take_now() is None


async def test_the_one_used_last_is_taken_first(pool: Pool[Line]) -> None:
    one, other = await pool.acquire("a", soon()), await pool.acquire("a", soon())
    pool.release(other, is_sound=True)
    pool.release(one, is_sound=True)
    assert (pool.take_now(), pool.take_now()) == (one, other)


async def test_what_the_server_closed_is_not_at_hand_and_holds_no_place(pool: Pool[Line]) -> None:
    lines = [await pool.acquire("a", soon()) for _ in range(2)]
    for line in lines:
        pool.release(line, is_sound=True)
        line.is_open = False
    assert pool.take_now() is None
    for _ in range(2):
        assert (await pool.acquire("a", soon())) not in lines
    with pytest.raises(SourceTimeout):
        await pool.acquire("a", soon())


async def test_nobody_is_passed_by_who_waits(pool: Pool[Line]) -> None:
    lines = [await pool.acquire("a", soon()) for _ in range(2)]
    waiting = asyncio.create_task(pool.acquire("a", asyncio.get_running_loop().time() + 30))
    await asyncio.sleep(0)
    pool.release(lines[0], is_sound=True)
    assert pool.take_now() is None  # its place is theirs who waited
    assert await waiting is lines[0]


async def test_a_closed_pool_gives_none(pool: Pool[Line]) -> None:
    pool.release(await pool.acquire("a", soon()), is_sound=True)
    await pool.close()
    assert pool.take_now() is None
    with pytest.raises(SourceUnavailable):
        await pool.acquire("a", soon())
