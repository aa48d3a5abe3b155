"""Conjuncts -> a predicate again, and which of them match whole values. Pure."""

from collections.abc import Sequence

from gateway.model.ids import FieldName
from gateway.model.predicate import EVERYTHING, AllOf, Comparator, Compare, OneOf, Predicate, Scalar


def conjunction(terms: Sequence[Predicate]) -> Predicate:
    """The opposite of `conjuncts`: one term stays itself, none is EVERYTHING."""
    if not terms:
        return EVERYTHING
    return terms[0] if len(terms) == 1 else AllOf(tuple(terms))


def matched_field(term: Predicate) -> FieldName | None:
    """The field of a conjunct that matches whole values; None for every other."""
    match term:
        case Compare(field, Comparator.EQ, _) | OneOf(field, _):
            return field
        case _:
            return None


def matched_values(term: Predicate) -> tuple[Scalar, ...]:
    """The literals of a conjunct that matches whole values."""
    match term:
        case Compare(_, _, value):
            return (value,)
        case OneOf(_, values):
            return values
        case _:
            return ()
