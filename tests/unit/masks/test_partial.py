"""partial, shape by shape."""

from collections.abc import Callable

import pytest

from gateway.masks import build_mask
from gateway.masks.partial import Partial
from gateway.model.catalog import FieldType, MaskChoice
from gateway.spi import MaskContext

Masked = Callable[..., str | None]
SHAPES = ("address", "bank_card", "email", "id_number", "mobile", "name", "organisation", "plate", "uscc")
HIDDEN = "***"


@pytest.mark.parametrize(
    ("shape", "value", "shown"),
    [
        ("name", "张三", "张**"),
        ("name", "张三丰", "张**"),
        ("name", "欧阳修", "欧阳*"),
        ("name", "欧阳小明", "欧阳*"),
        ("name", "欧阳", "欧**"),
        ("name", "諸葛亮", "諸葛*"),
        ("name", "张王小明", "张**"),
        ("name", "𬀩明", "𬀩**"),
        ("name", "阿卜杜拉·买买提", "阿**"),
        ("name", "John Smith", "J**"),
        ("name", "Sinéad O'Connor", "S**"),
        ("name", "J. R. Hartley", "J**"),
        ("name", "张", HIDDEN),
        ("name", "J", HIDDEN),
        ("name", "张 三", HIDDEN),
        ("name", "上海市民政局", HIDDEN),
        ("name", "张三1", HIDDEN),
        ("name", "张三\n", HIDDEN),
        ("name", "Jose\u0301", HIDDEN),  # a combining mark
        ("name", "张三\ufe00", HIDDEN),  # a variation selector
        ("name", "ＪＯＨＮ", HIDDEN),
        # GB 11643: worked examples; the fault named beside each
        ("id_number", "34052419800101001X", "3405*************X"),
        ("id_number", "11010519491231002X", "1101*************X"),
        ("id_number", "360426199101010071", "3604*************1"),
        ("id_number", "34052419800101001x", "3405*************x"),
        ("id_number", "360426910101007", "3604***********"),
        ("id_number", "11010519491331002X", HIDDEN),  # month 13
        ("id_number", "110105194912320021", HIDDEN),  # day 32
        ("id_number", "34052419800101001Ｘ", HIDDEN),  # full-width X
        ("id_number", "３４０５２４１９８００１０１００１X", HIDDEN),  # full-width digits
        ("id_number", "12345678", HIDDEN),
        ("id_number", " 34052419800101001X", HIDDEN),
        ("mobile", "13812345678", "138****5678"),
        ("mobile", "0571-87654321", "0571-******21"),
        ("mobile", "057187654321", "0571-******21"),
        ("mobile", "0571-8765432", "0571-******32"),
        ("mobile", "010-87654321", "010-******21"),
        ("mobile", "02187654321", "021-******21"),
        ("mobile", "12812345678", HIDDEN),
        ("mobile", "+8613812345678", HIDDEN),
        ("mobile", "138-1234-5678", HIDDEN),
        ("mobile", "１３８12345678", HIDDEN),
        ("mobile", "13812345678\n", HIDDEN),
        ("bank_card", "6222021234567890123", "************0123"),
        ("bank_card", "622202123456789", "************6789"),
        ("bank_card", "6222 0212 3456 7890", HIDDEN),
        ("plate", "浙A12345", "浙A****5"),
        ("plate", "浙AD12345", "浙A****5"),
        ("plate", "浙A·12345", "浙A****5"),
        ("plate", "浙A1234警", "浙A****警"),
        ("plate", "浙I12345", HIDDEN),
        ("plate", "杭A12345", HIDDEN),
        ("email", "zhang.wei@example.org", "z***@example.org"),
        ("email", "z@example.org", HIDDEN),  # the first character would be the whole
        ("email", "zhang@localhost", HIDDEN),
        ("email", "a@b@example.org", HIDDEN),
        ("address", "浙江省杭州市上城区清波街道定安路社区12幢3单元401室", "浙江省杭州市上城区清波街道***"),
        ("address", "上城区四季青街道", "上城区四季青街道***"),
        ("address", "清波街道12号", "清波街道***"),
        ("address", "杭州市清波街道柳浪小区3幢", "杭州市清波街道***"),
        ("address", "杭州市西湖区三墩镇振华路200号", "杭州市西湖区三墩镇***"),
        ("address", "杭州市上城区解放路12号", HIDDEN),
        ("address", "张三先生住在清波街道12号", HIDDEN),
        ("address", "401室，清波街道", HIDDEN),
        ("organisation", "杭州西湖茶叶有限公司", "杭****有限公司"),
        ("organisation", "杭州西湖茶叶股份有限公司", "杭****股份有限公司"),
        ("organisation", "张三小吃店", "张****"),
        ("organisation", "张三", HIDDEN),
        ("uscc", "91110000600037341L", "91110000**********"),
        ("uscc", "91350100M000100Y43", "91350100**********"),
        ("uscc", "91110000600037341I", HIDDEN),  # I is not in the alphabet of GB 32100
    ],
)
def test_a_shape_shows_its_part_and_hides_what_is_not_of_it(masked: Masked, shape: str, value: str, shown: str) -> None:
    assert masked("partial", value, shape=shape) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("杭州市上城区清波街道定安路社区12幢", "杭州市上城区清波街道定安路社区***"),
        ("杭州市余杭区径山镇小古城村3组", "杭州市余杭区径山镇小古城村***"),
        ("杭州市上城区清波街道东园新村3幢", "杭州市上城区清波街道***"),  # a housing estate is no community
        ("杭州市上城区清波街道", "杭州市上城区清波街道***"),
    ],
)
def test_an_address_may_keep_its_community(masked: Masked, value: str, shown: str) -> None:
    assert masked("partial", value, shape="address", keeps="community") == shown


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    "value", ["", " ", "\x00", "\ud800", "１２３４５", "a\u0301\u0302", "***", 13812345678, True, b"1"]
)
def test_what_no_shape_recognises_is_hidden_whole(masked: Masked, shape: str, value: object) -> None:
    assert masked("partial", value, shape=shape) == HIDDEN


