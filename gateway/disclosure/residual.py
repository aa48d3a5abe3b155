"""A predicate -> a function of one row: true, false, or None for unknown. SQL's three-valued logic. Pure.

Values are in catalogue form on both sides; text compares by code point.
"""

import operator
from collections.abc import Callable, Mapping
from typing import Any, Final

from gateway.catalog.patterns import pattern_finder
from gateway.catalog.search import searcher
from gateway.catalog.values import cell_at
from gateway.disclosure.comparing import sort_key
from gateway.disclosure.containing import RELATIONS, contains, overlaps
from gateway.disclosure.pattern import like_matcher
from gateway.errors import Defect
from gateway.model.ids import FieldName
from gateway.model.json_value import JsonStep
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
from gateway.model.rows import Row

Truth = bool | None
Test = Callable[[Row], Truth]

_NO_EMBEDS: Final[Mapping[str, Callable[[Row], bool]]] = {}
_OfCell = Like | Matches | FullText | Under | OneOf | Compare | Contains | ContainedIn | Overlaps | Lies
_COMPARISONS: Final[Mapping[Comparator, Callable[[Any, Any], bool]]] = {
    Comparator.EQ: operator.eq,
    Comparator.NEQ: operator.ne,
    Comparator.GT: operator.gt,
    Comparator.GTE: operator.ge,
    Comparator.LT: operator.lt,
    Comparator.LTE: operator.le,
}


def compile_predicate(
    predicate: Predicate, places: Mapping[FieldName, int], embeds: Mapping[str, Callable[[Row], bool]] = _NO_EMBEDS
) -> Test:
    """The test of a row in which each field stands at its place; `embeds` say whether a row has rows embedded."""
    match predicate:
        case AllOf(terms):
            return _all([compile_predicate(term, places, embeds) for term in terms])
        case AnyOf(terms):
            return _any([compile_predicate(term, places, embeds) for term in terms])
        case Not(term):
            return _not(compile_predicate(term, places, embeds))
        case Exists(embed):
            if embed not in embeds:
                raise Defect(operator="a filter on an embed whose rows are not at hand")
            return embeds[embed]
        case AtPath(field, path, term):
            return _at_path(places[field], path, compile_predicate(term, {field: 0}))
        case IsNull(field):
            at = places[field]
            return lambda row: row[at] is None
        case IsTruth(field, truth):
            at = places[field]
            return lambda row: row[at] is truth
        case _:
            return _of_cell(places[predicate.field], _cell_test(predicate))


def _cell_test(predicate: _OfCell) -> Callable[[Scalar], bool]:
    """The test of a cell that is not NULL."""
    match predicate:
        case Like(_, pattern, ignores_case):
            return _of_text(like_matcher(pattern, ignores_case=ignores_case))
        case Matches(_, pattern, ignores_case):
            return _of_text(pattern_finder(pattern, ignores_case=ignores_case))
        case FullText(_, mode, words, language):
            return _of_text(searcher(words, mode, language))
        case Under(_, prefixes):
            return _of_text(lambda text: text.startswith(prefixes))
        case OneOf(_, values):
            known = frozenset(values)
            return lambda cell: cell in known
        case Compare(_, comparator, value):
            return _compared(comparator, value)
        case Contains(_, value):
            return lambda cell: contains(cell, value)
        case ContainedIn(_, value):
            return lambda cell: contains(value, cell)
        case Overlaps(_, value):
            return lambda cell: overlaps(cell, value)
        case Lies(_, relation, value):
            holds = RELATIONS[relation]
            return lambda cell: isinstance(cell, Range) and holds(cell, value)


def _of_text(test: Callable[[str], bool]) -> Callable[[Scalar], bool]:
    return lambda cell: isinstance(cell, str) and test(cell)


def _compared(comparator: Comparator, value: Scalar) -> Callable[[Scalar], bool]:
    compare, key = _COMPARISONS[comparator], sort_key(value)
    if key is value:
        return lambda cell: compare(cell, value)
    return lambda cell: compare(sort_key(cell), key)


def _at_path(at: int, path: tuple[JsonStep, ...], inner: Test) -> Test:
    return lambda row: inner((cell_at(row[at], path),))


def _of_cell(at: int, test: Callable[[Scalar], bool]) -> Test:
    return lambda row: None if (cell := row[at]) is None else test(cell)


def _all(tests: list[Test]) -> Test:
    def test(row: Row) -> Truth:
        is_known = True
        for one in tests:
            found = one(row)
            if found is False:
                return False
            is_known = is_known and found is not None
        return True if is_known else None

    return test


def _any(tests: list[Test]) -> Test:
    def test(row: Row) -> Truth:
        is_known = True
        for one in tests:
            found = one(row)
            if found is True:
                return True
            is_known = is_known and found is not None
        return False if is_known else None

    return test


def _not(inner: Test) -> Test:
    return lambda row: None if (found := inner(row)) is None else not found
