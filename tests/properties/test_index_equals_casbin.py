"""The index gives what plain Casbin gives: over random models, rules, hierarchies and requests."""

from dataclasses import dataclass, field
from datetime import datetime

import casbin
from casbin.persist import Adapter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.decision.attributes import attributes_of
from gateway.decision.hierarchy import field_object
from gateway.decision.judge import Circumstances, Request
from gateway.decision.rule_index import Inquiry, RuleIndex
from gateway.model.caller import Caller
from gateway.model.case import CaseFacts
from gateway.model.ids import AppId, RoleName
from tests.unit.decision.worlds import DATASETS, World, build_engine, requests, worlds

_EFFECTS = (
    "some(where (p.eft == allow))",
    "!some(where (p.eft == deny))",
    "some(where (p.eft == allow)) && !some(where (p.eft == deny))",
)
_CONJUNCTS = (
    "r.sub == p.sub",
    "g(r.sub, p.sub)",
    "g2(r.obj, p.obj)",
    "p.obj == r.obj",
    "r.act == p.act",
    "r.act != p.act",
    '(p.tag == "*" || r.tag == p.tag)',
    "g(r.tag, p.tag)",
    "r.sub == p.tag",
    "!(r.tag == p.sub)",
    "r.sub == r.tag",
    'p.act == "x"',
)
_NAMES = ("a", "b", "c", "d", "e")


@dataclass(frozen=True)
class Model:
    """An ordinary Casbin model with its rules and links."""

    text: str
    rules: tuple[tuple[str, ...], ...]
    links: dict[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)

    def enforcer(self) -> casbin.Enforcer:
        return casbin.Enforcer(casbin.Enforcer.new_model(text=self.text), _Loaded(self))


class _Loaded(Adapter):  # type: ignore[misc]  # pycasbin has no types
    def __init__(self, model: Model) -> None:
        self.model = model

    def load_policy(self, model: object) -> None:
        model["p"]["p"].policy.extend(list(rule) for rule in self.model.rules)  # type: ignore[index]
        for name, links in self.model.links.items():
            model["g"][name].policy.extend(list(link) for link in links)  # type: ignore[index]


@st.composite
def models(draw: st.DrawFn) -> Model:
    conjuncts = draw(st.lists(st.sampled_from(_CONJUNCTS), min_size=1, max_size=6, unique=True))
    joined = " && ".join(conjuncts) if draw(st.integers(0, 9)) else " || ".join(conjuncts)
    text = f"""
[request_definition]
r = sub, obj, act, tag
[policy_definition]
p = sub, obj, act, tag, eft
[role_definition]
g = _, _
g2 = _, _
[policy_effect]
e = {draw(st.sampled_from(_EFFECTS))}
[matchers]
m = {joined}
"""
    name = st.sampled_from(_NAMES)
    rule = st.tuples(name, name, st.sampled_from("xy"), st.sampled_from(["*", *_NAMES]), _effect)
    # upwards only: no cycles, and chains as long as five names allow
    link = st.tuples(name, name).filter(lambda pair: pair[0] < pair[1])
    return Model(
        text=text,
        rules=tuple(draw(st.lists(rule, min_size=1, max_size=12, unique=True))),
        links={each: tuple(draw(st.lists(link, max_size=5, unique=True))) for each in ("g", "g2")},
    )


_effect = st.sampled_from(["allow", "allow", "deny", "oblige"])


def test_the_index_decides_as_the_plain_enforcer_does_over_random_models() -> None:
    compared = 0

    @settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(model=models(), asked=st.lists(st.tuples(*[st.sampled_from([*_NAMES, "z"])] * 4), min_size=20, max_size=20))
    def compare(model: Model, asked: list[tuple[str, ...]]) -> None:
        nonlocal compared
        enforcer = model.enforcer()
        index = RuleIndex(enforcer, varying="r_obj")
        inquiry = Inquiry(index)
        for values in asked:
            for act in "xy":
                request = (values[0], values[1], act, values[3])
                plainly = tuple(n for n, rule in enumerate(model.rules) if index.matcher.matches(request, rule))
                assert index.matched(*request) == plainly
                assert inquiry.matched(request) == plainly, "what a question shares"
                assert index.allows(*request) == enforcer.enforce(*request)
                compared += 1

    compare()
    assert compared >= 16_000


def test_a_hundred_thousand_field_decisions_of_random_cities_are_those_of_the_plain_enforcer() -> None:
    compared = 0

    @settings(max_examples=230, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
    @given(world=worlds(), asked=st.lists(requests(), min_size=10, max_size=10))
    def compare(world: World, asked: list[tuple[Caller, CaseFacts | None, datetime]]) -> None:
        nonlocal compared
        judge = build_engine(world).judge
        for who, case, now in asked:
            app = who.app if who.app in world.city.apps else AppId("desk")
            ctx = Circumstances(attributes=attributes_of(who, case, now))
            for role in who.roles or (RoleName("staff"),):
                sub = f"role:{role}"
                pur = f"pur:{who.purpose}"
                request = Request(subs=(sub,), app=f"app:{app}", case=who.case or "", pur=pur, now=now, ctx=ctx)
                sitting = judge.sit(request)
                for name in DATASETS:
                    dataset = next(each for each in world.city.datasets.values() if each.name == name)
                    questions = [(f"ds:{name}", "rows", reg) for reg in ("cn", "330102", "330102001")]
                    questions += [
                        (field_object(dataset, each), act, "cn")
                        for each in dataset.fields.values()
                        for act in ("show", "match", "aggregate", "export", "write")
                    ]
                    for obj, act, reg in questions:
                        found = judge.allows(sitting.matched(obj, act, reg))
                        plain = judge.enforcer.enforce(sub, f"app:{app}", who.case or "", obj, act, pur, reg, now, ctx)
                        assert found == plain, (sub, obj, act, reg)
                        compared += 1

    compare()
    assert compared >= 100_000
