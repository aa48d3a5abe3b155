"""Operators with languages, sets and paths; what headers ask for."""

import pytest

from gateway.errors import NotAcceptable, QueryMalformed
from gateway.model.query import Counting, FilterGroup, FilterTerm, JsonStep, MediaType, Operator, Quantifier
from tests.unit.query.small_town import read


def _only(question: str) -> FilterTerm:
    (term,) = read(question).root.where
    assert isinstance(term, FilterTerm)
    return term


def _within(question: str) -> list[FilterTerm]:
    (group,) = read(question).root.where
    assert isinstance(group, FilterGroup)
    return [term for term in group.terms if isinstance(term, FilterTerm)]


@pytest.mark.parametrize("operator", [one for one in Operator if one not in {Operator.IN, Operator.IS}])
def test_every_operator_takes_the_rest_as_it_stands(operator: Operator) -> None:
    term = _only(f'a=not.{operator.value}.x,(y)."z"')
    assert (term.operator, term.is_negated, term.values) == (operator, True, ('x,(y)."z"',))


@pytest.mark.parametrize("operator", ["fts", "plfts", "phfts", "wfts"])
def test_a_search_may_name_its_language(operator: str) -> None:
    assert _only(f"a={operator}(english).x").language == "english"
    assert _only(f"a={operator}.x").language is None


@pytest.mark.parametrize("operator", ["match", "imatch", "like", "eq", "gte"])
def test_a_quantifier_takes_a_list(operator: str) -> None:
    term = _only(f'a={operator}(any).{{x,"y,z"}}')
    assert (term.quantifier, term.values) == (Quantifier.ANY, ("x", "y,z"))


@pytest.mark.parametrize(
    "text", ["eq(english).x", "fts(any).{x}", "cs(any).{x}", "fts().x", "in(any).{x}", "is(all).null"]
)
def test_brackets_that_mean_nothing_are_refused(text: str) -> None:
    if text == "fts(any).{x}":  # a language of that name is for bind to refuse
        assert _only(f"a={text}").language == "any"
        return
    with pytest.raises(QueryMalformed):
        read(f"a={text}")


def test_paths_stand_in_parameters_and_trees() -> None:
    steps = (JsonStep(key="b", as_text=False), JsonStep(key="c", as_text=True))
    assert _only("a->b->>c=eq.x").path == steps
    assert _within("or=(a->b->>c.eq.x,d.is.null)")[0].path == steps


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("cs.{a,b}", "{a,b}"),
        ('cs.{"a,}",b}', '{"a,}",b}'),
        ("ov.[1,10)", "[1,10)"),
        ("cd.(1,10]", "(1,10]"),
        ("adj.(1,10)", "(1,10)"),
        ('cs.{"k":{"l":[1,2]}}', '{"k":{"l":[1,2]}}'),
        ("cs.[[1,2],3]", "[[1,2],3]"),
        ('sl."[1,2)"', "[1,2)"),
        ("eq.{a,b}", "{a,b}"),
        ("cs.plain", "plain"),
    ],
)
def test_a_set_in_a_tree_ends_where_its_brackets_are_closed(text: str, value: str) -> None:
    first, second = _within(f"and=(t.{text},u.eq.1)")
    assert first.values == (value,)
    assert second.field == "u"


@pytest.mark.parametrize("text", ["cs.{a", "ov.[1,2", "cd.(1", 'cs.{"a}'])
def test_a_set_that_is_not_closed_is_refused(text: str) -> None:
    with pytest.raises(QueryMalformed):
        read(f"and=(t.{text},u.eq.1)")


@pytest.mark.parametrize(
    ("accept", "media_type", "strips_nulls"),
    [
        ("application/x-ndjson", MediaType.NDJSON, False),
        ("application/vnd.apache.arrow.stream", MediaType.ARROW, False),
        ("application/vnd.pgrst.array+json", MediaType.JSON, False),
        ("application/vnd.pgrst.array+json;nulls=stripped", MediaType.JSON, True),
        ("application/vnd.pgrst.object+json; nulls=stripped", MediaType.OBJECT, True),
        ("application/vnd.pgrst.object", MediaType.OBJECT, False),
        ("text/csv;q=0.5, application/json;q=0.4", MediaType.CSV, False),
        ("application/*", MediaType.JSON, False),
    ],
)
def test_media_types(accept: str, media_type: MediaType, strips_nulls: bool) -> None:
    query = read(headers={"accept": accept})
    assert (query.media_type, query.strips_nulls) == (media_type, strips_nulls)


@pytest.mark.parametrize(
    "accept", ["*/*;q=0", "application/json;nulls=stripped", "application/geo+json", "application/json;q=0"]
)
def test_what_is_not_offered_is_not_acceptable(accept: str) -> None:
    with pytest.raises(NotAcceptable):
        read(headers={"accept": accept})


@pytest.mark.parametrize("kind", Counting)
def test_each_way_of_counting_is_understood(kind: Counting) -> None:
    assert read(headers={"prefer": f"return=minimal, count={kind.value}"}).counting is kind
    assert read(headers={"prefer": f"handling=strict; count={kind.value}"}).counting is kind


def test_strict_handling_refuses_what_is_not_offered() -> None:
    assert read(headers={"prefer": "timezone=Asia/Shanghai"}).counting is None
    with pytest.raises(QueryMalformed):
        read(headers={"prefer": "handling=strict, timezone=Asia/Shanghai"})
