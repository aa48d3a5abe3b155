"""Control-plane requests within limits: headers, address and body are measured before FastAPI reads them."""

from collections.abc import Awaitable, Callable

from gateway.api.data_plane import Receive, Send
from gateway.api.inbound import Scope
from gateway.api.problems import PROBLEM, language_of, problem_of
from gateway.errors import GatewayError, HeadersTooLarge, RequestTooLarge, UriTooLong
from gateway.settings import Limits
from gateway.telemetry import read_traceparent

AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]

_MOST_DIGITS = 19


class WithinLimits:
    """ASGI middleware; refuses what is too large unread, and a body that grows over its limit while it is read."""

    def __init__(self, app: AsgiApp, limits: Limits) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what is within limits."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        fault = self._fault(scope)
        if fault is None:
            chunks = await self._body(receive)
            if chunks is not None:
                await self._app(scope, _replay(chunks, receive), send)
                return
            fault = RequestTooLarge(part="body", limit=self._limits.body_bytes)
        await _refuse(fault, scope, send)

    def _fault(self, scope: Scope) -> GatewayError | None:
        headers = scope["headers"]
        if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > self._limits.url_bytes:
            return UriTooLong(limit=self._limits.url_bytes)
        if sum(len(name) + len(value) for name, value in headers) > self._limits.header_bytes:
            return HeadersTooLarge(limit=self._limits.header_bytes)
        declared = next((value for name, value in headers if name == b"content-length"), b"0")
        # so many digits that they can't be read as a number are too many as well
        if not declared.isdigit() or len(declared) > _MOST_DIGITS or int(declared) > self._limits.body_bytes:
            return RequestTooLarge(part="body", limit=self._limits.body_bytes)
        return None

    async def _body(self, receive: Receive) -> bytes | None:
        body = b""
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return body
            chunk: bytes = message.get("body", b"")
            body += chunk
            if len(body) > self._limits.body_bytes:
                return None
            if not message.get("more_body", False):
                return body


def _replay(body: bytes, receive: Receive) -> Receive:
    told = False

    async def replay() -> Scope:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


async def _refuse(fault: GatewayError, scope: Scope, send: Send) -> None:
    headers = dict(scope["headers"])
    trace_id, _ = read_traceparent(headers.get(b"traceparent", b"").decode("latin-1"))
    language = language_of(headers.get(b"accept-language", b"").decode("latin-1"))
    body = problem_of(fault, trace_id, None, language)
    raw = [(b"content-type", PROBLEM.encode()), (b"content-length", str(len(body)).encode()), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": fault.status, "headers": raw})
    await send({"type": "http.response.body", "body": body})
