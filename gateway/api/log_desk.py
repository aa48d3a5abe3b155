"""The log over HTTP: search, timeline, heat map, who looked at a resident, and a resident's own view.

What is asked comes in the body: an ID number never stands in an address. Each call is decided by its own `write` rule
on `langqiao.log` and is an entry of the kind `log-read`; the resident's view takes the data road to `langqiao.access`.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Literal

import orjson
from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr
from starlette.responses import Response as HttpResponse

from gateway.administration import AskedSearch, LogDesk, shape_of
from gateway.api.data_plane import write_response
from gateway.api.inbound import read_headers
from gateway.api.log_words import write_entry, write_looker, write_own
from gateway.api.reviews import HIGHEST_INDEX
from gateway.errors import Defect, SearchInvalid
from gateway.model.audit import EntryKind
from gateway.model.caller import Caller, InboundRequest
from gateway.model.catalog import Purpose
from gateway.model.change import Change
from gateway.model.ids import DatasetName, FieldName
from gateway.model.log_search import Facet, HeatColumns
from gateway.model.response import Refusal, Response, Stream
from gateway.pipeline import Pipeline
from gateway.telemetry import read_traceparent

_LOG = DatasetName("langqiao.log")
_OWN_ROWS = 100
_OWN = ("entry", "at", "organisation", "app", "purpose", "legal_basis", "dataset", "fields", "outcome")

Values = Annotated[tuple[str, ...], BeforeValidator(lambda told: (told,) if isinstance(told, str) else told)]
Told = tuple[dict[str, object], str]
"""What is answered, and what the log says of it."""


class SearchBody(BaseModel):
    """What is asked: all of it must hold; of several values of one name, any. Empty: every entry."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    principal: Values = ()
    app: Values = ()
    organisation: Values = ()
    dataset: Values = ()
    field: Annotated[Values, Field(description="`dataset.field`, or `dataset.field=level`")] = ()
    purpose: Values = ()
    case: Values = ()
    outcome: Values = ()
    code: Values = ()
    kind: Values = ()
    resident: Annotated[SecretStr | None, Field(description="ID number of whom the entries are about")] = None
    since: Annotated[AwareDatetime | None, Field(description="the first moment")] = None
    until: Annotated[AwareDatetime | None, Field(description="the first moment after")] = None

    def asked(self) -> AskedSearch:
        """As the desk takes it."""
        return AskedSearch(
            where={facet: values for facet in Facet if (values := getattr(self, facet.value))},
            resident=None if self.resident is None else self.resident.get_secret_value(),
            since=self.since,
            until=self.until,
        )


class PageBody(SearchBody):
    """A search, page by page."""

    order: Literal["newest", "oldest"] = "newest"
    limit: int = 50
    cursor: str | None = None
    same_person: Annotated[bool, Field(description="with the persons' keyed hashes, under a rule of its own")] = False


class TimelineBody(SearchBody):
    """A search, counted by hour or day."""

    by: Literal["hour", "day"] = "day"
    offset_hours: Annotated[int, Field(description="how far the days' clock is ahead of UTC")] = 8


class HeatMapBody(SearchBody):
    """A search, by person and time."""

    columns: HeatColumns = HeatColumns.HOUR
    top: int = 20
    offset_hours: int = 8


class WhoLookedBody(SearchBody):
    """A resident, and what narrows the question."""

    cursor: str | None = None


