"""Metrics in the Prometheus text format: how the sources stand, by name. No label holds a value or an address.

They are read from what is there when somebody asks; nothing is counted twice. Where several workers share a port each
series has the label `worker`, and whoever is asked tells of all.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from typing import ClassVar

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from gateway.telemetry.figures import SourceFigures
from gateway.telemetry.shared_figures import SharedFigures

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """The registry of the process; its own, so that no library adds to it."""

    CIRCUITS: ClassVar[tuple[str, ...]] = ("closed", "half-open", "open")

    def __init__(self, sources: Callable[[], Iterable[SourceFigures]], shared: SharedFigures | None = None) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._sources = sources
        self._shared = shared
        self._registry.register(self)

    def text(self) -> bytes:
        """What a scrape gets."""
        return generate_latest(self._registry)

    @asynccontextmanager
    async def sharing(self) -> AsyncIterator[None]:
        """Let the other workers tell of this one while the block runs."""
        if self._shared is None:
            yield
            return
        async with self._shared.sharing(self._sources):
            yield

    def _all(self) -> Iterator[tuple[list[str], SourceFigures]]:
        """With the labels that come before the source's."""
        for one in self._sources():
            yield ([] if self._shared is None else [self._shared.worker]), one
        for worker, figures in self._shared.others().items() if self._shared is not None else ():
            for one in figures:
                yield [worker], one

    def collect(self) -> Iterator[Metric]:
        """The families, made anew for each scrape."""
        source = ["source"] if self._shared is None else ["worker", "source"]
        circuit = GaugeMetricFamily(
            "langqiao_source_circuit", "1 for the circuit that the source is in", labels=[*source, "circuit"]
        )
        gauges = {
            name: GaugeMetricFamily(f"langqiao_source_{name}", told, labels=source)
            for name, told in (
                ("running", "Questions that are with the source"),
                ("waiting", "Questions that wait for a place"),
            )
        }
        questions = CounterMetricFamily(
            "langqiao_source_questions", "Questions to the source by outcome", labels=[*source, "outcome"]
        )
        counters = {
            name: CounterMetricFamily(f"langqiao_source_{name}", told, labels=source)
            for name, told in (
                ("openings", "Times that the circuit opened"),
                ("reopened", "Times that a changed secret was taken up"),
            )
        }
        seconds = CounterMetricFamily(
            "langqiao_source_answer_seconds", "Seconds to the first batch of answered questions", labels=source
        )
        for before, one in self._all():
            labels = [*before, one.name]
            for state in self.CIRCUITS:
                circuit.add_metric([*labels, state], float(state == one.circuit))
            gauges["running"].add_metric(labels, one.running)
            gauges["waiting"].add_metric(labels, one.waiting)
            for outcome in ("answered", "failed", "busy", "rested"):
                questions.add_metric([*labels, outcome], getattr(one, outcome))
            counters["openings"].add_metric(labels, one.openings)
            counters["reopened"].add_metric(labels, one.reopened)
            seconds.add_metric(labels, one.seconds)
        yield circuit
        yield from gauges.values()
        yield questions
        yield from counters.values()
        yield seconds
