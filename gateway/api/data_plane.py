"""GET /data/{dataset}: the hot road, a plain ASGI callable (a FastAPI route costs 40 µs that it doesn't need)."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import aclosing
from datetime import datetime
from types import TracebackType
from typing import Any, Final, Self

from gateway.api.inbound import Scope, read_scope
from gateway.api.problems import PROBLEM, challenge_of, language_of, problem_of
from gateway.errors import GatewayError
from gateway.model.caller import InboundRequest
from gateway.model.query import MediaType
from gateway.model.response import Refusal, Response, Stream
from gateway.pipeline import Pipeline
from gateway.settings import Limits
from gateway.telemetry import read_traceparent
from gateway.time_limit import Watch, running_watch

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Headers = list[tuple[bytes, bytes]]
_QUICK_SECONDS: Final = 0.05  # an answer that is quicker is not watched for a client that leaves
_ALWAYS: Final = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))


class DataPlane:
    """The ASGI callable. Every answer names its policy, its receipt and its trace in headers."""

    def __init__(self, pipeline: Callable[[], Pipeline], limits: Limits, clock: Callable[[], datetime]) -> None:
        self._pipeline = pipeline
        self._limits = limits
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        traceparent = dict(scope["headers"]).get(b"traceparent", b"")
        trace_id, parent_span = read_traceparent(traceparent.decode("latin-1"))
        request, fault = read_scope(scope, self._clock(), trace_id, self._limits)
        pipeline = self._pipeline()
        # reading has no body; one that is announced is refused unread
        if fault is not None:
            await _send(await pipeline.refuse(request, fault), request, send)
        else:
            with _Client(receive) as client:
                await _answer(pipeline, request, parent_span, send, client)


async def _answer(
    pipeline: Pipeline, request: InboundRequest, parent_span: str | None, send: Send, client: "_Client"
) -> None:
    answered = await pipeline.answer(request, parent_span=parent_span)
    if isinstance(answered, Response):
        if answered.take_back is not None and client.has_left():
            answered.take_back(False)
        else:
            await _send(answered, request, send)
        return
    async with aclosing(answered.batches) as batches:
        headers = _stream_headers(answered, request.trace_id)
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        if answered.is_head:
            await send({"type": "http.response.body", "body": b""})
            return
        try:
            async for batch in batches:
                await send({"type": "http.response.body", "body": batch, "more_body": True})
        except GatewayError:
            return  # the server cuts the connection: what left must not look like a whole answer
        await send({"type": "http.response.body", "body": b""})


class _Client:
    """Whether whoever asked is still there: where they leave, the block is stopped, and what the sources do for it.

    A quick answer costs no task and no timer of its own.
    """

    __slots__ = ("_has_gone", "_leaving", "_receive", "_task", "_watch", "when")

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._leaving: asyncio.Task[None] | None = None
        self._has_gone = False

    def __enter__(self) -> Self:
        """From `_QUICK_SECONDS` on they are watched."""
        self._watch: Watch = running_watch()
        loop = self._watch.loop
        self._task: asyncio.Task[Any] | None = asyncio.current_task(loop)
        self.when = loop.time() + _QUICK_SECONDS
        self._watch.begin(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        """Ends quietly where they left, unless the server itself ends."""
        self._watch.end(self)
        task, self._task = self._task, None  # a callback that waits for its turn stops nothing any more
        if self._leaving is not None:
            self._leaving.cancel()
        if not self._has_gone or task is None or not isinstance(error, asyncio.CancelledError):
            return False
        return not task.uncancel()

    def pass_(self) -> None:
        """It is no quick answer."""
        self._leaving = asyncio.ensure_future(self._left())
        self._leaving.add_done_callback(self._gone)

    def _gone(self, leaving: "asyncio.Task[None]") -> None:
        if self._task is not None and not leaving.cancelled():
            self._has_gone = True
            self._task.cancel()

    def has_left(self) -> bool:
        """A look without waiting: the server tells at once that a client has gone, and keeps silent of one that hasn't.

        uvicorn's cycle of one request says so itself. Of another server's the one step is made by hand: a task for it
        would cost each quick answer a turn of the loop.
        """
        if self._leaving is not None:
            return self._leaving.done()
        told = getattr(getattr(self._receive, "__self__", None), "disconnected", None)
        if isinstance(told, bool):
            return told
        step = self._left()
        try:
            step.send(None)
        except StopIteration:
            return True
        finally:
            step.close()
        return False

    async def _left(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass


async def _send(response: Response, request: InboundRequest, send: Send) -> None:
    status, headers, body = _written(response, request.trace_id, request.headers.get("accept-language"))
    may_have_arrived = False
    try:
        await send({"type": "http.response.start", "status": status, "headers": headers})
        may_have_arrived = True
        await send({"type": "http.response.body", "body": b"" if request.method == "HEAD" else body})
    except BaseException:  # the client has gone, or the server with it
        if response.take_back is not None:
            response.take_back(may_have_arrived)
        raise


def _stream_headers(stream: Stream, trace_id: str) -> Headers:
    """The headers of an answer in batches; how long it is is known at its end only."""
    return [
        (b"trace-id", trace_id.encode()),
        *_ALWAYS,
        (b"langqiao-policy", stream.policy_version.encode()),
        (b"langqiao-receipt", str(stream.opening).encode()),
        (b"content-type", _CONTENT_TYPES[stream.media_type]),
        (b"content-range", b"*/*" if stream.total is None else b"*/%d" % stream.total),
        *_notices(stream.notices),
    ]


def _notices(notices: tuple[str, ...]) -> Headers:
    return [(b"langqiao-notices", "; ".join(notices).encode("ascii", "backslashreplace"))] if notices else []


def _content_type(media_type: MediaType) -> bytes:
    name = media_type.value
    return (name if media_type is MediaType.ARROW else f"{name}; charset=utf-8").encode()


_CONTENT_TYPES: Final = {media_type: _content_type(media_type) for media_type in MediaType}
"""With their charset, where they are text."""


def _written(response: Response, trace_id: str, accept_language: str | None) -> tuple[int, Headers, bytes]:
    policy, receipt, outcome = response.policy_version, response.receipt, response.outcome
    headers: Headers = [(b"trace-id", trace_id.encode()), *_ALWAYS]
    if policy is not None:
        headers.append((b"langqiao-policy", policy.encode()))
    if receipt is not None:
        headers.append((b"langqiao-receipt", str(receipt).encode()))
    if isinstance(outcome, Refusal):
        body = problem_of(outcome.error, trace_id, receipt, language_of(accept_language))
        headers += [(b"content-type", PROBLEM.encode()), (b"content-length", b"%d" % len(body))]
        headers += [(name.encode(), value.encode()) for name, value in challenge_of(outcome.error).items()]
        return outcome.error.status, headers, body
    count, total, body = len(outcome.rows), outcome.total, response.body
    span = b"%d-%d" % (outcome.offset, outcome.offset + count - 1) if count else b"*"
    headers += (
        (b"content-range", span + b"/*" if total is None else b"%b/%d" % (span, total)),
        (b"content-type", _CONTENT_TYPES[response.media_type]),
        (b"content-length", b"%d" % len(body)),
    )
    if outcome.notices:
        headers += _notices(outcome.notices)
    return (206 if total is not None and count < total else 200), headers, body


def write_response(response: Response, trace_id: str, accept_language: str | None) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of a Response, for the control plane."""
    status, headers, body = _written(response, trace_id, accept_language)
    return status, {name.decode("latin-1"): value.decode("latin-1") for name, value in headers}, body
