"""Promise 3: between two steps of one request the purpose can't change."""

from dataclasses import FrozenInstanceError, fields, replace
from datetime import UTC, datetime

import pytest

from gateway.administration import build_engine
from gateway.demo.prepare import bundle_folder
from gateway.model.caller import Caller
from gateway.model.ids import AppId, DatasetName, PrincipalId, PurposeId, RegionCode, RoleName
from gateway.model.predicate import EVERYTHING
from gateway.model.query import BoundQuery, FieldUse, MediaType, OutputColumn

ENGINE = build_engine(bundle_folder())
NOW = datetime(2026, 12, 1, tzinfo=UTC)
CALLER = Caller(
    principal=PrincipalId("p"), app=AppId("community-desk"), roles=(RoleName("community/grid-worker"),),
    organisation="", regions=(RegionCode("330102"),), assurance=2, network="", id_number=None,
    purpose=PurposeId("home-visit"), case=None, justification=None, token_id="t",
)  # fmt: skip


def _bound(purpose: str) -> BoundQuery:
    dataset = ENGINE.catalog.datasets[DatasetName("community.need")]
    return BoundQuery(
        catalog=ENGINE.catalog, dataset=dataset, purpose=ENGINE.catalog.purposes[PurposeId(purpose)], case=None,
        columns=tuple(OutputColumn(name=name, field=name, aggregate=None) for name in dataset.fields),
        starred=frozenset(dataset.fields), where=EVERYTHING, order=(), limit=None, offset=0, wants_count=False,
        media_type=MediaType.JSON, is_head=False, uses=frozenset((name, FieldUse.SHOW) for name in dataset.fields),
        filter_shape="",
    )  # fmt: skip


@pytest.mark.parametrize("value", [CALLER, _bound("home-visit")])
def test_what_the_stages_hand_on_is_frozen(value: object) -> None:
    assert "purpose" in {field.name for field in fields(value)}  # type: ignore[arg-type]
    with pytest.raises((FrozenInstanceError, AttributeError)):
        value.purpose = "vaccination-outreach"  # type: ignore[attr-defined]


def test_a_question_bound_for_another_purpose_sees_nothing() -> None:
    same = ENGINE.decide(_bound("home-visit"), CALLER, None, NOW)
    assert same.rows.is_allowed
    for bound, caller in (
        (_bound("vaccination-outreach"), CALLER),
        (_bound("home-visit"), replace(CALLER, purpose=PurposeId("vaccination-outreach"))),
        (_bound("home-visit"), replace(CALLER, purpose=None)),
    ):
        other = ENGINE.decide(bound, caller, None, NOW)
        assert not other.rows.is_allowed
        assert {verdict.verdict.value for verdict in other.fields.values()} == {"deny"}
