"""Why, and who can, over HTTP: an asker's own explanation, an officer's of somebody else, and a field asked backwards.

An officer is who may `write` the permission `langqiao.policy.explanation`; each such answer is in the log before it is
given. Thin: the answers are made in gateway.administration.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Literal
from urllib.parse import unquote, urlsplit

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from starlette.responses import Response as HttpResponse

from gateway.administration import (
    CaseTold,
    Grant,
    OfficerExplanation,
    PolicyEngine,
    PolicyHolder,
    Somebody,
    WhoCan,
    explain_as,
    find_who_can,
    rule_texts,
)
from gateway.api.control_plane import write_explanation
from gateway.api.data_plane import write_response
from gateway.api.inbound import read_headers
from gateway.api.problems import language_of
from gateway.errors import Language
from gateway.model.audit import EntryKind
from gateway.model.caller import Caller, InboundRequest
from gateway.model.catalog import Purpose
from gateway.model.change import Change
from gateway.model.decision import NearMiss
from gateway.model.explanation import FieldExplanation
from gateway.model.ids import DatasetName, FieldName, RuleId
from gateway.model.response import Response
from gateway.pipeline import Pipeline
from gateway.telemetry import read_traceparent

_PERMISSION = (DatasetName("langqiao.policy"), FieldName("explanation"))
MOST_GRANTS = 500
MOST_GROUPS = 50
_Name = Annotated[str, Field(min_length=1, max_length=200)]
_IdNumber = Annotated[str, Field(min_length=15, max_length=18)]


class _Wire(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class CaseAsked(_Wire):
    """An approved, open case of the purpose that somebody would work under."""

    id: Annotated[str, Field(min_length=1, max_length=64)] = "case"
    subjects: Annotated[list[_IdNumber], Field(min_length=1, max_length=50)]
    approved_by: Annotated[str, Field(min_length=1, max_length=200)] = "approver"


class SomebodyAsked(_Wire):
    """A hypothetical asker: what a token, an app key and the headers would say of them."""

    roles: Annotated[list[_Name], Field(min_length=1, max_length=20)]
    app: _Name
    purpose: _Name
    organisation: Annotated[str, Field(max_length=200)] = ""
    regions: Annotated[list[Annotated[str, Field(max_length=12)]], Field(max_length=50)] = Field(default_factory=list)
    assurance: Annotated[int, Field(ge=1, le=3)] = 1
    network: Annotated[str, Field(max_length=100)] = ""
    id_number: _IdNumber | None = None
    case: CaseAsked | None = None
    justification: Annotated[str, Field(max_length=500)] | None = None
    at: Annotated[AwareDatetime | None, Field(description="the moment that is asked about; left out: now")] = None

    def somebody(self) -> Somebody:
        """For the room that explains."""
        case = self.case
        return Somebody(
            roles=tuple(self.roles),
            app=self.app,
            purpose=self.purpose,
            organisation=self.organisation,
            regions=tuple(self.regions),
            assurance=self.assurance,
            network=self.network,
            id_number=self.id_number,
            case=CaseTold(id=case.id, subjects=tuple(case.subjects), approved_by=case.approved_by) if case else None,
            justification=self.justification,
            at=self.at,
        )


class Question(_Wire):
    """A question to be explained: the address that would be asked, e.g. `/data/civil-affairs.assistance?select=*`."""

    question: Annotated[str, Field(min_length=7, max_length=8_000, pattern="^/data/")]
    as_: Annotated[SomebodyAsked | None, Field(alias="as", description="for officers: who would ask it")] = None


class WhyFace:
    """The routes; built once, over one pipeline."""

    def __init__(
        self, *, pipeline: Callable[[], Pipeline], policy: Callable[[], PolicyHolder], clock: Callable[[], datetime]
    ) -> None:
        self._pipeline = pipeline
        self._policy = policy
        self._clock = clock

    def routes(self) -> APIRouter:
        """Every route."""
        router = APIRouter(tags=["policy"])
        router.add_api_route("/explain", self.explain, methods=["POST"], summary="What a question would meet, and why")
        router.add_api_route("/who-can", self.who_can, summary="Who can use a field, and through which rules")
        return router

    async def explain(self, body: Question, request: Request) -> HttpResponse:
        """The rules that decide a question: for its own asker, or for officers as somebody else. Nothing is fetched."""
        inbound = self._inbound(request)
        if body.as_ is not None:
            return await self._explain_as(body.question, body.as_.somebody(), inbound)
        parts = urlsplit(body.question)
        question = inbound._replace(method="GET", path=unquote(parts.path), query_string=parts.query)
        outcome = await self._pipeline().explain(inbound, question)
        if isinstance(outcome, Response):
            return _respond(outcome, inbound)
        return JSONResponse(write_explanation(outcome))

    async def _explain_as(self, question: str, somebody: Somebody, inbound: InboundRequest) -> HttpResponse:
        def answer(engine: PolicyEngine) -> tuple[dict[str, object], str]:
            told = explain_as(engine, question, somebody, self._clock())
            language = language_of(inbound.headers.get("accept-language"))
            dataset = question.partition("?")[0].removeprefix("/data/")
            who = f"{' '.join(somebody.roles)} in {somebody.app} for {somebody.purpose}"
            return write_officer_explanation(told, language), f"explained {unquote(dataset)} as {who}"

        return await self._answer(inbound, answer, somebody.people)

    async def who_can(
        self,
        request: Request,
        *,
        field: Annotated[str, Query(max_length=300, description="e.g. civil-affairs.assistance.monthly")],
        use: Literal["show", "match", "aggregate", "export", "write"] = "show",
        purpose: Annotated[str | None, Query(max_length=200)] = None,
        offset: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int, Query(ge=1, le=MOST_GRANTS)] = 100,
    ) -> HttpResponse:
        """Which roles, in which apps, for which purposes can use a field, how much they see, and by which rules."""

        def answer(engine: PolicyEngine) -> tuple[dict[str, object], str]:
            now = self._clock()
            found = find_who_can(engine, field, use, now, purpose=purpose)
            content = write_who_can(engine, found, field=field, use=use, now=now, offset=offset, limit=limit)
            return content, f"who can {use} {field}: {len(found.grants)} grants"

        return await self._answer(self._inbound(request), answer, ())

    # ------------------------------------------------------------------ between wire and road
    async def _answer(
        self,
        inbound: InboundRequest,
        answer: Callable[[PolicyEngine], tuple[dict[str, object], str]],
        people: tuple[str, ...],
    ) -> HttpResponse:
        """Permitted by a rule, made, written down, then given; all under one policy version."""
        found: list[dict[str, object]] = []
        engine = self._policy().current

        async def prepare(_caller: Caller, _purpose: Purpose) -> Change:
            content, detail = await asyncio.to_thread(answer, engine)

            async def make() -> None:
                found.append(content)

            return Change(detail=detail, case="", subjects=people, make=make)

        outcome = await self._pipeline().act(
            inbound, permission=_PERMISSION, kind=EntryKind.EXPLAIN, prepare=prepare, engine=engine
        )
        if isinstance(outcome, Response):
            return _respond(outcome, inbound)
        return JSONResponse(found[0], headers={"langqiao-receipt": str(outcome)})

    def _inbound(self, request: Request) -> InboundRequest:
        trace_id, _ = read_traceparent(request.headers.get("traceparent"))
        return read_headers(request.scope, self._clock(), trace_id)


def _respond(response: Response, inbound: InboundRequest) -> HttpResponse:
    status, headers, body = write_response(response, inbound.trace_id, inbound.headers.get("accept-language"))
    return HttpResponse(body, status, headers)


def write_officer_explanation(told: OfficerExplanation, language: Language = "en") -> dict[str, object]:
    """An officer's explanation on the wire."""
    found = told.explanation
    return {
        "policy": told.policy_version,
        "dataset": found.dataset if found else None,
        "purpose": found.purpose if found else None,
        "fields": {field.field: _write_field(field) for field in found.fields} if found else {},
        "rows": {
            "filter": found.rows,
            "rules": list(found.row_rules),
            "near_misses": [_write_miss(miss) for miss in found.row_near_misses],
        }
        if found
        else None,
        "obligations": list(found.obligations) if found else [],
        "embeds": {link: write_explanation(inner) for link, inner in found.embeds} if found else {},
        "refusal": {
            "code": told.refusal.code,
            "message": told.refusal.message(language),
            "because": [words[language == "zh"] for words in told.because],
        }
        if told.refusal
        else None,
        "rules": {
            rule_id: {"file": rule.file, "line": rule.line, "text": rule.text} for rule_id, rule in told.rules.items()
        },
    }


