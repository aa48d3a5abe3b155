"""Work in a thread beside the requests, in pieces so small that no request waits long for the interpreter's lock.

A thread that computes gives the lock away only after a while, again and again: a long piece of work would slow down
everything else for as long as it takes. After each piece it rests for a multiple of what the piece took.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeVar

PIECE_SECONDS: Final = 0.0005
REST: Final = 16
"""Times as long as the work: at most a seventeenth of a core, and of the interpreter's lock."""
SHORT_REST: Final = 4
"""Of what is far behind: at most a fifth of a core."""
T = TypeVar("T")


class Pace:
    """One thread's. `rest` waits so many seconds."""

    def __init__(
        self,
        rest: Callable[[float], object] = time.sleep,
        monotonic: Callable[[], float] = time.perf_counter,
        *,
        is_behind: bool = False,
    ) -> None:
        self._rest = rest
        self._times = SHORT_REST if is_behind else REST
        self._monotonic = monotonic
        self._began = monotonic()

    def each(self, things: Iterable[T]) -> Iterator[T]:
        """The things, with a rest after as many of them as make a piece of work."""
        self._began = self._monotonic()
        for thing in things:
            yield thing
            self.breathe()

    def breathe(self) -> None:
        """Rest, where a piece of work was done since the last time."""
        worked = self._monotonic() - self._began
        if worked >= PIECE_SECONDS:
            self._rest(self._times * worked)
            self._began = self._monotonic()
