"""A JSON value as PostgreSQL's `jsonb` keeps it: numbers are exact, of equal keys the last counts, order is defined.

Equal means equal as `jsonb` (1 and 1.0 are). Values are ordered as `jsonb` orders them, but texts by code point.
"""

import json
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, Final, cast

Tree = dict[str, Any] | list[Any] | str | Decimal | bool | None
"""What a JSON text says, with every number a Decimal. Nobody changes one."""

MOST_DIGITS: Final = 400  # of a number, written out
DEEPEST: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonStep:
    """One arrow into a JSON value: `->key`, `->0`, and with `as_text` `->>key`, which only the last may be."""

    key: str | int  # an integer counts elements, from the end where negative
    as_text: bool


@dataclass(frozen=True, slots=True, eq=False)
class Json:
    """One value. `text` may be any JSON text and becomes the one that `jsonb` would print; else ValueError."""

    text: str
    tree: Tree = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._set(_tree(self.text))

    def _set(self, tree: Tree) -> None:
        object.__setattr__(self, "tree", tree)
        object.__setattr__(self, "text", _written(tree))

    @classmethod
    def of(cls, tree: Tree) -> "Json":
        """The value of a part of a value's tree."""
        made = object.__new__(cls)
        made._set(tree)
        return made

    @property
    def key(self) -> tuple[Any, ...]:
        """Equal and ordered as the value is."""
        return _top_key(self.tree)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Json) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __str__(self) -> str:
        return self.text


def json_from(parsed: object) -> Json:
    """The value of what a JSON document was parsed to, numbers being integers or Decimals; else ValueError."""
    try:
        return Json(_written(cast("Tree", parsed)))
    except (TypeError, RecursionError):
        raise ValueError("no JSON value") from None


def step_into(tree: Tree, key: str | int) -> tuple[bool, Tree]:
    """Whether there is a value under the key, and which. A bare value counts as the array of it, as in `jsonb`."""
    if isinstance(tree, dict):
        return (key in tree, tree.get(key)) if isinstance(key, str) else (False, None)
    if isinstance(key, str):
        return False, None
    elements = tree if isinstance(tree, list) else [tree]
    at = key + len(elements) if key < 0 else key
    return (True, elements[at]) if 0 <= at < len(elements) else (False, None)


def json_contains(outer: Tree, inner: Tree) -> bool:
    """`jsonb @>`: objects by key, arrays as sets; at the top an array also contains a bare value."""
    if isinstance(outer, list) and not isinstance(inner, dict | list):
        return _has(outer, inner)
    return _contains(outer, inner)


def _contains(outer: Tree, inner: Tree) -> bool:
    match outer, inner:
        case dict(), dict():
            return all(key in outer and _contains(outer[key], value) for key, value in inner.items())
        case list(), list():
            return all(_has(outer, wanted) for wanted in inner)
        case (dict() | list(), _) | (_, dict() | list()):
            return False
        case _:
            return _key(outer) == _key(inner)


def _has(elements: list[Any], wanted: Tree) -> bool:
    if isinstance(wanted, dict | list):
        return any(type(element) is type(wanted) and _contains(element, wanted) for element in elements)
    return any(not isinstance(element, dict | list) and _key(element) == _key(wanted) for element in elements)


# ---------------------------------------------------------------------- text -> tree
def _tree(text: str) -> Tree:
    try:
        tree = json.loads(text, parse_float=_number, parse_int=_number, parse_constant=_refuse)
        return _sound(tree, DEEPEST)
    except (ValueError, RecursionError):
        raise ValueError("no JSON value") from None  # the decoder's own error holds the text


def _number(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise ValueError("no number") from None
    exponent = int(number.as_tuple().exponent)
    if not -MOST_DIGITS <= exponent <= MOST_DIGITS or len(number.as_tuple().digits) > MOST_DIGITS:
        raise ValueError("a number with too many digits")
    whole = Decimal(format(number, "f"))
    return whole if whole else abs(whole)


def _refuse(word: str) -> Tree:
    raise ValueError(f"{word} is no JSON")


def _sound(tree: Tree, depth: int) -> Tree:
    if depth == 0:
        raise ValueError("nested too deep")
    if isinstance(tree, str):
        _check(tree)
    elif isinstance(tree, list):
        return [_sound(element, depth - 1) for element in tree]
    elif isinstance(tree, dict):
        for key in tree:
            _check(key)
        return {key: _sound(tree[key], depth - 1) for key in sorted(tree, key=_key_order)}
    return tree


def _check(text: str) -> None:
    if "\x00" in text:
        raise ValueError("U+0000 in a text")
    text.encode()  # half a character raises a ValueError


def _key_order(key: str) -> tuple[int, bytes]:
    encoded = key.encode()
    return len(encoded), encoded


# ---------------------------------------------------------------------- tree -> text, key
def _written(tree: Tree) -> str:
    match tree:
        case dict():
            members = (f"{json.dumps(key, ensure_ascii=False)}: {_written(value)}" for key, value in tree.items())
            return "{" + ", ".join(members) + "}"
        case list():
            return "[" + ", ".join(map(_written, tree)) + "]"
        case Decimal():
            return format(tree, "f")
        case _:
            return json.dumps(tree, ensure_ascii=False)


def _top_key(tree: Tree) -> tuple[Any, ...]:
    # PostgreSQL's own accident, kept: an empty array at the top comes before everything
    return (-1,) if tree == [] else _key(tree)


def _key(tree: Tree) -> tuple[Any, ...]:
    match tree:
        case None:
            return (0,)
        case str():
            return 1, tree
        case bool():
            return 3, tree
        case Decimal():
            return 2, tree
        case list():
            return 4, len(tree), *map(_key, tree)
        case dict():
            return 5, len(tree), *(part for key, value in tree.items() for part in (key, _key(value)))
