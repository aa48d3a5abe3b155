"""null: NULL for each."""

from datetime import UTC, date, datetime
from decimal import Decimal

from gateway.masks.null import Null
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
    assert Null().apply(VALUES, context) == [None] * len(VALUES)


def test_a_source_gives_the_same() -> None:
    assert Null().sql_form() == Constant(None)


def test_it_fits_every_type_and_reveals_nothing() -> None:
    assert all(Null().accepts(kind) for kind in FieldType)
    assert Null.reveals == frozenset()
