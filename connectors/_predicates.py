"""A predicate taken apart: its conjuncts, and the fields that it reads."""

from collections.abc import Iterator

from gateway.model.ids import FieldName
from gateway.model.predicate import AllOf, AnyOf, Exists, Not, Predicate


def conjuncts(predicate: Predicate) -> Iterator[Predicate]:
    """The terms that all must be true; nested AllOf are opened."""
    if isinstance(predicate, AllOf):
        for term in predicate.terms:
            yield from conjuncts(term)
    else:
        yield predicate


def fields_of(predicate: Predicate) -> Iterator[FieldName]:
    """Every field that the predicate reads."""
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
