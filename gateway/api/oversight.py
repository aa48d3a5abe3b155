"""Canaries and reports over HTTP."""

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from starlette.responses import Response as HttpResponse
from starlette.responses import StreamingResponse

from gateway.administration import CanaryView, Document, Oversight, ReportAsked, nothing_to_make
from gateway.api.data_plane import write_response
from gateway.api.inbound import read_headers
from gateway.model.audit import AuditReceipt, EntryKind
from gateway.model.caller import Caller
from gateway.model.catalog import Purpose
from gateway.model.change import Change
from gateway.model.ids import DatasetName, FieldName
from gateway.model.response import Response
from gateway.pipeline import Permission, Pipeline
from gateway.telemetry import read_traceparent

_CANARY = (DatasetName("langqiao.review"), FieldName("canary"))
_REPORT = (DatasetName("langqiao.review"), FieldName("report"))
_PART = 64 * 1024
# beyond these no calendar has a place for every time zone
_Moment = Annotated[AwareDatetime, Field(ge=datetime(2000, 1, 1, tzinfo=UTC), lt=datetime(3000, 1, 1, tzinfo=UTC))]
_IdNumber = Annotated[str, Field(min_length=15, max_length=18, pattern=r"^[0-9A-Za-z]+$")]


class _Wire(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CanaryRegistration(_Wire):
    """A planted person. The number is hashed at once and kept nowhere."""

    id_number: _IdNumber


class CanaryWithdrawal(_Wire):
    """A canary by its keyed hash, as the list has it."""

    subject: Annotated[str, Field(min_length=32, max_length=32, pattern=r"^[0-9a-f]+$")]


class ReportOrder(_Wire):
    """Which report, of which time."""

    kind: Literal["accesses", "break-glass", "flags", "refusals", "resident", "sampling"]
    format: Literal["csv", "html", "pdf", "xlsx"]
    since: _Moment
    until: _Moment
    language: Literal["zh", "en"] = "zh"
    resident: _IdNumber | None = None


class OversightFace:
    """The routes."""

    def __init__(
        self,
        *,
        pipeline: Callable[[], Pipeline],
        oversight: Callable[[], Oversight],
        clock: Callable[[], datetime],
    ) -> None:
        self._pipeline = pipeline
        self._oversight = oversight
        self._clock = clock

    def routes(self) -> APIRouter:
        """Every route of canaries and reports."""
        router = APIRouter(tags=["oversight"])
        add = router.add_api_route
        add("/canaries", self.listed, summary="The planted people that are watched for")
        add("/canaries", self.register, methods=["POST"], status_code=201, summary="Watch for a planted person")
        add("/canaries/withdrawal", self.withdraw, methods=["POST"], summary="Watch for one no more")
        add("/reports", self.report, methods=["POST"], summary="A signed report of a time of the log")
        return router

    async def listed(self, request: Request) -> HttpResponse:
        """Keyed hashes, by whom and when."""
        found: list[CanaryView] = []

        async def prepare(_caller: Caller, _purpose: Purpose) -> Change:
            found.extend(await asyncio.to_thread(self._oversight().canaries.listed))
            return nothing_to_make("canaries listed")

        outcome = await self._act(request, _CANARY, EntryKind.REVIEW, prepare)
        told = [asdict(one) | {"added_at": one.added_at.isoformat()} for one in found]
        return outcome if isinstance(outcome, HttpResponse) else _told({"canaries": told}, outcome)

    async def register(self, body: CanaryRegistration, request: Request) -> HttpResponse:
        """Any later entry about this person raises a flag."""
        subjects: list[str] = []

        async def prepare(caller: Caller, _purpose: Purpose) -> Change:
            change, subject = await self._oversight().canaries.register(body.id_number, caller, self._clock())
            subjects.append(subject)
            return change

        outcome = await self._act(request, _CANARY, EntryKind.REVIEW, prepare)
        return outcome if isinstance(outcome, HttpResponse) else _told({"subject": subjects[0]}, outcome, 201)

    async def withdraw(self, body: CanaryWithdrawal, request: Request) -> HttpResponse:
        """What was flagged stays."""

        async def prepare(_caller: Caller, _purpose: Purpose) -> Change:
            return await self._oversight().canaries.withdraw(body.subject)

        outcome = await self._act(request, _CANARY, EntryKind.REVIEW, prepare)
        return outcome if isinstance(outcome, HttpResponse) else _told({"subject": body.subject}, outcome)

    async def report(self, body: ReportOrder, request: Request) -> HttpResponse:
        """The document; its signed note is in the header `langqiao-report-note` (base64). Making it is an entry."""
        made: list[Document] = []

        async def prepare(_caller: Caller, _purpose: Purpose) -> Change:
            asked = ReportAsked(**body.model_dump())
            document = await asyncio.to_thread(self._oversight().reports.make, asked, self._clock())
            made.append(document)
            detail = (
                f"report {body.kind} {body.format} entries {document.begin} to {document.end} sha256 {document.sha256}"
            )
            about = (body.resident,) if body.resident is not None else ()
            return Change(detail=detail, case="", subjects=about, make=_nothing)

        outcome = await self._act(request, _REPORT, EntryKind.LOG_READ, prepare)
        if isinstance(outcome, HttpResponse):
            return outcome
        document = made[0]
        return StreamingResponse(
            _parts(document.content),
            media_type=document.media_type,
            headers={
                "langqiao-receipt": str(outcome),
                "langqiao-report-note": base64.b64encode(document.note.encode()).decode(),
                "content-disposition": f'attachment; filename="{document.name}"',
                "content-length": str(len(document.content)),
                "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
                "x-content-type-options": "nosniff",
                "cache-control": "no-store",
            },
        )

    async def _act(
        self,
        request: Request,
        permission: Permission,
        kind: EntryKind,
        prepare: Callable[[Caller, Purpose], Awaitable[Change]],
    ) -> AuditReceipt | HttpResponse:
        trace_id, _ = read_traceparent(request.headers.get("traceparent"))
        inbound = read_headers(request.scope, self._clock(), trace_id)
        outcome = await self._pipeline().act(inbound, permission=permission, kind=kind, prepare=prepare)
        if isinstance(outcome, Response):
            status, headers, body = write_response(outcome, trace_id, inbound.headers.get("accept-language"))
            return HttpResponse(body, status, headers)
        return outcome


async def _nothing() -> None:
    return


async def _parts(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), _PART):
        yield content[start : start + _PART]


def _told(content: dict[str, object], receipt: AuditReceipt, status: int = 200) -> JSONResponse:
    return JSONResponse(content, status, headers={"langqiao-receipt": str(receipt), "cache-control": "no-store"})
