"""Promise 5: the model is an ordinary Casbin model, the rules are ordinary rules, and Casbin's answer is ours."""

from datetime import UTC, datetime

import casbin

from gateway.administration import build_engine
from gateway.decision.attributes import attributes_of
from gateway.decision.hierarchy import ROOT_REGION, field_object
from gateway.decision.judge import Circumstances, Request
from gateway.demo.prepare import bundle_folder
from gateway.model.caller import Caller
from gateway.model.ids import AppId, PrincipalId, RegionCode, RoleName

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
ACTS = ("show", "match", "aggregate")


def test_the_model_is_read_by_an_ordinary_casbin() -> None:
    model = casbin.Model()
    model.load_model(str(bundle_folder() / "model.conf"))
    assert model["e"]["e"].value
    assert set(model["g"]) == {"g", "g2", "g3", "g4", "g5"}


def test_every_verdict_of_the_bundle_is_the_plain_enforcers() -> None:
    engine = build_engine(bundle_folder())
    plain = engine.judge.enforcer  # an ordinary casbin.Enforcer: enforce() walks every rule
    assert type(plain) is casbin.Enforcer
    outcomes: set[bool] = set()
    for purpose in engine.catalog.purposes.values():
        for role in purpose.roles[:2]:
            caller = Caller(
                principal=PrincipalId("somebody"),
                app=AppId(purpose.apps[0]),
                roles=(RoleName(role),),
                organisation="x",
                regions=(RegionCode("330102013001"),),
                assurance=2,
                network="",
                id_number=None,
                purpose=purpose.id,
                case=None,
                justification="long enough a reason",
                token_id="t",
            )
            request = Request(
                subs=(f"role:{role}",),
                app=f"app:{caller.app}",
                case="",
                pur=f"pur:{purpose.id}",
                now=NOW,
                ctx=Circumstances(attributes=attributes_of(caller, None, NOW)),
            )
            sitting = engine.judge.sit(request)
            for dataset in engine.catalog.datasets.values():
                for field in list(dataset.fields.values())[:6]:
                    obj = field_object(dataset, field)
                    for act in ACTS:
                        ours = engine.judge.allows(sitting.matched(obj, act, ROOT_REGION))
                        theirs = plain.enforce(
                            request.subs[0], request.app, "", obj, act, request.pur, ROOT_REGION, NOW, request.ctx
                        )
                        assert ours == theirs, (role, purpose.id, obj, act)
                        outcomes.add(ours)
    assert outcomes == {True, False}