class LogFace:
    """The routes."""

    def __init__(
        self, *, pipeline: Callable[[], Pipeline], desk: Callable[[], LogDesk], clock: Callable[[], datetime]
    ) -> None:
        self._pipeline = pipeline
        self._desk = desk
        self._clock = clock

    def routes(self) -> APIRouter:
        """Every route of the log's desk."""
        router = APIRouter(tags=["audit"])
        add = router.add_api_route
        add("/audit/search", self.search, methods=["POST"], summary="Entries of the log, page by page")
        add("/audit/timeline", self.timeline, methods=["POST"], summary="How many entries, by hour or day")
        add("/audit/heatmap", self.heat_map, methods=["POST"], summary="Who, and when")
        add("/audit/who-looked", self.who_looked, methods=["POST"], summary="Everyone who looked at a resident")
        add("/audit/own", self.own, summary="Who looked at my data, and why")
        return router

    async def search(self, body: PageBody, request: Request) -> HttpResponse:
        """Newest or oldest first; ask again with the cursor for the next page."""

        def find(desk: LogDesk) -> Told:
            newest_first = body.order == "newest"
            page = desk.search(body.asked(), newest_first=newest_first, limit=body.limit, cursor=body.cursor)
            entries = [write_entry(each, with_subjects=body.same_person) for each in page.entries]
            return {"entries": entries, "cursor": page.cursor}, f"{body.order} first: {len(entries)} shown"

        return await self._act(request, "same_person" if body.same_person else "search", "search", body, find)

    async def timeline(self, body: TimelineBody, request: Request) -> HttpResponse:
        """Only hours or days in which there are entries."""

        def find(desk: LogDesk) -> Told:
            counts = desk.timeline(body.asked(), by=body.by, offset_hours=body.offset_hours)
            parts = [{"begin": each.hour.isoformat(), "entries": each.entries} for each in counts]
            total = sum(each.entries for each in counts)
            return {"by": body.by, "parts": parts, "entries": total}, f"by {body.by}: {total} counted"

        return await self._act(request, "timeline", "timeline", body, find)

    async def heat_map(self, body: HeatMapBody, request: Request) -> HttpResponse:
        """The persons with most entries first."""

        def find(desk: LogDesk) -> Told:
            found = desk.heat_map(body.asked(), columns=body.columns, top=body.top, offset_hours=body.offset_hours)
            content: dict[str, object] = {
                "columns": list(found.columns),
                "rows": [{"principal": who, "entries": list(row)} for who, row in found.rows],
                "principals": found.principals,
                "entries": found.entries,
            }
            return content, f"by {body.columns}: {len(found.rows)} of {found.principals} persons"

        return await self._act(request, "heat_map", "heat map", body, find)

    async def who_looked(self, body: WhoLookedBody, request: Request) -> HttpResponse:
        """By person, app, purpose and case: first, last, how often, which fields at which level, on what basis."""
        catalog = self._pipeline().engine().catalog

        def find(desk: LogDesk) -> Told:
            found = desk.who_looked(body.asked(), cursor=body.cursor)
            lookers = [write_looker(each, catalog) for each in found.lookers]
            content: dict[str, object] = {"lookers": lookers, "entries": found.entries, "cursor": found.cursor}
            return content, f"{len(lookers)} found in {found.entries} entries"

        return await self._act(request, "who_looked", "who looked", body, find)

    async def own(
        self, request: Request, before: Annotated[int | None, Query(ge=0, le=HIGHEST_INDEX)] = None
    ) -> HttpResponse:
        """The newest entries about oneself, with the departments' words for why; ask again with the last index."""
        inbound = self._inbound(request)
        older = "" if before is None else f"&entry=lt.{before}"
        question = inbound._replace(
            path="/data/langqiao.access",
            query_string=f"select={','.join(_OWN)}&order=entry.desc&limit={_OWN_ROWS}{older}",
            headers={name: value for name, value in inbound.headers.items() if name not in _SHAPE_OF_ANSWER},
        )
        pipeline = self._pipeline()
        catalog = pipeline.engine().catalog
        outcome = await pipeline.answer(question)
        if isinstance(outcome, Stream):
            raise Defect(operator="JSON is never streamed")
        if isinstance(outcome.outcome, Refusal):
            return self._respond(outcome, inbound)
        rows = [dict(zip(outcome.outcome.columns, row, strict=True)) for row in outcome.outcome.rows]
        return JSONResponse(
            {"entries": [write_own(row, catalog) for row in rows]},
            headers={"langqiao-receipt": str(outcome.receipt), "cache-control": "no-store"},
        )

    # ------------------------------------------------------------------ between wire and road
    async def _act(
        self, request: Request, permission: str, what: str, body: SearchBody, find: Callable[[LogDesk], Told]
    ) -> HttpResponse:
        content = b""

        async def prepare(_caller: Caller, _purpose: Purpose) -> Change:
            if request.url.query:
                raise SearchInvalid(
                    fault=("something stands in the address", "网址中带有参数"),
                    fix=("ask in the body", "请在请求正文中填写条件"),
                )
            nonlocal content
            asked = body.asked()
            content, told = await asyncio.to_thread(_written, find, self._desk())
            subjects = () if asked.resident is None else (asked.resident,)
            return Change(detail=f"log {what}: {shape_of(asked)}; {told}", case="", subjects=subjects, make=_nothing)

        inbound = self._inbound(request)
        outcome = await self._pipeline().act(
            inbound, permission=(_LOG, FieldName(permission)), kind=EntryKind.LOG_READ, prepare=prepare
        )
        if isinstance(outcome, Response):
            return self._respond(outcome, inbound)
        headers = {"langqiao-receipt": str(outcome), "cache-control": "no-store"}
        return HttpResponse(content, media_type="application/json", headers=headers)

    def _inbound(self, request: Request) -> InboundRequest:
        trace_id, _ = read_traceparent(request.headers.get("traceparent"))
        return read_headers(request.scope, self._clock(), trace_id)

    @staticmethod
    def _respond(response: Response, inbound: InboundRequest) -> HttpResponse:
        status, headers, body = write_response(response, inbound.trace_id, inbound.headers.get("accept-language"))
        return HttpResponse(body, status, headers)


_SHAPE_OF_ANSWER = frozenset({"accept", "accept-profile", "prefer", "range", "range-unit"})


def _written(find: Callable[[LogDesk], Told], desk: LogDesk) -> tuple[bytes, str]:
    """The answer's bytes, made beside the event loop: there may be a megabyte of them."""
    answered, told = find(desk)
    return orjson.dumps(answered), told


async def _nothing() -> None:
    return
