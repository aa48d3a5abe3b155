"""A plan that is filled with other literals is the plan that those literals would have been given."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import GatewayError
from gateway.model.decision import Decision
from gateway.model.ids import FieldName
from gateway.model.plan import with_fetch
from gateway.model.predicate import EVERYTHING, AllOf, AnyOf, Comparator, Compare, Like, Predicate, Under
from gateway.model.query import FieldUse, MediaType
from gateway.planning import prepare
from gateway.spi import Capabilities
from tests.memory_connector import ALL, NONE
from tests.unit.planning.small_question import decision, plan, question

TEXTS = ("person", "phone", "street")
NO_FILTERS = Capabilities(
    predicates=frozenset(), comparators=frozenset(), types=ALL.types, can_limit=True, can_order=False,
    aggregates=frozenset(), can_mask=False, ignores_case=False, columns=None,
)  # fmt: skip
literals = st.text("0123456789abcXYZ_-", min_size=1, max_size=18)
asked = st.lists(st.tuples(st.sampled_from(TEXTS), literals, literals), max_size=3)
others: st.SearchStrategy[Predicate] = st.sampled_from(
    [
        Compare(FieldName("no"), Comparator.GT, 1),
        Compare(FieldName("level"), Comparator.EQ, "甲"),
        Like(FieldName("phone"), "138%", ignores_case=True),
        AnyOf((Compare(FieldName("street"), Comparator.EQ, "a"), Compare(FieldName("no"), Comparator.EQ, 2))),
    ]
)
row_filters = st.sampled_from(
    [
        EVERYTHING,
        Under(FieldName("street"), ("330102",)),
        Compare(FieldName("street"), Comparator.EQ, "330102001"),
        AllOf((Compare(FieldName("person"), Comparator.EQ, "a"), Under(FieldName("street"), ("33",)))),
    ]
)


def equal(name: str, text: str) -> Compare:
    return Compare(FieldName(name), Comparator.EQ, text)


def a_decision(rows: Predicate, obligations: tuple[str, ...], level: str) -> Decision:
    granted = {name: frozenset({FieldUse.MATCH}) for name in TEXTS}
    return decision({"phone": level, "person": level}, granted, rows, obligations)


@given(
    asked=asked, other=st.lists(others, max_size=2, unique_by=repr), rows=row_filters,
    obligations=st.sampled_from([(), ("max_rows=3",), ("no_export", "max_rows=7")]),
    level=st.sampled_from(["clear", "dim", "gone"]), claims=st.sampled_from([ALL, NONE, NO_FILTERS]),
    counts=st.booleans(), limit=st.sampled_from([None, 1, 20]), kind=st.sampled_from([MediaType.JSON, MediaType.CSV]),
)  # fmt: skip
def test_filled_with_other_literals_it_is_their_own_plan(
    asked: list[tuple[str, str, str]],
    other: list[Predicate],
    rows: Predicate,
    obligations: tuple[str, ...],
    level: str,
    claims: Capabilities,
    counts: bool,
    limit: int | None,
    kind: MediaType,
) -> None:
    decided = a_decision(rows, obligations, level)

    def planned(which: int) -> Any:
        where = AllOf((*other[:1], *(equal(name, texts[which]) for name, *texts in asked), *other[1:]))
        try:
            return plan(
                question("no", "phone", "street", where=where, wants_count=counts, limit=limit, media_type=kind),
                decided,
                claims,
            )
        except GatewayError as error:
            return error.code

    first, second = planned(0), planned(1)
    if isinstance(first, str):
        assert first == second  # a refusal doesn't hang on the literal either
        return
    prepared = prepare(first, [(FieldName(name), text) for name, text, _ in asked])
    if prepared is None:
        return
    filled = prepared.of([(FieldName(name), text) for name, text, _ in asked])
    again = prepared.of([(FieldName(name), text) for name, _, text in asked])
    assert (filled, again) == (first, second)
    assert filled.like is again.like is not None
    assert filled.fetch.like is again.fetch.like is not None
    for fetch in (filled.fetch, again.fetch):
        terms = fetch.where.terms if isinstance(fetch.where, AllOf) else (fetch.where,)
        told = [terms[at] for at in fetch.like.terms]  # type: ignore[union-attr]  # just looked at
        assert [isinstance(term, Compare) and term.value for term in told] == [*fetch.literals]


def test_what_was_changed_in_anything_is_like_nothing_else() -> None:
    prepared = prepare(plan(question("no", where=equal("person", "x")), decision()), [(FieldName("person"), "x")])
    assert prepared is not None
    one = prepared.of([(FieldName("person"), "y")])
    assert one.fetch.literals == ("y",)
    assert replace(one, max_source_rows=1).like is None
    assert replace(one.fetch, limit=1).like is None
    narrowed = with_fetch(one, limit=1)
    assert (narrowed.like, narrowed.fetch.like, narrowed.fetch.limit) == (None, None, 1)
    assert one.fetch.limit == 50
    assert one.like is not None


def test_an_ordinary_question_is_prepared_and_holds_no_literal() -> None:
    rows = Under(FieldName("street"), ("330102",))
    first = plan(question("no", "phone", where=AllOf((equal("person", "330102199001011234"),))), decision(rows=rows))
    prepared = prepare(first, [(FieldName("person"), "330102199001011234")])
    assert prepared is not None
    assert "330102199001011234" not in repr(prepared)
    assert prepared.of([(FieldName("person"), "x")]).fetch.where == AllOf((rows, equal("person", "x")))


def test_a_question_without_literals_is_its_own_plan() -> None:
    first = plan(question("no"), decision())
    prepared = prepare(first, [])
    assert prepared is not None
    assert prepared.of([]) == first


@pytest.mark.parametrize(
    ("name", "text", "where", "rows"),
    [
        # which of two equal comparisons is the row filter's can't be told: it must never be the one that is replaced
        ("street", "330102001", (equal("street", "330102001"),), equal("street", "330102001")),
        ("level", "甲", (equal("level", "甲"),), EVERYTHING),  # stored as another text
        ("person", "x", (equal("person", "x"), equal("person", "x")), EVERYTHING),
        ("person", "x", (AnyOf((equal("person", "x"), equal("phone", "y"))),), EVERYTHING),
        ("person", "y", (equal("person", "x"),), EVERYTHING),
    ],
)
def test_what_could_hang_on_the_literal_is_planned_each_time(
    name: str, text: str, where: tuple[Predicate, ...], rows: Predicate
) -> None:
    first = plan(question("no", where=AllOf(where)), decision(rows=rows))
    assert prepare(first, [(FieldName(name), text)]) is None
