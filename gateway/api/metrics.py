"""`GET /metrics` for a monitoring system that holds the token of the settings; for others there is no such path."""

import hmac
from collections.abc import Callable
from pathlib import Path

from fastapi import APIRouter, Request
from starlette.responses import Response as HttpResponse

from gateway.errors import PathUnknown
from gateway.telemetry import CONTENT_TYPE, Metrics


class MetricsFace:
    """The route."""

    def __init__(self, *, metrics: Callable[[], Metrics], token_file: Path | None) -> None:
        self._metrics = metrics
        self._token_file = token_file

    def routes(self) -> APIRouter:
        """`/metrics`; not in the description of the API."""
        router = APIRouter()
        router.add_api_route("/metrics", self.metrics, include_in_schema=False)
        return router

    def metrics(self, request: Request) -> HttpResponse:
        """The Prometheus text; raises PathUnknown without the token. Not a coroutine: the token's file is read."""
        if not self._is_allowed(request.headers.get("authorization", "")):
            raise PathUnknown(path="/metrics")
        return HttpResponse(self._metrics().text(), 200, {"cache-control": "no-store"}, CONTENT_TYPE)

    def _is_allowed(self, sent: str) -> bool:
        if self._token_file is None:
            return False
        try:
            token = self._token_file.read_bytes().strip()
        except OSError:
            return False
        return bool(token) and hmac.compare_digest(sent.encode("latin-1", "replace"), b"Bearer " + token)
