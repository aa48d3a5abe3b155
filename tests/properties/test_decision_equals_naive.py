"""The engine, the naive evaluator of the same page, and plain Casbin say the same."""

from datetime import datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.decision.attributes import attributes_of
from gateway.decision.hierarchy import field_object
from gateway.decision.judge import Circumstances, Request
from gateway.model.caller import Caller
from gateway.model.case import CaseFacts
from gateway.model.ids import RoleName
from tests.unit.decision import naive_pdp
from tests.unit.decision.worlds import DATASETS, ROWS, World, ask, build_engine, levels_of, requests, sees, worlds

Asked = tuple[Caller, CaseFacts | None, datetime]


@settings(max_examples=60, deadline=None)
@given(world=worlds(), asked=st.lists(requests(), min_size=8, max_size=8))
def test_the_engine_decides_as_the_naive_evaluator_does(world: World, asked: list[Asked]) -> None:
    engine = build_engine(world)
    for who, case, now in asked:
        for name in DATASETS:
            decision, dataset = ask(engine, who, case, now, name)
            naive = naive_pdp.decide(world.city, list(world.rules), who, case, now, dataset)
            assert levels_of(decision) == naive.levels
            granted = {str(each): {use.value for use in v.granted} for each, v in decision.fields.items()}
            assert granted == naive.granted
            assert [sees(decision.rows.filter, row) for row in ROWS] == [naive.sees(row) for row in ROWS]


@settings(max_examples=40, deadline=None)
@given(world=worlds(), asked=st.lists(requests(), min_size=6, max_size=6))
def test_what_the_judge_matches_is_what_plain_casbin_enforces(world: World, asked: list[Asked]) -> None:
    engine = build_engine(world)
    judge = engine.judge
    compared = 0
    for who, case, now in asked:
        if who.app not in world.city.apps or who.purpose is None:
            continue
        ctx = Circumstances(attributes=attributes_of(who, case, now))
        app, pur = f"app:{who.app}", f"pur:{who.purpose}"
        for role in who.roles or (RoleName("staff"),):
            sub = f"role:{role}"
            request = Request(subs=(sub,), app=app, case=who.case or "", pur=pur, now=now, ctx=ctx)
            sitting = judge.sit(request)
            for name in DATASETS:
                dataset = next(each for each in world.city.datasets.values() if each.name == name)
                questions = [(f"ds:{name}", "rows", reg) for reg in ("cn", "330102", "330102001", "330102001002")]
                questions += [
                    (field_object(dataset, field), act, "cn")
                    for field in dataset.fields.values()
                    for act in ("show", "match", "aggregate", "export")
                ]
                for obj, act, reg in questions:
                    found = judge.allows(sitting.matched(obj, act, reg))
                    plain = judge.enforcer.enforce(sub, app, who.case or "", obj, act, pur, reg, now, ctx)
                    assert found == plain, (sub, obj, act, reg)
                    compared += 1
    assert compared or not any(who.app in world.city.apps for who, _, _ in asked)
