"""k: what is counted, what is refused, and that a page can't go round it."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.errors import GroupTooSmall, OnlyAggregates, SourceTooBroad
from gateway.model.plan import LatePage, ReadPlan
from gateway.model.query import AggregateFunction
from gateway.obligations.k import SmallestGroup
from gateway.obligations.max_rows import MostRows

PlanOf = Callable[..., ReadPlan]
COUNT, SUM, AVG, MIN, MAX = (
    AggregateFunction.COUNT,
    AggregateFunction.SUM,
    AggregateFunction.AVG,
    AggregateFunction.MIN,
    AggregateFunction.MAX,
)
K = SmallestGroup(least=3)
PER_STREET = ((None, "street"), (COUNT, None))
Table = Sequence[tuple[str, int | None]]


def _aggregate(function: AggregateFunction, field: str | None, rows: Table) -> Any:
    values = [1 if field is None else row[1] if field == "monthly" else row[0] for row in rows]
    values = [value for value in values if value is not None]
    return len(values) if function is COUNT else sum(values) if values else None


def answer(plan: ReadPlan, table: Table) -> list[tuple[Any, ...]]:
    """What a faithful source and residual give for the plan, in the order of the plan's columns, page applied."""
    keyed = any(column.aggregate is None for column in plan.columns)
    groups = sorted({row[0] for row in table}) if keyed else [None]
    rows = []
    for group in groups:
        members = [row for row in table if group is None or row[0] == group]
        rows.append(
            tuple(
                group
                if column.aggregate is None
                else _aggregate(column.aggregate, column.field.name if column.field else None, members)
                for column in plan.columns
            )
        )
    limits = [limit for limit in (plan.fetch.limit, plan.residual.limit) if limit is not None]
    offset = plan.fetch.offset + plan.residual.offset
    return rows[offset : offset + min(limits) if limits else None]


def _ask(plan: ReadPlan, table: Table, k: SmallestGroup = K) -> list[tuple[Any, ...]]:
    amended = k.amend(plan)
    treated = k.treat(answer(amended, table), amended)
    return [tuple(c for c, column in zip(row, amended.columns, strict=True) if not column.is_hidden) for row in treated]


BIG: Table = [("a", 10), ("a", 20), ("a", 30), ("b", 5), ("b", 5), ("b", 5)]
SMALL: Table = [*BIG, ("c", 7), ("c", 8)]


def test_groups_of_at_least_k_are_answered(plan_of: PlanOf) -> None:
    assert _ask(plan_of(*PER_STREET), BIG) == [("a", 3), ("b", 3)]


def test_one_small_group_refuses_the_whole_answer(plan_of: PlanOf) -> None:
    with pytest.raises(GroupTooSmall) as refused:
        _ask(plan_of(*PER_STREET), SMALL)
    assert refused.value.least == 3


def test_a_filter_that_selects_two_people_is_refused(plan_of: PlanOf) -> None:
    with pytest.raises(GroupTooSmall):
        _ask(plan_of((COUNT, None)), SMALL[-2:])


@pytest.mark.parametrize("asked", [((COUNT, None),), PER_STREET])
def test_an_empty_answer_is_refused_like_a_small_one(plan_of: PlanOf, asked: Any) -> None:
    with pytest.raises(GroupTooSmall):
        _ask(plan_of(*asked), [])


@pytest.mark.parametrize("asked", [((None, "street"),), ((None, "street"), (None, "monthly")), ()])
def test_rows_are_refused(plan_of: PlanOf, asked: Any) -> None:
    with pytest.raises(OnlyAggregates):
        K.amend(plan_of(*asked))


@pytest.mark.parametrize("extreme", [MIN, MAX])
def test_extremes_are_refused_because_they_are_one_row_s_value(plan_of: PlanOf, extreme: AggregateFunction) -> None:
    with pytest.raises(OnlyAggregates):
        K.amend(plan_of((COUNT, None), (extreme, "monthly")))


@pytest.mark.parametrize("in_gateway", [False, True])
def test_a_sum_without_a_count_is_counted_unseen(plan_of: PlanOf, in_gateway: bool) -> None:
    plan = plan_of((None, "street"), (SUM, "monthly"), in_gateway=in_gateway)
    assert _ask(plan, BIG) == [("a", 60), ("b", 15)]
    with pytest.raises(GroupTooSmall):
        _ask(plan, SMALL)


def test_a_sum_behind_which_stands_one_amount_is_refused(plan_of: PlanOf) -> None:
    table: Table = [("a", 900), ("a", None), ("a", None), ("a", None)]
    assert _ask(plan_of(*PER_STREET), table) == [("a", 4)]
    with pytest.raises(GroupTooSmall):
        _ask(plan_of(*PER_STREET, (SUM, "monthly")), table)


def test_a_count_of_a_field_is_held_to_k_too(plan_of: PlanOf) -> None:
    with pytest.raises(GroupTooSmall):
        _ask(plan_of((COUNT, "monthly")), [("a", 900), ("a", 1), ("a", None), ("a", None)])


def test_hidden_counts_stand_last_in_plan_and_fetch(plan_of: PlanOf) -> None:
    amended = K.amend(plan_of((None, "street"), (SUM, "monthly"), (AVG, "monthly")))
    assert [column.is_hidden for column in amended.columns] == [False, False, False, True, True]
    assert [column.raw_index for column in amended.columns] == [0, 1, 2, 3, 4]
    assert [(one.function, one.field) for one in amended.fetch.aggregates][2:] == [(COUNT, None), (COUNT, "monthly")]
    assert len(amended.raw_fields) == len(amended.fetch.columns) + len(amended.fetch.aggregates)
    assert amended.min_group == 3


