"""What the index keeps of entries, many at a time and in columns. Pure.

Most entries are of a kind with others: the same principal, and all terms in common. A kind is told once.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gateway.audit.search_terms import EPOCH, Facts, facts_of
from gateway.store import STEADY_COLUMNS, TOLD, Wanted

UNKNOWN = -1


class Kind(NamedTuple):
    """Of entries: who, and what they are found by."""

    principal: str
    terms: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, eq=False)
class FactColumns:
    """Of entries that follow one another, in step: microseconds since 1970, the place of its kind, and people.

    An entry whose kind is UNKNOWN is not told of.
    """

    at: NDArray[np.int64]
    kind: NDArray[np.int64]
    people: Sequence[bytes]
    kinds: Sequence[Kind]

    def __len__(self) -> int:
        return len(self.at)

    def cut(self, begin: int, end: int) -> "FactColumns":
        """Of the entries at places [begin, end)."""
        return FactColumns(self.at[begin:end], self.kind[begin:end], self.people[begin:end], self.kinds)

    def without(self, places: Iterable[int]) -> "FactColumns":
        """The entries at these places are not told of."""
        gone = list(places)
        if not gone:
            return self
        kind = self.kind.copy()
        kind[gone] = UNKNOWN
        return FactColumns(self.at, kind, self.people, self.kinds)

    def unknown(self) -> list[tuple[int, int]]:
        """The stretches [begin, end) of places that are not told of."""
        edges = np.flatnonzero(np.diff(self.kind == UNKNOWN, prepend=False, append=False)).tolist()
        return list(zip(edges[::2], edges[1::2], strict=True))


class FactsSeen:
    """Takes what is seen of so many entries, in whatever order."""

    def __init__(self, count: int) -> None:
        self._at = np.zeros(count, np.int64)
        self._kind = np.full(count, UNKNOWN, np.int64)
        self._people = [b""] * count
        self._kinds: list[Kind] = []

    def add(
        self, places: Sequence[int], at: NDArray[np.int64], kind: Sequence[int], people: Sequence[bytes],
        kinds: Sequence[Kind],
    ) -> None:  # fmt: skip
        """Of the entries at these places, in step; `kind`: the place of its kind in `kinds`."""
        self._at[places] = at
        self._kind[places] = np.array(kind, dtype=np.int64) + len(self._kinds)
        self._kinds += kinds
        for place, one in zip(places, people, strict=True):
            self._people[place] = one

    def columns(self) -> FactColumns:
        """All of it."""
        return FactColumns(self._at, self._kind, self._people, self._kinds)


def kind_of(told: Wanted) -> Kind:
    """Of entries whose rows say this; raises BodyMalformed."""
    cells = dict(zip(STEADY_COLUMNS, told[5].cells, strict=True))
    cells |= {"principal": told[0], "case_id": told[1], "organisation": told[4], "subjects": ""}
    facts = facts_of([EPOCH if name == "at" else cells[name] for name in TOLD])
    return Kind(facts.principal, facts.terms)


def columns_of(facts: Iterable[Facts]) -> FactColumns:
    """The same in columns."""
    told = list(facts)
    places: dict[Kind, int] = {}
    kind = [places.setdefault(Kind(one.principal, one.terms), len(places)) for one in told]
    return FactColumns(
        np.fromiter((one.at for one in told), dtype=np.int64, count=len(told)),
        np.array(kind, dtype=np.int64),
        [one.people for one in told],
        list(places),
    )


def nothing_of(count: int) -> FactColumns:
    """Of so many entries that are not told of."""
    return FactColumns(np.zeros(count, np.int64), np.full(count, UNKNOWN, np.int64), [b""] * count, ())


def put_together(parts: Sequence[FactColumns]) -> FactColumns:
    """One after another."""
    places: dict[Kind, int] = {}
    kinds: list[NDArray[np.int64]] = []
    people: list[bytes] = []
    for part in parts:
        moved = [places.setdefault(one, len(places)) for one in part.kinds]
        kinds.append(np.array([*moved, UNKNOWN], dtype=np.int64)[part.kind])  # the last is what UNKNOWN points at
        people += part.people
    nothing = np.zeros(0, np.int64)
    return FactColumns(
        np.concatenate([nothing, *(part.at for part in parts)]), np.concatenate([nothing, *kinds]), people, list(places)
    )
