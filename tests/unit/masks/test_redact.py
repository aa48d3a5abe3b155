"""redact: a constant."""

from datetime import UTC, date, datetime
from decimal import Decimal

from gateway.masks.redact import Redact
from gateway.model.catalog import FieldType
from gateway.model.sqlform import Constant
from gateway.spi import MaskContext

VALUES: list[object] = [
    "",
    "张三",
    "x" * 10_000_000,
    "\ud800",
    1,
    Decimal("1.5"),
    True,
    date.min,
    datetime.max.replace(tzinfo=UTC),
]


def test_every_value_of_every_type_gives_the_same(context: MaskContext) -> None:
    assert Redact().apply(VALUES, context) == ["***"] * len(VALUES)


def test_a_source_gives_the_same() -> None:
    assert Redact().sql_form() == Constant("***")


def test_it_fits_every_type_and_reveals_nothing() -> None:
    assert all(Redact().accepts(kind) for kind in FieldType)
    assert Redact.reveals == frozenset()
