"""A person's last active days, and what is usual by them: median and MAD, in exact numbers."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from fractions import Fraction
from functools import cache
from zoneinfo import ZoneInfo

_CONSISTENT = Fraction(14826, 10000)
"""MAD times this estimates the standard deviation of a normal distribution (Rousseeuw and Croux 1993)."""


@cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def check_zone(name: str) -> None:
    """Raises ValueError for a time zone that isn't known."""
    try:
        _zone(name)
    except (OSError, ValueError, KeyError):
        msg = f"no time zone `{name[:60]}`"
        raise ValueError(msg) from None


def local(moment: datetime, zone: str) -> datetime:
    """The moment by the clock on the wall."""
    return moment.astimezone(_zone(zone))


def day_of(moment: datetime, zone: str) -> str:
    """`2026-11-23`, by the clock on the wall."""
    return local(moment, zone).date().isoformat()


def days_between(earlier: str, later: str) -> int:
    """How many days lie between two days of `day_of`."""
    return (date.fromisoformat(later) - date.fromisoformat(earlier)).days


def median(values: Iterable[int | Fraction]) -> Fraction:
    """The middle, or the mean of the two in the middle; of at least one value."""
    ordered = sorted(map(Fraction, values))
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def usual(values: Sequence[int], *, deviations: int, least: int) -> tuple[int, int]:
    """The median (rounded down), and the most that is still usual.

    That is the median and `deviations` times its robust deviation, but never less than twice the median or `least`:
    somebody who does the same every day has no deviation at all.
    """
    middle = median(values)
    spread = median([abs(value - middle) for value in values])
    return int(middle), int(max(middle + deviations * _CONSISTENT * spread, 2 * middle, Fraction(least)))


def at_least(least: int, **values: int) -> None:
    """Raises ValueError for a parameter below what makes sense."""
    for name, value in values.items():
        if value < least:
            msg = f"`{name}` is below {least}"
            raise ValueError(msg)
