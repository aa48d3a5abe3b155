"""A filter's operator and its literals -> the predicate over one field."""

from gateway.model.catalog import Field
from gateway.model.ids import FieldName
from gateway.model.predicate import (
    AllOf,
    AnyOf,
    Comparator,
    Compare,
    IsNull,
    IsTruth,
    Like,
    Not,
    OneOf,
    Predicate,
)
from gateway.model.query import FilterTerm, Operator, Quantifier
from gateway.query._literals import read_literal


def predicate_of(term: FilterTerm, field: Field) -> Predicate:
    """The predicate, not yet negated; raises ValueMalformed."""
    match term.operator:
        case Operator.IN:
            return OneOf(field.name, tuple(dict.fromkeys(read_literal(value, field) for value in term.values)))
        case Operator.IS:
            return _is(term.values[0], field.name)
        case Operator.ISDISTINCT:
            value = read_literal(term.values[0], field)
            return AnyOf((IsNull(field.name), Not(Compare(field.name, Comparator.EQ, value))))
        case _:
            tests = tuple(_compared(term.operator, value, field) for value in dict.fromkeys(term.values))
            if term.quantifier is None:
                return tests[0]
            return AnyOf(tests) if term.quantifier is Quantifier.ANY else AllOf(tests)


def _compared(operator: Operator, text: str, field: Field) -> Predicate:
    if operator in {Operator.LIKE, Operator.ILIKE}:
        # PostgREST's alias: `*` needs no percent-encoding
        return Like(field.name, text.replace("*", "%"), ignores_case=operator is Operator.ILIKE)
    return Compare(field.name, Comparator(operator.value), read_literal(text, field))


def _is(word: str, field: FieldName) -> Predicate:
    match word:
        case "null" | "unknown":
            return IsNull(field)
        case "not_null":
            return Not(IsNull(field))
        case _:
            return IsTruth(field, word == "true")
