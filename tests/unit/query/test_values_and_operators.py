"""Every operator of the read grammar over every type: the predicate, or the error that says how to write it."""

from decimal import Decimal

import pytest

from gateway.errors import OperatorUnfit, ValueMalformed
from gateway.model.catalog import Classification, Field, FieldType, Storage, Title
from gateway.model.ids import FieldName
from gateway.model.json_value import Json, JsonStep
from gateway.model.predicate import (
    AnyOf,
    AtPath,
    Comparator,
    Compare,
    ContainedIn,
    Contains,
    FullText,
    IsNull,
    Lies,
    Matches,
    Not,
    OneOf,
    Overlaps,
    Predicate,
    Relation,
    SearchMode,
)
from gateway.model.query import AggregateFunction, FilterTerm, Operator, Quantifier
from gateway.model.range_value import EMPTY, range_of
from gateway.query._fitting import unfit_aggregate, unfit_path, unfit_term
from gateway.query._operators import predicate_of
from gateway.settings import Limits

F = FieldName("f")
STEP = JsonStep(key="a", as_text=False)
TEXT_STEP = JsonStep(key="a", as_text=True)


def field(kind: str) -> Field:
    return Field(
        name=F,
        column="F",
        type=FieldType(kind),
        storage=Storage.NATIVE,
        codes={},
        term=None,
        classification=Classification.PUBLIC,
        title=Title(zh="f", en="f"),
    )


def term(operator: str, *values: str, path: tuple[JsonStep, ...] = (), language: str | None = None) -> FilterTerm:
    quantifier = Quantifier.ANY if len(values) > 1 and operator != "in" else None
    return FilterTerm(
        field="f",
        operator=Operator(operator),
        is_negated=False,
        values=values,
        quantifier=quantifier,
        path=path,
        language=language,
    )


@pytest.mark.parametrize(
    ("kind", "asked", "predicate"),
    [
        ("text", term("match", "^a"), Matches(F, "^a", ignores_case=False)),
        ("text", term("imatch", "a", "b"), AnyOf((Matches(F, "a", True), Matches(F, "b", True)))),
        ("text", term("fts", "a & b"), FullText(F, SearchMode.QUERY, "a & b", "english")),
        ("text", term("wfts", "a -b", language="simple"), FullText(F, SearchMode.WEB, "a -b", "simple")),
        ("text[]", term("cs", '{a,"b,c"}'), Contains(F, ("a", "b,c"))),
        ("integer[]", term("cd", "{1, 2,NULL}"), ContainedIn(F, (1, 2, None))),
        ("numeric[]", term("eq", "{1.50}"), Compare(F, Comparator.EQ, (Decimal("1.50"),))),
        ("text[]", term("ov", "{}"), Overlaps(F, ())),
        ("integer-range", term("sl", "(1,5]"), Lies(F, Relation.LEFT_OF, range_of(2, 6))),
        ("integer-range", term("adj", "empty"), Lies(F, Relation.ADJACENT, EMPTY)),
        ("integer-range", term("in", "[1,2)", "[1,1]"), OneOf(F, (range_of(1, 2),))),
        ("json", term("cs", '{"b":1,"a":2}'), Contains(F, Json('{"a":2,"b":1}'))),
        ("json", term("is", "null"), IsNull(F)),
        ("json", term("gt", "1", path=(STEP,)), AtPath(F, (STEP,), Compare(F, Comparator.GT, Json("1")))),
        ("json", term("match", "x", path=(TEXT_STEP,)), AtPath(F, (TEXT_STEP,), Matches(F, "x", ignores_case=False))),
        (
            "json",
            term("isdistinct", "x", path=(TEXT_STEP,)),
            AtPath(F, (TEXT_STEP,), AnyOf((IsNull(F), Not(Compare(F, Comparator.EQ, "x"))))),
        ),
    ],
)
def test_an_operator_becomes_its_predicate(kind: str, asked: FilterTerm, predicate: Predicate) -> None:
    assert unfit_term(asked, field(kind)) is None
    assert predicate_of(asked, field(kind)) == predicate


@pytest.mark.parametrize(
    ("kind", "asked"),
    [
        ("integer", term("cs", "{1}")),
        ("integer", term("match", "1")),
        ("json", term("fts", "a")),
        ("json", term("ov", "{}")),
        ("text[]", term("sl", "{}")),
        ("text[]", term("like", "a")),
        ("boolean", term("gt", "true")),
        ("json", term("like", "a", path=(STEP,))),
        ("json", term("cs", "a", path=(TEXT_STEP,))),
        ("json", term("is", "true", path=(TEXT_STEP,))),
        ("text", term("eq", "a", path=(STEP,))),
    ],
)
def test_an_operator_or_a_path_that_does_not_fit_is_a_fault(kind: str, asked: FilterTerm) -> None:
    fault = unfit_term(asked, field(kind))
    assert isinstance(fault, OperatorUnfit)
    assert fault.message("zh") != fault.message("en")


@pytest.mark.parametrize(
    ("kind", "asked"),
    [
        ("text", term("match", "(")),
        ("text", term("match", "(a{1000}){1000}")),
        ("text", term("fts", "a &")),
        ("text", term("plfts", "a", language="klingon")),
        ("text[]", term("cs", "a,b")),
        ("text[]", term("cs", "{{a}}")),
        ("text[]", term("cs", '{"a}')),
        ("integer[]", term("cs", "{1,x}")),
        ("integer[]", term("cs", "{9223372036854775808}")),
        ("integer-range", term("sl", "[1,5")),
        ("integer-range", term("sl", "[5,1]")),
        ("date-range", term("ov", "[2026-02-30,)")),
        ("json", term("eq", "{a:1}")),
        ("json", term("eq", "x", path=(STEP,))),
    ],
)
def test_a_literal_that_is_none_is_malformed(kind: str, asked: FilterTerm) -> None:
    with pytest.raises(ValueMalformed):
        predicate_of(asked, field(kind))


@pytest.mark.parametrize("operator", ["match", "imatch", "fts", "wfts"])
def test_patterns_have_their_limit(operator: str) -> None:
    limits = Limits(pattern_characters=10)
    predicate_of(term(operator, "a" * 10), field("text"), limits=limits)
    with pytest.raises(ValueMalformed) as refused:
        predicate_of(term(operator, "a" * 11), field("text"), limits=limits)
    assert "10" in refused.value.example


def test_only_json_has_paths_and_only_plain_types_extremes() -> None:
    assert unfit_path((STEP,), field("json")) is None
    assert unfit_path((), field("text")) is None
    assert isinstance(unfit_path((TEXT_STEP,), field("text[]")), OperatorUnfit)
    assert unfit_aggregate(AggregateFunction.COUNT, field("json")) is None
    assert isinstance(unfit_aggregate(AggregateFunction.MAX, field("json")), OperatorUnfit)
    assert isinstance(unfit_aggregate(AggregateFunction.MIN, field("date-range")), OperatorUnfit)
