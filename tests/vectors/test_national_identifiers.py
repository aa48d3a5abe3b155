"""GB 11643, GB 32100 and GB 11714 against published numbers (data/cn_*.json say where each is from)."""

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.catalog.identifiers import gb11643_check, gb11714_check, gb32100_check, is_gb11643, is_gb32100

_DATA = Path(__file__).parent / "data"


def _vectors(name: str) -> Any:
    return json.loads((_DATA / name).read_text(encoding="utf-8"))


_ID = _vectors("cn_gb11643_id.json")
_USCC = _vectors("cn_gb32100_uscc.json")


@pytest.mark.parametrize("number", _ID["valid"])
def test_a_published_identity_number_is_valid(number: str) -> None:
    assert is_gb11643(number)
    assert gb11643_check(number[:17]) == number[17]


@pytest.mark.parametrize(("number", "fault"), _ID["invalid"])
def test_a_faulty_identity_number_is_refused(number: str, fault: str) -> None:
    assert not is_gb11643(number), fault


@pytest.mark.parametrize("number", _ID["valid"])
def test_one_wrong_digit_of_an_identity_number_is_noticed(number: str) -> None:
    for place in range(17):
        other = str((int(number[place]) + 1) % 10)
        assert not is_gb11643(number[:place] + other + number[place + 1 :])


@pytest.mark.parametrize("number", ["", "34052419800101001X\n", " 34052419800101001X", "34052419800101001", "0" * 18])
def test_text_around_an_identity_number_is_refused(number: str) -> None:
    assert not is_gb11643(number)


@pytest.mark.parametrize("code", _USCC["valid"])
def test_a_published_credit_code_is_valid(code: str) -> None:
    assert is_gb32100(code)
    assert gb32100_check(code[:17]) == code[17]


@pytest.mark.parametrize("code", _USCC["valid"])
def test_the_organisation_code_inside_a_credit_code_has_its_own_check(code: str) -> None:
    assert gb11714_check(code[8:16]) == code[16]


@pytest.mark.parametrize(("code", "fault"), _USCC["invalid"])
def test_a_faulty_credit_code_is_refused(code: str, fault: str) -> None:
    assert not is_gb32100(code), fault


def test_the_worked_example_of_the_credit_code_comes_out() -> None:
    example = _USCC["worked_example"]
    assert gb32100_check(example["body"]) == example["check"]


@pytest.mark.parametrize("code", ["９１350100M000100Y43", "91350100m000100y43", "91350100M000100Y43\n", ""])
def test_look_alikes_of_a_credit_code_are_refused(code: str) -> None:
    assert not is_gb32100(code)


def test_a_body_that_is_not_one_has_no_check_character() -> None:
    for check, body in (
        (gb11643_check, "3405241980010100"),
        (gb11643_check, "３4052419800101001"),
        (gb32100_check, "91350100M000100YI"),
        (gb32100_check, ""),
        (gb11714_check, "m000100y"),
        (gb11714_check, "M000100"),
    ):
        with pytest.raises(ValueError, match="body is"):
            check(body)
