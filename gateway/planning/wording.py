"""A predicate in words, for explanations. Literals of sensitive and core fields are hidden."""

from gateway.catalog.values import text_of
from gateway.model.catalog import Classification, Dataset
from gateway.model.ids import FieldName
from gateway.model.json_value import Json
from gateway.model.predicate import (
    AllOf,
    AnyOf,
    AtPath,
    Comparator,
    Compare,
    ContainedIn,
    Contains,
    Exists,
    FullText,
    IsNull,
    IsTruth,
    Lies,
    Like,
    Matches,
    Not,
    OneOf,
    Overlaps,
    Predicate,
    Scalar,
    Under,
)
from gateway.model.range_value import Range

_SIGNS = {
    Comparator.EQ: "=",
    Comparator.NEQ: "<>",
    Comparator.GT: ">",
    Comparator.GTE: ">=",
    Comparator.LT: "<",
    Comparator.LTE: "<=",
}


_Leaf = (
    Compare | OneOf | Like | IsNull | IsTruth | Under | Matches | FullText | Contains | ContainedIn | Overlaps | Lies
)


def word_predicate(predicate: Predicate, dataset: Dataset) -> str:
    """The predicate as an officer would write it; `all rows` and `no rows` at the ends."""
    if predicate == AllOf(()):
        return "all rows"
    if predicate == AnyOf(()):
        return "no rows"
    return _word(predicate, dataset, "")


def _word(term: Predicate, dataset: Dataset, arrows: str) -> str:
    """`arrows`: the path at which a field is tested."""
    match term:
        case AllOf(terms):
            words = [(isinstance(inner, AnyOf), _word(inner, dataset, arrows)) for inner in terms]
            return " and ".join(f"({text})" if is_other else text for is_other, text in words)
        case AnyOf(terms):
            words = [(isinstance(inner, AllOf), _word(inner, dataset, arrows)) for inner in terms]
            return " or ".join(f"({text})" if is_other else text for is_other, text in words)
        case Not(inner):
            return f"not ({_word(inner, dataset, arrows)})"
        case Exists(embed):
            return f"has {embed}"
        case AtPath(field, path, inner):
            hides = _hides(field, dataset)
            steps = (f"{'->>' if step.as_text else '->'}{'?' if hides else step.key}" for step in path)
            return _word(inner, dataset, arrows + "".join(steps))
        case _:
            return _leaf(term, f"{term.field}{arrows}", hides=_hides(term.field, dataset))


def _hides(field: FieldName, dataset: Dataset) -> bool:
    known = dataset.fields.get(field)
    return known is None or known.classification in {Classification.SENSITIVE, Classification.CORE}


def _leaf(term: _Leaf, name: str, *, hides: bool) -> str:
    def literal(value: Scalar) -> str:
        return "?" if hides else f"'{text_of(value) if isinstance(value, Json | Range | tuple) else value}'"

    match term:
        case Compare(_, comparator, value):
            return f"{name} {_SIGNS[comparator]} {literal(value)}"
        case OneOf(_, values):
            return f"{name} in ({', '.join(map(literal, values))})"
        case Like(_, pattern, ignores_case):
            return f"{name} {'ilike' if ignores_case else 'like'} {literal(pattern)}"
        case Matches(_, pattern, ignores_case):
            return f"{name} {'imatch' if ignores_case else 'match'} {literal(pattern)}"
        case FullText(_, mode, words, language):
            return f"{name} {mode.value}({language}) {literal(words)}"
        case Contains(_, value):
            return f"{name} contains {literal(value)}"
        case ContainedIn(_, value):
            return f"{name} is contained in {literal(value)}"
        case Overlaps(_, value):
            return f"{name} overlaps {literal(value)}"
        case Lies(_, relation, value):
            return f"{name} {relation.value} {literal(value)}"
        case IsNull():
            return f"{name} is null"
        case IsTruth(_, truth):
            return f"{name} is {str(truth).lower()}"
        case Under(_, prefixes):
            return f"{name} under {', '.join(prefixes) or 'nothing'}"
