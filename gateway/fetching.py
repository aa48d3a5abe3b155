"""A plan -> the rows of its source, not yet fetched: which connector is asked, at once or in batches."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Self, cast

from gateway.errors import SourceUnavailable
from gateway.model.catalog import Dataset
from gateway.model.ids import SourceName
from gateway.model.plan import Fetch, ReadPlan
from gateway.model.rows import Batch, RawRows
from gateway.spi import Capabilities, Connector
from gateway.telemetry import Stage, Tracing


class _Later:
    """Batches that are made when the first is wanted: whoever takes a whole answer at once wants none."""

    __slots__ = ("_batches", "_make")

    def __init__(self, make: Callable[[], AsyncIterator[Batch]]) -> None:
        self._make = make
        self._batches: AsyncIterator[Batch] | None = None

    def __aiter__(self) -> Self:
        return self

    def __anext__(self) -> Awaitable[Batch]:
        if self._batches is None:
            self._batches = self._make()
        return anext(self._batches)

    async def aclose(self) -> None:
        """Close what was begun."""
        if self._batches is not None:
            await cast("AsyncGenerator[Batch, None]", self._batches).aclose()


@dataclass(frozen=True, slots=True, repr=False)
class Fetching:
    """The sources of one pipeline. Every fetch has a span, where its request is sampled."""

    sources: Mapping[SourceName, Connector]
    tracing: Tracing

    def capabilities(self, dataset: Dataset) -> Capabilities:
        """What the dataset's source runs itself; raises SourceUnavailable where none is configured."""
        return self._source(dataset).capabilities(dataset.table)

    def at_once(self, plan: ReadPlan) -> Awaitable[Batch | None]:
        """The whole of a short answer; None where the source has none. Raises SourceUnavailable."""
        ask = getattr(self._source(plan.bound.dataset), "fetch_at_once", None)
        if ask is None:
            return _nothing()
        return self._at_once(ask, plan.fetch) if self.tracing.is_sampled else cast("Awaitable[Batch]", ask(plan.fetch))

    def open(self, plan: ReadPlan) -> RawRows:
        """What the plan asks of its source; nothing is asked before it is read. Raises SourceUnavailable."""
        source = self._source(plan.bound.dataset)
        at_once = getattr(source, "fetch_at_once", None)
        return RawRows(
            at_once=partial(self._at_once, at_once, plan.fetch) if at_once is not None else None,
            batches=_Later(lambda: self.tracing.fetching(source.fetch(plan.fetch))),
            width=len(plan.fetch.columns) + len(plan.fetch.aggregates),
            counts=self.tracing.fetching(source.fetch(plan.count_fetch)) if plan.count_fetch is not None else None,
        )

    def _source(self, dataset: Dataset) -> Connector:
        source = self.sources.get(dataset.source) if dataset.source is not None else None
        if source is None:
            raise SourceUnavailable(dataset=dataset.name, operator="the dataset's source is not configured")
        return source

    async def _at_once(self, ask: Callable[[Fetch], Awaitable[Batch | None]], fetch: Fetch) -> Batch | None:
        with self.tracing.stage(Stage.FETCH):
            return await ask(fetch)


async def _nothing() -> None:
    return None
