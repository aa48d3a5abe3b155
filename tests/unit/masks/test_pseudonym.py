"""pseudonym: equal within a purpose, unlinkable across purposes."""

import re
from collections.abc import Callable
from datetime import date

import pytest

from gateway.masks.pseudonym import Pseudonym
from gateway.model.catalog import FieldType
from gateway.spi import MaskContext
from tests.mask_keys import mask_context

Masked = Callable[..., str | None]


def test_one_value_has_one_pseudonym_within_a_purpose(context: MaskContext) -> None:
    first, second, third = Pseudonym().apply(
        ["34052419800101001X", "11010519491231002X", "34052419800101001X"], context
    )
    assert first == third != second


def test_another_purpose_gives_another_pseudonym(context: MaskContext) -> None:
    other = mask_context("statistics")
    assert Pseudonym().apply(["张三"], context) != Pseudonym().apply(["张三"], other)


@pytest.mark.parametrize("value", ["a", "张三", "a" * 4_096, 0, -17, "１２３"])
def test_every_pseudonym_has_one_length_and_alphabet(masked: Masked, value: object) -> None:
    assert re.fullmatch(r"ps_[0-9a-f]{32}", masked("pseudonym", value) or "")


def test_a_whole_number_counts_as_its_decimal_text(masked: Masked) -> None:
    assert masked("pseudonym", 42) == masked("pseudonym", "42")


@pytest.mark.parametrize("value", ["", "\ud800", "a\udfffb", True, 1.5, date(1961, 7, 9)])
def test_what_can_not_be_an_identifier_is_hidden_whole(masked: Masked, value: object) -> None:
    assert masked("pseudonym", value) == "***"


@pytest.mark.parametrize("digits", [100, 5_000])
def test_a_number_or_text_beyond_any_identifier_is_hidden_whole(masked: Masked, digits: int) -> None:
    assert masked("pseudonym", 10**digits) == "***"
    assert masked("pseudonym", "x" * (digits * 2_000)) == "***"


def test_it_fits_identifiers_and_never_goes_to_a_source() -> None:
    assert {kind for kind in FieldType if Pseudonym().accepts(kind)} == {FieldType.TEXT, FieldType.INTEGER}
    assert Pseudonym().sql_form() is None
