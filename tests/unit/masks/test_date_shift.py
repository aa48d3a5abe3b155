"""date-shift: one person's intervals survive, and nothing tells how far the dates were moved."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.masks.date_shift import DateShift
from gateway.model.catalog import FieldType
from tests.mask_keys import mask_context

ONE, OTHER = "34052419800101001X", "11010519491231002X"


def _shifted(values: list[date], person: str | None, purpose: str = "home-visit", days: int = 180) -> list[str | None]:
    context = replace(mask_context(purpose), people=[person] * len(values))
    return DateShift(days=days).apply(values, context)


@given(st.lists(st.dates(date(1900, 1, 1), date(2100, 1, 1)), min_size=2, max_size=6), st.integers(7, 3_660))
def test_the_intervals_of_one_person_survive(values: list[date], days: int) -> None:
    shifted = [date.fromisoformat(text or "") for text in _shifted(values, ONE, days=days)]
    moved = {after - before for before, after in zip(values, shifted, strict=True)}
    assert len(moved) == 1
    (by,) = moved
    assert timedelta(0) != by
    assert abs(by) <= timedelta(days=days)


def test_two_people_two_purposes_and_two_spellings() -> None:
    day = [date(2020, 2, 29)]
    assert _shifted(day, ONE) == _shifted(day, " 34052419800101001x ")
    assert len({str(_shifted(day, person, purpose)) for person in (ONE, OTHER) for purpose in ("a", "b")}) == 4


def test_every_shift_happens_and_none_is_favoured() -> None:
    day = date(2020, 1, 1)
    people = [str(number) for number in range(14_000)]
    context = replace(mask_context(), people=people)
    shifted = DateShift(days=7).apply([day] * len(people), context)
    counts = Counter((date.fromisoformat(text or "") - day).days for text in shifted)
    assert set(counts) == {*range(-7, 0), *range(1, 8)}
    assert all(850 < count < 1_150 for count in counts.values())


def test_the_time_of_the_day_stays() -> None:
    (text,) = _shifted([datetime(2020, 1, 1, 13, 14, 15, tzinfo=UTC)], ONE)
    assert (text or "").endswith("T13:14:15+00:00")
    assert not (text or "").startswith("2020-01-01")


@pytest.mark.parametrize("person", [None, "", "  ", "１２３", "1" * 65])
def test_without_a_person_it_is_hidden_whole(person: str | None) -> None:
    assert _shifted([date(2020, 1, 1)], person) == ["***"]
    assert DateShift().apply([date(2020, 1, 1)], mask_context()) == ["***"]


def test_what_leaves_the_calendar_is_hidden_whole() -> None:
    found = [_shifted([day], person) for day in (date.min, date.max) for person in (ONE, OTHER, "1", "2", "3", "4")]
    assert ["***"] in found
    assert all(text == ["***"] or date.fromisoformat(text[0] or "") for text in found)


@pytest.mark.parametrize("days", [6, 0, -7, 3_661])
def test_a_number_of_days_that_makes_no_sense_is_refused(days: int) -> None:
    with pytest.raises(ValueError, match="`days`"):
        DateShift(days=days)


def test_it_fits_dates_and_never_goes_to_a_source() -> None:
    assert {kind for kind in FieldType if DateShift().accepts(kind)} == {FieldType.DATE, FieldType.TIMESTAMP}
    assert DateShift().sql_form() is None
