"""GET /data/{dataset}: the hot road, a plain ASGI callable (a FastAPI route costs 40 µs that it doesn't need)."""

from collections.abc import Awaitable, Callable, MutableMapping
from datetime import datetime
from typing import Any

from gateway.api.inbound import Scope, read_scope
from gateway.api.problems import PROBLEM, challenge_of, language_of, problem_of
from gateway.model.response import Refusal, Response
from gateway.pipeline import Pipeline
from gateway.settings import Limits
from gateway.telemetry import read_traceparent

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


class DataPlane:
    """The ASGI callable. Every answer names its policy, its receipt and its trace in headers."""

    def __init__(self, pipeline: Callable[[], Pipeline], limits: Limits, clock: Callable[[], datetime]) -> None:
        self._pipeline = pipeline
        self._limits = limits
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        del receive  # reading has no body; one that is announced is refused unread
        traceparent = next((value for name, value in scope["headers"] if name == b"traceparent"), b"")
        trace_id, parent_span = read_traceparent(traceparent.decode("latin-1"))
        request, fault = read_scope(scope, self._clock(), trace_id, self._limits)
        pipeline = self._pipeline()
        if fault is not None:
            response = await pipeline.refuse(request, fault)
        else:
            response = await pipeline.answer(request, parent_span=parent_span)
        status, headers, body = write_response(response, trace_id, request.headers.get("accept-language"))
        if request.method == "HEAD":
            body = b""
        await send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()],
            }
        )
        await send({"type": "http.response.body", "body": body})


def write_response(response: Response, trace_id: str, accept_language: str | None) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of a Response."""
    headers = {"trace-id": trace_id, "cache-control": "no-store", "x-content-type-options": "nosniff"}
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
    headers["content-type"] = f"{response.media_type.value}; charset=utf-8"
    headers["content-length"] = str(len(response.body))
    if outcome.notices:
        headers["langqiao-notices"] = "; ".join(outcome.notices).encode("ascii", "backslashreplace").decode()
    partial = outcome.total is not None and len(outcome.rows) < outcome.total
    return (206 if partial else 200), headers, response.body
