"""What the linter calls idle is idle: with all such rules taken out, no decision changes."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from hypothesis import event, given, settings
from hypothesis import strategies as st

from gateway.decision import PolicyEngine
from gateway.decision.lint import KINDS, lint_rules
from gateway.decision.rule import Rule
from gateway.model.caller import Caller
from gateway.model.case import CaseFacts, CaseState
from gateway.model.decision import Decision
from gateway.model.ids import AppId, CaseId, RoleName
from gateway.model.lint import Finding
from tests.unit.decision.naive_pdp import CONDITIONS, Cells
from tests.unit.decision.small_city import NOW, SOMEBODY, caller, case_of
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

_NEVER = ["subject.assurance < 2 and subject.assurance >= 3", "ctx.network = 'a' and ctx.network = 'b'"]

_NO_ROW = "id_number = '1' and not community_code is null and id_number = '2'"


@st.composite
def narrowed(draw: st.DrawFn, world: World) -> World:
    """The world with purposes that are not in every app, or over already."""
    purposes = {
        name: replace(
            purpose,
            apps=draw(st.sampled_from([*[purpose.apps] * 4, purpose.apps[:1], ()])),
            valid_until=draw(st.sampled_from([*[purpose.valid_until] * 4, NOW - timedelta(days=2)])),
        )
        for name, purpose in world.city.purposes.items()
    }
    return replace(world, city=replace(world.city, purposes=purposes))


_WIDER = {
    "sub": ["role:any", "role:staff"],
    "app": ["app:any"],
    "obj": ["ds:police.resident", "dep:police", "class:any"],
    "pur": ["pur:any", "pur:normal"],
    "case": ["*"],
    "window": ["-"],
    "cond": [""],
}

_NARROWER = [{"case": "C-1"}, {"cond": "subject.assurance >= 2"}, {"nbf": "2026-12-02T00:00:00Z", "exp": ""}]


@st.composite
def near_twins(draw: st.DrawFn, world: World) -> list[Cells]:
    """Rules much like those that are there: mostly as wide or wider; of any effect, level, filter and obligation."""
    twins: list[Cells] = []
    for rule in world.rules:
        for _ in range(draw(st.integers(1, 3))):
            effect = draw(st.sampled_from([rule["eft"], rule["eft"], "allow", "oblige", "deny"]))
            twin = dict(draw(cells(effect=effect, act=rule["act"])))
            for column, wider in _WIDER.items():
                change = draw(st.sampled_from(["same", "same", "same", "same", "wider", "wider", "other"]))
                for name in ("nbf", "exp") if column == "window" else (column,):
                    if change == "same":
                        twin[name] = rule[name]
                    elif change == "wider" and not (name == "obj" and rule["act"] == "rows"):
                        twin[name] = "" if column == "window" else draw(st.sampled_from(wider))
            twin |= draw(st.sampled_from([{}, {}, {}, *_NARROWER]))
            if rule["eft"] == twin["eft"] and draw(st.booleans()):
                twin |= {column: rule[column] for column in ("level", "where", "reg")}
            if draw(st.integers(0, 9)) == 0:
                twin["cond"] = draw(st.sampled_from(_NEVER))
            if twin["act"] == "rows" and twin["eft"] != "deny" and draw(st.integers(0, 4)) == 0:
                twin["where"] = _NO_ROW
            if twin["eft"] != "deny":
                twin["others"] = draw(st.sampled_from(["", "", "", "review", "k=10; review"]))
            twins.append(twin)
    return twins


@st.composite
def requests_for(draw: st.DrawFn, rule: Rule, engine: PolicyEngine) -> tuple[Caller, CaseFacts | None, datetime]:
    """Somebody whom the rule speaks of, in its window; as far as the world lets anybody be so."""
    above = engine.hierarchies.purposes.above
    purposes = [name for name in ("visit", "verify", "pickup", "rescue") if rule.pur in above[f"pur:{name}"]]
    role = rule.sub.removeprefix("role:")
    moments = [NOW, NOW - timedelta(days=3), NOW + timedelta(days=3)]
    inside = [each for each in moments if rule.nbf <= f"{each:%Y-%m-%dT%H:%M:%SZ}" < (rule.exp or "9")]
    purpose = draw(st.sampled_from(purposes or ["visit"]))
    case = None
    if rule.case != "*" or purpose == "pickup" or "case." in rule.cond or draw(st.integers(0, 3)) == 0:
        number = CaseId("C-1" if rule.case == "*" else rule.case)
        case = replace(case_of(SOMEBODY, purpose=purpose, state=CaseState.APPROVED), id=number)
    who = replace(
        caller(purpose=purpose),
        roles=(RoleName("worker" if role == "any" else role), *draw(st.sampled_from([(), (RoleName("officer"),)]))),
        app=AppId(draw(st.sampled_from(["desk", "dim-desk"])) if rule.app == "app:any" else rule.app[4:]),
        assurance=draw(st.sampled_from([3, 3, 1])),
        network=draw(st.sampled_from(["gov-vpn", "gov-vpn", "internet", ""])),
        id_number=draw(st.sampled_from([None, SOMEBODY])),
        case=case.id if case else None,
        justification="an elderly person does not answer the door",
    )
    return who, case, draw(st.sampled_from(inside or moments))


def idle_rules(engine: PolicyEngine) -> tuple[Finding, ...]:
    found = lint_rules(engine.judge.rules, engine.catalog, engine.hierarchies, NOW, places={}, texts={})
    return tuple(finding for finding in found if KINDS[finding.id].is_idle)


def outcome(decision: Decision) -> tuple[Any, ...]:
    """Everything that an asker can notice: levels, uses, ceilings, rows, obligations."""
    return (
        levels_of(decision),
        {name: (verdict.granted, verdict.ceiling) for name, verdict in decision.fields.items()},
        [sees(decision.rows.filter, row) for row in ROWS],
        {bound.spec for bound in decision.obligations},
    )


@settings(max_examples=200, deadline=None)
@given(world=worlds(), data=st.data(), asked=st.lists(requests(), min_size=2, max_size=2))
def test_taking_out_every_idle_rule_changes_no_decision(
    world: World, data: st.DataObject, asked: list[tuple[Caller, CaseFacts | None, datetime]]
) -> None:
    # few rules: among many, others would make up for one that was wrongly called idle
    world = replace(data.draw(narrowed(world)), rules=world.rules[:4])
    world = replace(world, rules=(*world.rules, *data.draw(near_twins(world))))
    engine = build_engine(world)
    idle = {finding.rule: finding.id for finding in idle_rules(engine)}
    kept = tuple(rule for number, rule in enumerate(world.rules) if f"R{number:03}" not in idle)
    if not idle or not kept:
        return
    for kind in set(idle.values()):
        event(kind)
    other = build_engine(replace(world, rules=kept))
    for rule in [rule for rule in engine.judge.rules if rule.id in idle][:5]:
        asked += data.draw(st.lists(requests_for(rule, engine), min_size=4, max_size=4))
    for who, case, now in asked:
        for name in DATASETS:
            before, after = ask(engine, who, case, now, name)[0], ask(other, who, case, now, name)[0]
            assert outcome(before) == outcome(after), idle


def test_the_conditions_of_this_test_are_new_to_the_worlds() -> None:
    assert not set(_NEVER) & set(CONDITIONS)
