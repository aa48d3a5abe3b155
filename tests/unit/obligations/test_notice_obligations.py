"""watermark, notify, review: what is said with the answer."""

from collections.abc import Callable

import pytest

from gateway.model.plan import ReadPlan
from gateway.obligations.notify import Notify
from gateway.obligations.review import Review
from gateway.obligations.watermark import Watermark

PlanOf = Callable[..., ReadPlan]


def test_a_watermark_names_the_purpose(plan_of: PlanOf) -> None:
    assert Watermark.parse("").notices(plan_of((None, "street"))) == ("watermark=statistics",)


def test_a_review_is_asked_for(plan_of: PlanOf) -> None:
    assert Review.parse("").notices(plan_of((None, "street"))) == ("review",)


@pytest.mark.parametrize(("kind", "name"), [(Watermark, "watermark"), (Review, "review")])
def test_they_take_no_parameter(kind: type[Watermark | Review], name: str) -> None:
    with pytest.raises(ValueError, match=f"`{name}` takes no parameter"):
        kind.parse("x")


def test_everybody_who_is_named_is_notified(plan_of: PlanOf) -> None:
    both = Notify.parse("street-duty-officer").strictest(Notify.parse("security/officer,street-duty-officer"))
    assert both.notices(plan_of((None, "street"))) == ("notify=security/officer", "notify=street-duty-officer")


@pytest.mark.parametrize("value", ["", "a,,b", "Officer", "a b", "a\nSet-Cookie: x", "值班员", "x" * 65])
def test_a_name_that_could_not_stand_in_a_header_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="`notify` takes the name"):
        Notify.parse(value)
