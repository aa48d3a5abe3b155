"""Work in pieces: it rests for a multiple of what it worked, and not before there was a piece of it."""

from gateway.pace import PIECE_SECONDS, REST, SHORT_REST, Pace


class Thread:
    """One whose work takes as long as it is told."""

    def __init__(self) -> None:
        self.now = 0.0
        self.rests: list[float] = []

    def rest(self, seconds: float) -> None:
        self.rests.append(seconds)
        self.now += seconds


def test_small_things_are_put_together_to_a_piece() -> None:
    thread = Thread()
    for _ in Pace(thread.rest, lambda: thread.now).each(range(10)):
        thread.now += PIECE_SECONDS * 0.4
    assert len(thread.rests) == 3  # after three things each
    assert all(PIECE_SECONDS * REST <= rest < PIECE_SECONDS * REST * 1.5 for rest in thread.rests)


def test_a_large_thing_is_followed_by_a_long_rest() -> None:
    thread = Thread()
    for _ in Pace(thread.rest, lambda: thread.now).each(range(2)):
        thread.now += 1.0
    assert thread.rests == [REST, REST]


def test_what_costs_nothing_is_not_held_up() -> None:
    thread = Thread()
    assert list(Pace(thread.rest, lambda: thread.now).each(range(1_000))) == list(range(1_000))
    assert thread.rests == []


def test_what_is_far_behind_rests_less() -> None:
    thread = Thread()
    for _ in Pace(thread.rest, lambda: thread.now, is_behind=True).each(range(2)):
        thread.now += 1.0
    assert thread.rests == [SHORT_REST, SHORT_REST]
    assert SHORT_REST < REST
