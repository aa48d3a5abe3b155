"""A predicate in words, for explanations. Literals of sensitive and core fields are hidden."""

from gateway.model.catalog import Classification, Dataset
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
    Scalar,
    Under,
)

_SIGNS = {
    Comparator.EQ: "=",
    Comparator.NEQ: "<>",
    Comparator.GT: ">",
    Comparator.GTE: ">=",
    Comparator.LT: "<",
    Comparator.LTE: "<=",
}


def word_predicate(predicate: Predicate, dataset: Dataset) -> str:
    """The predicate as an officer would write it; `all rows` and `no rows` at the ends."""

    def literal(field: FieldName, value: Scalar) -> str:
        known = dataset.fields.get(field)
        hides = known is None or known.classification in {Classification.SENSITIVE, Classification.CORE}
        return "?" if hides else f"'{value}'"

    def word(term: Predicate) -> str:
        match term:
            case Compare(field, comparator, value):
                return f"{field} {_SIGNS[comparator]} {literal(field, value)}"
            case OneOf(field, values):
                return f"{field} in ({', '.join(literal(field, value) for value in values)})"
            case Like(field, pattern, ignores_case):
                return f"{field} {'ilike' if ignores_case else 'like'} {literal(field, pattern)}"
            case IsNull(field):
                return f"{field} is null"
            case IsTruth(field, truth):
                return f"{field} is {str(truth).lower()}"
            case Under(field, prefixes):
                return f"{field} under {', '.join(prefixes) or 'nothing'}"
            case AllOf(terms):
                return " and ".join(f"({word(inner)})" if isinstance(inner, AnyOf) else word(inner) for inner in terms)
            case AnyOf(terms):
                return " or ".join(f"({word(inner)})" if isinstance(inner, AllOf) else word(inner) for inner in terms)
            case Not(inner):
                return f"not ({word(inner)})"

    if predicate == AllOf(()):
        return "all rows"
    if predicate == AnyOf(()):
        return "no rows"
    return word(predicate)
