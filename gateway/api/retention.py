"""Retention over HTTP: what falls due, holds, and erasing what the log says of people."""

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response as HttpResponse

from gateway.administration import DueMonth, RetentionDesk, RetentionReport, nothing_to_make
from gateway.api.acting import Acting
from gateway.model.audit import EntryKind
from gateway.model.caller import Caller
from gateway.model.catalog import Purpose
from gateway.model.change import Change
from gateway.model.ids import DatasetName
from gateway.pipeline import Pipeline

_RETENTION = DatasetName("langqiao.retention")
_PurposeName = Annotated[str, Field(pattern=r"^(\*|[a-z0-9][a-z0-9-]{0,99})$", description="`*`: without a purpose")]
_Id = Annotated[str, Path(pattern=r"^(erasure|hold)-[0-9a-f]{16}$")]


class ErasureAsked(BaseModel):
    """All months of a purpose up to one."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    purpose: _PurposeName
    through: Annotated[str, Field(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])$", description="the last month, 2025-11")]


class Erasure(BaseModel):
    """What is erased, said again: the purpose, one space, the last month."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    confirm: Annotated[str, Field(max_length=120)]


class Hold(BaseModel):
    """What is kept, and why; the reason is kept beside the log, not in it."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    purpose: _PurposeName
    case: Annotated[str, Field(max_length=100, pattern=r"^[^\x00]*$", description="empty: all of the purpose")] = ""
    reason: Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\x00]+$")]


class RetentionFace:
    """The routes."""

    def __init__(
        self,
        *,
        pipeline: Callable[[], Pipeline],
        retention: Callable[[], RetentionDesk],
        clock: Callable[[], datetime],
    ) -> None:
        self._acting = Acting(pipeline=pipeline, clock=clock, dataset=_RETENTION, kind=EntryKind.ERASURE)
        self._retention = retention
        self._clock = clock

    def routes(self) -> APIRouter:
        """Every route of retention."""
        router = APIRouter(tags=["retention"])
        add = router.add_api_route
        add("/retention", self.due, summary="What falls due, what holds it back, what can't be erased")
        add("/retention/erasures", self.ask, methods=["POST"], status_code=201, summary="Ask for an erasure")
        add("/retention/erasures/{erasure}", self.erase, methods=["POST"], summary="Erase what was asked for, for good")
        add("/retention/holds", self.hold, methods=["POST"], status_code=201, summary="Keep from being erased")
        add("/retention/holds/{hold}/lift", self.lift, methods=["POST"], summary="Let it be erased again")
        return router

    async def due(self, request: Request) -> HttpResponse:
        """Exact counts as of now; nothing is changed."""
        found: dict[str, object] = {}

        async def prepare(_caller: Caller, _purpose: Purpose) -> Change:
            found.update(_write(await asyncio.to_thread(self._retention().report, self._clock())))
            return nothing_to_make("retention read")

        return await self._acting.act(request, "state", prepare, lambda: found)

    async def ask(self, body: ErasureAsked, request: Request) -> HttpResponse:
        """Somebody else then erases it."""
        made: dict[str, object] = {"purpose": body.purpose, "through": body.through}

        async def prepare(caller: Caller, _purpose: Purpose) -> Change:
            change, made["erasure"] = await self._retention().request(body.purpose, body.through, caller, self._clock())
            return change

        return await self._acting.act(request, "request", prepare, lambda: made, status=201)

    async def erase(self, erasure: _Id, body: Erasure, request: Request) -> HttpResponse:
        """By somebody else than asked; the keys are destroyed, and the columns of their entries emptied."""

        async def prepare(caller: Caller, _purpose: Purpose) -> Change:
            return await self._retention().erase(erasure, caller, confirm=body.confirm, now=self._clock())

        return await self._acting.act(request, "erasure", prepare, lambda: {"erasure": erasure, "done": "erased"})

    async def hold(self, body: Hold, request: Request) -> HttpResponse:
        """Of a purpose, or of one case of it."""
        made: dict[str, object] = {"purpose": body.purpose}

        async def prepare(caller: Caller, _purpose: Purpose) -> Change:
            change, made["hold"] = await self._retention().hold(
                body.purpose, body.case, body.reason, caller, self._clock()
            )
            return change

        return await self._acting.act(request, "hold", prepare, lambda: made, status=201)

    async def lift(self, hold: _Id, request: Request) -> HttpResponse:
        """Under the same permission."""

        async def prepare(caller: Caller, _purpose: Purpose) -> Change:
            return await self._retention().lift(hold, caller, self._clock())

        return await self._acting.act(request, "hold", prepare, lambda: {"hold": hold, "done": "lifted"})


def _write(report: RetentionReport) -> dict[str, object]:
    return {
        "months": [_write_month(month) for month in report.months],
        "unsealed": dict(report.unsealed),
        "requests": [_dated(asdict(one)) for one in report.requests],
        "holds": [_dated(asdict(one)) for one in report.holds],
    }


def _write_month(month: DueMonth) -> dict[str, object]:
    entries = month.entries
    return {
        "key": month.key,
        "purpose": month.purpose,
        "month": month.month,
        "due_at": month.due_at.isoformat(),
        "is_due": month.is_due,
        "entries": 0 if entries is None else entries.count,
        "first": None if entries is None else entries.first,
        "last": None if entries is None else entries.last,
        "held_by": [{"en": words[0], "zh": words[1]} for words in month.held_by],
    }


def _dated(view: dict[str, object]) -> dict[str, object]:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in view.items()}
