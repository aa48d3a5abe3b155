"""ASGI scope -> InboundRequest: bytes within limits, nothing else."""

from collections.abc import MutableMapping
from datetime import datetime
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

Scope = MutableMapping[str, Any]
_TOLD_ONCE = frozenset({"apikey", "authorization", "purpose", "case", "justification", "terminal", "accept-profile"})


def read_scope(
    scope: Scope, now: datetime, trace_id: str, limits: Limits
) -> tuple[InboundRequest, GatewayError | None]:
    """A reading request, and the first limit it breaks; over a limit it holds nothing of what was too large."""
    error = _first_fault(scope, limits)
    if error is not None:
        scope = {**scope, "path": "", "query_string": b"", "headers": []}
    return read_headers(scope, now, trace_id), error


def read_headers(scope: Scope, now: datetime, trace_id: str) -> InboundRequest:
    """The request as the road knows it."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        if name not in headers:
            headers[name] = value
        elif name in _TOLD_ONCE:
            # two credentials or two purposes: which one counts must not be a matter of order, so neither does
            headers[name] = "\x00"
        else:
            headers[name] = f"{headers[name]}, {value}"
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


def _first_fault(scope: Scope, limits: Limits) -> GatewayError | None:
    raw_path = scope.get("raw_path") or scope["path"].encode()
    if len(raw_path) + len(scope["query_string"]) > limits.url_bytes:
        return UriTooLong(limit=limits.url_bytes)
    if sum(len(name) + len(value) for name, value in scope["headers"]) > limits.header_bytes:
        return HeadersTooLarge(limit=limits.header_bytes)
    if scope["method"] not in {"GET", "HEAD"}:
        return MethodNotAllowed(method=scope["method"][:20])
    names = {name.lower(): value for name, value in scope["headers"]}
    if names.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in names:
        return BodyNotAllowed()
    return None
