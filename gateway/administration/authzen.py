"""AuthZEN questions -> answers: other systems ask this PDP (OpenID Authorization API 1.0). Touches no data.

docs/authzen.md says how subject, action, resource and context are mapped. Decisions default to closed: what can't be
understood is `false`, with the reason in the context.
"""

import base64
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from gateway.decision import PolicyEngine
from gateway.errors import BodyMalformed, DatasetUnavailable, FieldUnavailable, GatewayError, PurposeMissing
from gateway.model.caller import Caller
from gateway.model.case import CaseFacts
from gateway.model.catalog import Dataset
from gateway.model.decision import Decision, Verdict
from gateway.model.ids import (
    AppId,
    CaseId,
    DatasetName,
    FieldName,
    PrincipalId,
    PurposeId,
    RegionCode,
    RoleName,
)
from gateway.model.predicate import EVERYTHING
from gateway.model.query import BoundQuery, FieldUse, MediaType, OutputColumn

FIELD_ACTIONS = {
    "show": FieldUse.SHOW,
    "match": FieldUse.MATCH,
    "aggregate": FieldUse.AGGREGATE,
    "export": FieldUse.EXPORT,
}
DATASET_ACTIONS = ("read",)
LONGEST_PAGE = 200


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Tuple:
    """One question: subject, action, resource, context."""

    subject_type: str
    subject_id: str
    properties: Mapping[str, object]
    action: str
    resource_type: str
    resource_id: str
    context: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A decision and what it rests on."""

    decision: bool
    context: Mapping[str, object] = field(default_factory=dict)

    def on_the_wire(self) -> dict[str, object]:
        """As the specification writes it."""
        return {"decision": self.decision, "context": dict(self.context)}


def evaluate(
    engine: PolicyEngine, asked: Tuple, find_case: Callable[[CaseId], CaseFacts | None], now: datetime
) -> Answer:
    """The answer to one question; never raises for what the question says."""
    try:
        return _evaluate(engine, asked, find_case, now)
    except GatewayError as error:
        told: dict[str, object] = {"status": error.status, "code": error.code, "message": error.message()}
        return Answer(decision=False, context={"error": told, "policy_version": engine.version})


def _evaluate(
    engine: PolicyEngine, asked: Tuple, find_case: Callable[[CaseId], CaseFacts | None], now: datetime
) -> Answer:
    caller, moment = _caller(asked, now)
    dataset, name = _resource(engine, asked)
    if caller.app not in engine.catalog.apps:
        raise BodyMalformed(fault="context.app: no such app")
    case = find_case(caller.case) if caller.case is not None else None
    purpose = engine.admit(caller, moment)
    engine.check_purpose(purpose, caller, case, moment)
    use = FIELD_ACTIONS.get(asked.action) if name is not None else FieldUse.SHOW
    if use is None or (name is None and asked.action not in DATASET_ACTIONS):
        raise BodyMalformed(fault=f"action.name: not one of a {asked.resource_type}")
    names = tuple(dataset.fields) if name is None else (name,)
    bound = BoundQuery(
        catalog=engine.catalog,
        dataset=dataset,
        purpose=purpose,
        case=caller.case,
        columns=tuple(OutputColumn(name=one, field=one, aggregate=None) for one in names),
        starred=frozenset(names),
        where=EVERYTHING,
        order=(),
        limit=None,
        offset=0,
        wants_count=False,
        media_type=MediaType.JSON,
        is_head=False,
        uses=frozenset((one, each) for one in names for each in (FieldUse.SHOW, use)),
        filter_shape="",
    )
    decision = engine.decide(bound, caller, case, moment)
    return _dataset_answer(decision) if name is None else _field_answer(decision, name, use)


def _field_answer(decision: Decision, name: FieldName, use: FieldUse) -> Answer:
    verdict = decision.fields[name]
    is_seen = verdict.verdict is not Verdict.DENY and decision.rows.is_allowed
    is_free = use is FieldUse.SHOW or verdict.verdict is Verdict.ALLOW or use in verdict.granted
    level = {Verdict.ALLOW: "clear", Verdict.MASK: verdict.mask or "", Verdict.DENY: "denied"}[verdict.verdict]
    told: dict[str, object] = {"level": level, "rules": list(verdict.rules)}
    if verdict.mask is not None:
        told["mask"] = verdict.mask
    return Answer(decision=is_seen and is_free, context=told | _whole(decision))


def _dataset_answer(decision: Decision) -> Answer:
    seen = sorted(name for name, verdict in decision.fields.items() if verdict.verdict is not Verdict.DENY)
    told: dict[str, object] = {"fields": seen, "rules": list(decision.rule_ids)}
    return Answer(decision=bool(seen) and decision.rows.is_allowed, context=told | _whole(decision))


def _whole(decision: Decision) -> dict[str, object]:
    return {
        "row_rules": list(decision.rows.rules),
        "obligations": sorted({f"{one.spec.name}={one.spec.value}".rstrip("=") for one in decision.obligations}),
        "policy_version": decision.policy_version,
    }


def _caller(asked: Tuple, now: datetime) -> tuple[Caller, datetime]:
    """Who is asked about, as the asking system vouches for them, and the moment that the question is about."""
    if asked.subject_type != "user":
        raise BodyMalformed(fault="subject.type: `user` is asked about")
    given, context = asked.properties, asked.context
    purpose = _text(context, "purpose")
    if not purpose:
        raise PurposeMissing
    assurance = given.get("assurance", 1)
    if not isinstance(assurance, int) or isinstance(assurance, bool):
        raise BodyMalformed(fault="subject.properties.assurance: no number")
    moment = now
    if "time" in context:
        try:
            moment = datetime.fromisoformat(_text(context, "time"))
        except ValueError:
            raise BodyMalformed(fault="context.time: no time of RFC 3339") from None
        if moment.tzinfo is None:
            raise BodyMalformed(fault="context.time: without a zone")
    caller = Caller(
        principal=PrincipalId(asked.subject_id),
        app=AppId(_text(context, "app")),
        roles=tuple(RoleName(role) for role in _texts(given, "roles")),
        organisation=_text(given, "organisation"),
        regions=tuple(RegionCode(code) for code in _texts(given, "regions")),
        assurance=assurance,
        network=_text(context, "network"),
        id_number=None,
        purpose=PurposeId(purpose),
        case=CaseId(_text(context, "case")) if "case" in context else None,
        justification=_text(context, "justification") or None,
        token_id="",
    )
    return caller, moment


def _text(given: Mapping[str, object], key: str) -> str:
    found = given.get(key, "")
    if not isinstance(found, str) or not _is_text(found):
        raise BodyMalformed(fault=f"{key}: no text")
    return found


def _is_text(found: str) -> bool:
    """JSON can spell half a character, which no answer or log can hold."""
    return not any("\ud800" <= character <= "\udfff" for character in found)


def _texts(given: Mapping[str, object], key: str) -> tuple[str, ...]:
    found = given.get(key, [])
    if not isinstance(found, list) or not all(isinstance(one, str) and _is_text(one) for one in found):
        raise BodyMalformed(fault=f"{key}: no list of texts")
    return tuple(found)


def _resource(engine: PolicyEngine, asked: Tuple) -> tuple[Dataset, FieldName | None]:
    name, _, last = asked.resource_id.rpartition(".")
    match asked.resource_type:
        case "dataset":
            dataset, which = engine.catalog.datasets.get(DatasetName(asked.resource_id)), None
        case "field":
            dataset, which = engine.catalog.datasets.get(DatasetName(name)), FieldName(last)
        case _:
            raise BodyMalformed(fault="resource.type: `field` or `dataset`")
    if dataset is None or dataset.source is None:
        raise DatasetUnavailable(dataset=asked.resource_id[:100])
    if which is not None and which not in dataset.fields:
        raise FieldUnavailable(field=which[:100])
    return dataset, which


# ------------------------------------------------------------------ search
def candidates(engine: PolicyEngine, asked: Tuple, entity: str) -> Iterator[tuple[dict[str, str], Tuple]]:
    """Everything that a search could find, in name order, each with the question that decides whether it is found."""
    match entity:
        case "subject" if asked.subject_type == "role":
            # the gateway keeps no register of people: who may is told by role
            for role in sorted(engine.catalog.roles):
                properties = {**asked.properties, "roles": [str(role)]}
                yield {"type": "role", "id": role}, replace(asked, subject_type="user", properties=properties)
        case "resource" if asked.resource_type in {"dataset", "field"}:
            for dataset in sorted(engine.catalog.datasets.values(), key=lambda each: each.name):
                if dataset.source is None:
                    continue
                ids = [dataset.name] if asked.resource_type == "dataset" else sorted(dataset.fields)
                for one in ids:
                    whole = str(one) if asked.resource_type == "dataset" else f"{dataset.name}.{one}"
                    yield {"type": asked.resource_type, "id": whole}, replace(asked, resource_id=whole)
        case "action":
            for name in DATASET_ACTIONS if asked.resource_type == "dataset" else sorted(FIELD_ACTIONS):
                yield {"name": name}, replace(asked, action=name)
        case _:
            return


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of what a search found; `next_token` is empty on the last."""

    results: tuple[dict[str, str], ...]
    next_token: str
    total: int


