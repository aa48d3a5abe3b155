"""Seed -> repeatable draws. Not for secrets: everything drawn can be drawn again by whoever knows the seed.

Only `Random.random()` is used, the one method whose stream Python promises to keep between versions.
"""

from bisect import bisect
from collections.abc import Mapping, Sequence
from itertools import accumulate
from random import Random  # noqa: TID251 - the city must come out the same every time; no secret is drawn
from typing import Generic, TypeVar

T = TypeVar("T")


class Weighted(Generic[T]):
    """Things with how often each turns up, made ready to be drawn from."""

    __slots__ = ("_sums", "_things", "_total")

    def __init__(self, weights: Mapping[T, float]) -> None:
        self._things = tuple(weights)
        self._sums = tuple(accumulate(weights.values()))
        self._total = self._sums[-1]

    def at(self, share: float) -> T:
        """The thing at a share (0 up to, not including, 1) of the whole weight."""
        return self._things[bisect(self._sums, share * self._total)]


class Chance:
    """One stream of draws; streams of one seed do not disturb each other."""

    __slots__ = ("share",)

    def __init__(self, seed: int, stream: int) -> None:
        # S311: see the import
        self.share = Random(((seed % 2**64) << 64) | stream).random  # noqa: S311

    def happens(self, probability: float) -> bool:
        """True in about this share of draws."""
        return self.share() < probability

    def below(self, bound: int) -> int:
        """0 to bound - 1, evenly."""
        return int(self.share() * bound)

    def between(self, low: int, high: int) -> int:
        """From low to high, both included, evenly."""
        return low + int(self.share() * (high - low + 1))

    def pick(self, things: Sequence[T]) -> T:
        """One of the things, evenly."""
        return things[int(self.share() * len(things))]

    def weighted(self, things: Weighted[T]) -> T:
        """One of the things, by weight."""
        return things.at(self.share())
