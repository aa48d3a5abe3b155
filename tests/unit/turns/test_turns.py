"""Turns: a lone app has all places, several share them, and nobody waits for ever or takes what is not theirs."""

import asyncio
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import TooManyAtOnce
from gateway.model.ids import AppId
from gateway.settings import Turns as Rule
from gateway.turns import SHORT_BYTES, Turns

ONE, OTHER, THIRD = AppId("one"), AppId("other"), AppId("third")


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_an_app_that_asks_alone_has_all_places() -> None:
    turns = Turns(Rule(at_once=3, shared=2, waiting=9))
    for _ in range(3):
        await asyncio.wait_for(turns.take(ONE), 1)
    fourth = asyncio.create_task(turns.take(ONE))
    await settled()
    assert (turns.running, turns.waiting) == (3, 1)
    turns.give_back(ONE)
    await asyncio.wait_for(fourth, 1)
    assert (turns.running, turns.waiting) == (3, 0)


async def test_who_asks_beside_a_greedy_app_is_served_at_once() -> None:
    turns = Turns(Rule(at_once=4, shared=4, waiting=99, rest=0))
    greedy = [asyncio.create_task(turns.take(ONE)) for _ in range(50)]
    await settled()
    assert (turns.running, turns.waiting) == (4, 46)
    await asyncio.wait_for(turns.take(OTHER), 1)
    for _ in range(3):  # four of its own are under way, and its share is two now
        turns.give_back(ONE)
    await settled()
    assert (turns.running, turns.waiting) == (1 + 2, 45)
    for task in greedy:
        task.cancel()
    await asyncio.gather(*greedy, return_exceptions=True)
    assert turns.waiting == 0


async def test_the_share_of_who_stopped_asking_goes_back_to_the_others() -> None:
    clock = Clock()
    turns = Turns(Rule(at_once=4, shared=2, waiting=9), clock)
    await turns.take(OTHER)
    turns.give_back(OTHER)
    await turns.take(ONE)
    waiting = [asyncio.create_task(turns.take(ONE)) for _ in range(3)]
    await settled()
    assert (turns.running, turns.waiting) == (1, 3)
    clock.now += 0.2
    turns.give_back(ONE)
    await settled()
    assert (turns.running, turns.waiting) == (3, 0)
    await asyncio.gather(*waiting)


async def test_however_many_apps_ask_each_has_a_place() -> None:
    turns = Turns(Rule(at_once=4, shared=2, waiting=9))
    for app in (ONE, OTHER, THIRD, AppId("fourth"), AppId("fifth")):
        await asyncio.wait_for(turns.take(app), 1)
    assert turns.running == 5


async def test_the_row_of_an_app_has_an_end_and_that_of_another_has_not_ended() -> None:
    turns = Turns(Rule(at_once=1, shared=1, waiting=2))
    await turns.take(ONE)
    waiting = [asyncio.create_task(turns.take(ONE)) for _ in range(2)]
    await settled()
    with pytest.raises(TooManyAtOnce):
        await turns.take(ONE)
    await asyncio.wait_for(turns.take(OTHER), 1)
    for _ in range(3):
        turns.give_back(ONE)
        await settled()
    await asyncio.gather(*waiting)
    assert (turns.running, turns.waiting) == (1, 0)


async def test_one_apps_questions_are_served_in_order() -> None:
    turns, served = Turns(Rule(at_once=1, shared=1, waiting=9)), []

    async def ask(number: int) -> None:
        await turns.take(ONE)
        served.append(number)
        await asyncio.sleep(0)
        turns.give_back(ONE)

    await asyncio.gather(*map(ask, range(9)))
    assert served == list(range(9))


