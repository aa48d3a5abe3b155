"""SqlForm -> Python function of one text: the kernel and the SQL form of a mask are one definition.

Promises the meaning that `gateway.model.sqlform` gives; a character is a code point, as in SQL.
"""

import re
from collections.abc import Callable
from typing import Final, assert_never

from gateway.model.sqlform import Column, Concat, Constant, IfShape, Left, Right, Shape, SqlForm

DIGIT: Final = "0123456789"


def digits(count: int) -> tuple[str, ...]:
    """`count` positions of any ASCII digit."""
    return (DIGIT,) * count


def kernel_of(form: SqlForm) -> Callable[[str], str | None]:
    """The function that the form describes, compiled once."""
    match form:
        case Column():
            return lambda text: text
        case Constant(value):
            return lambda _: value
        case Left(count):
            return lambda text: text[:count]
        case Right(count):
            return lambda text: text[-count:]
        case Concat((Left(shown), Constant(str(stars)), Right(rest))):  # what most masks are, in one step
            return lambda text: text[:shown] + stars + text[-rest:]
        case Concat(parts):
            return _joined(tuple(kernel_of(part) for part in parts))
        case IfShape(shapes, then, otherwise):
            return _chosen(shapes, kernel_of(then), kernel_of(otherwise))
        case _:
            assert_never(form)


def _joined(kernels: tuple[Callable[[str], str | None], ...]) -> Callable[[str], str | None]:
    def join(text: str) -> str | None:
        parts = [kernel(text) for kernel in kernels]
        if None in parts:
            return None  # NULL || text is NULL
        return "".join(parts)  # type: ignore[arg-type]  # all are texts

    return join


def _chosen(
    shapes: tuple[Shape, ...], then: Callable[[str], str | None], otherwise: Callable[[str], str | None]
) -> Callable[[str], str | None]:
    matches = re.compile("|".join(map(_pattern, shapes))).fullmatch
    return lambda text: then(text) if matches(text) else otherwise(text)


def _pattern(shape: Shape) -> str:
    return "".join(f"[{re.escape(allowed)}]" for allowed in shape.positions)
