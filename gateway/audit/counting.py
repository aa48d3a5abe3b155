"""Positions found in segments -> how many by hour, and who when. Pure.

A segment knows its hours as runs of consecutive entries, so that nothing has to be read of an entry to count it.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gateway.audit.postings import PositionSet, positions_of
from gateway.audit.search_terms import EPOCH
from gateway.model.log_search import HeatColumns, HeatMap

Numbers = NDArray[np.int64]
_HOURS_A_DAY = 24
_FIRST_WEEKDAY = 3  # 1970 began on a Thursday, and weeks begin on Monday


class Counted(NamedTuple):
    """What was found in one segment, and what is known of its entries."""

    length: int  # entries of the segment
    positions: PositionSet
    is_whole: bool  # every entry was found
    starts: Numbers  # first positions of the runs of one hour
    hours: Numbers  # the runs' hours since 1970


def count_by_run(one: Counted) -> Numbers:
    """How many were found in each run."""
    ends = np.append(one.starts[1:], one.length)
    if one.is_whole:
        return ends - one.starts
    if one.positions.dtype == np.uint8:
        counts: Numbers = np.add.reduceat(np.unpackbits(one.positions), one.starts, dtype=np.int64)
        return counts
    found: Numbers = np.searchsorted(one.positions, ends) - np.searchsorted(one.positions, one.starts)
    return found


def count_by_hour(found: Sequence[Counted]) -> tuple[Numbers, Numbers]:
    """Hours since 1970 in which there are any, rising, and how many."""
    if not found:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    hours, places = np.unique(np.concatenate([one.hours for one in found]), return_inverse=True)
    counts = np.zeros(len(hours), dtype=np.int64)
    np.add.at(counts, places, np.concatenate([count_by_run(one) for one in found]))
    return hours[counts > 0], counts[counts > 0]


class WhoWhen(NamedTuple):
    """What was found in one segment by whom."""

    counted: Counted
    who: NDArray[np.uint16]  # an entry's place in `people`
    people: Numbers  # numbers of persons in `names`


def heat_map(found: Sequence[WhoWhen], names: Sequence[str], columns: HeatColumns, top: int, offset: int) -> HeatMap:
    """The `top` persons with most entries, by columns of a clock that is `offset` hours ahead of UTC."""
    totals = np.zeros(len(names), dtype=np.int64)
    for one in found:
        totals[one.people] += np.bincount(_who(one), minlength=len(one.people))
    known = np.flatnonzero(totals)
    least = np.sort(totals[known])[-top:][:1]  # what the last of the best has
    possible = known[totals[known] >= least].tolist() if len(known) else []
    best = sorted(possible, key=lambda person: (-int(totals[person]), names[person]))[:top]
    rank = np.full(len(names), -1, dtype=np.int64)
    rank[best] = np.arange(len(best))
    titles, place = _columns(found, columns, offset)
    cells = np.zeros(len(best) * len(titles), dtype=np.int64)
    for one in found:
        ranks = rank[one.people]
        if not (ranks >= 0).any():
            continue
        positions = None if one.counted.is_whole else positions_of(one.counted.positions)
        chosen = ranks[one.who if positions is None else one.who[positions]]
        best_at = np.flatnonzero(chosen >= 0)  # few of them, mostly
        runs = np.searchsorted(one.counted.starts, best_at if positions is None else positions[best_at], side="right")
        column = place(one.counted.hours)[runs - 1]
        cells += np.bincount(chosen[best_at] * len(titles) + column, minlength=len(cells))
    rows = cells.reshape(len(best), len(titles)).tolist() if best else []
    return HeatMap(
        columns=tuple(titles),
        rows=tuple((names[person], tuple(row)) for person, row in zip(best, rows, strict=True)),
        principals=len(known),
        entries=int(totals.sum()),
    )


def _who(one: WhoWhen) -> NDArray[np.uint16]:
    return one.who if one.counted.is_whole else one.who[positions_of(one.counted.positions)]


def _columns(
    found: Sequence[WhoWhen], columns: HeatColumns, offset: int
) -> tuple[list[str], Callable[[Numbers], Numbers]]:
    """The columns' names, and the way from hours since 1970 to the column's place."""
    match columns:
        case HeatColumns.HOUR:
            return [str(hour) for hour in range(_HOURS_A_DAY)], lambda hours: (hours + offset) % _HOURS_A_DAY
        case HeatColumns.WEEKDAY:
            return [str(day) for day in range(7)], lambda hours: ((hours + offset) // _HOURS_A_DAY + _FIRST_WEEKDAY) % 7
        case HeatColumns.DAY:
            told = [(one.counted.hours[count_by_run(one.counted) > 0] + offset) // _HOURS_A_DAY for one in found]
            days = np.unique(np.concatenate(told)) if told else np.zeros(0, dtype=np.int64)
            titles = [str((EPOCH + timedelta(days=int(day))).date()) for day in days]
            last = max(len(days) - 1, 0)
            # an hour in which nothing was found has no column, and no entry that would ask for it
            return titles, lambda hours: np.minimum(np.searchsorted(days, (hours + offset) // _HOURS_A_DAY), last)
