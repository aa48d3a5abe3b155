"""Re-identification over HTTP: asked for, decided by somebody else, opened once; each step in the log first."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response as HttpResponse

from gateway.administration import (
    PolicyEngine,
    PolicyHolder,
    ReidentificationDesk,
    ReidentificationView,
    TokenAsked,
    nothing_to_make,
)
from gateway.api.data_plane import write_response
from gateway.api.inbound import read_headers
from gateway.api.reviews import HIGHEST_INDEX
from gateway.model.audit import EntryKind
from gateway.model.caller import Caller
from gateway.model.catalog import Purpose
from gateway.model.change import Change
from gateway.model.ids import DatasetName, FieldName
from gateway.model.response import Response
from gateway.pipeline import Pipeline
from gateway.telemetry import read_traceparent

_DATASET = DatasetName("langqiao.reidentification")
_NO_NUL = r"^[^\x00]+$"  # PostgreSQL keeps none
_Name = Annotated[str, Field(min_length=1, max_length=200)]
RequestId = Annotated[str, Path(min_length=1, max_length=64)]


class _Wire(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TokenRequest(_Wire):
    """A token to be turned back. Token and reason are kept sealed beside the log, not in it."""

    entry: Annotated[int, Field(ge=0, le=HIGHEST_INDEX, description="index of the answer's receipt")]
    dataset: _Name
    field: _Name
    token: Annotated[str, Field(min_length=1, max_length=64, description="as the answer showed it", repr=False)]
    reason: Annotated[str, Field(min_length=10, max_length=500, pattern=_NO_NUL, repr=False)]


class TokenVerdict(_Wire):
    """What somebody else says to it, and why. The note is kept sealed beside the log, not in it."""

    verdict: Literal["approved", "refused"]
    note: Annotated[str, Field(min_length=1, max_length=500, pattern=_NO_NUL)]


class ReidentificationFace:
    """The routes."""

    def __init__(
        self,
        *,
        pipeline: Callable[[], Pipeline],
        policy: Callable[[], PolicyHolder],
        desk: Callable[[], ReidentificationDesk],
        clock: Callable[[], datetime],
    ) -> None:
        self._pipeline = pipeline
        self._policy = policy
        self._desk = desk
        self._clock = clock

    def routes(self) -> APIRouter:
        """Every route of re-identification."""
        router = APIRouter(tags=["re-identification"])
        add, at = router.add_api_route, "/reidentifications"
        add(at, self.request, methods=["POST"], status_code=201, summary="Ask for a token to be turned back")
        add(at, self.listed, summary="Requests of the declared purpose, pending ones first")
        add(f"{at}/{{request_id}}/approval", self.decide, methods=["POST"], summary="Approve or refuse a request")
        add(f"{at}/{{request_id}}/opening", self.open, methods=["POST"], summary="Read what the token stands for, once")
        return router

    async def request(self, body: TokenRequest, request: Request) -> HttpResponse:
        """Ask, under a case; it counts against the purpose's daily limit whatever comes of it."""
        asked = TokenAsked(**body.model_dump())
        made: dict[str, object] = {"state": "pending"}

        async def prepare(engine: PolicyEngine, caller: Caller, purpose: Purpose) -> Change:
            change, made["id"] = await self._desk().request(engine, caller, purpose, asked, self._clock())
            return change

        return await self._act(request, "request", prepare, lambda: made, 201)

    async def listed(self, request: Request) -> HttpResponse:
        """Who asked for what, why, and what became of it; neither tokens nor what they stand for."""
        found: list[ReidentificationView] = []

        async def prepare(_engine: PolicyEngine, _caller: Caller, purpose: Purpose) -> Change:
            found.extend(await asyncio.to_thread(self._desk().listed, purpose, self._clock()))
            return nothing_to_make("re-identifications listed")

        return await self._act(request, "reading", prepare, lambda: {"requests": [_write(view) for view in found]})

    async def decide(self, request_id: RequestId, body: TokenVerdict, request: Request) -> HttpResponse:
        """Somebody else than who asked decides; once."""

        async def prepare(engine: PolicyEngine, caller: Caller, purpose: Purpose) -> Change:
            return await self._desk().decide(
                engine, request_id, caller, purpose, verdict=body.verdict, note=body.note, now=self._clock()
            )

        return await self._act(request, "approval", prepare, lambda: {"id": request_id, "state": body.verdict})

    async def open(self, request_id: RequestId, request: Request) -> HttpResponse:
        """What the token stands for: to who asked, once, while the approval and the case last."""
        made: dict[str, object] = {"id": request_id, "state": "opened"}

        async def prepare(engine: PolicyEngine, caller: Caller, purpose: Purpose) -> Change:
            change, made["value"] = await self._desk().open(engine, request_id, caller, purpose, self._clock())
            return change

        return await self._act(request, "opening", prepare, lambda: made)

    async def _act(
        self,
        request: Request,
        field: str,
        prepare: Callable[[PolicyEngine, Caller, Purpose], Awaitable[Change]],
        content: Callable[[], dict[str, object]],
        status: int = 200,
    ) -> HttpResponse:
        trace_id, _ = read_traceparent(request.headers.get("traceparent"))
        inbound = read_headers(request.scope, self._clock(), trace_id)
        engine = self._policy().current
        outcome = await self._pipeline().act(
            inbound,
            permission=(_DATASET, FieldName(field)),
            kind=EntryKind.REIDENTIFICATION,
            prepare=lambda caller, purpose: prepare(engine, caller, purpose),
            engine=engine,
        )
        if isinstance(outcome, Response):
            refused, headers, body = write_response(outcome, trace_id, inbound.headers.get("accept-language"))
            return HttpResponse(body, refused, headers)
        headers = {"langqiao-receipt": str(outcome), "cache-control": "no-store"}
        return JSONResponse(content(), status, headers)


def _write(view: ReidentificationView) -> dict[str, object]:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in asdict(view).items()}
