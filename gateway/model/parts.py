"""A predicate taken apart: its conjuncts, the fields that it reads, the embeds that it asks about. Pure."""

from collections.abc import Iterator

from gateway.model.ids import FieldName
from gateway.model.predicate import AllOf, AnyOf, Exists, Not, Predicate


def conjuncts(predicate: Predicate) -> tuple[Predicate, ...]:
    """The terms that all must be true; nested AllOf are opened."""
    if isinstance(predicate, AllOf):
        return tuple(inner for term in predicate.terms for inner in conjuncts(term))
    return (predicate,)


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
