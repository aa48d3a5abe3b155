"""Random small worlds for the PDP: hierarchies, rules and requests within the model's shape."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from hypothesis import strategies as st

from gateway.decision import PolicyEngine
from gateway.model.caller import Caller
from gateway.model.case import CaseFacts, CaseState
from gateway.model.catalog import Catalog, Dataset
from gateway.model.decision import Decision
from gateway.model.ids import AppId, DatasetName, PurposeId, RoleName
from gateway.model.predicate import (
    AllOf,
    AnyOf,
    Comparator,
    Compare,
    IsNull,
    Not,
    OneOf,
    Predicate,
    Under,
)
from gateway.model.query import FieldUse
from tests.unit.decision.naive_pdp import CONDITIONS, FILTERS, Cells, Row
from tests.unit.decision.small_city import NOW, SOMEBODY, caller, case_of, catalog, line, question, write_bundle

ROWS: tuple[Row, ...] = tuple(
    {"id_number": number, "community_code": code}
    for number in (SOMEBODY, "330102194910010029", None)
    for code in ("330102001002", "330102001003", "330102002001", "330106001001", None)
)
DATASETS = ("police.resident", "aid.allowance")
_OBJECTS = [
    "field:police.resident.name",
    "field:police.resident.id_number",
    "field:aid.allowance.monthly",
    "ds:police.resident",
    "ds:aid.allowance",
    "dep:police",
    "dep:aid",
    "term:person.id_number",
    "term:person.phone",
    "class:sensitive",
    "class:public",
    "class:any",
]
_INSTANTS = ["", "2026-11-30T00:00:00Z", "2026-12-02T00:00:00Z"]


@dataclass(frozen=True)
class World:
    """A city and its rules."""

    city: Catalog
    rules: tuple[Cells, ...]


@st.composite
def cells(draw: st.DrawFn, effect: str | None = None, act: str | None = None) -> Cells:
    """One rule, its obligations still apart (`level`, `where`)."""
    eft = effect or draw(st.sampled_from(["allow", "allow", "allow", "oblige", "deny"]))
    use = act or draw(st.sampled_from(["show", "show", "show", "rows", "rows", "match", "aggregate"]))
    nbf, exp = draw(st.sampled_from([(a, b) for a in _INSTANTS for b in _INSTANTS if not (a and b and a >= b)]))
    level = where = ""
    if use == "show" and eft != "deny":
        level = draw(st.sampled_from(["dim", "dark", "gone"] if eft == "oblige" else ["", "clear", "dim", "dark"]))
    if use == "rows" and eft != "deny":
        where = draw(st.sampled_from([each for each in FILTERS if each or eft == "allow"]))
    return {
        "sub": draw(
            st.sampled_from(["any", "staff", "worker", "worker", "officer", "chief", "vendor"]).map("role:{}".format)
        ),
        "app": draw(st.sampled_from(["app:any", "app:any", "app:desk", "app:dim-desk"])),
        "obj": draw(st.sampled_from([o for o in _OBJECTS if use != "rows" or o[:2] in {"ds", "de"}])),
        "act": use,
        "pur": draw(
            st.sampled_from(["any", "any", "normal", "visit", "verify", "pickup", "rescue"]).map("pur:{}".format)
        ),
        "reg": draw(st.sampled_from(["cn", "cn", "330102", "330102001"]))
        if (use == "rows" and eft != "oblige") or where
        else "cn",
        "case": draw(st.sampled_from(["*", "*", "*", "C-1", "C-2"])),
        "nbf": nbf,
        "exp": exp,
        "cond": draw(st.sampled_from(["", "", *CONDITIONS])),
        "eft": eft,
        "level": level,
        "where": where,
    }


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Rules over a city whose roles and purposes inherit at random (downwards in a fixed order: no cycles)."""
    city = catalog()
    city = replace(city, datasets={name: each for name, each in city.datasets.items() if name in DATASETS})
    names = list(city.roles)
    roles = {
        name: replace(role, inherits=tuple(draw(st.sets(st.sampled_from(names[:index]))) if index else ()))
        for index, (name, role) in enumerate(city.roles.items())
    }
    loose = draw(st.booleans())
    purposes = {
        name: replace(
            purpose,
            parents=(PurposeId("visit"),) if loose and name == "verify" else purpose.parents,
            ceiling=None if draw(st.booleans()) else purpose.ceiling,
        )
        for name, purpose in city.purposes.items()
    }
    rules = draw(st.lists(cells(), min_size=1, max_size=14))
    return World(city=replace(city, roles=roles, purposes=purposes), rules=tuple(rules))


