"""no_export: no file formats."""

from collections.abc import Callable

import pytest

from gateway.errors import ExportNotAllowed
from gateway.model.plan import ReadPlan
from gateway.model.query import MediaType
from gateway.obligations.no_export import NoExport

PlanOf = Callable[..., ReadPlan]


@pytest.mark.parametrize("media_type", [MediaType.JSON, MediaType.OBJECT])
def test_what_apps_read_is_answered(plan_of: PlanOf, media_type: MediaType) -> None:
    plan = plan_of((None, "street"), media_type=media_type)
    assert NoExport().amend(plan) == plan
    assert NoExport().notices(plan) == ("no_export",)


@pytest.mark.parametrize("media_type", [one for one in MediaType if one not in {MediaType.JSON, MediaType.OBJECT}])
def test_a_file_is_refused(plan_of: PlanOf, media_type: MediaType) -> None:
    with pytest.raises(ExportNotAllowed):
        NoExport().amend(plan_of((None, "street"), media_type=media_type))


def test_it_takes_no_parameter() -> None:
    assert NoExport.parse("").strictest(NoExport()) == NoExport()
    with pytest.raises(ValueError, match="`no_export` takes no parameter"):
        NoExport.parse("csv")
