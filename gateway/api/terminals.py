"""Terminals over HTTP: a person registers the public key of a device, a second person approves it."""

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response as HttpResponse

from gateway.administration import TerminalDesk, nothing_to_make
from gateway.api.acting import Acting, written
from gateway.model.audit import EntryKind
from gateway.model.caller import Caller
from gateway.model.catalog import Purpose
from gateway.model.change import Change
from gateway.model.ids import DatasetName
from gateway.pipeline import Pipeline

_TERMINAL = DatasetName("langqiao.terminal")
_Id = Annotated[str, Path(pattern=r"^t-[0-9a-f]{16}$")]
_Member = Annotated[str, Field(max_length=100)]


class PublicJwk(BaseModel):
    """A public key of P-256 or X25519 (RFC 7517); members beyond these are not kept."""

    model_config = ConfigDict(extra="allow", frozen=True)
    kty: _Member
    crv: _Member
    x: _Member
    y: _Member | None = None


class TerminalRegistration(BaseModel):
    """The device's public key, and what people call the device."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    key: PublicJwk
    title: Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")]


class TerminalFace:
    """The routes."""

    def __init__(
        self,
        *,
        pipeline: Callable[[], Pipeline],
        terminals: Callable[[], TerminalDesk],
        clock: Callable[[], datetime],
    ) -> None:
        self._acting = Acting(pipeline=pipeline, clock=clock, dataset=_TERMINAL, kind=EntryKind.TERMINAL)
        self._terminals = terminals
        self._clock = clock

    def routes(self) -> APIRouter:
        """Every route of terminals."""
        router = APIRouter(tags=["terminals"])
        one = "/terminals/{terminal}"
        router.add_api_route("/terminals", self.register, methods=["POST"], summary="Register one's own terminal")
        router.add_api_route("/terminals", self.list, summary="Everybody's terminals")
        router.add_api_route("/terminals/own", self.list_own, summary="One's own terminals")
        router.add_api_route(f"{one}/approval", self.approve, methods=["POST"], summary="Approve somebody's terminal")
        router.add_api_route(f"{one}/revocation", self.revoke, methods=["POST"], summary="Revoke anybody's terminal")
        router.add_api_route(f"{one}/return", self.give_back, methods=["POST"], summary="Revoke one's own terminal")
        return router

    async def register(self, body: TerminalRegistration, request: Request) -> HttpResponse:
        """It serves when a second person has approved it."""
        terminal = TerminalDesk.new_id()

        async def prepare(caller: Caller, _purpose: Purpose) -> Change:
            jwk = body.key.model_dump(exclude_none=True)
            return await self._terminals().register(terminal, caller, jwk=jwk, title=body.title, now=self._clock())

        return await self._acting.act(request, "registration", prepare, lambda: {"id": terminal, "state": "registered"})

    async def list(self, request: Request) -> HttpResponse:
        """The newest 200."""
        return await self._list(request, "approval", own=False)

    async def list_own(self, request: Request) -> HttpResponse:
        """The newest 200."""
        return await self._list(request, "registration", own=True)

    async def approve(self, terminal: _Id, request: Request) -> HttpResponse:
        """By somebody else than its person."""

        async def prepare(caller: Caller, _purpose: Purpose) -> Change:
            return await self._terminals().approve(terminal, caller)

        return await self._acting.act(request, "approval", prepare, lambda: {"id": terminal, "state": "approved"})

    async def revoke(self, terminal: _Id, request: Request) -> HttpResponse:
        """For good."""
        return await self._revoke(terminal, request, "approval", own=False)

    async def give_back(self, terminal: _Id, request: Request) -> HttpResponse:
        """For good."""
        return await self._revoke(terminal, request, "registration", own=True)

    async def _revoke(self, terminal: str, request: Request, field: str, *, own: bool) -> HttpResponse:
        async def prepare(caller: Caller, _purpose: Purpose) -> Change:
            return await self._terminals().revoke(terminal, caller, own=own, now=self._clock())

        return await self._acting.act(request, field, prepare, lambda: {"id": terminal, "state": "revoked"})

    async def _list(self, request: Request, field: str, *, own: bool) -> HttpResponse:
        found: list[dict[str, object]] = []

        async def prepare(caller: Caller, _purpose: Purpose) -> Change:
            views = await asyncio.to_thread(self._terminals().list, caller, own=own)
            found.extend(written(asdict(view)) for view in views)
            return nothing_to_make("own terminals listed" if own else "terminals listed")

        return await self._acting.act(request, field, prepare, lambda: {"terminals": found})