def test_where_the_gateway_groups_the_fetch_stays_as_it_is(plan_of: PlanOf) -> None:
    plan = plan_of((None, "street"), (SUM, "monthly"), in_gateway=True, limit=1)
    amended = K.amend(plan)
    assert (amended.fetch, amended.raw_fields) == (plan.fetch, plan.raw_fields)
    assert [column.raw_index for column in amended.columns] == [0, 1, 2, 3]
    assert amended.late_page == LatePage(limit=1, offset=0)


def test_an_asked_count_is_not_asked_twice(plan_of: PlanOf) -> None:
    plan = plan_of(*PER_STREET)
    assert K.amend(plan).columns == plan.columns


def test_amending_twice_changes_nothing_more(plan_of: PlanOf) -> None:
    once = K.amend(plan_of((None, "street"), (SUM, "monthly"), limit=1, offset=1))
    assert K.amend(once) == once


@pytest.mark.parametrize("in_gateway", [False, True])
@pytest.mark.parametrize(("limit", "offset"), [(1, 0), (2, 0), (None, 1), (1, 1), (1, 2), (0, 0)])
def test_no_page_hides_or_finds_a_small_group(
    plan_of: PlanOf, in_gateway: bool, limit: int | None, offset: int
) -> None:
    plan = plan_of(*PER_STREET, limit=limit, offset=offset, in_gateway=in_gateway)
    with pytest.raises(GroupTooSmall):
        _ask(plan, SMALL)
    whole = [("a", 3), ("b", 3)]
    assert _ask(plan, BIG) == whole[offset : None if limit is None else offset + limit]


@pytest.mark.parametrize("in_gateway", [False, True])
def test_max_rows_binds_with_k_in_either_order(plan_of: PlanOf, in_gateway: bool) -> None:
    plan = plan_of(*PER_STREET, limit=5, offset=0, in_gateway=in_gateway)
    most = MostRows(most=1)
    for amended in (most.amend(K.amend(plan)), K.amend(most.amend(plan))):
        assert K.treat(answer(amended, BIG), amended) == [("a", 3)]
        with pytest.raises(GroupTooSmall):
            K.treat(answer(amended, SMALL), amended)


def test_more_groups_than_the_gateway_reads_are_refused(plan_of: PlanOf) -> None:
    table: Table = [(f"{street:02}", 1) for street in range(20) for _ in range(3)]
    with pytest.raises(SourceTooBroad):
        _ask(plan_of(*PER_STREET, max_source_rows=19, limit=1), table)
    assert len(_ask(plan_of(*PER_STREET, max_source_rows=20), table)) == 20


@pytest.mark.parametrize("cell", [None, "12", "***", True, 3.0, 2])
def test_a_count_that_is_no_number_is_no_count(plan_of: PlanOf, cell: object) -> None:
    amended = K.amend(plan_of(*PER_STREET))
    rows: Any = [("a", cell)]
    with pytest.raises(GroupTooSmall):
        K.treat(rows, amended)


def test_a_plan_that_was_not_amended_is_refused(plan_of: PlanOf) -> None:
    rows: Any = [("a", 100)]
    with pytest.raises(GroupTooSmall):
        K.treat(rows, plan_of((None, "street"), (SUM, "monthly")))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    table=st.lists(st.tuples(st.sampled_from("abc"), st.one_of(st.none(), st.integers(0, 9))), max_size=20),
    limit=st.one_of(st.none(), st.integers(0, 3)),
    offset=st.integers(0, 3),
    in_gateway=st.booleans(),
    asked=st.sampled_from([PER_STREET, ((None, "street"), (SUM, "monthly")), ((SUM, "monthly"),)]),
)
def test_an_answer_is_a_page_of_large_groups_or_none(
    plan_of: PlanOf, table: Table, limit: int | None, offset: int, in_gateway: bool, asked: Any
) -> None:
    plan = plan_of(*asked, limit=limit, offset=offset, in_gateway=in_gateway)
    by_street = asked[0][0] is None
    groups = [[row for row in table if row[0] == street] for street in sorted({row[0] for row in table})]
    groups = groups if by_street else [list(table)]
    of_field = any(field == "monthly" for _, field in asked)
    sizes = [sum(1 for row in group if not of_field or row[1] is not None) for group in groups]
    if sizes and min(sizes) >= 3:
        assert _ask(plan, table) == answer(plan, table)
    else:
        with pytest.raises(GroupTooSmall):
            _ask(plan, table)


def test_the_stricter_k_is_the_larger() -> None:
    assert SmallestGroup.parse("5").strictest(SmallestGroup.parse("20")) == SmallestGroup(least=20)
    assert SmallestGroup.parse("20").strictest(SmallestGroup.parse("5")) == SmallestGroup(least=20)


@pytest.mark.parametrize("value", ["", "1", "0", "-5", "ten", "10.5", "１０", "1000001", " 10"])
def test_a_wrong_k_is_refused_with_a_sentence(value: str) -> None:
    with pytest.raises(ValueError, match="`k` takes a whole number from 2"):
        SmallestGroup.parse(value)
