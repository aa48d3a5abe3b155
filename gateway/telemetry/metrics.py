"""Metrics in the Prometheus text format: how the sources stand, by name. No label holds a value or an address.

They are read from what is there when somebody asks; nothing is counted twice.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFigures:
    """What is counted of one source."""

    name: str
    circuit: str
    running: int
    waiting: int
    answered: int
    failed: int
    busy: int
    rested: int
    openings: int
    reopened: int
    seconds: float


class Metrics:
    """The registry of the process; its own, so that no library adds to it."""

    CIRCUITS: ClassVar[tuple[str, ...]] = ("closed", "half-open", "open")

    def __init__(self, sources: Callable[[], Iterable[SourceFigures]]) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._sources = sources
        self._registry.register(self)

    def text(self) -> bytes:
        """What a scrape gets."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """The families, made anew for each scrape."""
        circuit = GaugeMetricFamily(
            "langqiao_source_circuit", "1 for the circuit that the source is in", labels=["source", "circuit"]
        )
        gauges = {
            name: GaugeMetricFamily(f"langqiao_source_{name}", told, labels=["source"])
            for name, told in (
                ("running", "Questions that are with the source"),
                ("waiting", "Questions that wait for a place"),
            )
        }
        questions = CounterMetricFamily(
            "langqiao_source_questions", "Questions to the source by outcome", labels=["source", "outcome"]
        )
        counters = {
            name: CounterMetricFamily(f"langqiao_source_{name}", told, labels=["source"])
            for name, told in (
                ("openings", "Times that the circuit opened"),
                ("reopened", "Times that a changed secret was taken up"),
            )
        }
        seconds = CounterMetricFamily(
            "langqiao_source_answer_seconds", "Seconds to the first batch of answered questions", labels=["source"]
        )
        for one in self._sources():
            for state in self.CIRCUITS:
                circuit.add_metric([one.name, state], float(state == one.circuit))
            gauges["running"].add_metric([one.name], one.running)
            gauges["waiting"].add_metric([one.name], one.waiting)
            for outcome in ("answered", "failed", "busy", "rested"):
                questions.add_metric([one.name, outcome], getattr(one, outcome))
            counters["openings"].add_metric([one.name], one.openings)
            counters["reopened"].add_metric([one.name], one.reopened)
            seconds.add_metric([one.name], one.seconds)
        yield circuit
        yield from gauges.values()
        yield questions
        yield from counters.values()
        yield seconds
