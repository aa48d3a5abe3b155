"""The control plane: health, catalogue, cases, policy reload. FastAPI, thin."""

import secrets
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response as HttpResponse

from gateway.administration import CaseDesk, CaseView, PolicyChanges, nothing_to_make
from gateway.api.data_plane import write_response
from gateway.api.inbound import read_headers
from gateway.audit import AuditLog, ForwardingState
from gateway.model.audit import AuditReceipt, EntryKind
from gateway.model.caller import Caller, InboundRequest
from gateway.model.catalog import Purpose
from gateway.model.change import Change
from gateway.model.explanation import Explanation, FieldExplanation
from gateway.model.ids import AppId, CaseId, DatasetName, FieldName
from gateway.model.response import Response
from gateway.pipeline import Permission, Pipeline
from gateway.sources import Sources, SourceStanding
from gateway.telemetry import read_traceparent

_CASE = DatasetName("langqiao.case")
_POLICY = DatasetName("langqiao.policy")


class _Wire(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CaseOpening(_Wire):
    """A case to be opened for the request's purpose."""

    subjects: Annotated[
        list[Annotated[str, Field(min_length=15, max_length=18)]],
        Field(min_length=1, max_length=50, description="ID numbers of the people that the case is about"),
    ]
    app: Annotated[str, Field(max_length=100, description="the app that may use the case")]
    hours: Annotated[int, Field(ge=1, le=24 * 90, description="hours until it expires")] = 24


class CaseExtension(_Wire):
    """How much longer a case is to live."""

    hours: Annotated[int, Field(ge=1, le=24 * 90, description="hours beyond its present end")]


class Face:
    """The routes; built once, over one pipeline."""

    def __init__(
        self,
        *,
        pipeline: Callable[[], Pipeline],
        policy: Callable[[], PolicyChanges],
        cases: Callable[[], CaseDesk],
        audit: Callable[[], AuditLog],
        witnesses: Callable[[], Mapping[str, str]],
        sources: Callable[[], Sources],
        forwarding: Callable[[], Mapping[str, ForwardingState]],
        clock: Callable[[], datetime],
    ) -> None:
        self._pipeline = pipeline
        self._policy = policy
        self._cases = cases
        self._audit = audit
        self._witnesses = witnesses
        self._sources = sources
        self._forwarding = forwarding
        self._clock = clock

    def routes(self) -> APIRouter:
        """Every control-plane route."""
        router = APIRouter()
        add = router.add_api_route
        add("/healthz", self.healthz, tags=["operation"], summary="The process lives")
        add(
            "/readyz", self.readyz, tags=["operation"], summary="It can answer: log durable, policy the one that serves"
        )
        add("/catalog", self.catalog, tags=["policy"], summary="What you may ask for the declared purpose")
        add("/policy/reload", self.reload, methods=["POST"], tags=["policy"], summary="Take the bundle's files again")
        add("/cases", self.open_case, methods=["POST"], status_code=201, tags=["cases"], summary="Open a case")
        add("/cases/{case}/approve", self.approve_case, methods=["POST"], tags=["cases"], summary="Approve it")
        add("/cases/{case}/close", self.close_case, methods=["POST"], tags=["cases"], summary="Close it")
        add("/cases", self.list_cases, tags=["cases"], summary="The cases that you opened or approved")
        add("/cases/{case}", self.read_case, tags=["cases"], summary="Read a case that you are involved in")
        add("/cases/{case}/extend", self.extend_case, methods=["POST"], tags=["cases"], summary="Let it live longer")
        return router

    # ------------------------------------------------------------------ operation
    async def healthz(self) -> dict[str, str]:
        """The process lives; says nothing more."""
        return {"status": "ok"}

    async def readyz(self) -> JSONResponse:
        """200 where a question could be answered. A sick source doesn't make it unready; told by name, not address."""
        policy = self._policy().holder
        ready = self._audit().is_ready and policy.is_trusted
        sources = self._sources()
        found = dict(await sources.look())
        content = {
            "status": "ready" if ready else "not ready",
            "audit": "durable" if self._audit().is_ready else "can't be written",
            "witnesses": dict(self._witnesses()),  # told, and no reason to turn away who asks
            "policy": policy.current.version,
            **({} if policy.is_trusted else {"policy_here": policy.built.version}),
            "sources": found,
            "circuits": {one.name: write_standing(one) for one in sources.standings() if one.circuit != "closed"},
            # a target that is gone is no reason not to answer
            "forwarding": {
                name: {"behind": one.behind, "state": "stopped" if one.fault else "ok"}
                for name, one in self._forwarding().items()
            },
        }
        return JSONResponse(content, 200 if ready else 503)

    # ------------------------------------------------------------------ policy
    async def catalog(self, request: Request) -> HttpResponse:
        """Your purposes and, for the declared one, the datasets and fields you may use, each with its level."""
        inbound = self._inbound(request)
        outcome = await self._pipeline().survey(inbound)
        if isinstance(outcome, Response):
            return self._respond(outcome, inbound)
        purposes, datasets = outcome
        return JSONResponse(
            {
                "purposes": [write_purpose(purpose) for purpose in purposes],
                "datasets": [write_explanation(dataset, brief=True) for dataset in datasets],
            }
        )

    async def reload(self, request: Request) -> HttpResponse:
        """Take the bundle's files again; a broken bundle is refused with file and line, and the old one stays."""

        async def prepare(_caller: Caller, _purpose: Purpose) -> Change:
            return await self._policy().prepare()

        outcome = await self._act(request, (_POLICY, FieldName("bundle")), EntryKind.POLICY, prepare)
        if isinstance(outcome, HttpResponse):
            return outcome
        return self._done(outcome, policy=self._policy().holder.current.version)

    # ------------------------------------------------------------------ cases
    async def open_case(self, body: CaseOpening, request: Request) -> HttpResponse:
        """Apply for a case on named people, for the declared purpose; somebody else approves it."""
        case = CaseId(f"c-{secrets.token_hex(8)}")

        async def prepare(caller: Caller, purpose: Purpose) -> Change:
            return await self._cases().open(
                case,
                caller,
                purpose,
                subjects=tuple(body.subjects),
                app=AppId(body.app),
                hours=body.hours,
                now=self._clock(),
            )

        outcome = await self._act(request, (_CASE, FieldName("application")), EntryKind.CASE, prepare)
        return outcome if isinstance(outcome, HttpResponse) else self._done(outcome, 201, case=case, state="opened")

    async def approve_case(self, case: str, request: Request) -> HttpResponse:
        """Approve a case that somebody else opened."""

        async def prepare(caller: Caller, purpose: Purpose) -> Change:
            return await self._cases().approve(CaseId(case), caller, purpose, self._clock())

        outcome = await self._act(request, (_CASE, FieldName("approval")), EntryKind.CASE, prepare)
        return outcome if isinstance(outcome, HttpResponse) else self._done(outcome, case=case, state="approved")

    async def close_case(self, case: str, request: Request) -> HttpResponse:
        """Close a case; nothing is seen under it from then on."""

        async def prepare(caller: Caller, purpose: Purpose) -> Change:
            return await self._cases().close(CaseId(case), caller, purpose, self._clock())

        outcome = await self._act(request, (_CASE, FieldName("closure")), EntryKind.CASE, prepare)
        return outcome if isinstance(outcome, HttpResponse) else self._done(outcome, case=case, state="closed")

    async def extend_case(self, case: str, body: CaseExtension, request: Request) -> HttpResponse:
        """Move the end of an approved case; somebody else than who opened it, and never past 90 days in all."""

        async def prepare(caller: Caller, purpose: Purpose) -> Change:
            return await self._cases().extend(CaseId(case), caller, purpose, hours=body.hours, now=self._clock())

        outcome = await self._act(request, (_CASE, FieldName("extension")), EntryKind.CASE, prepare)
        return outcome if isinstance(outcome, HttpResponse) else self._done(outcome, case=case, state="approved")

    async def read_case(self, case: str, request: Request) -> HttpResponse:
        """A case for those involved; subjects as keyed hashes."""
        found: list[CaseView] = []

        async def prepare(caller: Caller, purpose: Purpose) -> Change:
            found.append(self._cases().view(CaseId(case), caller, purpose, self._clock()))
            return nothing_to_make("case read", case)

        outcome = await self._act(request, (_CASE, FieldName("reading")), EntryKind.CASE, prepare)
        if isinstance(outcome, HttpResponse):
            return outcome
        return JSONResponse(write_case(found[0]), headers={"langqiao-receipt": str(outcome)})

    async def list_cases(self, request: Request) -> HttpResponse:
        """The newest of your own cases for the declared purpose."""
        found: list[CaseView] = []

        async def prepare(caller: Caller, purpose: Purpose) -> Change:
            found.extend(self._cases().own(caller, purpose, self._clock()))
            return nothing_to_make("own cases listed")

        outcome = await self._act(request, (_CASE, FieldName("reading")), EntryKind.CASE, prepare)
        if isinstance(outcome, HttpResponse):
            return outcome
        return JSONResponse({"cases": [write_case(view) for view in found]}, headers={"langqiao-receipt": str(outcome)})

    # ------------------------------------------------------------------ between wire and road
    async def _act(
        self,
        request: Request,
        permission: Permission,
        kind: EntryKind,
        prepare: Callable[[Caller, Purpose], Awaitable[Change]],
    ) -> AuditReceipt | HttpResponse:
        inbound = self._inbound(request)
        outcome = await self._pipeline().act(inbound, permission=permission, kind=kind, prepare=prepare)
        return self._respond(outcome, inbound) if isinstance(outcome, Response) else outcome

    def _inbound(self, request: Request) -> InboundRequest:
        trace_id, _ = read_traceparent(request.headers.get("traceparent"))
        return read_headers(request.scope, self._clock(), trace_id)

    @staticmethod
    def _respond(response: Response, inbound: InboundRequest) -> HttpResponse:
        status, headers, body = write_response(response, inbound.trace_id, inbound.headers.get("accept-language"))
        return HttpResponse(body, status, headers)

    @staticmethod
    def _done(receipt: AuditReceipt, status: int = 200, **content: str) -> JSONResponse:
        return JSONResponse(content | {"receipt": str(receipt)}, status, {"langqiao-receipt": str(receipt)})


def write_case(view: CaseView) -> dict[str, object]:
    """A case on the wire."""
    return {
        "case": view.id,
        "purpose": view.purpose,
        "state": view.state,
        "app": view.app,
        "opened_by": view.opened_by,
        "approved_by": view.approved_by,
        "opened_at": view.opened_at.isoformat(),
        "expires_at": view.expires_at.isoformat(),
        "subjects": {"count": len(view.subjects), "hashes": list(view.subjects)},
    }


def write_standing(standing: SourceStanding) -> dict[str, object]:
    """A source's circuit on the wire."""
    return {
        "circuit": standing.circuit,
        "retry_in": round(standing.retry_in, 1),
        "code": standing.last_code,
        "since": None if standing.last_failed_at is None else standing.last_failed_at.isoformat(),
    }


def write_purpose(purpose: Purpose) -> dict[str, object]:
    """A purpose on the wire."""
    return {
        "id": purpose.id,
        "title": {"zh": purpose.title.zh, "en": purpose.title.en},
        "legal_basis": [
            {"zh": f"{basis.law.zh} {basis.article.zh}", "en": f"{basis.law.en}, {basis.article.en}"}
            for basis in purpose.legal_basis
        ],
        "needs_case": purpose.needs_case,
        "needs_justification": purpose.needs_justification,
    }


def write_explanation(explanation: Explanation, *, brief: bool = False) -> dict[str, object]:
    """An explanation on the wire; `brief` leaves out rules and what is denied."""
    if brief:
        return {
            "dataset": explanation.dataset,
            "fields": {field.field: field.level for field in explanation.fields if field.level != "denied"},
            "rows": explanation.rows,
            "obligations": list(explanation.obligations),
        }
    return {
        "policy": explanation.policy_version,
        "dataset": explanation.dataset,
        "purpose": explanation.purpose,
        "fields": {field.field: _write_field(field) for field in explanation.fields},
        "rows": {"filter": explanation.rows, "rules": list(explanation.row_rules)},
        "obligations": list(explanation.obligations),
        "pushed_down": explanation.pushed_down,
        "embeds": {link: write_explanation(inner) for link, inner in explanation.embeds},
        "refusal": None
        if explanation.refusal is None
        else {"code": explanation.refusal.code, "message": explanation.refusal.message()},
    }


def _write_field(field: FieldExplanation) -> dict[str, object]:
    return {
        "level": field.level,
        "rules": list(field.rules),
        "granted": list(field.granted),
        "ceiling": field.ceiling,
    }
