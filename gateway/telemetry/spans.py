"""One span a request and one a stage, sampled at the head."""

import re
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import AbstractContextManager, aclosing, contextmanager, nullcontext
from contextvars import ContextVar
from enum import StrEnum
from typing import cast

from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

from gateway.errors import GatewayError
from gateway.model.rows import Batch
from gateway.settings import Telemetry

_NO_SPAN: AbstractContextManager[None] = nullcontext()  # shared: it keeps nothing
_is_sampled: ContextVar[bool] = ContextVar("is_sampled", default=False)
_RANDOM_DIGITS = 16  # of a trace id, at its end: what W3C says of them, and what a ratio is taken of
_TRACEPARENT = re.compile(r"^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$", re.ASCII)


class Stage(StrEnum):
    """The stages of a request, as spans, refusals and the log name them."""

    RECEIVE = "receive"
    AUTHENTICATE = "authenticate"
    PARSE = "parse"
    BIND = "bind"
    DECIDE = "decide"
    PLAN = "plan"
    FETCH = "fetch"
    DISCLOSE = "disclose"
    AUDIT = "audit"
    ADMINISTER = "administer"


class Tracing:
    """Makes spans. Own provider, not the global one: no library may add spans with data in them.

    A caller's sampled flag is not obeyed: else anybody could switch tracing on for everything. What is not sampled
    costs a look at its trace id.
    """

    def __init__(self, settings: Telemetry, processor: SpanProcessor | None = None) -> None:
        ratio = TraceIdRatioBased(settings.sample_ratio)
        self._bound = ratio.bound
        self._provider = TracerProvider(
            sampler=ParentBased(root=ratio, remote_parent_sampled=ratio, remote_parent_not_sampled=ratio),
            resource=Resource.create({"service.name": "langqiao"}),
            span_limits=SpanLimits(max_events=0, max_attributes=8),
        )
        if processor is not None:
            self._provider.add_span_processor(processor)
        elif settings.otlp_endpoint is not None:
            self._provider.add_span_processor(_otlp(settings.otlp_endpoint))
        self._tracer = self._provider.get_tracer("langqiao")

    def request(self, trace_id: str, parent_span: str | None = None) -> AbstractContextManager[None]:
        """The span of one request under the given trace id, where it is sampled."""
        # as the sampler itself will decide it, by the last half of the id
        is_sampled = int(trace_id[-_RANDOM_DIGITS:], 16) < self._bound
        return self._request(trace_id, parent_span) if is_sampled else _NO_SPAN

    @contextmanager
    def _request(self, trace_id: str, parent_span: str | None) -> Iterator[None]:
        parent = SpanContext(
            trace_id=int(trace_id, 16),
            span_id=int(parent_span or secrets.token_hex(8), 16) or 1,
            is_remote=True,
            trace_flags=TraceFlags(0),
        )
        context: Context = set_span_in_context(NonRecordingSpan(parent))
        with self._tracer.start_as_current_span(
            "request", context=context, record_exception=False, set_status_on_exception=False
        ):
            token = _is_sampled.set(True)
            try:
                yield
            finally:
                _is_sampled.reset(token)

    @property
    def is_sampled(self) -> bool:
        """Whether the request that is under way here has spans."""
        return _is_sampled.get()

    def stage(self, stage: Stage) -> AbstractContextManager[None]:
        """The span of one stage of a sampled request; an error leaves its code there and nothing else."""
        return self._stage(stage) if _is_sampled.get() else _NO_SPAN

    @contextmanager
    def _stage(self, stage: Stage) -> Iterator[None]:
        with self._tracer.start_as_current_span(
            stage.value, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield
            except GatewayError as error:
                span.set_attribute("langqiao.code", error.code)
                span.set_status(StatusCode.ERROR)
                raise
            except Exception:
                span.set_status(StatusCode.ERROR)
                raise

    def fetching(self, batches: AsyncIterator[Batch]) -> AsyncIterator[Batch]:
        """The batches of a source, with a span from the first request to the last batch."""
        return self._fetching(batches) if _is_sampled.get() else batches

    async def _fetching(self, batches: AsyncIterator[Batch]) -> AsyncIterator[Batch]:
        # not the current span: an async generator may be closed in another context than it was begun in
        span = self._tracer.start_span(Stage.FETCH.value)
        try:
            async with aclosing(cast("AsyncGenerator[Batch]", batches)) as source:
                async for batch in source:
                    yield batch
        except GatewayError as error:
            span.set_attribute("langqiao.code", error.code)
            span.set_status(StatusCode.ERROR)
            raise
        finally:
            span.end()

    def close(self) -> None:
        """Send what waits."""
        self._provider.shutdown()


_drawn: list[str] = []
_IDS_AT_ONCE = 256


def _fresh_id() -> str:
    """32 random hex digits. Many are drawn at once: asking the system lets every other thread go first."""
    try:
        return _drawn.pop()
    except IndexError:
        drawn = secrets.token_hex(16 * _IDS_AT_ONCE)
        _drawn.extend([drawn[at : at + 32] for at in range(0, len(drawn), 32)])
        return _drawn.pop()


def read_traceparent(header: str | None) -> tuple[str, str | None]:
    """Trace id and parent span of a W3C traceparent header; a fresh trace where there is none or a malformed one."""
    match = _TRACEPARENT.match(header) if header else None
    if match is None or set(match.group(1)) == {"0"} or set(match.group(2)) == {"0"}:
        return _fresh_id(), None
    return match.group(1), match.group(2)


def _otlp(endpoint: str) -> SpanProcessor:
    # an extra: only those who collect spans need the exporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    return BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint))
