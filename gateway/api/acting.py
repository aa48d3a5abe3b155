"""A control-plane act over HTTP: the road of every route that changes or lists something beside the data."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from fastapi import Request
from fastapi.responses import JSONResponse
from starlette.responses import Response as HttpResponse

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Acting:
    """What acts of one kind have in common; the permission is a `write` rule on a field of `dataset`."""

    pipeline: Callable[[], Pipeline]
    clock: Callable[[], datetime]
    dataset: DatasetName
    kind: EntryKind

    async def act(
        self,
        request: Request,
        field: str,
        prepare: Callable[[Caller, Purpose], Awaitable[Change]],
        content: Callable[[], dict[str, object]],
        *,
        status: int = 200,
    ) -> HttpResponse:
        """Decided, prepared, written down, made; then `content` with the receipt, or the refusal."""
        trace_id, _ = read_traceparent(request.headers.get("traceparent"))
        inbound = read_headers(request.scope, self.clock(), trace_id)
        outcome = await self.pipeline().act(
            inbound, permission=(self.dataset, FieldName(field)), kind=self.kind, prepare=prepare
        )
        if isinstance(outcome, Response):
            refused, headers, body = write_response(outcome, trace_id, inbound.headers.get("accept-language"))
            return HttpResponse(body, refused, headers)
        return JSONResponse(content(), status, headers={"langqiao-receipt": str(outcome), "cache-control": "no-store"})


def written(view: dict[str, object]) -> dict[str, object]:
    """A view for JSON: moments as text."""
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in view.items()}
