"""Predicate -> its top-level conjuncts, and what each of them is about. Pure."""

from collections.abc import Iterator, Sequence

from gateway.model.ids import FieldName
from gateway.model.predicate import EVERYTHING, AllOf, AnyOf, Comparator, Compare, Exists, Not, OneOf, Predicate, Scalar


def conjuncts(predicate: Predicate) -> tuple[Predicate, ...]:
    """The terms that all must be true; nested AllOf are opened."""
    if isinstance(predicate, AllOf):
        return tuple(inner for term in predicate.terms for inner in conjuncts(term))
    return (predicate,)


def conjunction(terms: Sequence[Predicate]) -> Predicate:
    """The opposite of `conjuncts`: one term stays itself, none is EVERYTHING."""
    if not terms:
        return EVERYTHING
    return terms[0] if len(terms) == 1 else AllOf(tuple(terms))


def fields_of(predicate: Predicate) -> Iterator[FieldName]:
    """Every field that the predicate reads, as often as it does; an embed is no field."""
    match predicate:
        case AllOf(terms) | AnyOf(terms):
            for term in terms:
                yield from fields_of(term)
        case Not(term):
            yield from fields_of(term)
        case Exists():
            return
        case _:
            yield predicate.field


def embeds_of(predicate: Predicate) -> Iterator[str]:
    """Every embed whose rows the predicate asks about, as often as it does."""
    match predicate:
        case AllOf(terms) | AnyOf(terms):
            for term in terms:
                yield from embeds_of(term)
        case Not(term):
            yield from embeds_of(term)
        case Exists(embed):
            yield embed
        case _:
            return


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