@st.composite
def requests(draw: st.DrawFn) -> tuple[Caller, CaseFacts | None, datetime]:
    """Who asks, in which circumstances."""
    purpose = draw(st.sampled_from(["visit", "visit", "verify", "pickup", "rescue", "normal"]))
    has_case = purpose == "pickup" or draw(st.integers(0, 5)) == 0
    who = replace(
        caller(purpose=purpose),
        roles=tuple(
            draw(
                st.lists(st.sampled_from(["worker", "officer", "chief", "vendor"]), max_size=2, unique=True).map(
                    lambda r: [RoleName(x) for x in r]
                )
            )
        ),
        app=AppId(draw(st.sampled_from(["desk", "desk", "dim-desk", "nowhere"]))),
        regions=draw(st.sampled_from([("330102001002",), ("330102",), ()])),
        assurance=draw(st.integers(1, 3)),
        network=draw(st.sampled_from(["", "gov-vpn", "internet"])),
        id_number=draw(st.sampled_from([None, SOMEBODY])),
        case=case_of().id if has_case else None,
        justification=draw(st.sampled_from([None, "短", "an elderly person does not answer the door"])),
    )
    facts = None
    if has_case and draw(st.integers(0, 9)):
        facts = case_of(
            SOMEBODY, purpose=purpose, state=draw(st.sampled_from([*[CaseState.APPROVED] * 3, CaseState.CLOSED]))
        )
    now = NOW + timedelta(days=draw(st.sampled_from([0, 0, 0, -3, 3, 2000])))
    return who, facts, now


def rule_lines(rules: tuple[Cells, ...]) -> list[str]:
    """As a file has them."""
    return [
        line(
            f"R{number:03}",
            rule["eft"],
            rule["obj"],
            act=rule["act"],
            sub=rule["sub"],
            app=rule["app"],
            pur=rule["pur"],
            reg=rule["reg"],
            case=rule["case"],
            nbf=rule["nbf"],
            exp=rule["exp"],
            cond=rule["cond"],
            obl=_obligations(rule),
        )
        for number, rule in enumerate(rules)
    ]


def _obligations(rule: Cells) -> str:
    said = [f"{name}={rule[name]}" for name in ("level", "where") if rule[name]]
    said += [rule["others"]] if rule.get("others") else []
    # an oblige must bind to something
    return "; ".join(said or (["review"] if rule["eft"] == "oblige" else []))


def build_engine(world: World) -> PolicyEngine:
    """The real engine of a world."""
    with tempfile.TemporaryDirectory() as folder:
        return PolicyEngine.load(write_bundle(Path(folder), *rule_lines(world.rules)), world.city)


def ask(
    engine: PolicyEngine, who: Caller, case: CaseFacts | None, now: datetime, name: str
) -> tuple[Decision, Dataset]:
    """The whole decision on a dataset, every use asked for."""
    dataset = engine.catalog.datasets[DatasetName(name)]
    uses = [(field, use) for field in dataset.fields for use in (FieldUse.MATCH, FieldUse.AGGREGATE, FieldUse.EXPORT)]
    return engine.decide(question(engine.catalog, who, name, uses=uses), who, case, now), dataset


def sees(predicate: Predicate, row: Row) -> bool:
    """Whether a row passes, in SQL's three-valued logic."""
    return _truth(predicate, row) is True


def levels_of(decision: Decision) -> Mapping[str, str]:
    """clear, a mask, or denied."""
    return {
        str(name): {"allow": "clear", "mask": str(verdict.mask), "deny": "denied"}[verdict.verdict.value]
        for name, verdict in decision.fields.items()
    }


def _truth(predicate: Predicate, row: Row) -> bool | None:
    match predicate:
        case AllOf(terms):
            found = {_truth(term, row) for term in terms}
            return False if False in found else None if None in found else True
        case AnyOf(terms):
            found = {_truth(term, row) for term in terms}
            return True if True in found else None if None in found else False
        case Not(term):
            inner = _truth(term, row)
            return None if inner is None else not inner
        case IsNull(field):
            return row[field] is None
        case Compare(field, Comparator.EQ, value):
            return None if row[field] is None else row[field] == value
        case OneOf(field, values):
            return False if not values else None if row[field] is None else row[field] in values
        case Under(field, prefixes):
            text = row[field]
            return None if text is None else text.startswith(prefixes)
        case _:
            raise AssertionError(predicate)
