"""jsonlines: files of one JSON object a line -> rows. A connector by somebody else, in its own package.

It filters by equality of texts and integers, and knows nothing else: all other work is the gateway's.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, Self

from connectors.base import (
    AllOf,
    Batch,
    Capabilities,
    Comparator,
    Compare,
    Defect,
    Fetch,
    FieldType,
    NotPromised,
    Options,
    Predicate,
    Reader,
    SourceName,
    SourceRubbish,
    SourceUnavailable,
    TableDescription,
    read_boolean,
    read_date,
    read_integer,
    read_numeric,
    read_text,
    read_timestamp,
    typed_rows,
)

READERS: dict[FieldType, Reader] = {
    FieldType.TEXT: read_text,
    FieldType.INTEGER: read_integer,
    FieldType.NUMERIC: read_numeric,
    FieldType.BOOLEAN: read_boolean,
    FieldType.DATE: read_date,
    FieldType.TIMESTAMP: read_timestamp,
}
CLAIMS = Capabilities(
    predicates=frozenset({AllOf, Compare}),
    columns=None,
    can_order=False,
    can_limit=False,
    aggregates=frozenset(),
    can_mask=False,
    comparators=frozenset({Comparator.EQ}),
    types=frozenset({FieldType.TEXT, FieldType.INTEGER}),
)


class JsonlinesConnector:
    """One folder; a table is a file's name without `.jsonl`."""

    def __init__(self, name: SourceName, folder: Path) -> None:
        self._name = name
        self._folder = folder

    @classmethod
    def open(cls, name: SourceName, options: Mapping[str, object]) -> Self:
        taken = Options(name, options)
        folder = taken.folder("folder")
        taken.done()
        return cls(name, folder)

    def capabilities(self, table: str) -> Capabilities:
        return CLAIMS

    async def fetch(self, fetch: Fetch) -> AsyncIterator[Batch]:
        if fetch.order or fetch.aggregates or fetch.limit is not None or fetch.offset:
            raise Defect(operator="asked for what is not claimed")
        try:
            lines = await asyncio.to_thread(self._lines, fetch.table)
        except OSError:
            raise SourceUnavailable(dataset=fetch.dataset, operator="no such file") from None
        kept = [line for line in lines if self._fits(fetch.where, fetch, line)]
        readers = [READERS[column.source.type] for column in fetch.columns]
        for at in range(0, len(kept), fetch.batch_rows):
            cells = [
                [line[column.source.column] for column in fetch.columns] for line in kept[at : at + fetch.batch_rows]
            ]
            try:
                yield typed_rows(cells, readers)
            except NotPromised as fault:
                raise SourceRubbish(dataset=fetch.dataset, operator=str(fault)) from None

    def _fits(self, where: Predicate, fetch: Fetch, line: Mapping[str, Any]) -> bool:
        match where:
            case AllOf(terms):
                return all(self._fits(term, fetch, line) for term in terms)
            case Compare(field, Comparator.EQ, value):
                return bool(line[fetch.known[field].column] == value)
            case _:
                raise Defect(operator="asked for what is not claimed")

    def _lines(self, table: str) -> list[dict[str, Any]]:
        text = (self._folder / f"{table}.jsonl").read_text(encoding="utf-8")
        return [json.loads(line) for line in text.split("\n") if line]

    async def describe(self) -> tuple[TableDescription, ...]:
        return tuple(
            TableDescription(
                table=file.stem,
                columns=tuple((column, FieldType.TEXT) for column in self._lines(file.stem)[0]),
                key=(),
            )
            for file in sorted(self._folder.glob("*.jsonl"))
        )

    async def health(self) -> None:
        if not self._folder.is_dir():
            raise SourceUnavailable(dataset=self._name, operator="no such folder")

    async def close(self) -> None:
        pass