def search(
    engine: PolicyEngine,
    asked: Tuple,
    entity: str,
    find_case: Callable[[CaseId], CaseFacts | None],
    now: datetime,
    *,
    token: str,
    limit: int,
) -> Page:
    """A page of the entities for which the answer is `true`.

    Raises BodyMalformed for a token of another search, and for a search of people: an empty answer would say that
    nobody may.
    """
    if entity == "subject" and asked.subject_type == "user" and _is_known(engine, asked):
        raise BodyMalformed(fault="subject.type: no register of people is kept here; search for the type `role`")
    seal = _seal(engine, asked, entity)
    begin = _position(token, seal)
    found = [
        one
        for one, question in candidates(engine, asked, entity)
        if evaluate(engine, question, find_case, now).decision
    ]
    end = begin + min(limit, LONGEST_PAGE)
    further = base64.urlsafe_b64encode(f"{end}:{seal}".encode()).decode() if end < len(found) else ""
    return Page(results=tuple(found[begin:end]), next_token=further, total=len(found))


def _is_known(engine: PolicyEngine, asked: Tuple) -> bool:
    try:
        _resource(engine, asked)
    except GatewayError:
        return False
    return True


def _seal(engine: PolicyEngine, asked: Tuple, entity: str) -> str:
    """Binds a token to its search and the policy version: a page of one can't go on another."""
    parts = [
        engine.version, entity, asked.subject_type, asked.subject_id, dict(asked.properties), asked.action,
        asked.resource_type, asked.resource_id, dict(asked.context),
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


def _position(token: str, seal: str) -> int:
    if not token:
        return 0
    try:
        begin, _, found = base64.urlsafe_b64decode(token.encode()).decode().partition(":")
    except ValueError:
        begin, found = "", ""
    if found != seal or not begin.isdecimal():
        raise BodyMalformed(fault="page.token: not of this search under the policy that serves; begin again")
    return int(begin)
