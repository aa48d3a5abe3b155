"""token: same form, back again, and nothing that hasn't the form."""

import re
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.keys.ff1 import LEAST_DOMAIN as LEAST_OF_FF1
from gateway.masks.token import LEAST_DOMAIN, Token
from gateway.model.catalog import FieldType
from tests.mask_keys import mask_context

Masked = Callable[..., str | None]
CONTEXT = mask_context()
# GB 11643 and GB 32100 (tests/vectors/data), test numbers of card networks
VALID = {
    "id_number": ["34052419800101001X", "11010519491231002X", "360426199101010071", "340524800101001"],
    "mobile": ["13812345678", "19900000000"],
    "bank_card": ["4111111111111111", "378282246310005", "6011111111111117"],
    "uscc": ["91110000600037341L", "91350100M000100Y43"],
    "passport": ["E12345678", "G00000000", "EA1234567"],
}
FORMS = {
    "id_number": r"\d{17}[\dX]|\d{15}",
    "mobile": r"1[3-9]\d{9}",
    "bank_card": r"\d{15,19}",
    "uscc": r"[0-9A-HJ-NPQRTUWXY]{18}",
    "passport": r"[DEGHPS]\d{8}|E[A-HJ-NP-Z]\d{7}",
}
CHECKED = ["bank_card", "id_number", "uscc"]
_EACH = [(shape, value) for shape, known in VALID.items() for value in known]


def _token(mask: Token, value: str) -> str:
    (token,) = mask.apply([value], CONTEXT)
    assert token is not None
    return token


@pytest.mark.parametrize(("shape", "value"), _EACH)
@pytest.mark.parametrize("check", ["valid", "invalid", None])
def test_a_token_has_the_form_and_turns_back(shape: str, value: str, check: str | None) -> None:
    mask = Token(shape=shape, check=check if shape in CHECKED else None)
    token = _token(mask, value)
    assert token != value
    assert re.fullmatch(FORMS[shape], token)
    assert len(token) == len(value)
    assert mask.turn_back(token, CONTEXT.keys.token) == value


@pytest.mark.parametrize("shape", CHECKED)
def test_the_check_character_is_right_or_wrong_by_choice(shape: str) -> None:
    for value in VALID[shape]:
        if len(value) == 15 and shape == "id_number":
            continue  # has none
        right, wrong = _token(Token(shape=shape, check="valid"), value), _token(Token(shape=shape), value)
        assert right[:-1] == wrong[:-1]
        assert right[-1] != wrong[-1]
        # a text has the shape only with a right check character
        assert _token(Token(shape=shape), right) != "***"
        assert _token(Token(shape=shape), wrong) == "***"


@pytest.mark.parametrize("shape", CHECKED)
def test_a_wrong_check_character_is_hidden_whole_and_no_token(shape: str) -> None:
    value = VALID[shape][0]
    for wrong in sorted({"0", "1", "2", "A"} - {value[-1]}):
        assert _token(Token(shape=shape), value[:-1] + wrong) == "***"
    token = _token(Token(shape=shape), value)
    tampered = token[:-1] + ("0" if token[-1] != "0" else "1")
    assert Token(shape=shape).turn_back(tampered, CONTEXT.keys.token) is None


def test_both_spellings_of_x_are_one_person() -> None:
    mask = Token(shape="id_number")
    token = _token(mask, "34052419800101001x")
    assert token == _token(mask, "34052419800101001X")
    assert mask.turn_back(token, CONTEXT.keys.token) == "34052419800101001X"


@pytest.mark.parametrize(
    "value",
    ["", "1", "340524198001010011", "34052419800101001Ｘ", "３４０５２４１９８００１０１００１X", "34052419800101001X ",
     "\ud800" * 18, "12812345678", "23812345678", "1381234567", "4111111111111112", "0" * 14, "A" * 18,
     "91350100M000100Y4Z", "E1234567", "EI1234567", "A12345678", "1" * 10_000_000, 34052419800101001, None, True],
)  # fmt: skip
def test_what_has_not_the_form_is_hidden_whole(masked: Masked, value: object) -> None:
    for shape in VALID:
        assert masked("token", value, shape=shape) == "***"


