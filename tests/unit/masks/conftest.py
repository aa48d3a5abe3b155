"""A mask applied to one value, with a key that a test can know."""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from gateway.masks import build_mask
from gateway.model.catalog import MaskChoice
from gateway.spi import MaskContext

Masked = Callable[..., str | None]


@dataclass(frozen=True, slots=True)
class HmacKey:
    """A keyed function by the standard library."""

    secret: bytes

    def digest(self, value: bytes) -> bytes:
        return hmac.digest(self.secret, value, hashlib.sha256)[:16]


@pytest.fixture
def context() -> MaskContext:
    return MaskContext(pseudonym_key=HmacKey(b"home-visit"))


@pytest.fixture
def masked(context: MaskContext) -> Masked:
    """`masked("partial", value, shape="name")`."""

    def apply(kind: str, value: object, **parameters: str | int | bool) -> str | None:
        (only,) = build_mask(MaskChoice(kind=kind, parameters=parameters)).apply([value], context)
        return only

    return apply
