"""Laws that every mask keeps, over shaped values, broken values and any Unicode text at all."""

from dataclasses import dataclass
from datetime import UTC, date
from decimal import Decimal
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.masks import MASK_KINDS, build_mask
from gateway.masks._dates import DATE_BANDS
from gateway.masks._names import COMPOUND_SURNAMES
from gateway.masks._shapes import SHAPES
from gateway.masks._token_shapes import TOKEN_SHAPES
from gateway.masks.pseudonym import ALGORITHMS
from gateway.model.catalog import FieldType, MaskChoice
from gateway.spi import Mask
from tests.mask_keys import mask_context

HIDDEN: Final = "***"


CONTEXT: Final = mask_context()


def _mask(kind: str, **parameters: str | int | bool) -> Mask:
    return build_mask(MaskChoice(kind=kind, parameters=parameters))


PARTIAL: Final = {shape: _mask("partial", shape=shape) for shape in SHAPES}
OF_TEXT: Final = [
    *PARTIAL.values(),
    _mask("partial", shape="address", keeps="community"),
    *(_mask("generalise", region_level=level) for level in ("province", "prefecture", "county", "street")),
    _mask("generalise", address_to="street"),
    _mask("generalise", address_to="community"),
    _mask("redact"),
    _mask("null"),
]
OTHERS: Final = [
    *(_mask("generalise", to=to) for to in DATE_BANDS),
    _mask("generalise", bucket="-10, 0, 10.5"),
    _mask("pseudonym"),
    *(_mask("pseudonym", algorithm=algorithm) for algorithm in ALGORITHMS),
    *(_mask("token", shape=shape) for shape in TOKEN_SHAPES),
    _mask("token", shape="id_number", check="valid"),
    _mask("token", alphabet="abcdefghij", shortest=6, longest=12),
    _mask("date-shift"),
    _mask("seal"),
]

# ------------------------------------------------------------------ values
any_text = st.text(st.characters(exclude_categories=()))  # lone surrogates too
cells = st.one_of(
    any_text, st.integers(), st.booleans(), st.decimals(), st.dates(), st.datetimes(timezones=st.just(UTC))
)
han = st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF)


def _digits(least: int, most: int | None = None) -> st.SearchStrategy[str]:
    return st.text("0123456789", min_size=least, max_size=most or least)


