"""Kernel = SQL form: an evaluator written from gateway.model.sqlform alone, beside the masks' own kernels."""

from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.masks import build_mask
from gateway.masks._shapes import SHAPES
from gateway.model.catalog import MaskChoice
from gateway.model.sqlform import Column, Concat, Constant, IfShape, Left, Right, Shape, SqlForm
from gateway.spi import Mask
from tests.mask_keys import mask_context


def evaluate(form: SqlForm, column: str) -> str | None:
    """The meaning of a form, position by position; NULL is None."""
    match form:
        case Column():
            return column
        case Constant(value):
            return value
        case Left(count):
            return "".join(character for at, character in enumerate(column) if at < count)
        case Right(count):
            return "".join(character for at, character in enumerate(column) if at >= len(column) - count)
        case Concat(parts):
            whole = ""
            for part in parts:
                text = evaluate(part, column)
                if text is None:
                    return None
                whole += text
            return whole
        case IfShape(shapes, then, otherwise):
            return evaluate(then if any(_has(column, shape) for shape in shapes) else otherwise, column)


def _has(column: str, shape: Shape) -> bool:
    if len(column) != len(shape.positions):
        return False
    return all(character in allowed for character, allowed in zip(column, shape.positions, strict=True))


CONTEXT: Final = mask_context()


def _with_form(kind: str, **parameters: str) -> tuple[Mask, SqlForm]:
    mask = build_mask(MaskChoice(kind=kind, parameters=parameters))
    form = mask.sql_form()
    assert form is not None
    return mask, form


FORMS: Final = [
    _with_form("redact"),
    _with_form("null"),
    *(_with_form("partial", shape=shape) for shape in ("bank_card", "id_number", "mobile", "uscc")),
    *(_with_form("generalise", region_level=level) for level in ("province", "prefecture", "county", "street")),
]


def _shapes_in(form: SqlForm) -> list[Shape]:
    if isinstance(form, IfShape):
        return [*form.shapes, *_shapes_in(form.then), *_shapes_in(form.otherwise)]
    return []


ALL_SHAPES: Final = [shape for _, form in FORMS for shape in _shapes_in(form)]
of_a_shape = st.sampled_from(ALL_SHAPES).flatmap(
    lambda shape: st.tuples(*(st.sampled_from(allowed) for allowed in shape.positions)).map("".join)
)
any_text = st.text(st.characters(exclude_categories=()))
nearly_digits = st.text(st.sampled_from("0123456789Xx-１２Ⅹ٣ \n\u0301\x00"), max_size=22)


@st.composite
def spoilt(draw: st.DrawFn) -> str:
    """A value of a shape with one character replaced, inserted or lost."""
    text = draw(of_a_shape)
    at = draw(st.integers(0, len(text)))
    middle = draw(st.one_of(st.just(""), st.characters(exclude_categories=()), st.sampled_from("0123456789Xx-１\n")))
    return text[:at] + middle + text[at + draw(st.integers(0, 1)) :]


@settings(max_examples=500)
@given(st.one_of(of_a_shape, spoilt(), nearly_digits, any_text))
def test_the_kernel_gives_what_the_form_gives(text: str) -> None:
    for mask, form in FORMS:
        assert mask.apply([text], CONTEXT) == [evaluate(form, text)], mask


@given(of_a_shape)
def test_every_shape_of_a_form_is_reached(text: str) -> None:
    assert any(_has(text, shape) for shape in ALL_SHAPES)
    assert any(evaluate(form, text) not in {"***", None} for _, form in FORMS)


def test_a_shape_with_characters_beyond_ascii_has_no_form() -> None:
    assert {name for name, shape in SHAPES.items() if shape.form is None} == {
        "address",
        "email",
        "name",
        "organisation",
        "plate",
    }


def test_a_form_never_takes_more_from_the_right_than_its_shape_is_long() -> None:
    for _, form in FORMS:
        _check_right(form, 0)


def _check_right(form: SqlForm, least: int) -> None:
    match form:
        case Right(count) | Left(count):
            assert count <= least
        case Concat(parts):
            for part in parts:
                _check_right(part, least)
        case IfShape(shapes, then, otherwise):
            _check_right(then, min(len(shape.positions) for shape in shapes))
            _check_right(otherwise, least)
        case _:
            pass
