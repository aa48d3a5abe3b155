"""Keys over HTTP: never a key, only what is done with it."""

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response as HttpResponse

from gateway.administration import KeyDesk, nothing_to_make
from gateway.api.acting import Acting, written
from gateway.model.audit import EntryKind
from gateway.model.caller import Caller
from gateway.model.catalog import Purpose
from gateway.model.change import Change
from gateway.model.data_key import KeyUse
from gateway.model.ids import DatasetName
from gateway.pipeline import Pipeline

_KEY = DatasetName("langqiao.key")
_Version = Annotated[int, Path(ge=1, le=255)]


class KeyDestruction(BaseModel):
    """What is destroyed, said again: the use, one space, the version."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    confirm: Annotated[str, Field(max_length=40)]


class KeyFace:
    """The routes."""

    def __init__(
        self,
        *,
        pipeline: Callable[[], Pipeline],
        keys: Callable[[], KeyDesk],
        clock: Callable[[], datetime],
    ) -> None:
        self._acting = Acting(pipeline=pipeline, clock=clock, dataset=_KEY, kind=EntryKind.KEY)
        self._keys = keys
        self._clock = clock

    def routes(self) -> APIRouter:
        """Every route of keys."""
        router = APIRouter(tags=["keys"])
        one = "/keys/{use}/{version}"
        router.add_api_route("/keys", self.list, summary="Every version of every key, and its state")
        router.add_api_route("/keys/{use}/rotation", self.rotate, methods=["POST"], summary="Make a new version")
        router.add_api_route(f"{one}/loss", self.loss, summary="What can never be read again without the version")
        router.add_api_route(f"{one}/retirement", self.retire, methods=["POST"], summary="Retire an old version")
        router.add_api_route(f"{one}/reinstatement", self.reinstate, methods=["POST"], summary="Use it again")
        router.add_api_route(f"{one}/destruction", self.destroy, methods=["POST"], summary="Destroy it, for good")
        return router

    async def list(self, request: Request) -> HttpResponse:
        """Never a key."""
        found: list[dict[str, object]] = []

        async def prepare(_caller: Caller, _purpose: Purpose) -> Change:
            views = await asyncio.to_thread(self._keys().list)
            found.extend(written(asdict(view)) for view in views)
            return nothing_to_make("keys listed")

        return await self._acting.act(request, "state", prepare, lambda: {"keys": found})

    async def loss(self, use: KeyUse, version: _Version, request: Request) -> HttpResponse:
        """In both languages, with exact counts as of now."""
        found: dict[str, object] = {}

        async def prepare(_caller: Caller, _purpose: Purpose) -> Change:
            loss = await asyncio.to_thread(self._keys().loss, use, version)
            found.update(asdict(loss) | {"text": {"en": loss.text[0], "zh": loss.text[1]}})
            return nothing_to_make(f"loss of key {use} {version} read")

        return await self._acting.act(request, "state", prepare, lambda: found)

    async def rotate(self, use: KeyUse, request: Request) -> HttpResponse:
        """In force a second later, on every replica."""

        async def prepare(_caller: Caller, _purpose: Purpose) -> Change:
            return await self._keys().rotate(use)

        return await self._acting.act(request, "rotation", prepare, lambda: {"use": use.value, "done": "rotated"})

    async def retire(self, use: KeyUse, version: _Version, request: Request) -> HttpResponse:
        """Only one that isn't in force."""

        async def prepare(caller: Caller, _purpose: Purpose) -> Change:
            return await self._keys().retire(use, version, caller, self._clock())

        return await self._acting.act(request, "retirement", prepare, lambda: _done(use, version, "retired"))

    async def reinstate(self, use: KeyUse, version: _Version, request: Request) -> HttpResponse:
        """Undoes a retirement, under the same permission."""

        async def prepare(_caller: Caller, _purpose: Purpose) -> Change:
            return await self._keys().reinstate(use, version)

        return await self._acting.act(request, "retirement", prepare, lambda: _done(use, version, "reinstated"))

    async def destroy(self, use: KeyUse, version: _Version, body: KeyDestruction, request: Request) -> HttpResponse:
        """Only a retired one, by somebody else than retired it."""

        async def prepare(caller: Caller, _purpose: Purpose) -> Change:
            return await self._keys().destroy(use, version, caller, confirm=body.confirm, now=self._clock())

        return await self._acting.act(request, "destruction", prepare, lambda: _done(use, version, "destroyed"))


def _done(use: KeyUse, version: int, what: str) -> dict[str, object]:
    return {"use": use.value, "version": version, "done": what}