async def test_who_leaves_at_the_very_moment_of_their_turn_leaves_it_to_the_next() -> None:
    turns = Turns(Rule(at_once=1, shared=1, waiting=9))
    await turns.take(ONE)
    waiting = [asyncio.create_task(turns.take(ONE)) for _ in range(3)]
    await settled()
    waiting[0].cancel()
    turns.give_back(ONE)  # before the one who left could say so
    await settled()
    assert [task.done() for task in waiting] == [True, True, False]
    assert (turns.running, turns.waiting) == (1, 1)
    turns.give_back(ONE)
    waiting[2].cancel()  # its place was given already, and it never heard of it
    await settled()
    assert (turns.running, turns.waiting) == (0, 0)


async def test_whoever_would_have_to_wait_is_told_so_and_takes_nothing() -> None:
    turns = Turns(Rule(at_once=1, shared=1, waiting=1))
    assert turns.take_now(ONE)
    assert not turns.take_now(ONE)
    waiting = asyncio.create_task(turns.take(ONE))
    await settled()
    turns.give_back(ONE)
    assert not turns.take_now(ONE)  # it is the one's who waited
    await waiting
    assert (turns.running, turns.waiting) == (1, 0)


STEPS = st.lists(
    st.tuples(st.sampled_from([ONE, OTHER, THIRD]), st.sampled_from(["ask", "end", "leave", "wait"])), max_size=60
)


@settings(max_examples=150)
@given(STEPS, st.integers(1, 5), st.integers(1, 5))
def test_no_place_is_lost_and_none_is_given_twice(steps: list[tuple[AppId, str]], at_once: int, shared: int) -> None:
    clock = Clock()

    async def live() -> None:
        turns = Turns(Rule(at_once=at_once, shared=shared, waiting=3, rest=0), clock)
        tasks: list[tuple[AppId, asyncio.Task[None]]] = []
        running: Counter[AppId] = Counter()

        def look() -> None:
            for app, task in list(tasks):
                if task.done():
                    tasks.remove((app, task))
                    if not task.cancelled() and task.exception() is None:
                        running[app] += 1

        for app, step in steps:
            if step == "ask":
                tasks.append((app, asyncio.create_task(turns.take(app))))
            elif step == "end" and running[app]:
                running[app] -= 1
                turns.give_back(app)
            elif step == "leave":
                for one, task in tasks:
                    if one == app:
                        task.cancel()
            else:
                clock.now += 0.04
            await settled()
            look()
            assert turns.running == running.total()
            assert turns.waiting == len(tasks)
            assert max(running.values(), default=0) <= max(at_once, shared)
        while running.total():  # whoever waits is served once the others end
            app = next(app for app, count in running.items() if count)
            running[app] -= 1
            turns.give_back(app)
            await settled()
            look()
        assert not tasks
        assert (turns.running, turns.waiting) == (0, 0)

    asyncio.run(live())


async def test_a_turn_may_end_before_the_log_where_one_app_asks_and_its_answer_is_short() -> None:
    clock = Clock()
    turns = Turns(Rule(at_once=3, shared=2, waiting=9), clock)
    await turns.take(ONE)
    assert turns.may_end(SHORT_BYTES)
    assert not turns.may_end(SHORT_BYTES + 1)
    await turns.take(OTHER)
    assert not turns.may_end(0)
    turns.give_back(OTHER)
    assert not turns.may_end(0)  # it asked a moment ago
    clock.now += 1
    assert turns.may_end(0)


async def test_an_app_that_always_has_more_waiting_rests_while_another_asks_for_less() -> None:
    clock = Clock()
    turns = Turns(Rule(at_once=2, shared=2, waiting=9, rest=2), clock)
    await turns.take(OTHER)
    turns.give_back(OTHER)
    await turns.take(ONE)
    waiting = [asyncio.create_task(turns.take(ONE)) for _ in range(2)]
    await settled()
    clock.now += 0.003
    turns.give_back(ONE)
    await settled()
    assert (turns.running, turns.waiting) == (0, 2)
    assert turns.take_now(OTHER), "who asks for less never waits for that"
    turns.give_back(OTHER)
    await settled()
    assert turns.waiting == 2, "nor ends it"
    await asyncio.wait_for(waiting[0], 1)
    turns.give_back(ONE)  # at once, by this clock: there is nothing to rest from
    await asyncio.wait_for(waiting[1], 1)
    assert (turns.running, turns.waiting) == (1, 0)


