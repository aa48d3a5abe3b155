"""Places: what asyncio.Semaphore does, step by step, and nothing lost to whoever leaves."""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.places import Places


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_free_place_is_taken_at_once_and_no_other() -> None:
    places = Places(2)
    assert (places.take_now(), places.take_now(), places.take_now()) == (True, True, False)
    places.give_back()
    assert places.take_now()


async def test_who_has_waited_longest_is_next_and_nobody_comes_between() -> None:
    places, served = Places(1), list[int]()

    async def take(number: int) -> None:
        await places.take()
        served.append(number)

    assert places.take_now()
    tasks = [asyncio.create_task(take(number)) for number in range(5)]
    await settled()
    for number in range(5):
        places.give_back()
        assert not places.take_now()
        await settled()
        assert served == list(range(number + 1))
    await asyncio.gather(*tasks)


async def test_who_leaves_at_the_very_moment_of_their_turn_leaves_it_to_the_next() -> None:
    places = Places(1)
    await places.take()
    waiting = [asyncio.create_task(places.take()) for _ in range(3)]
    await settled()
    waiting[0].cancel()
    places.give_back()  # before the one who left could say so
    await settled()
    assert [task.done() for task in waiting] == [True, True, False]
    places.give_back()
    waiting[2].cancel()  # its place was given already, and it never heard of it
    await settled()
    assert places.take_now()
    assert not places.take_now()


@settings(max_examples=150)
@given(st.lists(st.sampled_from(["take", "give", "leave the first", "leave the last"]), max_size=50), st.integers(1, 3))
def test_it_does_what_a_semaphore_does(steps: list[str], count: int) -> None:
    async def live() -> None:
        ours, theirs = Places(count), asyncio.Semaphore(count)
        tasks: list[tuple[asyncio.Task[object], asyncio.Task[object]]] = []
        taken = 0
        for step in steps:
            if step == "take":
                tasks.append((asyncio.create_task(ours.take()), asyncio.create_task(theirs.acquire())))
            elif step == "give" and taken:
                taken -= 1
                ours.give_back()
                theirs.release()
            elif step.startswith("leave") and tasks:
                for one in tasks[0 if step.endswith("first") else -1]:
                    one.cancel()
            await settled()
            for pair in list(tasks):
                assert pair[0].done() == pair[1].done()
                if pair[0].done():
                    assert pair[0].cancelled() == pair[1].cancelled()
                    taken += not pair[0].cancelled()
                    tasks.remove(pair)
            assert taken <= count
        for pair in tasks:
            for one in pair:
                one.cancel()
        await settled()
        for _ in range(taken):
            ours.give_back()
        assert [ours.take_now() for _ in range(count + 1)] == [*[True] * count, False]

    asyncio.run(live())
