"""A limit of time against asyncio.timeout: the same outcome of the same story, on both loops."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
import uvloop

from gateway.time_limit import TimeLimit, WithinSeconds, running_watch

Limit = Callable[[float], AbstractAsyncContextManager[object]]
Story = Callable[[Limit], Awaitable[str]]
SHORT, LONG = 0.03, 30.0


@asynccontextmanager
async def ours(seconds: float) -> AsyncIterator[None]:
    with TimeLimit(asyncio.get_running_loop().time() + seconds):
        yield


async def told(work: Awaitable[object]) -> str:
    try:
        return str(await work)
    except BaseException as error:  # noqa: BLE001 - how it ended is what is compared
        return type(error).__name__


async def in_time(limit: Limit) -> str:
    async with limit(LONG):
        await asyncio.sleep(0)
        return "done"


async def late(limit: Limit) -> str:
    async with limit(SHORT):
        await asyncio.sleep(LONG)
    return "went on"


async def late_already(limit: Limit) -> str:
    async with limit(-1):
        await asyncio.sleep(LONG)
    return "went on"


async def fails(limit: Limit) -> str:
    async with limit(LONG):
        await asyncio.sleep(0)
        raise KeyError


async def inner_is_late(limit: Limit) -> str:
    async with limit(LONG):
        inner = await told(late(limit))
        await asyncio.sleep(0)
    return f"inner {inner}"


async def outer_is_late(limit: Limit) -> str:
    async with limit(SHORT):
        return await inner_waits(limit)


async def inner_waits(limit: Limit) -> str:
    async with limit(LONG):
        await asyncio.sleep(LONG)
    return "went on"


async def cancelled(limit: Limit) -> str:
    task = asyncio.create_task(told(inner_waits(limit)))
    await asyncio.sleep(SHORT / 3)
    task.cancel()
    return await task


async def cancelled_as_time_ends(limit: Limit) -> str:
    """Who is cancelled by others too must end, and not believe that it was only late."""

    async def stubborn() -> str:
        try:
            async with limit(SHORT):
                await asyncio.sleep(LONG)
        except TimeoutError:
            return "late"
        except asyncio.CancelledError:
            return "cancelled"
        return "went on"

    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_later(SHORT, task.cancel)
    return "late or cancelled" if await task in {"late", "cancelled"} else "went on"


async def swallows(limit: Limit) -> str:
    """A block that survives being cancelled has its result."""
    async with limit(SHORT):
        try:
            await asyncio.sleep(LONG)
        except asyncio.CancelledError:
            return "survived"
    return "went on"


STORIES: list[Story] = [
    in_time, late, late_already, fails, inner_is_late, outer_is_late, cancelled, cancelled_as_time_ends, swallows,
]  # fmt: skip


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_it_ends_as_with_asyncio(story: Story, new_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    with asyncio.Runner(loop_factory=new_loop) as runner:
        assert runner.run(told(story(ours))) == runner.run(told(story(asyncio.timeout)))


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_each_ends_at_its_own_time(new_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    ended: list[float] = []

    async def wait(seconds: float) -> None:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        with pytest.raises(TimeoutError), TimeLimit(begun + seconds):
            await asyncio.sleep(LONG)
        assert loop.time() - begun >= seconds - 0.002
        ended.append(seconds)

    async def all_of_them() -> None:
        patient = asyncio.create_task(wait(LONG))
        await asyncio.gather(*map(wait, (0.25, 0.05, 0.15)))
        patient.cancel()

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(all_of_them())
    assert ended == [0.05, 0.15, 0.25]


def test_what_is_in_time_leaves_no_limit_behind() -> None:
    async def many() -> None:
        with TimeLimit(asyncio.get_running_loop().time() + SHORT):
            await asyncio.sleep(0)
        await asyncio.sleep(3 * SHORT)  # past its end: nothing is cancelled

    for _ in range(3):  # a loop of its own each time
        asyncio.run(many())


def test_it_needs_a_task() -> None:
    with pytest.raises(RuntimeError, match="event loop"), TimeLimit(0):
        pass


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_seconds_from_the_beginning_end_alike(story: Story, new_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    @asynccontextmanager
    async def of_seconds(seconds: float) -> AsyncIterator[None]:
        with WithinSeconds(seconds):
            yield

    with asyncio.Runner(loop_factory=new_loop) as runner:
        assert runner.run(told(story(of_seconds))) == runner.run(told(story(asyncio.timeout)))


def test_what_is_no_limit_is_told_once_when_its_moment_comes_and_never_where_it_ended_before() -> None:
    class Note:
        def __init__(self, when: float) -> None:
            self.when = when
            self.passed = 0

        def pass_(self) -> None:
            self.passed += 1

    async def live() -> None:
        watch = running_watch()
        assert running_watch() is watch
        soon, ended, patient = (Note(watch.loop.time() + seconds) for seconds in (SHORT, SHORT, LONG))
        for one in (patient, soon, ended):
            watch.begin(one)
        watch.end(ended)
        await asyncio.sleep(3 * SHORT)
        assert (soon.passed, ended.passed, patient.passed) == (1, 0, 0)
        watch.end(soon)
        watch.end(patient)

    asyncio.run(live())
