"""A connector around a connector that keeps what was asked and what came back."""

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any, Self, cast

from gateway.model.ids import SourceName
from gateway.model.plan import Fetch
from gateway.model.rows import Batch, Row
from gateway.spi import Capabilities, Connector, TableDescription


class RecordingSource:
    """Passes everything on; remembers each Fetch and each row."""

    def __init__(self, inner: Connector) -> None:
        self._inner = inner
        self.fetches: list[Fetch] = []
        self.rows: list[Row] = []

    @classmethod
    def open(cls, name: SourceName, options: Mapping[str, object]) -> Self:
        raise AssertionError

    def capabilities(self, table: str) -> Capabilities:
        return self._inner.capabilities(table)

    async def fetch(self, fetch: Fetch) -> AsyncIterator[Batch]:
        self.fetches.append(fetch)
        async with aclosing(cast("Any", self._inner.fetch(fetch))) as batches:
            async for batch in batches:
                self.rows.extend(batch)
                yield batch

    async def describe(self) -> tuple[TableDescription, ...]:
        return await self._inner.describe()

    async def health(self) -> None:
        await self._inner.health()

    async def close(self) -> None:
        await self._inner.close()
