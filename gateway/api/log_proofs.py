"""Proofs of the log over HTTP, for anybody: they tell hashes, sizes and signatures, and nothing that an entry says."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, PlainTextResponse
from starlette.responses import Response as HttpResponse

from gateway.api.problems import PROBLEM, challenge_of, language_of, problem_of
from gateway.audit import LogProofs
from gateway.errors import GatewayError, PathUnknown
from gateway.telemetry import read_traceparent

Told = TypeVar("Told")
_FRESH = {"cache-control": "no-cache"}


class ProofFace:
    """The routes. Public by design, as in C2SP: who holds a receipt needs no account to have it proved."""

    def __init__(self, proofs: Callable[[], LogProofs]) -> None:
        self._proofs = proofs

    def routes(self) -> APIRouter:
        """Every route of proofs."""
        router = APIRouter(tags=["audit"])
        add = router.add_api_route
        add("/audit/checkpoint", self.checkpoint, summary="The newest signed checkpoint (C2SP)")
        add("/audit/checkpoint/witnessed", self.witnessed, summary="The newest checkpoint that a witness signed")
        add("/audit/receipts/{index}", self.receipt, summary="Inclusion proof of an entry (RFC 6962)")
        add("/audit/receipts/{index}/proof", self.proof, summary="The same as a file that stands alone (C2SP)")
        add("/audit/consistency", self.consistency, summary="Proof that the log continues an older one (RFC 6962)")
        return router

    async def checkpoint(self, request: Request) -> HttpResponse:
        """The newest signed checkpoint, a C2SP note, with the lines of witnesses that signed this very size."""
        return await self._plain(request, self._proofs().checkpoint)

    async def witnessed(self, request: Request) -> HttpResponse:
        """The newest checkpoint that a witness signed, with every witness's line; 404 where none did yet."""
        path = request.url.path

        def find() -> str:
            note = self._proofs().witnessed()
            if note is None:
                raise PathUnknown(path=path)
            return note

        return await self._plain(request, find)

    async def receipt(self, index: int, request: Request) -> HttpResponse:
        """The proof that entry `index` is in the log under the newest checkpoint; tells nothing of its content."""
        told = await self._told(request, lambda: self._proofs().told(index))
        return told if isinstance(told, HttpResponse) else JSONResponse(told)

    async def proof(self, index: int, request: Request) -> HttpResponse:
        """The proof of entry `index` as c2sp.org/tlog-proof, under a checkpoint that a witness signed if one did."""
        return await self._plain(request, lambda: self._proofs().inclusion(index))

    async def consistency(self, request: Request, older: int, newer: int | None = None) -> HttpResponse:
        """The proof that the log of `newer` entries (without: as it is now) continues the one of `older`."""
        told = await self._told(request, lambda: self._proofs().consistency(older, newer))
        if isinstance(told, HttpResponse):
            return told
        return JSONResponse(
            {
                "origin": told.origin,
                "older": told.older,
                "newer": told.newer,
                "older_root": told.older_root.hex(),
                "newer_root": told.newer_root.hex(),
                "proof": [one.hex() for one in told.hashes],
            }
        )

    async def _plain(self, request: Request, find: Callable[[], str]) -> HttpResponse:
        told = await self._told(request, find)
        return told if isinstance(told, HttpResponse) else PlainTextResponse(told, headers=_FRESH)

    @staticmethod
    async def _told(request: Request, find: Callable[[], Told]) -> Told | HttpResponse:
        try:
            return await asyncio.to_thread(find)
        except GatewayError as error:
            trace_id, _ = read_traceparent(request.headers.get("traceparent"))
            body = problem_of(error, trace_id, None, language_of(request.headers.get("accept-language")))
            return HttpResponse(body, error.status, challenge_of(error), PROBLEM)
