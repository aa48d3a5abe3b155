"""A list masked at once is what its values give one by one: where all are of a shape, and where one is not."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.masks import build_mask
from gateway.masks._formula import pattern_of, whole_lines
from gateway.masks._shapes import SHAPES
from gateway.model.catalog import MaskChoice
from gateway.model.sqlform import Shape
from tests.mask_keys import mask_context

CONTEXT = mask_context()
TOGETHER = sorted(name for name, shape in SHAPES.items() if shape.together is not None)
OF_SHAPE = {
    "bank_card": ["6222020000000000001", "411111111111111"],
    "id_number": ["34052419800101001X", "11010519491231002X", "330102199012319876", "33010219900230123x"],
    "mobile": ["13812345678", "19912345678"],
    "name": ["张三", "欧阳修", "欧阳", "司马相如", "〇三"],
    "passport": ["E12345678", "EA1234567", "G12345678"],
    "uscc": ["91330106MA2AXXXX0X"],
}
ODD = [
    "", "\n", "张三\n李四", "13812345678\n13912345678", "34052419800101001X\n", "\n13812345678", "abc",
    "340524800101001", "0571-87654321", "1381234567", "\x00", "张三\r", "\ud800", "34052419801301001X",
]  # fmt: skip


def test_what_is_masked_at_once() -> None:
    assert {"id_number", "mobile", "name"} <= set(TOGETHER)


@pytest.mark.parametrize("shape", TOGETHER)
@given(data=st.data())
def test_a_list_at_once_is_its_values_one_by_one(shape: str, data: st.DataObject) -> None:
    mask = build_mask(MaskChoice(kind="partial", parameters={"shape": shape}))
    values = data.draw(st.lists(st.sampled_from(OF_SHAPE.get(shape, ["x"])), max_size=8))
    for odd in data.draw(st.lists(st.sampled_from(ODD) | st.text(max_size=6), max_size=2)):
        values.insert(data.draw(st.integers(0, len(values))), odd)
    assert mask.apply(values, CONTEXT) == [mask.apply([value], CONTEXT)[0] for value in values]


@pytest.mark.parametrize("shape", TOGETHER)
def test_a_value_of_several_lines_is_none_of_the_shape(shape: str) -> None:
    mask = build_mask(MaskChoice(kind="partial", parameters={"shape": shape}))
    one = OF_SHAPE[shape][0]
    assert mask.apply([one, f"{one}\n{one}"], CONTEXT)[1] == mask.HIDDEN
    assert mask.apply([one, f"{one}\n"], CONTEXT)[1] == mask.HIDDEN
    assert mask.apply([f"{one}\n{one}", ""], CONTEXT)[0] == mask.HIDDEN


def test_values_that_are_no_texts_are_hidden_among_texts() -> None:
    mask = build_mask(MaskChoice(kind="partial", parameters={"shape": "mobile"}))
    assert mask.apply(["13812345678", 13812345678, True], CONTEXT) == ["138****5678", mask.HIDDEN, mask.HIDDEN]


ALPHABET = "ab1^]-\\X"
shapes = st.lists(
    st.lists(st.text(ALPHABET, min_size=1, max_size=3), max_size=4).map(lambda places: Shape(tuple(places))),
    min_size=1,
    max_size=5,
)


@given(shapes, st.lists(st.text(ALPHABET, max_size=4), max_size=6))
def test_the_pattern_of_shapes_says_what_each_says(of: list[Shape], texts: list[str]) -> None:
    def has_shape(text: str) -> bool:
        return any(
            len(text) == len(shape.positions)
            and all(character in allowed for character, allowed in zip(text, shape.positions, strict=True))
            for shape in of
        )

    pattern = pattern_of(of)
    for text in texts:
        assert (re.fullmatch(pattern, text) is not None) == has_shape(text)
    assert not texts or whole_lines(pattern)(texts) == all(map(has_shape, texts))
