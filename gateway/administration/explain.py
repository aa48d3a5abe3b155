"""Why, and who can: what a question would meet if somebody asked it, and who can use a field. Touches no data."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import TypeVar
from urllib.parse import unquote

from gateway.decision import PolicyEngine
from gateway.decision.who_can import USES, WhoCan, who_can
from gateway.errors import Defect, FieldUnavailable, GatewayError, NameNotInPolicy, Words
from gateway.model.caller import Caller, InboundRequest
from gateway.model.case import CaseFacts, CaseState
from gateway.model.explanation import Explanation
from gateway.model.ids import AppId, CaseId, PolicyVersion, PrincipalId, PurposeId, RegionCode, RoleName, RuleId
from gateway.planning import explain_plan
from gateway.query import bind, parse
from gateway.settings import Limits
from gateway.spi import Capabilities

_Name = TypeVar("_Name", bound=str)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class CaseTold:
    """A case that a hypothetical asker would work under; approved and open, for their purpose."""

    id: str = "case"
    subjects: tuple[str, ...] = ()  # raw ID numbers
    approved_by: str = "approver"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Somebody:
    """A hypothetical asker, in names that are still to be checked."""

    roles: tuple[str, ...]
    app: str
    purpose: str
    organisation: str = ""
    regions: tuple[str, ...] = ()
    assurance: int = 1
    network: str = ""
    id_number: str | None = None
    case: CaseTold | None = None
    justification: str | None = None
    at: datetime | None = None  # aware; None: now

    @property
    def people(self) -> tuple[str, ...]:
        """The ID numbers in it, for the log to hash."""
        return (*(self.case.subjects if self.case else ()), *((self.id_number,) if self.id_number else ()))


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleText:
    """A rule where an officer finds it."""

    file: str  # relative to the bundle
    line: int
    text: str  # its columns, joined as in the file


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficerExplanation:
    """What somebody's question would meet, for officers. Holds no data."""

    policy_version: PolicyVersion
    explanation: Explanation | None  # None where the question is refused before it is decided
    refusal: GatewayError | None  # before or after the decision
    because: tuple[Words, ...]  # which terms of the purpose the asker doesn't meet
    rules: Mapping[RuleId, RuleText]  # every rule that matched or nearly did


def explain_as(engine: PolicyEngine, question: str, somebody: Somebody, now: datetime) -> OfficerExplanation:
    """What `question` (an address, `/data/…`) would meet if `somebody` asked it; never raises for what is refused them.

    Raises NameNotInPolicy for a name that the policy doesn't have, and RequestInvalid for a question without grammar.
    """
    caller, case, moment = _caller(engine, somebody, somebody.at or now)
    path, _, query_string = question.partition("?")
    inbound = InboundRequest(
        method="GET",
        path=unquote(path),
        query_string=query_string,
        headers={},
        client_address="",
        received_at=moment,
        trace_id="",
    )
    parse(inbound, Limits())
    dataset = engine.catalog.datasets.get(
        _known(inbound.path.removeprefix("/data/"), engine.catalog.datasets, _DATASET)
    )
    told: Explanation | None = None
    try:
        told = simulate(engine, inbound, caller, case, moment)
        refusal = told.refusal
    except GatewayError as error:
        if isinstance(error, Defect):
            raise
        refusal = error
    if isinstance(refusal, FieldUnavailable) and dataset is not None:
        _known(refusal.field, dataset.fields, _FIELD)
    return OfficerExplanation(
        policy_version=engine.version,
        explanation=told,
        refusal=refusal,
        because=() if told is not None else tuple(_unmet(engine, caller, moment)),
        rules=_texts(engine, told) if told is not None else {},
    )


def simulate(
    engine: PolicyEngine, question: InboundRequest, caller: Caller, case: CaseFacts | None, now: datetime
) -> Explanation:
    """What `question` would meet if `caller` asked it; an officer's view, with the rules that nearly matched.

    Raises GatewayError where the question would be refused before it is decided.
    """
    if caller.purpose is None:
        msg = "a simulated caller names a purpose"
        raise ValueError(msg)
    limits = Limits()
    purpose = engine.admit(caller, now)
    engine.check_purpose(purpose, caller, case, now)
    bound = bind(parse(question, limits), engine.catalog, purpose, caller.case)
    decided = engine.decide_question(bound, caller, case, now, explain=True)
    return explain_plan(decided, lambda _: _ANY_SOURCE, limits, 10.0, for_officer=True)


_ANY_SOURCE = Capabilities(
    predicates=frozenset(), columns=None, can_order=True, can_limit=True, aggregates=frozenset(), can_mask=True
)


