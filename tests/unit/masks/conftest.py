"""A mask applied to one value, with a key that a test can know."""

from collections.abc import Callable

import pytest

from gateway.masks import build_mask
from gateway.model.catalog import MaskChoice
from gateway.spi import MaskContext
from tests.mask_keys import mask_context

Masked = Callable[..., str | None]


@pytest.fixture
def context() -> MaskContext:
    return mask_context()


@pytest.fixture
def masked(context: MaskContext) -> Masked:
    """`masked("partial", value, shape="name")`."""

    def apply(kind: str, value: object, **parameters: str | int | bool) -> str | None:
        (only,) = build_mask(MaskChoice(kind=kind, parameters=parameters)).apply([value], context)
        return only

    return apply
