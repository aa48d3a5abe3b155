"""GET /data/{dataset}: the hot road, a plain ASGI callable (a FastAPI route costs 40 µs that it doesn't need)."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, MutableMapping
from contextlib import aclosing
from datetime import datetime
from functools import lru_cache
from typing import Any

from gateway.api.inbound import Scope, read_scope
from gateway.api.problems import PROBLEM, challenge_of, language_of, problem_of
from gateway.errors import GatewayError
from gateway.model.caller import InboundRequest
from gateway.model.query import MediaType
from gateway.model.response import Refusal, Response, Stream
from gateway.pipeline import Pipeline
from gateway.settings import Limits
from gateway.telemetry import read_traceparent

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
_QUICK_SECONDS = 0.05  # an answer that is quicker is not watched for a client that leaves
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


class DataPlane:
    """The ASGI callable. Every answer names its policy, its receipt and its trace in headers."""

    def __init__(self, pipeline: Callable[[], Pipeline], limits: Limits, clock: Callable[[], datetime]) -> None:
        self._pipeline = pipeline
        self._limits = limits
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        traceparent = ""
        for name, value in scope["headers"]:
            if name == b"traceparent":
                traceparent = value.decode("latin-1")
                break
        trace_id, parent_span = read_traceparent(traceparent)
        request, fault = read_scope(scope, self._clock(), trace_id, self._limits)
        pipeline = self._pipeline()
        # reading has no body; one that is announced is refused unread
        if fault is not None:
            await _send(await pipeline.refuse(request, fault), request, send)
        else:
            client = _Client(receive)
            await _unless_gone(_answer(pipeline, request, parent_span, send, client), client)


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
        await send(_start(200, stream_headers(answered, request.trace_id)))
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
    """Whether whoever asked is still there."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._leaving: asyncio.Task[None] | None = None

    def watch(self) -> "asyncio.Task[None]":
        """A task that ends when the client leaves."""
        self._leaving = asyncio.ensure_future(self._left())
        return self._leaving

    def has_left(self) -> bool:
        """A look without waiting: the server tells at once that a client has gone, and keeps silent of one that hasn't.

        The one step is made by hand: a task for it would cost each quick answer a turn of the loop.
        """
        if self._leaving is not None:
            return self._leaving.done()
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


async def _unless_gone(work: Coroutine[Any, Any, None], client: _Client) -> None:
    """Do it; where the client leaves, stop it, and with it what the sources do for it.

    A quick answer costs a timer, and no task of its own.
    """
    task = asyncio.current_task()
    watching: list[asyncio.Task[None]] = []
    has_gone = is_over = False

    def gone(leaving: "asyncio.Task[None]") -> None:
        nonlocal has_gone
        if task is not None and not leaving.cancelled() and not is_over:
            has_gone = True
            task.cancel()

    def watch() -> None:
        watching.append(client.watch())
        watching[0].add_done_callback(gone)

    timer = asyncio.get_running_loop().call_later(_QUICK_SECONDS, watch)
    try:
        await work
    except asyncio.CancelledError:
        if not has_gone or task is None or task.uncancel():
            raise  # the server itself ends
    finally:
        is_over = True  # a callback that waits for its turn stops nothing any more
        timer.cancel()
        for leaving in watching:
            leaving.cancel()


async def _send(response: Response, request: InboundRequest, send: Send) -> None:
    status, headers, body = write_response(response, request.trace_id, request.headers.get("accept-language"))
    may_have_arrived = False
    try:
        await send(_start(status, headers))
        may_have_arrived = True
        await send({"type": "http.response.body", "body": b"" if request.method == "HEAD" else body})
    except BaseException:  # the client has gone, or the server with it
        if response.take_back is not None:
            response.take_back(may_have_arrived)
        raise


def _start(status: int, headers: dict[str, str]) -> MutableMapping[str, Any]:
    return {
        "type": "http.response.start",
        "status": status,
        "headers": [(_header(name), value.encode("latin-1")) for name, value in headers.items()],
    }


@lru_cache
def _header(name: str) -> bytes:
    return name.encode("latin-1")


def stream_headers(stream: Stream, trace_id: str) -> dict[str, str]:
    """The headers of an answer in batches; how long it is is known at its end only."""
    headers = _common(trace_id) | {
        "langqiao-policy": stream.policy_version,
        "langqiao-receipt": str(stream.opening),
        "content-type": content_type(stream.media_type),
        "content-range": f"*/{'*' if stream.total is None else stream.total}",
    }
    return headers | _notices(stream.notices)


def _common(trace_id: str) -> dict[str, str]:
    return {"trace-id": trace_id, "cache-control": "no-store", "x-content-type-options": "nosniff"}


def _notices(notices: tuple[str, ...]) -> dict[str, str]:
    if not notices:
        return {}
    return {"langqiao-notices": "; ".join(notices).encode("ascii", "backslashreplace").decode()}


def content_type(media_type: MediaType) -> str:
    """The media type with its charset, where it is text."""
    return media_type.value if media_type is MediaType.ARROW else f"{media_type.value}; charset=utf-8"


def write_response(response: Response, trace_id: str, accept_language: str | None) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of a Response."""
    headers = _common(trace_id)
    if response.policy_version is not None:
        headers["langqiao-policy"] = response.policy_version
    if response.receipt is not None:
        headers["langqiao-receipt"] = str(response.receipt)
    outcome = response.outcome
    if isinstance(outcome, Refusal):
        body = problem_of(outcome.error, trace_id, response.receipt, language_of(accept_language))
        headers |= {"content-type": PROBLEM, "content-length": str(len(body))} | challenge_of(outcome.error)
        return outcome.error.status, headers, body
    last = outcome.offset + len(outcome.rows) - 1
    span = f"{outcome.offset}-{last}" if outcome.rows else "*"
    headers["content-range"] = f"{span}/{'*' if outcome.total is None else outcome.total}"
    headers["content-type"] = content_type(response.media_type)
    headers["content-length"] = str(len(response.body))
    headers |= _notices(outcome.notices)
    partial = outcome.total is not None and len(outcome.rows) < outcome.total
    return (206 if partial else 200), headers, response.body