def find_who_can(engine: PolicyEngine, field: str, use: str, now: datetime, *, purpose: str | None = None) -> WhoCan:
    """Who can put `field` (`department.dataset.field`) to `use`; raises NameNotInPolicy."""
    chosen = _known(use, USES, ("use", "使用方式"))
    name, _, last = field.rpartition(".")
    dataset = engine.catalog.datasets[_known(name, engine.catalog.datasets, _DATASET)]
    wanted = dataset.fields[_known(last, dataset.fields, _FIELD)]
    only = None if purpose is None else _known(purpose, engine.catalog.purposes, _PURPOSE)
    return who_can(engine, dataset, wanted, chosen, now, purpose=only)


# ------------------------------------------------------------------ names
_DATASET, _FIELD, _PURPOSE = ("dataset", "数据集"), ("field", "字段"), ("purpose", "用途")


def _known(told: str, names: Collection[_Name], what: Words) -> _Name:
    for name in names:
        if name == told:
            return name
    # a name of officers is short; comparing a huge text with thousands of names would be slow
    shown = [str(name) for name in names]
    close = get_close_matches(told[:80], shown, n=3)
    if close:
        fix = (f"probably meant: {', '.join(close)}", f"可能是：{'、'.join(close)}")
    else:
        some = sorted(shown)[:12]
        fix = (f"known are, for example: {', '.join(some)}", f"已有的例如：{'、'.join(some)}")
    raise NameNotInPolicy(what=what, name=told[:80], fix=fix)


def _caller(engine: PolicyEngine, somebody: Somebody, moment: datetime) -> tuple[Caller, CaseFacts | None, datetime]:
    catalog = engine.catalog
    app: AppId = _known(somebody.app, catalog.apps, ("app", "应用"))
    purpose: PurposeId = _known(somebody.purpose, catalog.purposes, _PURPOSE)
    roles: list[RoleName] = [_known(role, catalog.roles, ("role", "角色")) for role in somebody.roles]
    regions: list[RegionCode] = [_known(code, catalog.regions, ("region", "区划")) for code in somebody.regions]
    told = somebody.case
    case = None
    if told is not None:
        case = CaseFacts(
            id=CaseId(told.id),
            purpose=purpose,
            state=CaseState.APPROVED,
            subjects=told.subjects,
            assignee_app="",
            opened_by=PrincipalId("opener"),
            approved_by=PrincipalId(told.approved_by),
            expires_at=datetime.max.replace(tzinfo=UTC),
        )
    caller = Caller(
        principal=PrincipalId("somebody"),
        app=app,
        roles=tuple(roles),
        organisation=somebody.organisation,
        regions=tuple(regions),
        assurance=somebody.assurance,
        network=somebody.network,
        id_number=somebody.id_number,
        purpose=purpose,
        case=case.id if case is not None else None,
        justification=somebody.justification,
        token_id="",
    )
    return caller, case, moment


# ------------------------------------------------------------------ what an officer is told besides
def _unmet(engine: PolicyEngine, caller: Caller, now: datetime) -> Iterable[Words]:
    """The terms of the declared purpose that the caller doesn't meet."""
    if caller.purpose is None:
        return
    purpose, app = engine.catalog.purposes[caller.purpose], engine.catalog.apps[caller.app]
    if purpose.is_abstract:
        yield (f"`{purpose.id}` groups other purposes; nobody can declare it", f"`{purpose.id}` 仅用于归类，不能声明")
        return
    if not purpose.valid_from <= now < purpose.valid_until:
        span = (purpose.valid_from.isoformat(), purpose.valid_until.isoformat())
        yield (f"the purpose stands from {span[0]} until {span[1]}", f"该用途有效期自 {span[0]} 至 {span[1]}")
    if app.id not in purpose.apps:
        yield (f"the purpose doesn't name the app `{app.id}`", f"该用途未列出应用 `{app.id}`")
    if purpose.id not in app.purposes:
        yield (f"the app `{app.id}` isn't registered for it", f"应用 `{app.id}` 未登记该用途")
    admitted = {f"role:{role}" for role in purpose.roles}
    above = engine.hierarchies.roles.above
    if not any(admitted & above[f"role:{role}"] for role in caller.roles):
        names = (", ".join(purpose.roles), "、".join(purpose.roles))
        yield (f"none of the roles is, or is below, {names[0]}", f"所持角色均不属于：{names[1]}")


def _texts(engine: PolicyEngine, told: Explanation) -> Mapping[RuleId, RuleText]:
    wanted = set(told.row_rules) | {miss.rule for miss in told.row_near_misses}
    for field in told.fields:
        wanted |= set(field.rules) | {miss.rule for miss in field.near_misses}
    return rule_texts(engine, wanted)


def rule_texts(engine: PolicyEngine, wanted: Collection[RuleId]) -> Mapping[RuleId, RuleText]:
    """Where each of the rules stands, and what it says."""
    return {
        rule.id: RuleText(file=rule.file, line=rule.line, text=", ".join(("p", *rule.row)))
        for rule in engine.judge.rules
        if rule.id in wanted
    }


__all__ = [
    "CaseTold",
    "OfficerExplanation",
    "RuleText",
    "Somebody",
    "explain_as",
    "find_who_can",
    "rule_texts",
    "simulate",
]
