"""Laws of the condition language, over any text: it never breaks, and what is bound holds constants only."""

from collections.abc import Iterator
from datetime import UTC
from time import perf_counter
from types import MappingProxyType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.catalog.condition import (
    ATTRIBUTES,
    AttributeMissing,
    ConditionInvalid,
    bind_condition,
    evaluate_condition,
    parse_condition,
)
from gateway.model.catalog import Classification, Dataset, Field, FieldType, Storage, Title
from gateway.model.condition import AttributeType, AttributeValue, Condition
from gateway.model.ids import DatasetName, DepartmentName, FieldName
from gateway.model.predicate import (
    AllOf,
    AnyOf,
    Compare,
    IsNull,
    Like,
    Not,
    OneOf,
    Predicate,
    Under,
)

TITLE = Title(zh="x", en="x")
TYPES = {
    "code": FieldType.TEXT,
    "who": FieldType.TEXT,
    "amount": FieldType.NUMERIC,
    "dose": FieldType.INTEGER,
    "flag": FieldType.BOOLEAN,
    "day": FieldType.DATE,
    "at": FieldType.TIMESTAMP,
}
DATASET = Dataset(
    name=DatasetName("d.t"),
    department=DepartmentName("d"),
    title=TITLE,
    source=None,
    table="",
    key=(),
    subject=None,
    region=None,
    fields=MappingProxyType({
        FieldName(name): Field(
            name=FieldName(name), column=name, type=kind, storage=Storage.NATIVE, codes=MappingProxyType({}),
            term=None, classification=Classification.PUBLIC, title=TITLE,
        )
        for name, kind in TYPES.items()
    }),
    links=MappingProxyType({}),
)  # fmt: skip

WORDS = [
    *TYPES, *ATTRIBUTES, "and", "or", "not", "in", "between", "is", "null", "like", "under", "true", "false", "(", ")",
    ",", "=", "<>", "<", "<=", ">", ">=", "'x'", "''", "'330102'", "1", "-2.5", "'2026-01-01'", "'08:00'", ";", "--",
    "/*", "select", "eval", "'", '"', "`", "!", ":", "1=1", "\x00", "＝", "null", "'approved'",
]  # fmt: skip

HOSTILE = st.sampled_from([
    "' or 1=1 --", "'; drop table t; --", "x' union select * from t --", "%", "_", "\\", "''", "$1", ":p", "{0}",
    "%(x)s", "1) or (1=1", "\u2019 or 1=1", "330102' --",
])  # fmt: skip


def attributes(texts: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, AttributeValue]]:
    kinds: dict[AttributeType, st.SearchStrategy[AttributeValue]] = {
        AttributeType.TEXT: texts,
        AttributeType.INTEGER: st.integers(0, 3),
        AttributeType.TIMESTAMP: st.datetimes(timezones=st.just(UTC)),
        AttributeType.TEXT_LIST: st.lists(texts, max_size=3).map(tuple),
    }
    return st.fixed_dictionaries(
        {}, optional={name: st.one_of(st.none(), kinds[kind]) for name, kind in ATTRIBUTES.items()}
    )


@st.composite
def conditions(draw: st.DrawFn) -> str:
    """Right conditions over the dataset."""
    tests = st.sampled_from([
        "code under subject.regions", "code not under subject.regions", "who = subject.id_number", "flag = true",
        "who in case.subjects", "who not in case.subjects", "amount >= 1.5", "amount between 1 and 2",
        "dose = subject.assurance",
        "day < '2026-01-01'", "at <= now", "who like '%x_'", "day is null", "ctx.network = 'gov-vpn'",
        "ctx.assurance >= 2", "ctx.justification is not null", "ctx.network like 'gov-%'",
    ])  # fmt: skip
    text = draw(tests)
    for _ in range(draw(st.integers(0, 6))):
        text = draw(st.sampled_from([f"not ({text})", f"{text} and {draw(tests)}", f"({text}) or {draw(tests)}"]))
    return text


def leaves(predicate: Predicate) -> Iterator[Predicate]:
    match predicate:
        case AllOf() | AnyOf():
            for term in predicate.terms:
                yield from leaves(term)
        case Not():
            yield from leaves(predicate.term)
        case _:
            yield predicate


