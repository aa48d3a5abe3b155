"""A range of numbers or days, as PostgreSQL understands one. Two ranges are equal where they hold the same values.

So that each has one form: a range without values is `EMPTY`, an open end is never inclusive, and ranges of whole
numbers and of days begin inclusive and end exclusive, `[1,5)`. Only the last day there is stays inclusive as an end.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

Bound = int | Decimal | date | datetime
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Range:
    """From `low` to `high`; None: no end there. `bounds` is two of `[(` and `)]`; build one with `range_of`."""

    low: Bound | None
    high: Bound | None
    bounds: str = "[)"
    is_empty: bool = False

    @property
    def key(self) -> tuple[Any, ...]:
        """Ordered as PostgreSQL orders ranges: the empty one, then by the lower end, then by the upper."""
        return (0,) if self.is_empty else (1, _low(self), _high(self))


EMPTY: Final = Range(None, None, "()", is_empty=True)


def range_of(low: Bound | None, high: Bound | None, bounds: str = "[)") -> Range:
    """The range in its one form; raises ValueError where it ends before it begins."""
    if low is not None and high is not None and low > high:  # type: ignore[operator]  # of one type
        raise ValueError("a range that ends before it begins")
    opening, closing = bounds[0] if low is not None else "(", bounds[1] if high is not None else ")"
    if opening == "(" and low is not None and (after := _after(low)) is not None:
        low, opening = after, "["
    elif opening == "(" and low == date.max and not isinstance(low, datetime):
        return EMPTY
    if closing == "]" and high is not None and (after := _after(high)) is not None:
        high, closing = after, ")"
    if low is not None and high is not None and (low > high or (low == high and opening + closing != "[]")):  # type: ignore[operator]  # both ends have one type
        return EMPTY
    return Range(low, high, opening + closing)


def _after(bound: Bound) -> Bound | None:
    """The next value where there is one: of whole numbers and days."""
    if isinstance(bound, int):
        return bound + 1
    if isinstance(bound, date) and not isinstance(bound, datetime) and bound < date.max:
        return bound + _DAY
    return None


# an end as something to compare: side 0 has no end, then the value, then what lies just after or before it
def _low(one: Range) -> tuple[Any, ...]:
    return (0,) if one.low is None else (1, one.low, 0 if one.bounds[0] == "[" else 1)


def _high(one: Range) -> tuple[Any, ...]:
    return (2,) if one.high is None else (1, one.high, 0 if one.bounds[1] == "]" else -1)


# ---------------------------------------------------------------------- relations
def range_contains(outer: Range, inner: Range) -> bool:
    """`@>`: every value of the one is in the other."""
    if inner.is_empty or outer.is_empty:
        return inner.is_empty
    return _low(outer) <= _low(inner) and _high(inner) <= _high(outer)


def ranges_overlap(one: Range, other: Range) -> bool:
    """`&&`: they have a value in common."""
    if one.is_empty or other.is_empty:
        return False
    return _low(one) <= _high(other) and _low(other) <= _high(one)


def is_left_of(one: Range, other: Range) -> bool:
    """`<<`: ends before the other begins."""
    return not one.is_empty and not other.is_empty and _high(one) < _low(other)


def ends_within(one: Range, other: Range) -> bool:
    """`&<`: does not extend to the right of the other."""
    return not one.is_empty and not other.is_empty and _high(one) <= _high(other)


def begins_within(one: Range, other: Range) -> bool:
    """`&>`: does not extend to the left of the other."""
    return not one.is_empty and not other.is_empty and _low(one) >= _low(other)


def are_adjacent(one: Range, other: Range) -> bool:
    """`-|-`: they touch and have nothing in common."""
    return not one.is_empty and not other.is_empty and (_touch(one, other) or _touch(other, one))


def _touch(left: Range, right: Range) -> bool:
    if left.high is None or right.low is None or left.high != right.low:
        return False
    return (left.bounds[1] == "]") != (right.bounds[0] == "[")
