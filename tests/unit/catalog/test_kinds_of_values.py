"""JSON, arrays and ranges as types of the catalogue: what may be said of such a field, and what may not."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from gateway.catalog import load_catalog
from gateway.catalog.condition import ConditionInvalid, parse_condition
from gateway.catalog.storage import decode, encode, keeps_order
from gateway.errors import BundleInvalid
from gateway.model.catalog import FieldType
from gateway.model.ids import DatasetName, FieldName
from gateway.model.json_value import Json
from gateway.model.range_value import EMPTY, Range, range_of
from tests.unit.catalog.small_bundle import SMALL
from tests.unit.catalog.test_stored_values import field

WriteBundle = Callable[..., Path]
CIVIL = "catalog/civil-affairs.yaml"
ASSISTANCE, PAYMENT = DatasetName("civil-affairs.assistance"), DatasetName("civil-affairs.payment")
COMPOSITE = [kind for kind in FieldType if not kind.is_scalar]


def described(kind: FieldType) -> str:
    return SMALL[CIVIL].replace("needy: {type: boolean, storage: 01,", f'needy: {{type: "{kind.value}",')


@pytest.mark.parametrize("kind", COMPOSITE)
def test_a_field_may_have_any_kind_but_no_condition_reads_it(write_bundle: WriteBundle, kind: FieldType) -> None:
    dataset = load_catalog(write_bundle({CIVIL: described(kind)})).datasets[ASSISTANCE]
    needy = dataset.fields[FieldName("needy")]
    assert needy.type is kind
    assert not keeps_order(needy)
    for condition in ("needy = 'a'", "needy is null"):
        with pytest.raises(ConditionInvalid, match=r"plain values only") as refused:
            parse_condition(condition, dataset=dataset)
        assert "type text" in refused.value.fix


def test_no_link_stands_on_such_fields(write_bundle: WriteBundle) -> None:
    text = described(FieldType.TEXT_ARRAY).replace("on: {id_number: id_number}", "on: {needy: payments_made}")
    text = text.replace("payments_made: {type: integer", 'payments_made: {type: "text[]"')
    with pytest.raises(BundleInvalid) as refused:
        load_catalog(write_bundle({CIVIL: text}))
    assert any("plain types" in problem.fix for problem in refused.value.problems)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (FieldType.JSON, Json("[1]")),
        (FieldType.TEXT_ARRAY, ("a", None)),
        (FieldType.NUMERIC_ARRAY, (Decimal("1.5"),)),
        (FieldType.INTEGER_RANGE, range_of(1, 5)),
        (FieldType.DATE_RANGE, EMPTY),
    ],
)
def test_a_cell_is_what_the_catalogue_says(kind: FieldType, value: Any) -> None:
    assert decode(value, field(kind)) == value
    assert encode(value, field(kind)) == value


@pytest.mark.parametrize(
    ("kind", "cell"),
    [
        (FieldType.JSON, "[1]"),
        (FieldType.TEXT_ARRAY, ["a"]),
        (FieldType.TEXT_ARRAY, ("a", 1)),
        (FieldType.INTEGER_ARRAY, (True,)),
        (FieldType.INTEGER_RANGE, range_of(Decimal(1), Decimal(2))),
        (FieldType.DATE_RANGE, Json("1")),
        (FieldType.TEXT, Json("1")),
    ],
)
def test_a_cell_of_another_kind_is_refused(kind: FieldType, cell: Any) -> None:
    with pytest.raises(ValueError, match="as the catalogue describes"):
        decode(cell, field(kind))


def test_moments_within_are_in_utc() -> None:
    there = datetime(2026, 1, 1, 8, tzinfo=timezone(timedelta(hours=8)))
    found = decode(Range(there, None, "[)"), field(FieldType.TIMESTAMP_RANGE))
    assert isinstance(found, Range)
    assert found.low is not None
    assert repr(found.low) == repr(datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("low", "high", "bounds", "one"),
    [
        (1, 5, "()", Range(2, 5)),
        (1, 5, "[]", Range(1, 6)),
        (1, 1, "(]", EMPTY),
        (1, 2, "()", EMPTY),
        (None, 5, "[]", Range(None, 6, "()")),
        (Decimal(1), Decimal(1), "[)", EMPTY),
        (Decimal(1), Decimal(1), "[]", Range(Decimal(1), Decimal(1), "[]")),
        (date(2026, 1, 1), date.max, "[]", Range(date(2026, 1, 1), date.max, "[]")),
        (date.max, None, "(]", EMPTY),
    ],
)
def test_a_range_has_one_form(low: Any, high: Any, bounds: str, one: Range) -> None:
    assert range_of(low, high, bounds) == one
