"""Ways round a mask that were tried; each must fail to get a bit of the hidden value, whoever does the work."""

from collections.abc import Callable
from typing import Any

import pytest

from gateway.errors import GatewayError
from gateway.model.ids import FieldName
from gateway.model.predicate import (
    EVERYTHING,
    AllOf,
    AnyOf,
    Comparator,
    Compare,
    IsNull,
    Like,
    Not,
    OneOf,
    Predicate,
)
from gateway.model.query import BoundQuery, FieldUse
from tests.memory_connector import ALL, NONE
from tests.unit.planning.small_question import ROWS, answer, decision, question, told

PHONE, NO = FieldName("phone"), FieldName("no")
HIDDEN = "13812345678"
IS = Compare(PHONE, Comparator.EQ, HIDDEN)
TRUE = Compare(NO, Comparator.GT, 0)


def _masked(*granted: FieldUse, obligations: tuple[str, ...] = ()) -> Any:
    return decision({"phone": "dim"}, {"phone": frozenset(granted)}, obligations=obligations)


async def _refused(bound: BoundQuery, decided: Any) -> str:
    with pytest.raises(GatewayError) as refusal:
        await answer(bound, decided)
    message = refusal.value.message() + refusal.value.hint() + refusal.value.operator
    assert HIDDEN not in message
    return refusal.value.code


def _step_by_step(length: int) -> Predicate:
    return Like(PHONE, HIDDEN[:length] + "%", ignores_case=False)


@pytest.mark.parametrize(
    "where",
    [
        *(_step_by_step(length) for length in (0, 1, 3, 11)),
        Like(PHONE, "_" * 11, ignores_case=False),
        Compare(PHONE, Comparator.GTE, "138123"),
        Compare(PHONE, Comparator.NEQ, HIDDEN),
        Not(Not(IS)),
        Not(AllOf((Not(IS),))),
        AnyOf((IS,)),
        AnyOf((IS, IS)),
        AllOf((AnyOf((AllOf((IS,)), Not(TRUE))),)),
        AnyOf((AllOf((TRUE, IS)), AllOf((Not(TRUE), Not(IS))))),
        IsNull(PHONE),
        Not(IsNull(PHONE)),
        Not(OneOf(PHONE, ())),
        AllOf((IS, Like(PHONE, "%5678", ignores_case=True))),
    ],
)
@pytest.mark.parametrize("granted", [(), (FieldUse.MATCH,), tuple(set(FieldUse) - {FieldUse.FILTER})])
async def test_a_masked_value_can_not_be_guessed_through_a_filter(
    where: Predicate, granted: tuple[FieldUse, ...]
) -> None:
    assert await _refused(question("no", where=where), _masked(*granted)) == "GW401"
    assert await _refused(question("count()", where=where), _masked(*granted)) == "GW401"


async def test_a_match_does_not_bring_other_uses_with_it() -> None:
    granted = _masked(FieldUse.MATCH)
    assert await _refused(question("no", where=IS, order=(("phone", True, True),)), granted) == "GW401"
    assert await _refused(question("phone", "count()", where=IS), granted) == "GW401"
    assert await _refused(question("phone.max()", where=IS), granted) == "GW401"


@pytest.mark.parametrize("use", ["order", "group", "min", "max", "count", "count in order"])
async def test_a_masked_value_can_not_be_told_by_order_group_or_extreme(use: str) -> None:
    asked = {
        "order": question("no", order=(("phone", False, False),), limit=1),
        "group": question("phone", "count()"),
        "min": question("phone.min()"),
        "max": question("street", "phone.max()"),
        "count": question("phone.count()"),
        "count in order": question("street", "count()", order=(("phone", False, False),)),
    }[use]
    assert await _refused(asked, _masked()) in {"GW401", "GW901"}


async def test_k_refuses_the_extremes_of_a_field_that_may_be_added_up() -> None:
    assert await _refused(question("phone.max()"), _masked(FieldUse.AGGREGATE, obligations=("k=2",))) == "GW403"


