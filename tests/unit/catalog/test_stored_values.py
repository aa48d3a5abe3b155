"""storage: what a source keeps and what the catalogue says of it."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.catalog.storage import decode, encode, keeps_order, keeps_text, stored_type
from gateway.model.catalog import Classification, Field, FieldType, Storage, Title
from gateway.model.ids import FieldName
from gateway.model.predicate import Scalar
from gateway.model.rows import Cell


def field(kind: FieldType, storage: Storage = Storage.NATIVE, codes: dict[str, str] | None = None) -> Field:
    return Field(
        name=FieldName("f"),
        column="F",
        type=kind,
        storage=storage,
        codes=MappingProxyType(codes or {}),
        term=None,
        classification=Classification.INTERNAL,
        title=Title(zh="f", en="f"),
    )


DAY = field(FieldType.DATE, Storage.DATE_YYYYMMDD)
MONEY = field(FieldType.NUMERIC, Storage.FEN)
YN = field(FieldType.BOOLEAN, Storage.FLAG_YN)
O1 = field(FieldType.BOOLEAN, Storage.FLAG_01)
SEX = field(FieldType.TEXT, codes={"1": "男", "2": "女"})
TEXT = field(FieldType.TEXT)

PAIRS: list[tuple[Field, Scalar, Scalar]] = [
    (DAY, "19491001", date(1949, 10, 1)),
    (DAY, "00010203", date(1, 2, 3)),
    (MONEY, 123456, Decimal("1234.56")),
    (MONEY, -1, Decimal("-0.01")),
    (MONEY, 0, Decimal("0.00")),
    (YN, "Y", True),
    (YN, "N", False),
    (O1, "1", True),
    (O1, "0", False),
    (SEX, "1", "男"),
    (SEX, "9", "9"),
    (TEXT, "X", "X"),
    (field(FieldType.INTEGER), 7, 7),
    (field(FieldType.NUMERIC), Decimal("1.5"), Decimal("1.5")),
    (field(FieldType.BOOLEAN), True, True),
    (field(FieldType.DATE), date(2026, 1, 1), date(2026, 1, 1)),
]


@pytest.mark.parametrize(("described", "stored", "value"), PAIRS)
def test_a_stored_value_and_its_meaning_are_two_forms_of_one(described: Field, stored: Scalar, value: Scalar) -> None:
    decoded = decode(stored, described)
    assert decoded == value
    assert type(decoded) is type(value)
    encoded = encode(value, described)
    assert encoded == stored
    assert type(encoded) is type(stored)


@pytest.mark.parametrize(
    ("described", "cell"),
    [
        (DAY, "1949101"),
        (DAY, "1949-10-01"),
        (DAY, "19491301"),
        (DAY, "00000000"),
        (DAY, "１９４９１００１"),
        (DAY, 19491001),
        (MONEY, "100"),
        (MONEY, Decimal(100)),
        (MONEY, True),
        (MONEY, 2**63),
        (YN, "y"),
        (YN, ""),
        (YN, True),
        (O1, 1),
        (O1, "2"),
        (SEX, 1),
        (SEX, "男"),  # a code that reads like another code's value would make filters lie
        (TEXT, b"x"),
        (field(FieldType.INTEGER), True),
        (field(FieldType.INTEGER), "7"),
        (field(FieldType.NUMERIC), Decimal("NaN")),
        (field(FieldType.NUMERIC), 1.5),
        (field(FieldType.DATE), datetime(2026, 1, 1, tzinfo=UTC)),
        (field(FieldType.TIMESTAMP), datetime(2026, 1, 1)),  # noqa: DTZ001 - a naive time is what must be refused
        (field(FieldType.TIMESTAMP), date(2026, 1, 1)),
    ],
)
def test_what_the_catalogue_does_not_promise_is_refused_without_telling_the_value(described: Field, cell: Cell) -> None:
    with pytest.raises(ValueError, match="as the catalogue describes the field f") as caught:
        decode(cell, described)
    assert not str(cell) or str(cell) not in str(caught.value).removesuffix("the field f").split()


@pytest.mark.parametrize(
    ("described", "value"),
    [
        (MONEY, Decimal("0.005")),
        (MONEY, Decimal("1.00000000000000000000000000000000000001")),
        (MONEY, Decimal("1E+999999")),
        (MONEY, Decimal("1E-999999")),
        (MONEY, Decimal("Infinity")),
        (SEX, "1"),  # a listed code is no value
        (DAY, "2026-01-01"),
        (YN, "Y"),
        (TEXT, 5),
    ],
)
def test_a_value_that_no_cell_can_hold_has_no_stored_form(described: Field, value: Scalar) -> None:
    with pytest.raises(ValueError, match="the field f"):
        encode(value, described)


def test_null_stays_null() -> None:
    assert decode(None, DAY) is None
    assert decode(None, SEX) is None


def test_times_are_told_in_utc() -> None:
    noon = datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=8)))
    decoded = decode(noon, field(FieldType.TIMESTAMP))
    assert isinstance(decoded, datetime)
    assert decoded.isoformat() == "2026-01-01T04:00:00+00:00"


def test_what_can_be_pushed_down_is_said_by_form() -> None:
    assert [stored_type(f) for f in (DAY, MONEY, YN, O1, SEX)] == [
        FieldType.TEXT,
        FieldType.INTEGER,
        FieldType.TEXT,
        FieldType.TEXT,
        FieldType.TEXT,
    ]
    assert [keeps_order(f) for f in (DAY, MONEY, TEXT, YN, O1, SEX)] == [True, True, True, False, False, False]
    assert [keeps_text(f) for f in (TEXT, SEX, DAY)] == [True, False, False]


@given(st.dates(), st.dates())
def test_eight_digits_keep_the_order_of_dates(one: date, other: date) -> None:
    left, right = encode(one, DAY), encode(other, DAY)
    assert isinstance(left, str)
    assert isinstance(right, str)
    assert (left < right) == (one < other)
    assert decode(left, DAY) == one


@given(st.integers(min_value=-(2**63) + 1, max_value=2**63 - 1))
def test_fen_survive_the_way_to_yuan_and_back(fen: int) -> None:
    yuan = decode(fen, MONEY)
    assert isinstance(yuan, Decimal)
    if abs(fen) < 10**18:
        assert encode(yuan, MONEY) == fen


@given(st.text())
def test_a_code_and_its_value_never_cross(code: str) -> None:
    try:
        value = decode(code, SEX)
    except ValueError:
        assert code in {"男", "女"}
    else:
        assert value is not None
        assert encode(value, SEX) == code
