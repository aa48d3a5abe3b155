"""Random small worlds: who does the work changes nothing, and what is hidden changes nothing."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

from gateway.errors import GatewayError
from gateway.model.decision import Decision
from gateway.model.ids import FieldName
from gateway.model.predicate import (
    EVERYTHING,
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
from gateway.model.query import AggregateFunction, BoundQuery, FieldUse
from gateway.model.rows import Disclosure
from gateway.planning import guard
from gateway.spi import Capabilities
from tests.memory_connector import ALL, NONE
from tests.unit.planning.small_question import FIELDS, answer, decision, question, told

Stored = dict[str, Any]
_STORED: dict[str, list[Any]] = {
    "no": [1, 2, 3, 4],
    "person": ["330102194910010010", "330102194910010029", None],
    "phone": ["13812345678", "13899995678", "x", None],
    "street": ["330102001", "330102002", "330106001", None],
    "level": ["1", "2", "9", None],
    "monthly": [0, 100, 65000, 65001, None],
    "amount": [Decimal("1.50"), Decimal("1.5"), Decimal(-3), Decimal("0.000001"), None],
    "since": ["20200101", "19991231", None],
    "alone": ["Y", "N", None],
    "seen": [datetime(2026, 1, 1, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC), None],
}
_VALUES: dict[str, list[Any]] = {  # literals of questions; some are in no row, some can't be stored at all
    "no": [1, 2, 9],
    "person": ["330102194910010010", "nobody"],
    "phone": ["13812345678", "x", ""],
    "street": ["330102001", "3301"],
    "level": ["甲", "乙", "9", "1"],
    "monthly": [Decimal("650.00"), Decimal(1), Decimal("1.005"), Decimal(-1)],
    "amount": [Decimal("1.5"), Decimal(-3), Decimal(100)],
    "since": [date(2020, 1, 1), date(2000, 6, 1)],
    "alone": [True, False],
    "seen": [datetime(2026, 1, 1, tzinfo=UTC)],
}
_names = st.sampled_from(sorted(FIELDS))


@dataclass(frozen=True, slots=True)
class World:
    rows: tuple[Stored, ...]
    decided: Decision
    asked: BoundQuery


def _compare(name: str) -> st.SearchStrategy[Predicate]:
    return st.builds(Compare, st.just(FieldName(name)), st.sampled_from(Comparator), st.sampled_from(_VALUES[name]))


def _one_of(name: str) -> st.SearchStrategy[Predicate]:
    return st.builds(OneOf, st.just(FieldName(name)), st.lists(st.sampled_from(_VALUES[name]), max_size=3).map(tuple))


_texts = st.sampled_from(["phone", "level", "street"]).map(FieldName)


@cache
def predicates(but: str = "") -> st.SearchStrategy[Predicate]:
    """Predicates over every field, or over every field but one."""
    names = st.sampled_from(sorted(FIELDS.keys() - {but}))
    leaves = st.one_of(
        names.flatmap(_compare),
        names.flatmap(_one_of),
        names.map(lambda name: IsNull(FieldName(name))),
    )
    if not but:
        leaves |= st.one_of(
            st.builds(IsTruth, st.just(FieldName("alone")), st.booleans()),
            st.builds(Like, _texts, st.sampled_from(["138%", "%8", "甲", "1", "_%", "%", ""]), st.just(False)),
            st.builds(Under, st.just(FieldName("street")), st.sampled_from([("3301",), ("330102001", "9"), ()])),
        )
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.builds(AllOf, st.lists(inner, max_size=3).map(tuple)),
            st.builds(AnyOf, st.lists(inner, max_size=3).map(tuple)),
            st.builds(Not, inner),
        ),
        max_leaves=4,
    )


def _rows() -> st.SearchStrategy[tuple[Stored, ...]]:
    row = st.fixed_dictionaries({name: st.sampled_from(cells) for name, cells in _STORED.items()})
    return st.lists(row, max_size=8).map(tuple)


@st.composite
def decisions(draw: st.DrawFn, but: str = "") -> Decision:
    levels = st.sampled_from(["clear", "clear", "clear", "clear", "dim", "coarse", "gone", "denied"])
    grants = st.frozensets(st.sampled_from([FieldUse.MATCH, FieldUse.AGGREGATE]))
    # most fields are clear: else almost every question would be refused
    dimmed = draw(st.frozensets(_names, max_size=1 if but else 3))
    return decision(
        levels={name: draw(levels) for name in FIELDS if name in dimmed},
        granted={name: draw(grants) for name in FIELDS},
        rows=draw(st.one_of(st.just(EVERYTHING), st.just(EVERYTHING), st.none(), predicates(but))),
        obligations=draw(
            st.sampled_from([(), (), (), (), (), ("max_rows=2",), ("k=2",), ("k=2", "max_rows=1"), ("watermark",)])
        ),
    )


@st.composite
def questions(draw: st.DrawFn, favourite: str = "no") -> BoundQuery:
    names = st.sampled_from([*sorted(FIELDS), favourite, favourite, favourite])
    plain = draw(st.lists(names, max_size=3, unique=True))
    if draw(st.booleans()):
        functions = ["count()", "no.sum()", "no.avg()", "monthly.sum()", "monthly.avg()", "monthly.min()"]
        functions += ["amount.sum()", "amount.avg()", "amount.max()", "since.max()", "level.min()", "phone.count()"]
        functions += [f"{favourite}.{extreme}()" for extreme in ("min", "max") if favourite != "alone"] * 3
        columns = plain + draw(st.lists(st.sampled_from(functions), min_size=1, max_size=3))
        sortable = st.sampled_from(plain or [""])
    else:
        columns = draw(st.sampled_from([["*"], plain or ["no"], ["*", *plain]]))
        sortable = names
    terms = st.lists(st.tuples(sortable, st.booleans(), st.booleans()), max_size=2)
    return question(
        *columns,
        where=draw(st.one_of(st.just(EVERYTHING), _compare(favourite), _one_of(favourite), predicates())),
        order=tuple(term for term in draw(terms) if term[0]),
        limit=draw(st.one_of(st.none(), st.integers(0, 4))),
        offset=draw(st.integers(0, 2)),
        wants_count=draw(st.booleans()),
    )


worlds = st.builds(World, _rows(), decisions(), questions())
_some = st.builds(
    Capabilities,
    predicates=st.frozensets(st.sampled_from(sorted(ALL.predicates, key=lambda kind: kind.__name__))),
    columns=st.one_of(st.none(), st.frozensets(_names.map(str.upper))),
    can_order=st.booleans(),
    can_limit=st.booleans(),
    aggregates=st.frozensets(st.sampled_from(AggregateFunction)),
    can_mask=st.booleans(),
    comparators=st.frozensets(st.sampled_from(Comparator)),
)


def outcome(world: World, claims: Capabilities, *, with_subjects: bool = True) -> tuple[object, ...]:
    """All that the asker, and with the subjects the log, learns: the disclosure, or the refusal."""
    try:
        disclosure = _run(answer(world.asked, world.decided, claims, world.rows))
    except GatewayError as error:
        return (error.code, error.message(), error.message("zh"))
    return (*told(disclosure), disclosure.subjects if with_subjects else ())


def _run(answering: Coroutine[Any, Any, Disclosure]) -> Disclosure:
    """An in-memory source never waits: one step is the whole of it, and thousands need no event loop."""
    try:
        answering.send(None)
    except StopIteration as done:
        found: Disclosure = done.value
        return found
    raise AssertionError


_QUICK = settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@_QUICK
@given(worlds)
def test_a_source_that_can_do_all_and_one_that_can_do_nothing_give_one_disclosure(world: World) -> None:
    assert outcome(world, ALL) == outcome(world, NONE)


@_QUICK
@given(worlds, _some)
def test_any_mixture_of_capabilities_gives_that_disclosure_too(world: World, claims: Capabilities) -> None:
    assert outcome(world, claims) == outcome(world, NONE)


# ------------------------------------------------------------------ what is hidden changes nothing
_HIDDEN: dict[str, tuple[Any, Any]] = {  # a field, and two cells that its mask shows alike
    "phone": ("13812345678", "13899995678"),
    "level": ("1", "2"),
    "monthly": (100, 65000),
    "since": ("20200101", "19991231"),
    "alone": ("Y", "N"),
}


@dataclass(frozen=True, slots=True)
class Pair:
    """Two cities that differ in one cell of a hidden field, and a question."""

    one: World
    other: World


@cache
def pointed(hidden: str) -> st.SearchStrategy[BoundQuery]:
    """Questions that each try one way round the mask."""
    descending = (hidden, True, False)
    return st.one_of(
        (_compare(hidden) | _one_of(hidden)).map(lambda where: question("no", where=where)),
        _compare(hidden).map(lambda where: question("no", where=AnyOf((where, IsNull(FieldName("person")))))),
        st.just(question("no", "street", order=(descending,))),
        st.just(question("no", order=(descending,), limit=1)),
        st.just(question(hidden, "count()")),
        st.just(question(f"{hidden}.max()", "count()")),
        st.just(question("*", wants_count=True)),
    )


@st.composite
def pairs(draw: st.DrawFn) -> Pair:
    hidden = draw(st.sampled_from(sorted(_HIDDEN)))
    decided = draw(decisions(but=hidden))
    level = draw(st.sampled_from(["dim", "gone", "denied"]))
    verdict = decision(levels={hidden: level}).fields[FieldName(hidden)]
    decided = replace(decided, fields={**decided.fields, FieldName(hidden): verdict})
    rows = draw(_rows().filter(len))
    at = draw(st.integers(0, len(rows) - 1))
    asked = draw(pointed(hidden) | questions(hidden) | questions())
    first, second = _HIDDEN[hidden]
    cities = [(*rows[:at], rows[at] | {hidden: cell}, *rows[at + 1 :]) for cell in (first, second)]
    return Pair(World(cities[0], decided, asked), World(cities[1], decided, asked))


def _tells_apart(claims: Capabilities) -> Callable[[Pair], bool]:
    return lambda pair: outcome(pair.one, claims) != outcome(pair.other, claims)


@_QUICK
@given(pairs(), st.sampled_from([ALL, NONE]))
def test_no_question_tells_two_cities_apart_by_a_hidden_value(pair: Pair, claims: Capabilities) -> None:
    assert not _tells_apart(claims)(pair)


@pytest.mark.parametrize("use", [FieldUse.MATCH, FieldUse.FILTER, FieldUse.SORT, FieldUse.GROUP, FieldUse.AGGREGATE])
def test_without_any_one_line_of_the_guard_some_question_does(monkeypatch: pytest.MonkeyPatch, use: FieldUse) -> None:
    off = guard.Line(guard.Ruling.YES, guard.Ruling.YES, guard.Ruling.YES, ("", ""))
    monkeypatch.setattr(guard, "TABLE", MappingProxyType({**guard.TABLE, use: off}))
    monkeypatch.setattr(guard, "check_groups", lambda plan: None)
    monkeypatch.setattr("gateway.planning.read_plan.check_groups", lambda plan: None)
    first = settings(max_examples=1500, derandomize=True, database=None, phases=[Phase.generate])
    try:
        found = find(pairs(), _tells_apart(ALL), settings=first)
    except NoSuchExample:
        pytest.fail("the check can't see what the guard keeps back")
    assert found.one.rows != found.other.rows
