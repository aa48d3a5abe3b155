"""generalise, parameter by parameter."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from gateway.masks.generalise import Generalise
from gateway.model.catalog import FieldType

Masked = Callable[..., str | None]
HIDDEN = "***"


@pytest.mark.parametrize(
    ("to", "band"),
    [("year", "1961"), ("month", "1961-07"), ("five_year_band", "1960-1964"), ("decade", "1960-1969")],
)
def test_a_date_becomes_its_band(masked: Masked, to: str, band: str) -> None:
    assert masked("generalise", date(1961, 7, 9), to=to) == band
    assert masked("generalise", datetime(1961, 7, 9, 23, tzinfo=UTC), to=to) == band


def test_the_first_years_of_the_calendar_have_a_band(masked: Masked) -> None:
    assert masked("generalise", date(1, 1, 1), to="decade") == "0000-0009"


@pytest.mark.parametrize("value", ["1961-07-09", 19610709, None, Decimal(1961), ""])
def test_what_is_no_date_is_hidden_whole(masked: Masked, value: object) -> None:
    assert masked("generalise", value, to="year") == HIDDEN


@pytest.mark.parametrize(
    ("value", "bucket"),
    [
        (-1, "<0"),
        (0, "[0,500)"),
        (Decimal("499.99"), "[0,500)"),
        (Decimal("500.00"), "[500,1000.50)"),
        (Decimal("1000.50"), ">=1000.50"),
        (10**40, ">=1000.50"),
        (Decimal("NaN"), HIDDEN),
        (Decimal("sNaN"), HIDDEN),
        (Decimal("Infinity"), HIDDEN),
        ("250", HIDDEN),
        (True, HIDDEN),
        (2.5, HIDDEN),
    ],
)
def test_a_number_falls_into_the_bucket_that_holds_its_lower_edge(masked: Masked, value: object, bucket: str) -> None:
    assert masked("generalise", value, bucket="0, 500, 1000.50") == bucket


@pytest.mark.parametrize(
    ("level", "value", "code"),
    [
        ("street", "330102001051", "330102001"),
        ("county", "330102001051", "330102"),
        ("prefecture", "330102001051", "3301"),
        ("province", "330102001051", "33"),
        ("street", "330102001", "330102001"),
        ("street", "3301", "3301"),  # coarser already
        ("street", "3301020010", HIDDEN),  # no level has ten digits
        ("street", "33010200105１", HIDDEN),
        ("street", "33010200105x", HIDDEN),
        ("street", "", HIDDEN),
        ("street", 330102001051, HIDDEN),
    ],
)
def test_a_region_code_is_cut_to_the_level(masked: Masked, level: str, value: object, code: str) -> None:
    assert masked("generalise", value, region_level=level) == code


def test_an_address_is_cut_to_the_level(masked: Masked) -> None:
    address = "杭州市上城区清波街道定安路社区12幢"
    assert masked("generalise", address, address_to="street") == "杭州市上城区清波街道***"
    assert masked("generalise", address, address_to="community") == "杭州市上城区清波街道定安路社区***"
    assert masked("generalise", "解放路1号", address_to="street") == HIDDEN


@pytest.mark.parametrize(
    ("mask", "types"),
    [
        (Generalise(to="year"), {FieldType.DATE, FieldType.TIMESTAMP}),
        (Generalise(bucket="0"), {FieldType.INTEGER, FieldType.NUMERIC}),
        (Generalise(region_level="street"), {FieldType.TEXT}),
        (Generalise(address_to="street"), {FieldType.TEXT}),
    ],
)
def test_it_fits_the_types_that_its_parameter_speaks_of(mask: Generalise, types: set[FieldType]) -> None:
    assert {kind for kind in FieldType if mask.accepts(kind)} == types
