"""MaskChoice -> Mask, checked against the dataclass's fields. Raises ValueError with a sentence, nothing else."""

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from types import UnionType
from typing import get_args, get_type_hints

from gateway.model.catalog import MaskChoice
from gateway.spi import Mask

_WORDS: Mapping[type, str] = {str: "a text", int: "a whole number", bool: "true or false"}


def build(choice: MaskChoice, kinds: Mapping[str, type[Mask]]) -> Mask:
    """The mask; names, presence and types of parameters are checked here, their values by the mask itself."""
    kind = kinds.get(choice.kind)
    if kind is None:
        msg = f"there is no mask kind `{choice.kind}`; there are {_listed(kinds)}"
        raise ValueError(msg)
    taken = {field.name: field for field in fields(kind) if field.init}
    _check_names(choice, taken)
    hints = get_type_hints(kind)
    for name, value in choice.parameters.items():
        _check_type(choice.kind, name, value, hints[name])
    return kind(**choice.parameters)


def _check_names(choice: MaskChoice, taken: Mapping[str, Field[object]]) -> None:
    for name in choice.parameters:
        if name not in taken:
            offered = f"it takes {_listed(taken)}" if taken else "it takes none"
            msg = f"the mask `{choice.kind}` has no parameter `{name}`; {offered}"
            raise ValueError(msg)
    for name, field in taken.items():
        if name not in choice.parameters and field.default is MISSING and field.default_factory is MISSING:
            msg = f"the mask `{choice.kind}` needs the parameter `{name}`"
            raise ValueError(msg)


def _check_type(kind: str, name: str, value: object, hint: object) -> None:
    # By exact type: True is an int to Python, but `keep: true` is no number to an officer.
    allowed = [one for one in (get_args(hint) if isinstance(hint, UnionType) else (hint,)) if one is not type(None)]
    if type(value) not in allowed:
        expected = " or ".join(_WORDS.get(one, "another type") for one in allowed)
        msg = f"the parameter `{name}` of the mask `{kind}` must be {expected}"
        raise ValueError(msg)


def _listed(names: Mapping[str, object]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))
