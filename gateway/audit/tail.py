"""The entries that no segment covers yet -> segments in memory, kept between searches. For any thread."""

import threading

from gateway.audit.search_terms import Facts, facts_of
from gateway.audit.segments import Segment, Sizes, build_segment
from gateway.store import IndexReader

_MOST_PIECES = 64


class Tail:
    """Reads each entry once, as long as the index stays of one generation."""

    def __init__(self, sizes: Sizes) -> None:
        self._sizes = sizes
        self._lock = threading.Lock()
        self._generation = -1
        self._facts: dict[int, list[Facts]] = {}
        self._made: dict[tuple[int, int], Segment] = {}

    def segment(self, reader: IndexReader, generation: int, begin: int, end: int) -> Segment:
        """The segment of entries [begin, end), all of one small segment. Raises StoreFailed, BodyMalformed."""
        with self._lock:
            if generation != self._generation or len(self._facts) > _MOST_PIECES:
                self._facts, self._made, self._generation = {}, {}, generation
            facts = self._facts.setdefault(begin, [])
            if len(facts) < end - begin:
                facts += [facts_of(told) for told in reader.told(begin + len(facts), end)]
            place = (begin, end)
            if place not in self._made:
                self._made = {known: made for known, made in self._made.items() if known[0] != begin}
                self._made[place] = build_segment(begin, facts[: end - begin], self._sizes.small, self._sizes)
            return self._made[place]