def bound_or_missing(condition: Condition, values: dict[str, AttributeValue]) -> tuple[Predicate | None, str]:
    try:
        return bind_condition(condition, values), ""
    except AttributeMissing as error:
        return None, error.attribute


@settings(max_examples=500, deadline=None)
@given(st.one_of(st.text(max_size=60), st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join)))
def test_no_text_raises_anything_but_the_languages_own_error(text: str) -> None:
    for dataset in (DATASET, None):
        try:
            condition = parse_condition(text, dataset=dataset)
        except ConditionInvalid as error:
            told = (error.fault, error.fix)
        else:
            assert condition.fields | condition.attributes, "a condition that reads nothing holds always or never"
            continue
        assert all(told)


@settings(max_examples=500, deadline=None)
@given(conditions(), attributes(st.one_of(st.text(max_size=8), HOSTILE, st.sampled_from(["330102", "gov-vpn"]))))
def test_what_is_bound_holds_constants_of_the_fields_own_type(text: str, values: dict[str, AttributeValue]) -> None:
    condition = parse_condition(text, dataset=DATASET)
    bound, missing = bound_or_missing(condition, values)
    if bound is None:
        assert missing in condition.attributes
        return
    given_texts = {part for value in values.values() for part in (value if isinstance(value, tuple) else (value,))}
    for leaf in leaves(bound):
        assert isinstance(leaf, Compare | OneOf | Under | Like | IsNull)
        assert leaf.field in condition.fields
        if isinstance(leaf, Under):
            assert all(prefix.isascii() and prefix.isdigit() for prefix in leaf.prefixes)
        if isinstance(leaf, Like):
            assert leaf.pattern == "%x_"
        if isinstance(leaf, OneOf):
            assert set(leaf.values) <= given_texts
            assert leaf.values
        if isinstance(leaf, Compare) and leaf.field == "who":
            assert leaf.value in given_texts


@settings(max_examples=300, deadline=None)
@given(HOSTILE)
def test_an_injection_in_a_text_stays_text_and_outside_of_one_is_refused(payload: str) -> None:
    quoted = payload.replace("'", "''")
    bound = bind_condition(parse_condition(f"who = '{quoted}'", dataset=DATASET), {})
    assert isinstance(bound, Compare)
    assert bound.value == payload
    if payload != "''":  # that is a text: the empty one
        with pytest.raises(ConditionInvalid):
            parse_condition(f"who = {payload}", dataset=DATASET)


@settings(max_examples=300, deadline=None)
@given(conditions(), attributes(st.sampled_from(["330102", "gov-vpn", "x"])), st.sampled_from(sorted(ATTRIBUTES)))
def test_taking_an_attribute_away_never_opens_a_condition_that_reads_it(
    text: str, values: dict[str, AttributeValue], gone: str
) -> None:
    condition = parse_condition(text, dataset=DATASET)
    if gone not in condition.attributes or "is not null" in text:
        return
    fewer = {name: value for name, value in values.items() if name != gone}
    with pytest.raises(AttributeMissing):
        bind_condition(condition, fewer)


@settings(max_examples=300, deadline=None)
@given(st.text("ab%_", max_size=6), st.text("ab", max_size=8))
def test_like_means_what_sql_means_by_it(pattern: str, text: str) -> None:
    def is_like(pattern: str, text: str) -> bool:
        if not pattern:
            return not text
        if pattern[0] == "%":
            return any(is_like(pattern[1:], text[at:]) for at in range(len(text) + 1))
        return bool(text) and pattern[0] in {"_", text[0]} and is_like(pattern[1:], text[1:])

    condition = parse_condition(f"ctx.network like '{pattern}'", dataset=None)
    if text:
        assert evaluate_condition(condition, {"ctx.network": text}) == is_like(pattern, text)


def test_a_pattern_made_to_be_slow_is_not() -> None:
    condition = parse_condition("ctx.network like '" + "%a" * 49 + "b'", dataset=None)
    started = perf_counter()
    assert not evaluate_condition(condition, {"ctx.network": "a" * 10_000})
    assert perf_counter() - started < 5
