"""Outcomes of one policy version that were found before, bounded.

An outcome is found again under what made it: who (roles), app, purpose, dataset, uses; and whether the request meets
each demand that its rules made (a window, a condition, a case). Nothing else of a person has a part in it, and nothing
of a person is kept.
"""

from dataclasses import dataclass, field

from gateway.decision.judge import Demand, Judge, Request
from gateway.decision.outcome import Outcome, Uses
from gateway.model.ids import AppId, DatasetName, PurposeId

MOST_OUTCOMES = 2_048
"""Of a generation; two generations are kept. An outcome over 20 fields takes some ten kilobytes."""
MOST_COMBINATIONS = 64
"""Of demands met and not met, under one key."""

Key = tuple[tuple[str, ...], AppId, PurposeId, DatasetName, Uses]


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known under one key. `demands` only grows; when it does, a new one takes its place."""

    demands: tuple[Demand, ...]
    outcomes: dict[tuple[bool, ...], Outcome] = field(default_factory=dict)


class OutcomeCache:
    """Safe to use from several threads: at worst two find the same outcome."""

    def __init__(self, most: int = MOST_OUTCOMES) -> None:
        self._most = most
        self._young: dict[Key, _Known] = {}
        self._old: dict[Key, _Known] = {}
        self._count = 0

    def __len__(self) -> int:
        """How many outcomes are kept."""
        return sum(len(known.outcomes) for kept in (self._young, self._old) for known in list(kept.values()))

    def find(self, key: Key, judge: Judge, request: Request) -> Outcome | None:
        """The outcome for a request that meets the same demands."""
        known = self._young.get(key)
        if known is None:
            known = self._old.pop(key, None)
            if known is None:
                return None
            self._keep(key, known, len(known.outcomes))
        return known.outcomes.get(tuple([judge.meets(request, demand) for demand in known.demands]))

    def asks_nothing(self, key: Key) -> bool:
        """Whether an outcome is known under the key that depended on no demand: on nothing that the key leaves out."""
        known = self._young.get(key) or self._old.get(key)
        return known is not None and not known.demands

    def add(self, key: Key, judge: Judge, request: Request, demands: frozenset[Demand], outcome: Outcome) -> None:
        """Keep an outcome that depended on `demands` and on nothing else that the key leaves out."""
        known = self._young.get(key)
        if known is None or not demands.issubset(known.demands):
            # what was found under fewer demands can't be told apart under more: it is found anew
            more = demands if known is None else demands.union(known.demands)
            known = _Known(tuple(sorted(more)))
        # of many demands that come and go (windows in a long life) only so many combinations are kept
        if len(known.outcomes) >= MOST_COMBINATIONS:
            known.outcomes.clear()
        known.outcomes[tuple([judge.meets(request, demand) for demand in known.demands])] = outcome
        self._keep(key, known, 1)

    def _keep(self, key: Key, known: _Known, count: int) -> None:
        if self._count + count > self._most:
            self._old, self._young, self._count = self._young, {}, 0
        self._young[key] = known
        self._count += count