def _write_field(field: FieldExplanation) -> dict[str, object]:
    return {
        "level": field.level,
        "rules": list(field.rules),
        "granted": list(field.granted),
        "ceiling": field.ceiling,
        "near_misses": [_write_miss(miss) for miss in field.near_misses],
    }


def _write_miss(miss: NearMiss) -> dict[str, str]:
    return {"rule": miss.rule, "failed": miss.failed, "because": miss.because}


def write_who_can(
    engine: PolicyEngine, found: WhoCan, *, field: str, use: str, now: datetime, offset: int, limit: int
) -> dict[str, object]:
    """One page of the grants on the wire, with the text of its rules."""
    page = found.grants[offset : offset + limit]
    named: set[RuleId] = set()
    for grant in page:
        named |= {*grant.outcome.rules, *grant.outcome.row_rules}
    return {
        "policy": engine.version,
        "field": field,
        "use": use,
        "at": now.isoformat(),
        "count": len(found.grants),
        "offset": offset,
        "grants": [_write_grant(grant, found) for grant in page],
        "rules": {
            rule_id: {"file": rule.file, "line": rule.line, "text": rule.text}
            for rule_id, rule in rule_texts(engine, named).items()
        },
    }


def _write_grant(grant: Grant, found: WhoCan) -> dict[str, object]:
    outcome, groups = grant.outcome, found.cover.groups(grant.roles)
    return {
        "purpose": grant.purpose,
        "app": grant.app,
        "roles": {
            "count": len(grant.roles),
            "groups": [{"role": group.role, "below": group.below} for group in groups[:MOST_GROUPS]],
            "more_groups": max(0, len(groups) - MOST_GROUPS),
        },
        "levels": list(outcome.levels),
        "certain": outcome.is_certain,
        "exact": outcome.is_exact,
        "rows": outcome.rows,
        "needs": list(outcome.needs),
        "rules": list(outcome.rules),
        "row_rules": list(outcome.row_rules),
        "conditions": [{"rule": rule_id, "on": text} for rule_id, text in outcome.conditions],
    }
