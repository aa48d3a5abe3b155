"""A mask of a whole Arrow array gives exactly what it gives of each value: shaped, broken, and any text at all."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.masks import build_mask, mask_array, mask_values
from gateway.masks._dates import DATE_BANDS
from gateway.masks._shapes import SHAPES
from gateway.masks._token_shapes import TOKEN_SHAPES
from gateway.masks.pseudonym import ALGORITHMS
from gateway.model.catalog import MaskChoice
from gateway.spi import Mask, MaskContext
from tests.mask_keys import TODAY, mask_context
from tests.properties.test_masks_laws import SHAPED

CONTEXT: Final = mask_context()
HIDDEN: Final = "***"


def _mask(kind: str, **parameters: str | int | bool) -> Mask:
    return build_mask(MaskChoice(kind=kind, parameters=parameters))


OF_TEXT: Final = [
    *(_mask("partial", shape=shape) for shape in SHAPES),
    _mask("partial", shape="address", keeps="community"),
    _mask("generalise", address_to="street"),
    *(_mask("generalise", region_level=level) for level in ("province", "prefecture", "county", "street")),
    *(_mask("pseudonym", algorithm=algorithm) for algorithm in ALGORITHMS),
    *(_mask("token", shape=shape) for shape in TOKEN_SHAPES),
    *(_mask("token", shape=shape, check="valid") for shape in ("id_number", "bank_card", "uscc")),
    _mask("token", alphabet="0123456789", shortest=6, longest=18),
    _mask("redact"),
    _mask("null"),
    _mask("seal"),
]
unicode_text = st.text(max_size=24)
near_shapes = st.text("0123456789Xx张王欧阳浙A·-@.é𬀩１*\0 ", max_size=20)
near_mail = st.text("ab1._%+-@@é张 ", max_size=12).flatmap(
    lambda text: st.sampled_from(
        ["", "@b.cn", "@b-c.example.org", "@-b.cn", "@b..cn", "@b.c", "@an-office.of-some-department.hangzhou.gov.cn"]
    ).map(text.__add__)
)
near_names_of_firms = st.text("杭州天地a1(（）·&-é𬀩〇䷀㐀かー ", max_size=8).flatmap(
    lambda text: st.sampled_from(["", "有限公司", "股份有限公司", "专业合作社", "分公司", "店"]).map(text.__add__)
)
near_addresses = st.lists(
    st.sampled_from(
        ["浙江省", "杭州市", "上城区", "清波", "街道", "劳动", "社区", "新村", "村", "镇", "12", "幢", "é"]
    ),
    max_size=9,
).map("".join)
region_codes = (
    st.integers(0, 10**12)
    .map(lambda number: f"{number:012d}"[-12:])
    .flatmap(lambda code: st.sampled_from([code, code[:9], code[:6], code[:4], code[:2], code[:5]]))
)
real = st.sampled_from(
    ["34052419800101001X", "34052419800101001x", "11010519491231002X", "340524800101001", "13812345678", "浙A12345",
     "浙AD12345", "浙A·12345", "粤Z1234港", "E12345678", "EA1234567", "6222020000000000001", "4111111111111111",
     "91330106MA2AXXXX0X", "911100001000054X5Q", "司马光", "欧阳", "欧阳修", "张三", "〇三", "𬀩三", "阿卜杜拉·买买提",
     "John Smith", "a", "", "李四光明", "欧阳修远", "张３"]
)  # fmt: skip
shaped = st.sampled_from([parts for known in SHAPED.values() for parts in known]).flatmap(
    lambda parts: st.tuples(parts.start, parts.hidden, parts.end).map("".join)
).filter(lambda text: not any("\ud800" <= character <= "\udfff" for character in text))  # fmt: skip
texts = st.lists(
    st.one_of(real, shaped, near_shapes, near_mail, near_names_of_firms, near_addresses, unicode_text, region_codes)
    | st.none(),
    max_size=30,
)


def _one_by_one(mask: Mask, values: Sequence[Any], context: MaskContext = CONTEXT) -> list[str | None]:
    masked: list[str | None] = []
    for at, value in enumerate(values):
        people = None if context.people is None else [context.people[at]]
        alone = MaskContext(keys=context.keys, today=context.today, people=people)
        masked.append(None if value is None else mask.apply([value], alone)[0])
    return masked


@settings(max_examples=150, deadline=None)
@given(texts, st.integers(0, 5))
@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()], ids=str)
def test_a_column_of_texts(kind: pa.DataType, values: list[str | None], skipped: int) -> None:
    array = pa.array(values, kind)[skipped:]  # a slice's buffers begin before it
    for mask in OF_TEXT:
        assert mask_array(mask, array, CONTEXT).to_pylist() == _one_by_one(mask, values[skipped:]), mask


@pytest.mark.parametrize("mask", OF_TEXT, ids=repr)
def test_thousands_of_values_among_them_one_that_is_wrong(mask: Mask) -> None:
    for good in (
        "34052419800101001X",
        "13812345678",
        "司马光",
        "浙A12345",
        "E12345678",
        "4111111111111111",
        "zhang@example.org",
        "杭州天地科技有限公司",
        "浙江省杭州市上城区清波街道劳动社区12幢",
    ):
        values = [good] * 9_000
        values[4_095], values[4_096], values[8_999] = "x" * len(good), "１" * len(good), good[:-1]
        by_value = {text: _one_by_one(mask, [text])[0] for text in set(values)}
        masked = mask_values(mask, values, CONTEXT)
        assert masked == [by_value[text] for text in values]


@pytest.mark.parametrize("mask", OF_TEXT, ids=repr)
def test_texts_of_many_lengths_in_one_column(mask: Mask) -> None:
    firms = ["杭州天地科技有限公司", "浙江股份有限公司", "杭州（天地）ABC律师事务所", "𬀩州天地店", "水果专业合作社"]
    mails = [f"user{number}@{'d' * (number % 40 + 1)}.example.org" for number in range(60)]
    homes = [
        f"浙江省杭州市上城区{'清波湖滨小营'[: number % 7]}街道{'甲乙' * (number % 30)}{number}室"
        for number in range(60)
    ]
    cards = ["4" * (15 + number % 6) for number in range(12)]
    values = [text for group in (firms, mails, homes, cards) for text in group] * 3
    for last in values[:3] + values[-3:]:  # whatever comes last is at the buffer's end
        assert mask_array(mask, pa.array([*values, last]), CONTEXT).to_pylist() == _one_by_one(mask, [*values, last])


@pytest.mark.parametrize("mask", OF_TEXT, ids=repr)
def test_a_text_of_ten_megabytes_among_others(mask: Mask) -> None:
    values = ["张三", "1" * 10_000_000, "张" * 3_000_000, "34052419800101001X"] * 2
    assert mask_array(mask, pa.array(values), CONTEXT).to_pylist() == _one_by_one(mask, values)


DATES: Final = [
    *(_mask("generalise", to=to) for to in DATE_BANDS),
    _mask("date-shift"),
    _mask("date-shift", days=3_660),
]
near_today = st.dates(TODAY - timedelta(days=3), TODAY + timedelta(days=3))
birthdays = st.dates().map(lambda day: day.replace(month=TODAY.month, day=TODAY.day))
days = st.lists(st.dates() | near_today | birthdays | st.just(date(2024, 2, 29)) | st.none(), max_size=20)
people = st.sampled_from(["34052419800101001X", " 34052419800101001x", "11010519491231002X", "", "１２", None])


@settings(max_examples=200, deadline=None)
@given(st.data(), days)
def test_a_column_of_dates(data: st.DataObject, values: list[date | None]) -> None:
    about = data.draw(st.lists(people, min_size=len(values), max_size=len(values)))
    context = MaskContext(keys=CONTEXT.keys, today=TODAY, people=about)
    for mask in DATES:
        array = pa.array(values, pa.date32())
        assert mask_array(mask, array, context).to_pylist() == _one_by_one(mask, values, context), mask


@settings(max_examples=100, deadline=None)
@given(st.lists(st.datetimes(timezones=st.just(UTC)) | st.none(), max_size=20))
def test_a_column_of_timestamps(values: list[datetime | None]) -> None:
    context = MaskContext(keys=CONTEXT.keys, today=TODAY, people=["34052419800101001X"] * len(values))
    for mask in DATES:
        array = pa.array(values, pa.timestamp("us", tz="UTC"))
        assert mask_array(mask, array, context).to_pylist() == _one_by_one(mask, values, context), mask


BUCKETS: Final = [
    _mask("generalise", bucket=edges) for edges in ("0", "-10, 0, 10.5", "0.001, 1e30", "-9223372036854775808, 7")
]
numbers = st.integers(-(2**63), 2**63 - 1) | st.integers(-12, 12)


@settings(max_examples=200, deadline=None)
@given(st.lists(numbers | st.none(), max_size=20))
def test_a_column_of_whole_numbers(values: list[int | None]) -> None:
    for mask in (*BUCKETS, _mask("pseudonym")):
        assert mask_array(mask, pa.array(values, pa.int64()), CONTEXT).to_pylist() == _one_by_one(mask, values), mask


@settings(max_examples=200, deadline=None)
@given(st.lists(st.decimals(-(10**20), 10**20, places=3) | st.decimals(-12, 12, places=3) | st.none(), max_size=20))
def test_a_column_of_decimals(values: list[Decimal | None]) -> None:
    for mask in BUCKETS:
        array = pa.array(values, pa.decimal128(38, 3))
        assert mask_array(mask, array, CONTEXT).to_pylist() == _one_by_one(mask, values), mask


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(real, st.text(st.characters(exclude_categories=())), st.integers(), st.booleans())))
def test_a_list_is_masked_alike_whichever_way_its_length_chooses(values: list[object]) -> None:
    for mask in OF_TEXT:
        expected = [mask.apply([value], CONTEXT)[0] for value in values]
        assert mask_values(mask, values, CONTEXT) == expected
        many = values * (min(mask.columns_from, 2_000) // max(len(values), 1) + 1)
        if values:
            assert mask_values(mask, many, CONTEXT)[: len(values)] == expected


def test_a_long_list_of_dates_takes_its_people_with_it() -> None:
    values = [date(2020, 1, 1 + number % 28) for number in range(70_000)]
    about = ["34052419800101001X", None, "11010519491231002X"] * 30_000
    for mask in DATES:
        context = MaskContext(keys=CONTEXT.keys, today=TODAY, people=about[: len(values)])
        assert mask_values(mask, values, context) == mask.apply(values, context)


def test_a_column_of_dates_needs_its_people() -> None:
    array = pa.array([date(2020, 1, 1)] * 20)
    assert mask_array(_mask("date-shift"), array, CONTEXT).to_pylist() == [HIDDEN] * 20
