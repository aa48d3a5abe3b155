"""Edits of the policy that only take away: a deny more, an allow less, a ceiling more."""

from dataclasses import replace
from datetime import datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.model.caller import Caller
from gateway.model.case import CaseFacts
from gateway.model.decision import Decision
from tests.unit.decision.naive_pdp import Cells
from tests.unit.decision.worlds import (
    DATASETS,
    ROWS,
    World,
    ask,
    build_engine,
    cells,
    levels_of,
    requests,
    sees,
    worlds,
)

Asked = tuple[Caller, CaseFacts | None, datetime]
_RANKS = {"clear": 0, "dim": 20, "dark": 60, "gone": 100, "denied": 101}


def _discloses_no_more(before: Decision, after: Decision) -> None:
    was, now = levels_of(before), levels_of(after)
    for name, verdict in after.fields.items():
        assert _RANKS[now[name]] >= _RANKS[was[name]], name
        assert verdict.granted <= before.fields[name].granted, name
    for row in ROWS:
        assert sees(before.rows.filter, row) or not sees(after.rows.filter, row), row


def _compare(world: World, edited: World, asked: list[Asked]) -> None:
    engine, other = build_engine(world), build_engine(edited)
    for who, case, now in asked:
        for name in DATASETS:
            _discloses_no_more(ask(engine, who, case, now, name)[0], ask(other, who, case, now, name)[0])


@settings(max_examples=30, deadline=None)
@given(world=worlds(), more=cells(effect="deny"), asked=st.lists(requests(), min_size=5, max_size=5))
def test_adding_a_deny_never_discloses_more(world: World, more: Cells, asked: list[Asked]) -> None:
    _compare(world, replace(world, rules=(*world.rules, more)), asked)


@settings(max_examples=30, deadline=None)
@given(world=worlds(), data=st.data(), asked=st.lists(requests(), min_size=5, max_size=5))
def test_removing_an_allow_never_discloses_more(world: World, data: st.DataObject, asked: list[Asked]) -> None:
    allows = [number for number, rule in enumerate(world.rules) if rule["eft"] == "allow"]
    if not allows or len(world.rules) == 1:
        return
    gone = data.draw(st.sampled_from(allows))
    kept = tuple(rule for number, rule in enumerate(world.rules) if number != gone)
    _compare(world, replace(world, rules=kept), asked)


@settings(max_examples=30, deadline=None)
@given(
    world=worlds(),
    more=st.one_of(cells(effect="oblige", act="show"), cells(effect="oblige", act="rows")),
    asked=st.lists(requests(), min_size=5, max_size=5),
)
def test_adding_a_ceiling_never_shows_more(world: World, more: Cells, asked: list[Asked]) -> None:
    _compare(world, replace(world, rules=(*world.rules, more)), asked)