@pytest.mark.timeout(5)  # milliseconds; a pattern that backtracks would take for ever
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("unit", ["张", "1", "a.", "a-", "清波街道", "a@", "浙江省", " '", "\u0301"])
def test_ten_megabytes_are_hidden_whole_and_at_once(context: MaskContext, shape: str, unit: str) -> None:
    value = unit * (10_000_000 // len(unit))
    mask = build_mask(MaskChoice(kind="partial", parameters={"shape": shape}))
    assert mask.apply([value], context) == [HIDDEN]


@pytest.mark.timeout(5)  # milliseconds; a pattern that backtracks would take for ever
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("unit", ["张", "a.", "a-", "清波街", "省市区", "a@a.", "浙江省", "a '", "村"])
def test_the_longest_text_that_is_looked_at_costs_little(context: MaskContext, shape: str, unit: str) -> None:
    values = [(unit * 254)[:length] for length in range(1, 255)]
    mask = build_mask(MaskChoice(kind="partial", parameters={"shape": shape}))
    assert len(mask.apply(values, context)) == len(values)


def test_a_masked_name_does_not_tell_how_long_the_name_is(masked: Masked) -> None:
    names = ["张三", "张三丰", "欧阳修", "欧阳小明", "阿卜杜拉·买买提·沙吾提", "Wolfeschlegelsteinhausen", "Li Na"]
    assert {len(masked("partial", name, shape="name") or "") for name in names} == {3}


def test_it_fits_text_only() -> None:
    mask = Partial(shape="name")
    assert [kind for kind in FieldType if mask.accepts(kind)] == [FieldType.TEXT]