async def test_no_rest_is_longer_than_ten_milliseconds() -> None:
    clock = Clock()
    turns = Turns(Rule(at_once=1, shared=1, waiting=9, rest=1_000), clock)
    await turns.take(ONE)
    following = asyncio.create_task(turns.take(ONE))
    await settled()
    clock.now += 30
    await turns.take(OTHER)
    turns.give_back(ONE)
    begun = asyncio.get_running_loop().time()
    await following
    assert asyncio.get_running_loop().time() - begun < 1
    turns.give_back(OTHER)


async def test_of_two_apps_that_both_have_more_waiting_none_rests() -> None:
    clock = Clock()
    turns = Turns(Rule(at_once=2, shared=2, waiting=9, rest=1_000), clock)
    await turns.take(ONE)
    await turns.take(OTHER)
    waiting = [asyncio.create_task(turns.take(app)) for app in (ONE, OTHER, ONE, OTHER)]
    await settled()
    clock.now += 0.05
    turns.give_back(ONE)
    turns.give_back(OTHER)
    await settled()
    assert [task.done() for task in waiting] == [True, True, False, False]
    for task in waiting[2:]:
        task.cancel()


async def test_an_app_that_asks_alone_never_rests() -> None:
    clock = Clock()
    turns = Turns(Rule(at_once=1, shared=1, waiting=9, rest=1_000), clock)
    await turns.take(ONE)
    following = asyncio.create_task(turns.take(ONE))
    await settled()
    clock.now += 5
    turns.give_back(ONE)
    await settled()
    assert following.done()
    await following


async def test_whoever_leaves_while_their_app_rests_leaves_nothing_behind() -> None:
    clock = Clock()
    turns = Turns(Rule(at_once=1, shared=1, waiting=9, rest=1_000), clock)
    await turns.take(OTHER)
    await turns.take(ONE)
    following = asyncio.create_task(turns.take(ONE))
    await settled()
    clock.now += 1
    turns.give_back(ONE)
    following.cancel()
    await settled()
    assert (turns.running, turns.waiting) == (1, 0)
    assert turns.take_now(ONE), "nobody of it waits any more"
    turns.give_back(ONE)
    await asyncio.sleep(0.02)
    assert (turns.running, turns.waiting) == (1, 0)


@settings(max_examples=40, deadline=None)
@given(STEPS, st.integers(1, 3), st.integers(1, 3))
def test_whoever_rests_no_place_is_lost(steps: list[tuple[AppId, str]], at_once: int, shared: int) -> None:
    clock, served = Clock(), Counter[AppId]()

    async def live() -> None:
        turns = Turns(Rule(at_once=at_once, shared=shared, waiting=60, rest=0.02), clock)

        async def ask(app: AppId, *, patiently: bool) -> None:
            await turns.take(app)
            try:
                # one app alone has `at_once`; those who come then have their share beside that, at least one each
                assert turns.running <= at_once + 2 * max(1, shared // 2)
                await asyncio.sleep(0)
            finally:
                turns.give_back(app)
                served[app] += patiently

        asked: list[asyncio.Task[None]] = []
        leaving: list[asyncio.Task[None]] = []
        for app, step in steps:
            if step in {"ask", "leave"}:
                task = asyncio.create_task(ask(app, patiently=step == "ask"))
                (asked if step == "ask" else leaving).append(task)
            else:
                clock.now += 0.03
                await asyncio.sleep(0)
        for task in leaving:
            task.cancel()
        async with asyncio.timeout(10):
            await asyncio.gather(*asked)
            await asyncio.gather(*leaving, return_exceptions=True)
        assert (turns.running, turns.waiting) == (0, 0)

    asyncio.run(live())
    assert served == Counter(app for app, step in steps if step == "ask")
