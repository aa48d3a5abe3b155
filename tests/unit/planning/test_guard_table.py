"""The guard table, line by line; and in which order it refuses."""

from dataclasses import replace

import pytest

from gateway.errors import (
    DatasetUnavailable,
    Defect,
    ExportNotAllowed,
    FieldUnavailable,
    GatewayError,
    GroupTooSmall,
    ObligationNotUnderstood,
    OnlyAggregates,
    UseNotAllowed,
    ValueMalformed,
)
from gateway.model.decision import Verdict
from gateway.model.ids import FieldName, PurposeId
from gateway.model.predicate import (
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
from gateway.model.query import FieldUse, MediaType
from gateway.planning import guard
from tests.memory_connector import ALL
from tests.unit.planning.small_question import answer, decision, plan, question

PHONE = FieldName("phone")
MATCH = Compare(PHONE, Comparator.EQ, "13812345678")
MASKED = {"phone": "dim"}
DENIED = {"phone": "denied"}
MATCHED = {"phone": frozenset({FieldUse.MATCH})}
PROBES: list[Predicate] = [
    Compare(PHONE, Comparator.NEQ, "13812345678"),
    Compare(PHONE, Comparator.GT, "138"),
    Like(PHONE, "138%", ignores_case=False),
    IsNull(PHONE),
    Under(PHONE, ("138",)),
    Not(MATCH),
    AnyOf((MATCH, IsNull(FieldName("level")))),
    AnyOf((MATCH,)),
    Not(OneOf(PHONE, ("13812345678",))),
    AllOf((IsNull(FieldName("level")), Not(AllOf((MATCH,))))),
]


def test_the_table_has_a_line_for_every_use() -> None:
    assert set(guard.TABLE) == set(FieldUse)
    assert all(line.denied is guard.Ruling.UNAVAILABLE for line in guard.TABLE.values())


@pytest.mark.parametrize("where", [MATCH, *PROBES])
def test_a_clear_field_is_filtered_by_in_any_way(where: Predicate) -> None:
    assert plan(question("phone", "phone.count()", where=where, order=(("phone", True, True),))).matches == 0


@pytest.mark.parametrize("granted", [{}, MATCHED])
@pytest.mark.parametrize("where", PROBES)
def test_a_masked_field_is_filtered_by_in_no_way_but_a_match(
    where: Predicate, granted: dict[str, frozenset[FieldUse]]
) -> None:
    with pytest.raises(UseNotAllowed) as refused:
        plan(question("no", where=where), decision(MASKED, granted))
    assert (refused.value.field, refused.value.use) == ("phone", ("filter", "过滤"))


def test_a_match_needs_a_rule_that_grants_it_by_name() -> None:
    with pytest.raises(UseNotAllowed) as refused:
        plan(question("no", where=MATCH), decision(MASKED))
    assert refused.value.use == ("match", "匹配")
    assert plan(question("no", where=MATCH), decision(MASKED, MATCHED)).matches == 1


def test_every_literal_matched_with_a_masked_field_counts() -> None:
    where = AllOf((OneOf(PHONE, ("1", "2", "3")), AllOf((MATCH, Compare(FieldName("no"), Comparator.EQ, 1)))))
    assert plan(question("no", where=where), decision(MASKED, MATCHED)).matches == 4


def test_a_filter_that_binding_took_for_a_match_is_still_refused() -> None:
    bound = question("no", where=AnyOf((MATCH, NOTHING)))
    object.__setattr__(bound, "uses", frozenset({(FieldName("no"), FieldUse.SHOW), (PHONE, FieldUse.MATCH)}))
    with pytest.raises(UseNotAllowed):
        plan(bound, decision(MASKED, MATCHED))


def test_uses_that_binding_forgot_are_refused_all_the_same() -> None:
    for bound in (question("no", order=(("phone", False, False),)), question("phone", "count()")):
        object.__setattr__(bound, "uses", frozenset())
        with pytest.raises(UseNotAllowed):
            plan(bound, decision(MASKED))


@pytest.mark.parametrize(
    ("use", "words"),
    [(use, guard.TABLE[use].words) for use in (FieldUse.SORT, FieldUse.GROUP, FieldUse.JOIN, FieldUse.AGGREGATE)],
)
def test_other_uses_of_a_masked_field_are_refused_in_both_languages(use: FieldUse, words: tuple[str, str]) -> None:
    bound = question("no")
    object.__setattr__(bound, "uses", bound.uses | {(PHONE, use)})
    with pytest.raises(UseNotAllowed) as refused:
        plan(bound, decision(MASKED))
    assert refused.value.use == words
    assert words[0] in refused.value.message()
    assert words[1] in refused.value.message("zh")


AGGREGATED = {"monthly": frozenset({FieldUse.AGGREGATE})}


def test_a_masked_field_is_added_up_where_a_rule_grants_it_and_groups_are_held_to_k() -> None:
    planned = plan(question("monthly.sum()"), decision({"monthly": "dim"}, AGGREGATED, obligations=("k=2",)))
    assert (planned.min_group, planned.columns[0].verdict) == (2, Verdict.MASK)


@pytest.mark.parametrize("obligations", [(), ("max_rows=5",), ("watermark",)])
def test_without_k_a_granted_aggregate_of_a_masked_field_is_refused(obligations: tuple[str, ...]) -> None:
    with pytest.raises(UseNotAllowed):
        plan(question("monthly.sum()"), decision({"monthly": "dim"}, AGGREGATED, obligations=obligations))


def test_k_without_a_grant_is_not_enough() -> None:
    with pytest.raises(UseNotAllowed):
        plan(question("monthly.sum()"), decision({"monthly": "dim"}, obligations=("k=2",)))


@pytest.mark.parametrize(
    "bound",
    [
        question("phone"),
        question("phone", "no"),
        question("no", where=MATCH),
        question("no", where=Not(MATCH)),
        question("*", where=MATCH),
        question("no", order=(("phone", False, False),)),
        question("phone", "count()"),
        question("phone.count()"),
        question("*", "phone.max()"),
        question("*", "phone"),
    ],
)
def test_a_denied_field_that_is_named_is_unavailable_like_an_unknown_one(bound: object) -> None:
    with pytest.raises(FieldUnavailable) as refused:
        plan(bound, decision(DENIED, {"phone": frozenset(FieldUse)}))  # type: ignore[arg-type]
    assert refused.value.field == "phone"


@pytest.mark.parametrize("columns", [("*",), ("*", "count()")])
def test_a_denied_field_under_a_star_is_left_out(columns: tuple[str, ...]) -> None:
    planned = plan(question(*columns), decision({"phone": "denied", "seen": "denied"}))
    names = {column.name for column in planned.columns}
    assert names & {"phone", "seen"} == set()
    assert {"no", "level"} <= names
    assert {column.source.field for column in planned.fetch.columns} & {"phone", "seen"} == set()


def test_a_field_that_the_decision_forgot_is_denied() -> None:
    decided = decision()
    object.__setattr__(decided, "fields", {name: one for name, one in decided.fields.items() if name != "phone"})
    with pytest.raises(FieldUnavailable):
        plan(question("phone"), decided)


def test_a_star_of_which_nothing_is_left_is_an_unknown_dataset() -> None:
    with pytest.raises(DatasetUnavailable):
        plan(question("*"), decision(default="denied"))


@pytest.mark.parametrize("default", ["clear", "dim", "denied"])
def test_who_has_no_rows_meets_an_unknown_dataset_whatever_is_asked(default: str) -> None:
    unknown = ((FieldName("aaa"), FieldUnavailable(field="aaa")),)
    for bound in (question("no"), question("count()"), question("*"), question("no", faults=unknown)):
        with pytest.raises(DatasetUnavailable):
            plan(bound, decision(default=default, rows=None))


def test_count_needs_rows_only() -> None:
    assert plan(question("count()"), decision(default="denied")).fetch.where != NOTHING


async def test_a_row_filter_that_no_row_passes_is_an_empty_answer() -> None:
    assert plan(question("no"), decision(rows=NOTHING)).fetch.where == NOTHING
    assert (await answer(question("no"), decision(rows=NOTHING))).rows == ()
    assert (await answer(question("count()"), decision(rows=NOTHING))).rows == ((0,),)


FAULT: GatewayError = ValueMalformed(field="monthly", value="x", type="numeric", example="1.5")


@pytest.mark.parametrize(
    ("level", "refusal"), [("clear", ValueMalformed), ("dim", UseNotAllowed), ("denied", FieldUnavailable)]
)
def test_a_wrong_literal_is_told_only_to_who_may_use_the_field(level: str, refusal: type[GatewayError]) -> None:
    bound = question("no", faults=((FieldName("monthly"), FAULT),))
    object.__setattr__(bound, "uses", bound.uses | {(FieldName("monthly"), FieldUse.FILTER)})
    with pytest.raises(refusal):
        plan(bound, decision({"monthly": level}))


def test_a_wrong_literal_beside_a_denied_field_is_not_told() -> None:
    bound = question("phone", faults=((FieldName("monthly"), FAULT),))
    with pytest.raises(FieldUnavailable):
        plan(bound, decision(DENIED))


@pytest.mark.parametrize("columns", [("phone",), ("phone", "no"), ("no",)])
def test_an_unknown_field_kept_as_a_fault_and_a_denied_one_are_told_by_name_not_by_place(
    columns: tuple[str, ...],
) -> None:
    unknown = FieldUnavailable(field="aaa")
    with pytest.raises(FieldUnavailable) as refused:
        plan(question(*columns, faults=((FieldName("aaa"), unknown),)), decision(DENIED))
    assert refused.value.field == "aaa"


def test_obligations_refuse_at_planning() -> None:
    with pytest.raises(OnlyAggregates):
        plan(question("no"), decision(obligations=("k=5",)))
    with pytest.raises(ExportNotAllowed):
        plan(question("no", media_type=MediaType.CSV), decision(obligations=("no_export",)))
    with pytest.raises(ObligationNotUnderstood):
        plan(question("no"), decision(obligations=("levitate",)))


async def test_a_group_under_k_is_refused_after_the_source_was_asked() -> None:
    with pytest.raises(GroupTooSmall):
        await answer(question("street", "count()"), decision(obligations=("k=3",)), ALL)


def test_a_decision_on_another_question_is_a_defect() -> None:
    bound = question("name")
    other = replace(decision({}), purpose=PurposeId("another"))
    with pytest.raises(Defect):
        guard.admit(bound, other)
