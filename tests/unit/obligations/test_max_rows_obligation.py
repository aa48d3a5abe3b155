"""max_rows: the limit is lowered where it cuts last, never raised."""

from collections.abc import Callable

import pytest

from gateway.model.plan import ReadPlan
from gateway.obligations.max_rows import MostRows

PlanOf = Callable[..., ReadPlan]
ROWS = ((None, "street"), (None, "monthly"))


@pytest.mark.parametrize(("limit", "left"), [(None, 200), (500, 200), (20, 20), (0, 0)])
def test_the_source_is_asked_for_no_more(plan_of: PlanOf, limit: int | None, left: int) -> None:
    amended = MostRows(most=200).amend(plan_of(*ROWS, limit=limit, offset=7))
    assert (amended.fetch.limit, amended.fetch.offset) == (left, 7)


def test_what_the_gateway_does_after_is_limited_there(plan_of: PlanOf) -> None:
    plan = plan_of(*ROWS, limit=500, in_gateway=True)
    amended = MostRows(most=200).amend(plan)
    assert amended.residual.limit == 200
    assert amended.fetch == plan.fetch  # the gateway must still see every row that it filters


def test_it_says_so(plan_of: PlanOf) -> None:
    assert MostRows(most=200).notices(plan_of(*ROWS)) == ("max_rows=200",)


def test_the_stricter_is_the_fewer() -> None:
    assert MostRows.parse("50").strictest(MostRows.parse("200")) == MostRows(most=50)


@pytest.mark.parametrize("value", ["", "0", "-1", "many", "1e3"])
def test_a_wrong_number_is_refused_with_a_sentence(value: str) -> None:
    with pytest.raises(ValueError, match="`max_rows` takes a whole number from 1"):
        MostRows.parse(value)
