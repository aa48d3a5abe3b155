"""What a source is asked, and what remains for the gateway."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from gateway.catalog.storage import stored_type
from gateway.model.ids import FieldName
from gateway.model.plan import ReadPlan
from gateway.model.predicate import (
    EVERYTHING,
    NOTHING,
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
from gateway.model.query import AggregateFunction, FieldUse
from gateway.planning.pushdown import split
from tests.memory_connector import ALL, NONE
from tests.unit.planning.small_question import DATASET, FIELDS, LIMITS, REDACT, decision, plan, question

EQ, NEQ, GT = Comparator.EQ, Comparator.NEQ, Comparator.GT


def of(name: str, comparator: Comparator, value: object) -> Compare:
    return Compare(FieldName(name), comparator, value)  # type: ignore[arg-type]


def projected(planned: ReadPlan) -> list[str]:
    return [column.source.field for column in planned.fetch.columns]


@pytest.mark.parametrize(
    ("asked", "stored"),
    [
        (of("no", EQ, 1), of("no", EQ, 1)),
        (of("level", EQ, "甲"), of("level", EQ, "1")),
        (of("level", NEQ, "乙"), of("level", NEQ, "2")),
        (of("level", EQ, "9"), of("level", EQ, "9")),
        (of("monthly", GT, Decimal("650.5")), of("monthly", GT, 65050)),
        (of("since", Comparator.LTE, date(2020, 1, 2)), of("since", Comparator.LTE, "20200102")),
        (of("alone", EQ, True), of("alone", EQ, "Y")),
        (
            IsTruth(FieldName("alone"), truth=False),
            AllOf((Not(IsNull(FieldName("alone"))), of("alone", EQ, "N"))),
        ),
        (OneOf(FieldName("level"), ("甲", "1", "乙")), OneOf(FieldName("level"), ("1", "2"))),
        (Not(OneOf(FieldName("level"), ("1",))), Not(OneOf(FieldName("level"), ()))),
        (Like(FieldName("phone"), "138%", ignores_case=False), Like(FieldName("phone"), "138%", ignores_case=False)),
        (Under(FieldName("street"), ("33",)), Under(FieldName("street"), ("33",))),
        (IsNull(FieldName("level")), IsNull(FieldName("level"))),
    ],
)
def test_a_conjunct_is_pushed_in_stored_form(asked: Predicate, stored: Predicate) -> None:
    parts = split((EVERYTHING, asked), DATASET, ALL)
    assert (parts.pushed, parts.residual) == (stored, ())


@pytest.mark.parametrize(
    "asked",
    [
        of("level", GT, "甲"),
        of("alone", GT, False),
        Like(FieldName("level"), "甲", ignores_case=False),
        Like(FieldName("phone"), "X%", ignores_case=True),
        Under(FieldName("level"), ("1",)),
        of("monthly", GT, Decimal("1.005")),
        of("monthly", NEQ, Decimal("1.005")),
        AnyOf((of("no", EQ, 1), of("level", GT, "甲"))),
    ],
)
def test_what_stored_values_do_not_answer_remains_as_it_was_asked(asked: Predicate) -> None:
    parts = split((of("no", EQ, 2), asked), DATASET, ALL)
    assert (parts.pushed, parts.residual) == (of("no", EQ, 2), (asked,))


@pytest.mark.parametrize(
    "asked",
    [
        of("monthly", EQ, Decimal("1.005")),
        of("level", EQ, "1"),
        OneOf(FieldName("level"), ("1", "2")),
        OneOf(FieldName("no"), ()),
        Under(FieldName("street"), ()),
        NOTHING,
    ],
)
def test_a_conjunct_that_no_cell_can_meet_is_nothing(asked: Predicate) -> None:
    assert split((asked, of("no", EQ, 1)), DATASET, ALL).pushed == NOTHING
    unable = split((asked, of("no", EQ, 1)), DATASET, NONE)
    assert (unable.pushed, unable.residual) == (EVERYTHING, (NOTHING,))


def test_a_source_that_can_stop_reads_nothing_for_nothing() -> None:
    claims = replace(NONE, can_limit=True)
    assert plan(question("no"), decision(rows=NOTHING), claims).fetch.limit == 0


def test_predicates_comparators_and_columns_that_are_not_claimed_remain() -> None:
    terms = (of("no", EQ, 1), of("no", GT, 0), of("phone", EQ, "x"), IsNull(FieldName("no")))
    rest = replace(
        NONE, predicates=frozenset({AllOf, Compare}), comparators=frozenset({EQ}), columns=frozenset({"NO", "LEVEL"})
    )
    parts = split(terms, DATASET, rest)
    assert (parts.pushed, parts.residual) == (terms[0], terms[1:])


def test_without_conjunction_one_conjunct_is_pushed_alone() -> None:
    parts = split((of("no", EQ, 1), of("no", EQ, 2)), DATASET, replace(ALL, predicates=frozenset({Compare})))
    assert (parts.pushed, parts.residual) == (of("no", EQ, 1), (of("no", EQ, 2),))


def test_the_row_filter_stands_before_the_asker_s_filters() -> None:
    planned = plan(question("no", where=of("no", EQ, 1)), decision(rows=of("level", EQ, "甲")))
    assert planned.fetch.where == AllOf((of("level", EQ, "1"), of("no", EQ, 1)))
    assert not planned.residual.is_needed


def test_only_what_is_shown_and_the_subject_are_fetched() -> None:
    planned = plan(question("no", where=of("level", EQ, "甲"), order=(("since", True, True),)))
    assert projected(planned) == ["no", "person"]
    assert planned.subject_index == 1
    assert set(planned.fetch.known) == {"no", "person", "level", "since"}
    assert all(column.type is stored_type(FIELDS[name]) for name, column in planned.fetch.known.items())


def test_residual_work_brings_its_own_columns_and_shows_none_of_them() -> None:
    planned = plan(question("no", where=of("level", GT, "甲"), order=(("alone", False, False),)))
    assert projected(planned) == ["no", "level", "alone", "person"]
    assert [column.name for column in planned.columns] == ["no"]
    assert planned.residual.where == of("level", GT, "甲")


@pytest.mark.parametrize(("limit", "most"), [(None, 50), (7, 7), (60, 50), (0, 0)])
def test_the_page_is_the_lesser_of_what_is_asked_and_what_is_allowed(limit: int | None, most: int) -> None:
    pushed = plan(question("no", limit=limit, offset=3))
    assert (pushed.fetch.limit, pushed.fetch.offset, pushed.residual.limit) == (most, 3, None)
    residual = plan(question("no", limit=limit, offset=3), claims=NONE)
    assert (residual.fetch.limit, residual.fetch.offset) == (None, 0)
    assert (residual.residual.limit, residual.residual.offset) == (most, 3)


def test_a_page_waits_for_the_gateway_s_own_filter_or_order() -> None:
    for bound in (question("no", where=of("level", GT, "甲")), question("no", order=(("level", False, False),))):
        planned = plan(bound)
        assert planned.fetch.order == ()
        assert planned.fetch.limit == LIMITS.source_rows + 1
        assert (planned.residual.limit, planned.residual.is_needed) == (50, True)


def test_a_source_that_can_not_order_still_limits_an_unordered_answer() -> None:
    claims = replace(ALL, can_order=False)
    assert plan(question("no", limit=3), claims=claims).fetch.limit == 3
    assert plan(question("no", limit=3, order=(("no", True, True),)), claims=claims).fetch.limit == 501


def test_max_rows_lowers_the_limit_wherever_it_stands() -> None:
    decided = decision(obligations=("max_rows=2",))
    assert plan(question("no"), decided).fetch.limit == 2
    assert plan(question("no"), decided, NONE).residual.limit == 2


def test_a_count_is_pushed_as_a_second_fetch_or_made_of_all_rows() -> None:
    bound = question("no", where=of("level", EQ, "甲"), limit=1, offset=2, wants_count=True)
    pushed = plan(bound)
    assert pushed.count_fetch is not None
    assert (pushed.count_fetch.columns, pushed.count_fetch.limit, pushed.count_fetch.offset) == ((), None, 0)
    assert pushed.count_fetch.where == pushed.fetch.where
    assert pushed.fetch.limit == 1
    made = plan(bound, claims=replace(ALL, aggregates=frozenset()))
    assert (made.count_fetch, made.fetch.limit, made.residual.limit) == (None, 501, 1)


# ------------------------------------------------------------------ masks
DIM = decision({"phone": "dim", "level": "dim", "person": "dim", "since": "coarse"})


def test_a_mask_of_plain_text_is_computed_at_the_source() -> None:
    planned = plan(question("no", "phone"), DIM)
    (phone,) = (column for column in planned.fetch.columns if column.source.field == "phone")
    assert phone.form is not None
    mask = planned.columns[1].mask
    assert mask is not None
    assert (mask.name, mask.at_source) == ("dim", True)


@pytest.mark.parametrize("column", ["level", "since", "person"])
def test_coded_values_other_types_and_the_subject_are_masked_by_the_gateway(column: str) -> None:
    planned = plan(question(column), DIM)
    assert all(one.form is None for one in planned.fetch.columns)
    assert planned.columns[0].mask is not None
    assert not planned.columns[0].mask.at_source


def test_a_mask_stays_here_where_the_source_can_not_or_the_gateway_needs_the_value() -> None:
    for planned in (
        plan(question("phone"), DIM, replace(ALL, can_mask=False)),
        plan(question("phone"), replace(DIM, rows=replace(DIM.rows, filter=of("phone", GT, "1"))), NONE),
    ):
        assert all(one.form is None for one in planned.fetch.columns)


def test_a_mask_follows_the_field_s_term_and_one_that_does_not_fit_hides_all() -> None:
    def kind(level: str, column: str) -> str:
        mask = plan(question(column), decision({column: level})).columns[0].mask
        assert mask is not None
        return mask.choice.kind

    assert kind("dim", "phone") == "partial"
    assert kind("dim", "since") == "redact"
    assert kind("coarse", "phone") == REDACT.kind
    assert kind("gone", "monthly") == "null"


# ------------------------------------------------------------------ groups
def test_groups_are_made_by_a_source_that_claims_them_and_need_no_subject() -> None:
    planned = plan(question("level", "count()", "monthly.sum()", order=(("level", False, False),)))
    assert projected(planned) == ["level"]
    assert [(one.function, one.field) for one in planned.fetch.aggregates] == [
        (AggregateFunction.COUNT, None),
        (AggregateFunction.SUM, "monthly"),
    ]
    assert [column.raw_index for column in planned.columns] == [0, 1, 2]
    assert planned.subject_index is None
    # codes don't sort as their values do: the gateway sorts the groups
    assert (planned.fetch.order, planned.residual.aggregates) == ((), False)
    assert planned.residual.order


@pytest.mark.parametrize(
    ("columns", "where", "lacking"),
    [
        (("street", "count()"), of("level", GT, "甲"), frozenset[AggregateFunction]()),
        (("street", "monthly.sum()"), EVERYTHING, frozenset({AggregateFunction.SUM})),
        (("street", "monthly.sum()"), EVERYTHING, frozenset({AggregateFunction.COUNT})),
        (("street", "level.min()"), EVERYTHING, frozenset[AggregateFunction]()),
    ],
)
def test_groups_that_the_source_can_not_make_are_made_here(
    columns: tuple[str, ...], where: Predicate, lacking: frozenset[AggregateFunction]
) -> None:
    planned = plan(question(*columns, where=where), claims=replace(ALL, aggregates=ALL.aggregates - lacking))
    assert planned.residual.aggregates
    assert planned.fetch.aggregates == ()
    assert [column.raw_index for column in planned.columns] == [0, 1]


def test_a_bare_count_made_here_fetches_one_column() -> None:
    assert projected(plan(question("count()"), claims=NONE)) == ["no"]


def test_k_counts_unseen_and_pages_late() -> None:
    decided = decision({"monthly": "dim"}, {"monthly": frozenset({FieldUse.AGGREGATE})}, obligations=("k=2",))
    for claims in (ALL, NONE):
        planned = plan(question("street", "monthly.sum()", limit=1), decided, claims)
        assert [column.is_hidden for column in planned.columns] == [False, False, True, True]
        assert planned.late_page is not None
        assert (planned.late_page.limit, planned.residual.limit) == (1, None)
