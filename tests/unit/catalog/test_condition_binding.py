"""bind_condition and evaluate_condition: attributes become constants; what is missing fails closed."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from gateway.catalog.condition import (
    AttributeMissing,
    bind_condition,
    evaluate_condition,
    parse_condition,
    time_attributes,
)
from gateway.model.catalog import Catalog, Dataset
from gateway.model.condition import AttributeValue
from gateway.model.ids import DatasetName, FieldName
from gateway.model.predicate import (
    EVERYTHING,
    NOTHING,
    AllOf,
    AnyOf,
    Comparator,
    Compare,
    IsNull,
    Like,
    Not,
    OneOf,
    Predicate,
    Under,
)

NOON = datetime(2026, 3, 1, 4, 30, tzinfo=UTC)  # 12:30 in Hangzhou
ALL: Mapping[str, AttributeValue] = {
    "subject.principal": "wang",
    "subject.organisation": "清波街道",
    "subject.id_number": "330102199001011234",
    "subject.regions": ("330102001", "330102002"),
    "subject.assurance": 2,
    "case.subjects": ("330102199001011234",),
    "case.state": "approved",
    "ctx.network": "gov-vpn",
    "ctx.assurance": 2,
    "ctx.case_state": "approved",
    "ctx.approved_by": "li",
    "ctx.justification": "surgery",
    **time_attributes(NOON),
}
CODE, ID, MONTHLY, NEEDY = (FieldName(name) for name in ("community_code", "id_number", "monthly", "needy"))

IS_NEEDY = Compare(NEEDY, Comparator.EQ, True)


@pytest.fixture
def assistance(small: Catalog) -> Dataset:
    return small.datasets[DatasetName("civil-affairs.assistance")]


BOUND: list[tuple[str, Predicate]] = [
    ("community_code under subject.regions", Under(CODE, ("330102001", "330102002"))),
    ("community_code not under '33'", Not(Under(CODE, ("33",)))),
    ("id_number = subject.id_number", Compare(ID, Comparator.EQ, "330102199001011234")),
    ("id_number in case.subjects", OneOf(ID, ("330102199001011234",))),
    ("id_number like '33%'", Like(ID, "33%", ignores_case=False)),
    ("monthly >= subject.assurance", Compare(MONTHLY, Comparator.GTE, Decimal(2))),
    ("subject.assurance < monthly", Compare(MONTHLY, Comparator.GT, Decimal(2))),
    ("needy is null", IsNull(NEEDY)),
    ("needy = true or monthly > 1", AnyOf((IS_NEEDY, Compare(MONTHLY, Comparator.GT, Decimal(1))))),
    ("subject.assurance >= 2 and needy = true", IS_NEEDY),
    ("subject.assurance >= 3 and needy = true", NOTHING),
    ("subject.assurance >= 3 or needy = true", IS_NEEDY),
    ("subject.assurance >= 2 or needy = true", EVERYTHING),
    ("not (subject.assurance >= 2)", NOTHING),
    ("needy = true and monthly between 1 and 2", AllOf((IS_NEEDY, AllOf((
        Compare(MONTHLY, Comparator.GTE, Decimal(1)), Compare(MONTHLY, Comparator.LTE, Decimal(2))))))),
]  # fmt: skip


@pytest.mark.parametrize(("text", "predicate"), BOUND, ids=[bound[0] for bound in BOUND])
def test_attributes_become_constants(assistance: Dataset, text: str, predicate: Predicate) -> None:
    bound = bind_condition(parse_condition(text, dataset=assistance), ALL)
    assert bound == predicate
    if isinstance(bound, Compare) and isinstance(predicate, Compare):
        assert type(bound.value) is type(predicate.value)


TRUTHS = [
    ("subject.assurance >= 2", True),
    ("subject.assurance < 2", False),
    ("ctx.network = 'gov-vpn'", True),
    ("ctx.network <> 'gov-vpn'", False),
    ("ctx.network like 'gov-%'", True),
    ("ctx.network like 'gov-___'", True),
    ("ctx.network like 'gov'", False),
    ("ctx.network like '%v%n'", True),
    ("ctx.network like '%'", True),
    ("ctx.network like '_'", False),
    ("ctx.network in ('internet', 'gov-vpn')", True),
    ("ctx.time between '08:00' and '18:00'", True),
    ("ctx.time >= '12:31'", False),
    ("ctx.time = '12:30'", True),
    ("now < '2026-03-01T12:30:01+08:00'", True),
    ("now < '2026-03-01T12:30:00+08:00'", False),
    ("ctx.approved_by <> subject.principal", True),
    ("subject.id_number in case.subjects", True),
    ("ctx.justification is null", False),
    ("not (ctx.case_state = 'closed') and (case.state = 'opened' or ctx.assurance = 2)", True),
]


@pytest.mark.parametrize(("text", "truth"), TRUTHS)
def test_a_condition_without_fields_is_true_or_false(text: str, truth: bool) -> None:
    assert evaluate_condition(parse_condition(text, dataset=None), ALL) is truth


def test_a_condition_over_fields_has_no_truth(assistance: Dataset) -> None:
    condition = parse_condition("needy = true or subject.assurance >= 2", dataset=assistance)
    with pytest.raises(ValueError, match="without a row"):
        evaluate_condition(condition, ALL)


MISSING: list[Any] = [None, "", 3, True, ("a",), (), b"gov-vpn"]


@pytest.mark.parametrize("value", MISSING)
@pytest.mark.parametrize("text", ["ctx.network = 'gov-vpn'", "ctx.network <> 'gov-vpn'", "ctx.network like '%'"])
def test_a_missing_or_wrongly_typed_text_is_told(text: str, value: Any) -> None:
    with pytest.raises(AttributeMissing) as caught:
        evaluate_condition(parse_condition(text, dataset=None), {**ALL, "ctx.network": value})
    assert caught.value.attribute == "ctx.network"


@pytest.mark.parametrize("value", [None, "2", True, 2.0, (2,)])
def test_a_missing_or_wrongly_typed_number_is_told(value: Any) -> None:
    with pytest.raises(AttributeMissing):
        evaluate_condition(parse_condition("ctx.assurance >= 1", dataset=None), {**ALL, "ctx.assurance": value})


@pytest.mark.parametrize("value", [None, "330102001", ("",), (None,), (330102001,), ("3301020",), ("%",), ("cn",)])
def test_missing_or_malformed_regions_are_told(assistance: Dataset, value: Any) -> None:
    condition = parse_condition("community_code under subject.regions", dataset=assistance)
    with pytest.raises(AttributeMissing):
        bind_condition(condition, {**ALL, "subject.regions": value})


@pytest.mark.parametrize("value", [None, "now", datetime(2026, 3, 1)])  # noqa: DTZ001 - naive on purpose
def test_a_time_without_offset_is_a_missing_one(value: Any) -> None:
    with pytest.raises(AttributeMissing):
        evaluate_condition(parse_condition("now > '2020-01-01T00:00:00Z'", dataset=None), {**ALL, "now": value})


@pytest.mark.parametrize(
    "text", ["subject.assurance >= 2 or ctx.network = 'x'", "ctx.network = 'x' or subject.assurance >= 2",
             "subject.assurance >= 9 and ctx.network = 'x'", "not (ctx.network = 'x')"],
)  # fmt: skip
def test_no_short_cut_hides_a_missing_attribute(text: str) -> None:
    with pytest.raises(AttributeMissing):
        evaluate_condition(parse_condition(text, dataset=None), {**ALL, "ctx.network": None})


def test_asking_whether_an_attribute_is_there_needs_no_attribute() -> None:
    condition = parse_condition("ctx.justification is null", dataset=None)
    assert evaluate_condition(condition, {})
    assert evaluate_condition(condition, {"ctx.justification": ""})
    wrong: Any = {"ctx.justification": 5}
    with pytest.raises(AttributeMissing):
        evaluate_condition(condition, wrong)


def test_no_regions_no_rows(assistance: Dataset) -> None:
    nowhere = {**ALL, "subject.regions": ()}
    under = parse_condition("community_code under subject.regions", dataset=assistance)
    assert bind_condition(under, nowhere) == NOTHING
    with_more = parse_condition("community_code under subject.regions or needy = true", dataset=assistance)
    assert bind_condition(with_more, nowhere) == IS_NEEDY


@pytest.mark.parametrize(
    "text",
    [
        "not community_code under subject.regions",
        "community_code not under subject.regions",
        "not (needy = true or community_code under subject.regions)",
        "id_number not in case.subjects",
    ],
)
def test_an_empty_list_under_not_opens_nothing(assistance: Dataset, text: str) -> None:
    condition = parse_condition(text, dataset=assistance)
    with pytest.raises(AttributeMissing):
        bind_condition(condition, {**ALL, "subject.regions": (), "case.subjects": ()})


def test_two_negations_cancel_for_an_empty_list(assistance: Dataset) -> None:
    condition = parse_condition("not (community_code not under subject.regions)", dataset=assistance)
    assert bind_condition(condition, {**ALL, "subject.regions": ()}) == NOTHING


def test_an_injection_stays_a_value(assistance: Dataset) -> None:
    hostile = "' or 1=1; drop table t_dibao; --"
    bound = bind_condition(
        parse_condition("id_number = subject.id_number", dataset=assistance), {**ALL, "subject.id_number": hostile}
    )
    assert bound == Compare(ID, Comparator.EQ, hostile)


def test_the_clock_tells_the_time_of_day_in_shanghai() -> None:
    assert time_attributes(datetime(2026, 1, 1, 16, 5, tzinfo=UTC)) == {
        "now": datetime(2026, 1, 1, 16, 5, tzinfo=UTC),
        "ctx.time": "00:05",
    }
