"""Three-valued logic and LIKE, held against the conformance kit's naive reading of the same predicates."""

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.disclosure.pattern import like_matcher
from gateway.disclosure.residual import compile_predicate
from gateway.model.ids import FieldName
from gateway.model.predicate import AllOf, AnyOf, Comparator, Compare, IsNull, IsTruth, Not, OneOf, Predicate, Under
from tests.connectors import kit

PLACES = {FieldName(name): at for at, name in enumerate(kit.FIELDS)}
A = FieldName("members")
UNKNOWN = Compare(A, Comparator.EQ, 1)  # of a NULL


@settings(max_examples=300, deadline=None)
@given(kit.predicates, st.sampled_from(kit.ROWS))
def test_every_predicate_is_as_true_as_the_model_says(predicate: Predicate, row: dict[str, Any]) -> None:
    test = compile_predicate(predicate, PLACES)
    assert test(tuple(row.values())) is kit.truth(predicate, row)


@pytest.mark.parametrize(
    ("predicate", "truth"),
    [
        (UNKNOWN, None),
        (Not(UNKNOWN), None),
        (AllOf((UNKNOWN, AnyOf(()))), False),
        (AllOf((UNKNOWN, AllOf(()))), None),
        (AnyOf((UNKNOWN, AllOf(()))), True),
        (AnyOf((UNKNOWN, AnyOf(()))), None),
        (OneOf(A, ()), None),
        (Under(A, ()), None),
        (IsNull(A), True),
        (Not(IsNull(A)), False),
        (IsTruth(A, truth=False), False),
        (Not(IsTruth(A, truth=True)), True),
    ],
)
def test_null_is_unknown_but_where_it_is_asked_for(predicate: Predicate, truth: bool | None) -> None:
    assert compile_predicate(predicate, {A: 0})((None,)) is truth


@settings(max_examples=500, deadline=None)
@given(st.text(st.sampled_from("ab_%\n三😀"), max_size=8), kit.patterns)
def test_like_is_as_the_definition_says(text: str, pattern: str) -> None:
    assert like_matcher(pattern, ignores_case=False)(text) == kit.matches(text, pattern)


@pytest.mark.parametrize(
    ("pattern", "text", "is_like"),
    [("AB%", "abc", True), ("%é", "CAFÉ", True), ("ß", "SS", False), ("_", "İ", True), ("a_c", "ABC", True)],
)
def test_case_is_ignored_code_point_by_code_point(pattern: str, text: str, is_like: bool) -> None:
    assert like_matcher(pattern, ignores_case=True)(text) is is_like


def test_no_pattern_is_slow() -> None:
    started = time.process_time()
    assert not like_matcher("%a" * 500 + "%b", ignores_case=False)("a" * 4000)
    assert not like_matcher("%" + "a_" * 100 + "%b_", ignores_case=True)("a" * 4000)
    assert time.process_time() - started < 2
