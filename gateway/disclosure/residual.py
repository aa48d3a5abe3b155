"""A predicate -> a function of one row: true, false, or None for unknown. SQL's three-valued logic. Pure.

Values are in catalogue form on both sides; text compares by code point.
"""

import operator
from collections.abc import Callable, Mapping
from typing import Any, Final

from gateway.disclosure.pattern import like_matcher
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
    Under,
)
from gateway.model.rows import Cell, Row

Truth = bool | None
Test = Callable[[Row], Truth]

_COMPARISONS: Final[Mapping[Comparator, Callable[[Any, Any], bool]]] = {
    Comparator.EQ: operator.eq,
    Comparator.NEQ: operator.ne,
    Comparator.GT: operator.gt,
    Comparator.GTE: operator.ge,
    Comparator.LT: operator.lt,
    Comparator.LTE: operator.le,
}


def compile_predicate(predicate: Predicate, places: Mapping[FieldName, int]) -> Test:
    """The test of a row in which each field stands at its place."""
    match predicate:
        case AllOf(terms):
            return _all([compile_predicate(term, places) for term in terms])
        case AnyOf(terms):
            return _any([compile_predicate(term, places) for term in terms])
        case Not(term):
            return _not(compile_predicate(term, places))
        case IsNull(field):
            at = places[field]
            return lambda row: row[at] is None
        case IsTruth(field, truth):
            at = places[field]
            return lambda row: row[at] is truth
        case Like(field, pattern, ignores_case):
            matches = like_matcher(pattern, ignores_case=ignores_case)
            return _of_cell(places[field], lambda cell: isinstance(cell, str) and matches(cell))
        case Under(field, prefixes):
            return _of_cell(places[field], lambda cell: isinstance(cell, str) and cell.startswith(prefixes))
        case OneOf(field, values):
            known = frozenset(values)
            return _of_cell(places[field], lambda cell: cell in known)
        case Compare(field, comparator, value):
            compare = _COMPARISONS[comparator]
            return _of_cell(places[field], lambda cell: compare(cell, value))


def _of_cell(at: int, test: Callable[[Cell], bool]) -> Test:
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
