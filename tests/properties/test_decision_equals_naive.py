"""The engine and the naive evaluator of the same page say the same, the first time and from what was kept."""

from datetime import datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.model.caller import Caller
from gateway.model.case import CaseFacts
from tests.unit.decision import naive_pdp
from tests.unit.decision.worlds import DATASETS, ROWS, World, ask, build_engine, levels_of, requests, sees, worlds

Asked = tuple[Caller, CaseFacts | None, datetime]


@settings(max_examples=60, deadline=None)
@given(world=worlds(), asked=st.lists(requests(), min_size=8, max_size=8))
def test_the_engine_decides_as_the_naive_evaluator_does(world: World, asked: list[Asked]) -> None:
    engine = build_engine(world)
    for who, case, now in asked:
        for name in DATASETS:
            first, dataset = ask(engine, who, case, now, name)
            decision, _ = ask(engine, who, case, now, name)
            assert decision == first
            naive = naive_pdp.decide(world.city, list(world.rules), who, case, now, dataset)
            assert levels_of(decision) == naive.levels
            granted = {str(each): {use.value for use in v.granted} for each, v in decision.fields.items()}
            assert granted == naive.granted
            assert [sees(decision.rows.filter, row) for row in ROWS] == [naive.sees(row) for row in ROWS]
