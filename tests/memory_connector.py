"""An in-memory source: stored rows by field, evaluated by the conformance kit's naive reading of a Fetch.

It runs whatever it is asked and claims what it is told to claim; it shares no code with the gateway or a connector.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Self

from gateway.model.ids import SourceName
from gateway.model.plan import Fetch
from gateway.model.predicate import AllOf, AnyOf, Compare, IsNull, IsTruth, Like, Not, OneOf, Under
from gateway.model.query import AggregateFunction
from gateway.model.rows import Batch
from gateway.spi import Capabilities, TableDescription
from tests.connectors.kit import expected

ALL = Capabilities(
    predicates=frozenset({AllOf, AnyOf, Compare, IsNull, IsTruth, Like, Not, OneOf, Under}),
    columns=None,
    can_order=True,
    can_limit=True,
    aggregates=frozenset(AggregateFunction),
    can_mask=True,
)
NONE = Capabilities(
    predicates=frozenset(), columns=None, can_order=False, can_limit=False, aggregates=frozenset(), can_mask=False
)


class MemoryConnector:
    """Rows as mappings from field name to stored cell; remembers what it was asked and whether it was closed."""

    def __init__(self, rows: Sequence[Mapping[str, Any]], claims: Capabilities = ALL) -> None:
        self._rows = rows
        self._claims = claims
        self.fetches: list[Fetch] = []
        self.open_streams = 0

    @classmethod
    def open(cls, name: SourceName, options: Mapping[str, object]) -> Self:
        raise AssertionError

    def capabilities(self, table: str) -> Capabilities:
        return self._claims

    async def fetch(self, fetch: Fetch) -> AsyncIterator[Batch]:
        self.fetches.append(fetch)
        self.open_streams += 1
        try:
            rows = expected(fetch, self._rows)
            for start in range(0, len(rows), fetch.batch_rows):
                yield rows[start : start + fetch.batch_rows]
        finally:
            self.open_streams -= 1

    async def describe(self) -> tuple[TableDescription, ...]:
        return ()

    async def health(self) -> None:
        return

    async def close(self) -> None:
        return
