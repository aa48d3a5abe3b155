"""A date -> its year, month, band of years, or the age that it gives. Each for one date and for a column."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from gateway.masks._octets import named
from gateway.spi import Mask

_EPOCH: Final = date(1970, 1, 1).toordinal()
FIRST_DAY: Final = date.min.toordinal() - _EPOCH
LAST_DAY: Final = date.max.toordinal() - _EPOCH
OLDEST: Final = 130  # years; an age over it is a wrong date, and would point at the few that have one


@dataclass(frozen=True, slots=True, kw_only=True)
class DateBand:
    """A band: its number for a day, and the number's name. Days are counted from 1970-01-01."""

    number: Callable[[date, date], int | None]  # of a day, today
    numbers: Callable[[NDArray[np.int64], date], NDArray[np.int64]]  # `_NO_BAND` where there is none
    name: Callable[[int], str]
    hides: int


_NO_BAND: Final = -(2**31)


def _years_of(days: NDArray[np.int64]) -> NDArray[np.int64]:
    return days.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970


def _months_of(days: NDArray[np.int64]) -> NDArray[np.int64]:
    return days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) + 1970 * 12


def _age(born: date, today: date) -> int | None:
    age = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
    return age if 0 <= age <= OLDEST else None


def _ages(days: NDArray[np.int64], today: date) -> NDArray[np.int64]:
    day = days.astype("datetime64[D]")
    months = day.astype("datetime64[M]")
    # month and day of month as one number that orders the days of a year
    in_year = (months.astype(np.int64) % 12) * 32 + (day - months.astype("datetime64[D]")).astype(np.int64) + 1
    is_before = (today.month - 1) * 32 + today.day < in_year
    ages = today.year - _years_of(days) - is_before
    return np.where((ages >= 0) & (ages <= OLDEST), ages, _NO_BAND)


def _years(width: int) -> Callable[[int], str]:
    return lambda number: f"{number * width:04d}-{number * width + width - 1:04d}"


DATE_BANDS: Final[Mapping[str, DateBand]] = {
    "age": DateBand(number=_age, numbers=_ages, name=str, hides=40),
    "age_band": DateBand(
        number=lambda born, today: None if (age := _age(born, today)) is None else age // 5,
        numbers=lambda days, today: np.where((ages := _ages(days, today)) == _NO_BAND, _NO_BAND, ages // 5),
        name=lambda number: f"{number * 5}-{number * 5 + 4}",
        hides=50,
    ),
    "decade": DateBand(
        number=lambda day, _: day.year // 10,
        numbers=lambda days, _: _years_of(days) // 10,
        name=_years(10),
        hides=60,
    ),
    "five_year_band": DateBand(
        number=lambda day, _: day.year // 5,
        numbers=lambda days, _: _years_of(days) // 5,
        name=_years(5),
        hides=50,
    ),
    "month": DateBand(
        number=lambda day, _: day.year * 12 + day.month - 1,
        numbers=lambda days, _: _months_of(days),
        name=lambda number: f"{number // 12:04d}-{number % 12 + 1:02d}",
        hides=30,
    ),
    "year": DateBand(
        number=lambda day, _: day.year, numbers=lambda days, _: _years_of(days), name=lambda y: f"{y:04d}", hides=40
    ),
}
"""By the name that masks.yaml uses."""


def days_of(array: pa.Array) -> NDArray[np.int64] | None:
    """Days since 1970-01-01 (of a timestamp in UTC, as it is kept); None for an array of another type."""
    if pa.types.is_date32(array.type):
        return np.asarray(array.view(pa.int32())).astype(np.int64)
    if pa.types.is_timestamp(array.type) and array.type.unit == "us" and array.type.tz == "UTC":
        return np.asarray(array.view(pa.int64())) // 86_400_000_000
    return None


def bands_of(days: NDArray[np.int64], band: DateBand, today: date) -> pa.Array:
    """The name of each day's band; `***` for a day that Python's calendar doesn't have, or without a band."""
    is_day = (days >= FIRST_DAY) & (days <= LAST_DAY)
    known_days = days if is_day.all() else np.where(is_day, days, 0)
    first, last = (int(known_days.min()), int(known_days.max())) if len(days) else (0, 0)
    if last - first < len(days):
        # few days and many who were born on them: each day is looked at once
        numbers = np.take(band.numbers(np.arange(first, last + 1), today), known_days - first)
    else:
        numbers = band.numbers(known_days, today)
    known = is_day & (numbers != _NO_BAND)
    if not known.any():
        return named(np.zeros(len(days), np.int32), [Mask.HIDDEN])
    least, most = int(numbers[known].min()), int(numbers[known].max())
    names = [Mask.HIDDEN, *(band.name(number) for number in range(least, most + 1))]
    codes = numbers - (least - 1)
    return named(codes if known.all() else np.where(known, codes, 0), names)
