"""Break-glass notices and reviews over HTTP."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response as HttpResponse

from gateway.administration import Notice, ReviewDesk, nothing_to_make
from gateway.api.data_plane import write_response
from gateway.api.inbound import read_headers
from gateway.model.audit import EntryKind
from gateway.model.caller import Caller
from gateway.model.catalog import Purpose
from gateway.model.change import Change
from gateway.model.ids import DatasetName, FieldName
from gateway.model.response import Response
from gateway.pipeline import Pipeline
from gateway.telemetry import read_traceparent

HIGHEST_INDEX = 2**63 - 1  # that a database can keep
_REVIEW = DatasetName("langqiao.review")


class ReviewVerdict(BaseModel):
    """What the reviewer found, and why. The note is kept beside the log, not in it."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    verdict: Literal["justified", "not-justified"]
    note: Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\x00]+$")]  # PostgreSQL keeps no NUL


class ReviewFace:
    """The routes."""

    def __init__(
        self,
        *,
        pipeline: Callable[[], Pipeline],
        reviews: Callable[[], ReviewDesk],
        clock: Callable[[], datetime],
    ) -> None:
        self._pipeline = pipeline
        self._reviews = reviews
        self._clock = clock

    def routes(self) -> APIRouter:
        """Every route of reviews and notices."""
        router = APIRouter(tags=["reviews"])
        router.add_api_route("/notices", self.notices, summary="Break-glass answers, as they happen")
        router.add_api_route("/reviews", self.waiting, summary="Break-glass answers that wait for a review")
        router.add_api_route("/reviews/{index}", self.decide, methods=["POST"], summary="Decide a review")
        return router

    async def notices(
        self, request: Request, after: Annotated[int, Query(ge=-1, le=HIGHEST_INDEX)] = -1
    ) -> HttpResponse:
        """Those over `after`, reviewed or not; ask again with the last index."""
        return await self._list(request, "notice", lambda: self._reviews().notices(after, self._clock()))

    async def waiting(
        self, request: Request, after: Annotated[int, Query(ge=-1, le=HIGHEST_INDEX)] = -1
    ) -> HttpResponse:
        """The oldest first; ask again with the last index."""
        return await self._list(request, "verdict", lambda: self._reviews().waiting(after, self._clock()))

    async def decide(
        self, index: Annotated[int, Path(ge=0, le=HIGHEST_INDEX)], body: ReviewVerdict, request: Request
    ) -> HttpResponse:
        """Somebody else than the person decides; once."""

        async def prepare(caller: Caller, _purpose: Purpose) -> Change:
            return await self._reviews().decide(index, caller, verdict=body.verdict, note=body.note, now=self._clock())

        return await self._act(request, "verdict", prepare, lambda: {"index": index, "verdict": body.verdict})

    async def _list(self, request: Request, field: str, read: Callable[[], tuple[Notice, ...]]) -> HttpResponse:
        found: list[Notice] = []

        async def prepare(_caller: Caller, _purpose: Purpose) -> Change:
            found.extend(await asyncio.to_thread(read))
            return nothing_to_make(f"{field}s listed")

        return await self._act(request, field, prepare, lambda: {"entries": [_write(item) for item in found]})

    async def _act(
        self,
        request: Request,
        field: str,
        prepare: Callable[[Caller, Purpose], Awaitable[Change]],
        content: Callable[[], dict[str, object]],
    ) -> HttpResponse:
        trace_id, _ = read_traceparent(request.headers.get("traceparent"))
        inbound = read_headers(request.scope, self._clock(), trace_id)
        outcome = await self._pipeline().act(
            inbound, permission=(_REVIEW, FieldName(field)), kind=EntryKind.REVIEW, prepare=prepare
        )
        if isinstance(outcome, Response):
            status, headers, body = write_response(outcome, trace_id, inbound.headers.get("accept-language"))
            return HttpResponse(body, status, headers)
        return JSONResponse(content(), headers={"langqiao-receipt": str(outcome)})


def _write(notice: Notice) -> dict[str, object]:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in asdict(notice).items()}
