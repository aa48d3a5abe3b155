"""MaskChoice -> Mask. The folder is the registry: one module a kind, named as masks.yaml names it.

Promises: what a mask of this room gives for one value depends on that value, its parameters and the context only.
Does not promise that a mask fits a field (`accepts` tells) nor that its rank is right: officers declare that.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from gateway.masks._apply import mask_array, mask_values
from gateway.masks._build import build
from gateway.masks._check_digits import luhn_check
from gateway.masks._names import COMPOUND_SURNAMES, HAN
from gateway.masks._plates import mask_plate
from gateway.masks._registry import walk_masks
from gateway.masks._reveals import Reveals
from gateway.model.catalog import MaskChoice
from gateway.plugins import plugins
from gateway.spi import Mask

_MOST_MASKS: Final = 1_024
MASK_KINDS: Final[Mapping[str, type[Mask]]] = walk_masks(__name__, __path__, plugins("langqiao.masks"))
"""Every kind by its name; read-only."""


def build_mask(choice: MaskChoice) -> Mask:
    """The mask that a declaration names, one and the same for the same words.

    Raises ValueError with a sentence for an unknown kind or a wrong parameter.
    """
    # by type too: True equals 1, and an officer may have written either
    return _built(choice.kind, tuple([(name, type(value), value) for name, value in choice.parameters.items()]))


@lru_cache(_MOST_MASKS)
def _built(kind: str, parameters: tuple[tuple[str, type, str | int | bool], ...]) -> Mask:
    return build(MaskChoice(kind=kind, parameters={name: value for name, _, value in parameters}), MASK_KINDS)


__all__ = [
    "COMPOUND_SURNAMES",
    "HAN",
    "MASK_KINDS",
    "Reveals",
    "build_mask",
    "luhn_check",
    "mask_array",
    "mask_plate",
    "mask_values",
]
