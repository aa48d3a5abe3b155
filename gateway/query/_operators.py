"""A filter's operator and its literals -> the predicate over one field."""

from gateway.catalog.patterns import pattern_finder
from gateway.catalog.search import DEFAULT_LANGUAGE, LANGUAGES, searcher
from gateway.catalog.values import field_at
from gateway.model.catalog import Field
from gateway.model.ids import FieldName
from gateway.model.predicate import (
    AllOf,
    AnyOf,
    AtPath,
    Comparator,
    Compare,
    ContainedIn,
    Contains,
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
    Relation,
    SearchMode,
)
from gateway.model.query import FilterTerm, Operator, Quantifier
from gateway.model.range_value import Range
from gateway.query._literals import malformed, read_literal
from gateway.settings import Limits

_DEFAULTS = Limits()
_SEARCHES = {
    Operator.FTS: SearchMode.QUERY,
    Operator.PLFTS: SearchMode.PLAIN,
    Operator.PHFTS: SearchMode.PHRASE,
    Operator.WFTS: SearchMode.WEB,
}
_RELATIONS = {
    Operator.SL: Relation.LEFT_OF,
    Operator.SR: Relation.RIGHT_OF,
    Operator.NXR: Relation.ENDS_WITHIN,
    Operator.NXL: Relation.BEGINS_WITHIN,
    Operator.ADJ: Relation.ADJACENT,
}
_SETS: dict[Operator, type[Contains | ContainedIn | Overlaps]] = {
    Operator.CS: Contains,
    Operator.CD: ContainedIn,
    Operator.OV: Overlaps,
}


def predicate_of(term: FilterTerm, field: Field, *, limits: Limits = _DEFAULTS) -> Predicate:
    """The predicate, not yet negated; raises ValueMalformed. The operator and the path fit the field's type."""
    tested = _tested(term, field_at(field, term.path), limits)
    return AtPath(field.name, term.path, tested) if term.path else tested


def _tested(term: FilterTerm, field: Field, limits: Limits) -> Predicate:
    match term.operator:
        case Operator.IN:
            return OneOf(field.name, tuple(dict.fromkeys(read_literal(value, field) for value in term.values)))
        case Operator.IS:
            return _is(term.values[0], field.name)
        case Operator.ISDISTINCT:
            value = read_literal(term.values[0], field)
            return AnyOf((IsNull(field.name), Not(Compare(field.name, Comparator.EQ, value))))
        case _:
            tests = tuple(_one(term, value, field, limits) for value in dict.fromkeys(term.values))
            if term.quantifier is None:
                return tests[0]
            return AnyOf(tests) if term.quantifier is Quantifier.ANY else AllOf(tests)


def _one(term: FilterTerm, text: str, field: Field, limits: Limits) -> Predicate:
    operator = term.operator
    if operator in {Operator.LIKE, Operator.ILIKE}:
        # PostgREST's alias: `*` needs no percent-encoding
        return Like(field.name, text.replace("*", "%"), ignores_case=operator is Operator.ILIKE)
    if operator in {Operator.MATCH, Operator.IMATCH}:
        return _matches(text, field, limits, ignores_case=operator is Operator.IMATCH)
    if operator in _SEARCHES:
        return _search(term, text, field, limits)
    value = read_literal(text, field)
    if operator in _SETS:
        return _SETS[operator](field.name, value)
    if operator in _RELATIONS and isinstance(value, Range):
        return Lies(field.name, _RELATIONS[operator], value)
    return Compare(field.name, Comparator(operator.value), value)


def _matches(text: str, field: Field, limits: Limits, *, ignores_case: bool) -> Predicate:
    if len(text) > limits.pattern_characters:
        example = f"^[A-Z]{{2}}, {limits.pattern_characters} characters at most"
        raise malformed(text, field, "regular expression", example)
    try:
        pattern_finder(text, ignores_case=ignores_case)
    except ValueError:
        raise malformed(text, field, "regular expression (RE2)", "^[A-Z]{2}") from None
    return Matches(field.name, text, ignores_case)


def _search(term: FilterTerm, text: str, field: Field, limits: Limits) -> Predicate:
    operator = term.operator.value
    language = DEFAULT_LANGUAGE if term.language is None else term.language
    if language not in LANGUAGES:
        offered = ", ".join(f"{operator}({known})" for known in LANGUAGES)
        raise malformed(language, field, "text-search language", offered)
    if len(text) > limits.pattern_characters:
        example = f"permit & !draft, {limits.pattern_characters} characters at most"
        raise malformed(text, field, "text-search query", example)
    try:
        searcher(text, _SEARCHES[term.operator], language)
    except ValueError:
        raise malformed(text, field, "text-search query", "permit & !draft") from None
    return FullText(field.name, _SEARCHES[term.operator], text, language)


def _is(word: str, field: FieldName) -> Predicate:
    match word:
        case "null" | "unknown":
            return IsNull(field)
        case "not_null":
            return Not(IsNull(field))
        case _:
            return IsTruth(field, word == "true")