async def test_adding_up_one_person_is_refused() -> None:
    asked = question("monthly.sum()", where=Compare(NO, Comparator.EQ, 1))
    decided = decision({"monthly": "dim"}, {"monthly": frozenset({FieldUse.AGGREGATE})}, obligations=("k=2",))
    assert await _refused(asked, decided) == "GW402"


@pytest.mark.parametrize("offset", [0, 1, 2])
@pytest.mark.parametrize("claims", [ALL, NONE])
async def test_no_page_goes_round_k(offset: int, claims: Any) -> None:
    with pytest.raises(GatewayError) as refusal:
        await answer(question("street", "count()", limit=1, offset=offset), decision(obligations=("k=2",)), claims)
    assert refusal.value.code == "GW402"


@pytest.mark.parametrize("column", ["phone", "*"])
async def test_an_alias_or_a_second_column_does_not_shed_the_mask(column: str) -> None:
    bound = question(column, "phone", "no")
    object.__setattr__(bound, "starred", frozenset())
    for claims in (ALL, NONE):
        found = await answer(bound, _masked(), claims)
        assert HIDDEN not in str(found.rows)


@pytest.mark.parametrize("claims", [ALL, NONE])
@pytest.mark.parametrize("level", ["dim", "denied", "gone"])
async def test_the_row_filter_stands_though_the_asker_s_filter_is_always_true(level: str, claims: Any) -> None:
    """A row filter may use a field that the asker can't see; OR-ing something to it is not possible."""
    decided = decision({"phone": level}, rows=IS)
    for where in (AnyOf((TRUE, Not(TRUE))), Not(AnyOf(())), EVERYTHING):
        found = await answer(question("no", where=where, wants_count=True), decided, claims)
        assert (found.rows, found.total) == (((1,),), 1)


@pytest.mark.parametrize("claims", [ALL, NONE])
async def test_a_literal_that_can_not_be_stored_is_no_filter_that_is_dropped(claims: Any) -> None:
    for where in (
        Compare(FieldName("level"), Comparator.EQ, "1"),
        OneOf(FieldName("level"), ("1", "2")),
        OneOf(FieldName("level"), ()),
    ):
        assert (await answer(question("no", where=where), None, claims)).rows == ()
    not_there = Not(OneOf(FieldName("level"), ("1",)))
    assert len((await answer(question("no", where=not_there), None, claims)).rows) == 4  # NULL is unknown


_ASKED: list[Callable[[str], BoundQuery]] = [
    question,
    lambda name: question("no", where=IsNull(FieldName(name))),
    lambda name: question("no", order=((name, True, True),)),
    lambda name: question(name, "count()"),
    lambda name: question("no", where=Compare(FieldName(name), Comparator.EQ, HIDDEN)),
]


@pytest.mark.parametrize("ask", _ASKED)
async def test_a_denied_field_answers_alike_whatever_stands_in_it(ask: Callable[[str], BoundQuery]) -> None:
    denied = decision({"phone": "denied"})
    refusals = []
    for cell in (HIDDEN, "x", None):
        with pytest.raises(GatewayError) as refusal:
            await answer(ask("phone"), denied, rows=[row | {"phone": cell} for row in ROWS])
        refusals.append((refusal.value.code, refusal.value.message(), refusal.value.hint("zh")))
    assert len(set(refusals)) == 1
    assert refusals[0][0] == "GW201"


@pytest.mark.parametrize("claims", [ALL, NONE])
async def test_a_denied_field_changes_nothing_of_what_a_star_shows(claims: Any) -> None:
    denied = decision({"phone": "denied"})
    answers = [
        told(await answer(question("*", wants_count=True), denied, claims, [row | {"phone": cell} for row in ROWS]))
        for cell in (HIDDEN, None)
    ]
    assert answers[0] == answers[1]
    assert "phone" not in answers[0][0]  # type: ignore[operator]
