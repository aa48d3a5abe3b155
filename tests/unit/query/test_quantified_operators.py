"""Operators that take a list: `eq(any).{a,b}`, as PostgREST and PostgreSQL write it."""

import pytest

from gateway.errors import QueryMalformed, QueryTooComplex
from gateway.model.query import FilterGroup, FilterTerm, Operator, Quantifier
from tests.unit.query.small_town import LIMITS, read


@pytest.mark.parametrize(
    ("text", "operator", "quantifier", "values"),
    [
        ("name=eq(any).{a,b}", "eq", "any", ("a", "b")),
        ("name=like(all).{*a*,*b}", "like", "all", ("*a*", "*b")),
        ('name=ilike(any).{"a,b", "c}d", e}', "ilike", "any", ("a,b", "c}d", "e")),
        ("name=eq(any).{}", "eq", "any", ()),
        ('name=eq(any).{""}', "eq", "any", ("",)),
        ('name=eq(any).{"null"}', "eq", "any", ("null",)),
        ("monthly=gt(all).{1,2}", "gt", "all", ("1", "2")),
    ],
)
def test_an_operator_takes_a_list(text: str, operator: str, quantifier: str, values: tuple[str, ...]) -> None:
    (term,) = read(text).root.where
    assert term == FilterTerm(
        field=text.partition("=")[0],
        operator=Operator(operator),
        is_negated=False,
        values=values,
        quantifier=Quantifier(quantifier),
    )


def test_a_list_stands_in_a_tree_too() -> None:
    (group,) = read('or=(name.not.eq(any).{a,"b)"},level.isdistinct.A,active.is.unknown)').root.where
    assert isinstance(group, FilterGroup)
    first, second, third = group.terms
    assert first == FilterTerm(
        field="name", operator=Operator.EQ, is_negated=True, values=("a", "b)"), quantifier=Quantifier.ANY
    )
    assert second == FilterTerm(field="level", operator=Operator.ISDISTINCT, is_negated=False, values=("A",))
    assert third == FilterTerm(field="active", operator=Operator.IS, is_negated=False, values=("unknown",))


@pytest.mark.parametrize(
    "text",
    ["name=eq(any).a", "name=eq(any).{a", "name=eq(any).{a}b", "name=eq(any).{a,,b}", "name=eq(any).{a,NULL}",
     "name=eq(any).{{a}}", "name=eq(some).{a}", "name=in(any).{a}", "name=is(any).{null}", "name=eq(any)",
     'name=eq(any).{"a}', 'name=eq(any).{"a"b}', "or=(name.eq(any).{a)"],
)  # fmt: skip
def test_a_list_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(QueryMalformed):
        read(text)


def test_a_list_has_its_limit() -> None:
    most = LIMITS.in_values
    assert len(read(f"name=eq(any).{{{','.join(['a'] * most)}}}").root.where[0].values) == most  # type: ignore[union-attr]
    with pytest.raises(QueryTooComplex):
        read(f"name=eq(any).{{{','.join(['a'] * (most + 1))}}}")
