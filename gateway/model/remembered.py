"""What was told of a thing that never changes, so that it is not put into words for every request. Bounded."""

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")
_MOST = 1_024


class Remembered(Generic[K, V]):
    """By the thing's identity, which is its own as long as it is held here, and by what else was asked."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._told: dict[tuple[int, Hashable], tuple[K, V]] = {}

    def of(self, thing: K, asked: Hashable, tell: Callable[[], V]) -> V:
        """What `tell` says, or said before."""
        place = (id(thing), asked)
        known = self._told.get(place)
        if known is not None:
            return known[1]
        said = tell()
        if len(self._told) >= self._most:
            self._told.clear()
        self._told[place] = (thing, said)
        return said