def _joined(*parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(*parts).map("".join)


def _chosen(*texts: str) -> st.SearchStrategy[str]:
    return st.sampled_from(texts)


NOTHING: Final = st.just("")


@dataclass(frozen=True, slots=True)
class Parts:
    """A shape as its shown start, the part that must not matter, and its shown end."""

    start: st.SearchStrategy[str]
    hidden: st.SearchStrategy[str]
    end: st.SearchStrategy[str] = NOTHING


_BIRTH = st.dates(date(1900, 1, 1), date(2026, 1, 1)).map(lambda day: day.strftime("%Y%m%d"))
_SURNAME = _chosen("张", "王", "李", "𬀩")  # none begins a compound surname
_STREETS = _chosen("浙江省杭州市上城区清波街道", "杭州市西湖区三墩镇", "上城区四季青街道", "清波街道", "建德市梅城镇")
_USCC = st.text("0123456789ABCDEFGHJKLMNPQRTUWXY", min_size=10, max_size=10)
SHAPED: Final[dict[str, list[Parts]]] = {
    "name": [
        Parts(_SURNAME, st.text(han, min_size=1, max_size=3)),
        Parts(st.sampled_from(sorted(COMPOUND_SURNAMES)), st.text(han, min_size=1, max_size=2)),
        Parts(
            _chosen("阿", "买"),
            _joined(st.text(han, min_size=1, max_size=5), st.just("·"), st.text(han, min_size=1, max_size=12)),
        ),
        Parts(_chosen("J", "É"), st.text("abcdefgh", min_size=1, max_size=20)),
    ],
    "id_number": [
        Parts(_chosen("3301", "1101"), _joined(_digits(2), _BIRTH, _digits(3)), _chosen("0", "7", "X", "x")),
        Parts(_chosen("3301"), _joined(_digits(2), _BIRTH.map(lambda day: day[2:]), _digits(3))),
    ],
    "mobile": [
        Parts(_chosen("138", "199"), _digits(4), _digits(4)),
        Parts(_chosen("0571"), _joined(_chosen("", "-"), _chosen("2", "8"), _digits(4, 5)), _digits(2)),
        Parts(_chosen("010", "021"), _joined(_chosen("", "-"), _chosen("2", "8"), _digits(5)), _digits(2)),
    ],
    "passport": [
        Parts(_chosen("E", "G"), _digits(6), _digits(2)),
        Parts(st.just("E"), _joined(_chosen("A", "Z"), _digits(5)), _digits(2)),
    ],
    "bank_card": [Parts(st.just(""), _digits(11, 15), _digits(4))],
    "plate": [Parts(_chosen("浙A", "沪B"), st.text("ABC0123456789", min_size=4, max_size=5), _chosen("5", "K", "警"))],
    "email": [
        Parts(_chosen("z", "9"), st.text("abc.+-_9", min_size=1, max_size=60), _chosen("@example.org", "@a.b-c.cn"))
    ],
    "address": [Parts(_STREETS, any_text.map(lambda text: text[:100]))],
    "organisation": [
        Parts(
            _chosen("杭", "张"),
            st.text("西湖茶叶甲乙", min_size=4, max_size=40),
            _chosen("有限公司", "股份有限公司", ""),
        )
    ],
    "uscc": [Parts(_chosen("91330102", "52110000"), _USCC)],
}
shapes_with_parts = st.sampled_from([(shape, parts) for shape, known in SHAPED.items() for parts in known])


@dataclass(frozen=True, slots=True)
class Shaped:
    """A value of a shape, and another that differs in its hidden part only."""

    shape: str
    value: str
    twin: str
    shown: tuple[str, str]


@st.composite
def shaped(draw: st.DrawFn) -> Shaped:
    shape, parts = draw(shapes_with_parts)
    start, end = draw(parts.start), draw(parts.end)
    return Shaped(shape, start + draw(parts.hidden) + end, start + draw(parts.hidden) + end, (start, end))


def _longest_common_run(left: str, right: str) -> int:
    best = 0
    for at in range(len(left)):
        while left[at : at + best + 1] in right and at + best < len(left):
            best += 1
    return best


def _one(mask: Mask, value: object) -> str | None:
    (masked,) = mask.apply([value], CONTEXT)
    return masked


# ------------------------------------------------------------------ laws
def test_every_kind_is_held_to_the_laws() -> None:
    assert {type(mask) for mask in (*OF_TEXT, *OTHERS)} == set(MASK_KINDS.values())
    assert set(SHAPED) == set(SHAPES)


@given(st.lists(cells, max_size=20))
def test_a_column_keeps_its_length_and_order_and_each_value_is_masked_alone(values: list[object]) -> None:
    for mask in (*OF_TEXT, *OTHERS):
        masked = mask.apply(values, CONTEXT)
        assert masked == [_one(mask, value) for value in values]
        assert masked == mask.apply(values, CONTEXT)


@given(cells)
def test_a_value_of_a_type_that_the_mask_does_not_accept_is_hidden_whole(value: object) -> None:
    types: dict[type, FieldType] = {
        str: FieldType.TEXT,
        int: FieldType.INTEGER,
        Decimal: FieldType.NUMERIC,
        bool: FieldType.BOOLEAN,
    }
    kind = types.get(type(value), FieldType.DATE)
    for mask in (*OF_TEXT, *OTHERS):
        if not mask.accepts(kind):
            assert _one(mask, value) == HIDDEN


@pytest.mark.parametrize("mask", [mask for mask in (*OF_TEXT, *OTHERS) if mask.sql_form() is None], ids=repr)
def test_a_null_that_reaches_a_mask_against_its_contract_is_hidden(mask: Mask) -> None:
    assert _one(mask, None) == HIDDEN


@settings(max_examples=400)
@given(shaped())
def test_the_output_depends_on_the_shown_part_alone(given_value: Shaped) -> None:
    # So it reveals of the hidden part neither a character nor the length.
    mask = PARTIAL[given_value.shape]
    assert _one(mask, given_value.value) == _one(mask, given_value.twin) != HIDDEN


@settings(max_examples=400)
@given(shaped())
def test_no_more_of_a_value_is_shown_than_its_shape_promises(given_value: Shaped) -> None:
    masked = _one(PARTIAL[given_value.shape], given_value.value) or ""
    assert masked != given_value.value
    assert _longest_common_run(masked, given_value.value) <= SHAPES[given_value.shape].longest_run
    shown = sum(map(len, given_value.shown))
    assert len(masked.replace("*", "").replace("-", "")) <= shown + given_value.value.count("-")


@settings(max_examples=200)
@given(any_text.filter(lambda text: "*" not in text))
def test_no_mask_gives_a_text_back_but_for_a_region_code_that_is_coarse_enough(text: str) -> None:
    for mask in OF_TEXT:
        is_region_code = text.isascii() and text.isdigit() and len(text) in {2, 4, 6, 9}
        assert _one(mask, text) != text or is_region_code


@settings(max_examples=400)
@given(shaped(), st.sampled_from(list(SHAPES)))
def test_a_value_in_the_wrong_column_shows_no_more_than_that_column_s_shape(value: Shaped, column: str) -> None:
    masked = _one(PARTIAL[column], value.value) or ""
    assert masked != value.value
    assert _longest_common_run(masked, value.value) <= SHAPES[column].longest_run


ODD = [
    "１",
    "Ａ",
    "\u0301",
    "\u200b",
    "\u202e",
    "\ufe0f",
    "\ud800",
    "\udfff",
    "\x00",
    "\n",
    "*",
    "\U0001f600",
    "\uf900",
    "٣",
]


@settings(max_examples=400)
@given(shaped(), st.sampled_from(ODD), st.data())
def test_one_odd_character_hides_the_whole(value: Shaped, odd: str, data: st.DataObject) -> None:
    # In an address what follows the street is cut off anyway, so there the odd one must stand before.
    last = len(value.shown[0]) - 1 if value.shape == "address" else len(value.value)
    at = data.draw(st.integers(0, last))
    assert _one(PARTIAL[value.shape], value.value[:at] + odd + value.value[at:]) == HIDDEN


@settings(max_examples=200)
@given(st.one_of(any_text, shaped().map(lambda one: one.value), st.from_regex(r"[0-9]{2,12}", fullmatch=True)))
def test_masking_twice_never_shows_more(text: str) -> None:
    for mask in OF_TEXT:
        once = _one(mask, text)
        if once is not None:
            assert _one(mask, once) in {once, HIDDEN}


@settings(max_examples=200)
@given(st.one_of(any_text, shaped().map(lambda one: one.value)))
def test_an_address_kept_to_the_street_shows_no_more_than_one_kept_to_the_community(text: str) -> None:
    street = _one(_mask("partial", shape="address"), text) or ""
    community = _one(_mask("partial", shape="address", keeps="community"), text) or ""
    assert community.rstrip("*").startswith(street.rstrip("*"))


@given(st.dates(), st.dates())
def test_a_band_of_dates_keeps_order_and_holds_the_date(first: date, second: date) -> None:
    early, late = sorted((first, second))
    for to in ("year", "month", "five_year_band", "decade"):
        mask = _mask("generalise", to=to)
        assert (_one(mask, early) or "") <= (_one(mask, late) or "")
    low, high = (_one(_mask("generalise", to="five_year_band"), first) or "").split("-")
    assert int(low) <= first.year <= int(high)


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_a_bucket_holds_its_number(number: Decimal) -> None:
    expected = (
        "<-10" if number < -10 else "[-10,0)" if number < 0 else "[0,10.5)" if number < Decimal("10.5") else ">=10.5"
    )
    assert _one(_mask("generalise", bucket="-10, 0, 10.5"), number) == expected


@given(st.text(min_size=1, max_size=200), st.text(min_size=1, max_size=200))
def test_a_pseudonym_tells_equality_and_nothing_of_the_text(first: str, second: str) -> None:
    mask = _mask("pseudonym")
    one, two = mask.apply([first, second], CONTEXT)
    assert (one == two) is (first == second)
    assert len(one or "") == len(two or "") == 35
    assert one != _one(mask, one)
    other = mask_context("another-purpose")
    assert mask.apply([first], other) != [one]