def test_a_shape_s_value_in_another_shape_is_hidden_whole(masked: Masked) -> None:
    assert masked("token", "13812345678", shape="id_number") == "***"
    assert masked("token", "34052419800101001X", shape="mobile") == "***"


@settings(max_examples=100, deadline=None)
@given(st.lists(st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True), min_size=1, max_size=40, unique=True))
def test_different_numbers_have_different_tokens(values: list[str]) -> None:
    mask = Token(shape="mobile")
    tokens = [token or "" for token in mask.apply(values, CONTEXT)]
    assert len(set(tokens)) == len(values)
    assert [mask.turn_back(token, CONTEXT.keys.token) for token in tokens] == values


@settings(max_examples=100, deadline=None)
@given(st.text("abcdefghij", min_size=6, max_size=12))
def test_any_alphabet(value: str) -> None:
    mask = Token(alphabet="abcdefghij", shortest=6, longest=12)
    token = _token(mask, value)
    assert re.fullmatch(r"[a-j]+", token)
    assert len(token) == len(value)
    assert mask.turn_back(token, CONTEXT.keys.token) == value


def test_two_purposes_two_keys_and_two_alphabets_have_different_tokens() -> None:
    value = "34052419800101001X"
    of_purposes = {
        Token(shape="id_number").apply([value], mask_context(purpose, national=national))[0]
        for purpose in ("home-visit", "statistics")
        for national in (False, True)
    }
    assert len(of_purposes) == 4
    numbers = {
        _token(Token(alphabet=alphabet, shortest=6, longest=12), "123456") for alphabet in ("0123456789", "9876543210")
    }
    assert len(numbers) == 2


def test_under_another_key_a_token_does_not_turn_back() -> None:
    token = _token(Token(shape="id_number"), "34052419800101001X")
    other = mask_context("statistics").keys.token
    assert Token(shape="id_number").turn_back(token, other) != "34052419800101001X"


@pytest.mark.parametrize(
    ("parameters", "fault"),
    [
        ({}, "either"),
        ({"shape": "mobile", "alphabet": "01"}, "either"),
        ({"shape": "name"}, "`shape` is one of"),
        ({"shape": "mobile", "shortest": 3}, "alphabet"),
        ({"shape": "mobile", "check": "valid"}, "check character"),
        ({"alphabet": "0123456789", "shortest": 6, "longest": 6, "check": "valid"}, "check character"),
        ({"shape": "uscc", "check": "maybe"}, "`valid` or `invalid`"),
        ({"alphabet": "0123456789"}, "needs"),
        ({"alphabet": "0123456789", "shortest": 7, "longest": 6}, "needs"),
        ({"alphabet": "0123456789", "shortest": 6, "longest": 65}, "needs"),
        ({"alphabet": "0123456789", "shortest": 5, "longest": 20}, "million"),
        ({"alphabet": "0", "shortest": 50, "longest": 60}, "million"),
        ({"alphabet": "", "shortest": 6, "longest": 6}, "distinct|million"),
        ({"alphabet": "01234567899", "shortest": 6, "longest": 6}, "distinct"),
        ({"alphabet": "甲乙丙丁", "shortest": 20, "longest": 20}, "ASCII"),
    ],
)
def test_a_declaration_that_can_not_be_is_refused(parameters: dict[str, object], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        Token(**parameters)  # type: ignore[arg-type] # wrong on purpose


def test_the_least_domain_is_that_of_the_standard() -> None:
    assert LEAST_DOMAIN == LEAST_OF_FF1 == 1_000_000


def test_it_fits_text_and_never_goes_to_a_source() -> None:
    mask = Token(shape="mobile")
    assert {kind for kind in FieldType if mask.accepts(kind)} == {FieldType.TEXT}
    assert mask.sql_form() is None
