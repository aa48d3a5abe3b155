"""Flags over HTTP: who ran into a limit that guards against guessing."""

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse
from starlette.responses import Response as HttpResponse

from gateway.administration import Flag, FlagDesk, nothing_to_make
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

_PERMISSION = (DatasetName("langqiao.review"), FieldName("flag"))


class FlagFace:
    """The route."""

    def __init__(
        self,
        *,
        pipeline: Callable[[], Pipeline],
        flags: Callable[[], FlagDesk],
        clock: Callable[[], datetime],
    ) -> None:
        self._pipeline = pipeline
        self._flags = flags
        self._clock = clock

    def routes(self) -> APIRouter:
        """The one route."""
        router = APIRouter(tags=["reviews"])
        router.add_api_route("/flags", self.listed, summary="Who ran into a limit that guards against guessing")
        return router

    async def listed(
        self, request: Request, after: Annotated[int, Query(ge=-1, le=HIGHEST_INDEX)] = -1
    ) -> HttpResponse:
        """Those over `after`, the oldest first; ask again with the last index."""
        found: list[Flag] = []

        async def prepare(_caller: Caller, _purpose: Purpose) -> Change:
            found.extend(await asyncio.to_thread(self._flags().listed, after))
            return nothing_to_make("flags listed")

        trace_id, _ = read_traceparent(request.headers.get("traceparent"))
        inbound = read_headers(request.scope, self._clock(), trace_id)
        outcome = await self._pipeline().act(inbound, permission=_PERMISSION, kind=EntryKind.REVIEW, prepare=prepare)
        if isinstance(outcome, Response):
            status, headers, body = write_response(outcome, trace_id, inbound.headers.get("accept-language"))
            return HttpResponse(body, status, headers)
        flags = [asdict(flag) | {"at": flag.at.isoformat()} for flag in found]
        return JSONResponse({"flags": flags}, headers={"langqiao-receipt": str(outcome)})
