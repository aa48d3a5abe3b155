"""ASGI scope -> InboundRequest: bytes within limits, nothing else."""

from collections.abc import Iterable, MutableMapping
from datetime import datetime
from itertools import chain
from typing import Any

from gateway.errors import (
    BodyNotAllowed,
    GatewayError,
    HeadersTooLarge,
    MethodNotAllowed,
    UriTooLong,
)
from gateway.model.caller import InboundRequest
from gateway.settings import Limits

_READING = frozenset({"GET", "HEAD"})
Scope = MutableMapping[str, Any]
_NAMES = {
    name.encode(): name
    for name in ("accept", "accept-encoding", "apikey", "authorization", "connection", "host", "purpose", "user-agent")
}
"""Of headers that most requests have: not written anew for each."""
_TOLD_ONCE = frozenset({"apikey", "authorization", "purpose", "case", "justification", "terminal", "accept-profile"})


def read_scope(
    scope: Scope, now: datetime, trace_id: str, limits: Limits
) -> tuple[InboundRequest, GatewayError | None]:
    """A reading request, and the first limit it breaks; over a limit it holds nothing of what was too large."""
    error = _too_large(scope, limits)
    if error is None:
        request = read_headers(scope, now, trace_id)
        error = _not_reading(request)
        if error is None:
            return request, None
    return read_headers({**scope, "path": "", "query_string": b"", "headers": []}, now, trace_id), error


def read_headers(scope: Scope, now: datetime, trace_id: str) -> InboundRequest:
    """The request as the road knows it."""
    raw = scope["headers"]
    headers = {_NAMES.get(name) or name.decode("latin-1").lower(): value.decode("latin-1") for name, value in raw}
    if len(headers) != len(raw):
        headers = _joined(raw)
    client = scope.get("client")
    return InboundRequest(
        method=scope["method"],
        path=scope["path"],
        query_string=scope["query_string"].decode("latin-1"),
        headers=headers,
        client_address=client[0] if client else "",
        received_at=now,
        trace_id=trace_id,
    )


def _joined(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers of which some are told several times."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in raw:
        name = _NAMES.get(raw_name) or raw_name.decode("latin-1").lower()
        value = raw_value.decode("latin-1")
        if name not in headers:
            headers[name] = value
        elif name in _TOLD_ONCE:
            # two credentials or two purposes: which one counts must not be a matter of order, so neither does
            headers[name] = "\x00"
        else:
            headers[name] = f"{headers[name]}, {value}"
    return headers


def _too_large(scope: Scope, limits: Limits) -> GatewayError | None:
    raw_path = scope.get("raw_path") or scope["path"].encode()
    if len(raw_path) + len(scope["query_string"]) > limits.url_bytes:
        return UriTooLong(limit=limits.url_bytes)
    size = sum(map(len, chain.from_iterable(scope["headers"])))
    return HeadersTooLarge(limit=limits.header_bytes) if size > limits.header_bytes else None


def _not_reading(request: InboundRequest) -> GatewayError | None:
    if request.method not in _READING:
        return MethodNotAllowed(method=request.method[:20])
    if request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers:
        return BodyNotAllowed()
    return None
