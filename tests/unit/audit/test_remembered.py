"""What is told once: by the thing itself, bounded, and never of another thing at the same place in memory."""

from gateway.model.remembered import Remembered


class Thing:
    """Compared by identity."""


def test_it_is_told_once_for_each_thing_and_each_question() -> None:
    told: list[str] = []
    remembered: Remembered[Thing, str] = Remembered()
    one, other = Thing(), Thing()

    def tell(word: str) -> str:
        told.append(word)
        return word

    for _ in range(3):
        assert remembered.of(one, "a", lambda: tell("one a")) == "one a"
        assert remembered.of(one, "b", lambda: tell("one b")) == "one b"
        assert remembered.of(other, "a", lambda: tell("other a")) == "other a"
    assert told == ["one a", "one b", "other a"]


def test_it_is_bounded_and_no_thing_takes_the_place_of_one_that_is_gone() -> None:
    remembered: Remembered[Thing, int] = Remembered(most=4)
    for number in range(50):
        assert remembered.of(Thing(), None, lambda number=number: number) == number  # type: ignore[misc]  # a default
        assert len(remembered._told) <= 4
