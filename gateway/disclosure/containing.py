"""`@>`, `&&` and the relations of ranges: functions of two values of one type. Pure."""

from collections.abc import Callable, Mapping
from typing import Final

from gateway.model.json_value import Json, json_contains
from gateway.model.predicate import Relation, Scalar
from gateway.model.range_value import (
    Range,
    are_adjacent,
    begins_within,
    ends_within,
    is_left_of,
    range_contains,
    ranges_overlap,
)

RELATIONS: Final[Mapping[Relation, Callable[[Range, Range], bool]]] = {
    Relation.LEFT_OF: is_left_of,
    Relation.RIGHT_OF: lambda one, other: is_left_of(other, one),
    Relation.ENDS_WITHIN: ends_within,
    Relation.BEGINS_WITHIN: begins_within,
    Relation.ADJACENT: are_adjacent,
}


def contains(outer: Scalar, inner: Scalar) -> bool:
    """`outer @> inner`; false for values that have no such relation."""
    match outer, inner:
        case Json(), Json():
            return json_contains(outer.tree, inner.tree)
        case Range(), Range():
            return range_contains(outer, inner)
        case tuple(), tuple():
            return None not in inner and set(inner) <= set(outer)
        case _:
            return False


def overlaps(one: Scalar, other: Scalar) -> bool:
    """`one && other`."""
    match one, other:
        case Range(), Range():
            return ranges_overlap(one, other)
        case tuple(), tuple():
            return bool((set(one) & set(other)) - {None})
        case _:
            return False
