"""Column names and comments -> what they are, as departments write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.administration.discovery.labelling.lexicon import lexicon
from gateway.administration.discovery.labelling.readings import read_comment, read_name, whose_is


def _best(name: str) -> tuple[str, str]:
    best = max(read_name(name), key=lambda reading: reading.strength)
    return best.phrase.fact, best.whose


@pytest.mark.parametrize(
    ("name", "fact"),
    [
        ("XM", "person.name"), ("SFZH", "person.id_number"), ("GMSFHM", "person.id_number"),
        ("ZJHM", "person.id_number"), ("LXDH", "person.phone"), ("SJHM", "person.phone"), ("HJDZ", "person.address"),
        ("JTZZ", "person.address"), ("XB", "person.sex"), ("MZ", "person.ethnicity"), ("CSRQ", "person.birth_date"),
        ("SQDM", "region.community"), ("DWMC", "org.name"), ("TYSHXYDM", "org.uscc"), ("CPH", "vehicle.plate"),
        ("YHKH", "person.bank_card"), ("xingming", "person.name"), ("shenfenzheng", "person.id_number"),
        ("shenfenzheng_hao", "person.id_number"), ("jiedao_dm", "region.street"), ("F_SFZH", "person.id_number"),
        ("c_xm_1", "person.name"), ("id_card", "person.id_number"), ("idCardNo", "person.id_number"),
        ("MOBILE_PHONE", "person.phone"), ("dateOfBirth", "person.birth_date"), ("unifiedsocialcreditcode", "org.uscc"),
        ("身份证号", "person.id_number"), ("出生日期", "person.birth_date"), ("XMMC", "-"), ("create_time", "-"),
        ("file_name", "-"), ("order_no", "-"), ("状态", "-"),
    ],
)  # fmt: skip
def test_a_name_is_read(name: str, fact: str) -> None:
    assert _best(name)[0] == fact


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("HZSFZH", ("person.id_number", "person")),
        ("fddbr_sfzh", ("person.id_number", "person")),
        ("LXRDH", ("%phone", "person")),
        ("legalPersonIdNo", ("person.id_number", "person")),
        ("company_address", ("org.address", "")),
        ("申请人身份证号", ("person.id_number", "person")),
    ],
)
def test_whose_it_is_stands_before(name: str, read: tuple[str, str]) -> None:
    assert _best(name) == read


@pytest.mark.parametrize(
    ("comment", "fact"),
    [
        ("身份证号（18位）", "person.id_number"),
        ("[必填] 法定代表人", "person.name"),
        ("证件类型：1 身份证 2 护照", "-"),
        ("B010004-统一社会信用代码", "org.uscc"),
        ("申请人的联系电话", "person.phone"),
        ("姓名, 必填", "person.name"),
    ],
)
def test_a_comments_first_clause_says_what_it_is(comment: str, fact: str) -> None:
    assert max(read_comment(comment), key=lambda reading: reading.strength).phrase.fact == fact


def test_an_ambiguous_name_shares_out_its_strength() -> None:
    readings = {reading.phrase.fact: reading.strength for reading in read_name("XM")}  # 姓名 or 项目
    assert readings["person.name"] > readings["-"] > 0
    assert sum(readings.values()) < max(reading.strength for reading in read_name("SFZH"))


def test_a_table_tells_whom_it_is_about() -> None:
    assert whose_is(("企业信息表",)) == "organisation"
    assert whose_is(("", "t_patient")) == "person"
    assert whose_is(("", "t_42")) == ""


def test_the_lexicon_is_large_enough_and_spells_every_phrase() -> None:
    words = lexicon()
    assert len(words.chinese) >= 300
    assert {phrase for found in words.chinese.values() for phrase in found} == {
        spelled.phrase for found in words.pinyin.values() for spelled in found
    }


@given(st.text(max_size=80))
def test_whatever_is_written_is_read_without_fault(text: str) -> None:
    for reading in (*read_name(text), *read_comment(text)):
        assert 0 < reading.strength <= 1
