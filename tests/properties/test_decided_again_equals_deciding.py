"""A decision that is found again by its question and its caller is the one that would be made, at every moment."""

from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from gateway.model.caller import Caller
from gateway.model.case import CaseFacts
from gateway.model.query import FieldUse
from tests.unit.decision.small_city import NOW, question
from tests.unit.decision.worlds import World, build_engine, requests, worlds

_MOMENTS = (
    *(NOW + timedelta(days=days) for days in (0, -3, 3, -400, 900, 2000)),  # before and after every purpose's time
    *(NOW.replace(hour=hour) for hour in (0, 9, 23)),
)


@given(
    world=worlds(),
    asked=st.lists(requests(), min_size=3, max_size=3),
    moments=st.lists(st.sampled_from(_MOMENTS), min_size=6, max_size=12),
)
def test_it_is_the_decision_of_that_moment(
    world: World, asked: list[tuple[Caller, CaseFacts | None, datetime]], moments: list[datetime]
) -> None:
    kept, other = build_engine(world), build_engine(world)
    uses = [("name", FieldUse.MATCH)]
    pairs = [(who, question(kept.catalog, who, "police.resident", uses=uses)) for who, _, _ in asked]
    pairs += [(replace(who, assurance=1), bound) for who, bound in pairs]  # one question of two callers
    for now in moments:
        for who, bound in pairs:
            assert kept.decide_again(bound, who, now) == other.decide(bound, who, None, now)
