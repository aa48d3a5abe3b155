"""A table of a source -> statistics of its columns, by one bounded question.

A sample is at most `rows` rows, in the order the source gives them, within `seconds`; of a text only its beginning is
asked for where the source can cut it. The cells are looked at and let go: no value is kept, told, logged or raised.
Views are left alone unless asked for: to read one may run functions. A table itself is read by a plain SELECT of its
columns in a read-only session; what the source does on its own then (row security, generated columns) it does.
"""

from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from gateway.administration.discovery.labelling import Places, Statistics, statistics_of
from gateway.errors import SourceFailed, SourceRubbish, Words
from gateway.model.catalog import FieldType
from gateway.model.ids import DatasetName, FieldName
from gateway.model.plan import Fetch, FetchColumn, SourceColumn
from gateway.model.predicate import EVERYTHING
from gateway.model.sqlform import Left
from gateway.spi import Connector, TableDescription

_MOST_CELLS = 20_000  # of one sample: a very wide table gives fewer rows
_LEAST_ROWS = 20
_BEGINNING = 400  # characters of a text
_NONE: Mapping[str, Statistics] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Of one table, but for `total_seconds`: of all samples together."""

    rows: int = 200
    seconds: float = 5.0
    total_seconds: float = 120.0
    views: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampled:
    """What a sample told. `is_whole`: the table has no more rows than these."""

    columns: Mapping[str, Statistics] = field(default_factory=lambda: _NONE)
    rows: int = 0
    is_whole: bool = False
    note: Words | None = None


async def sample_table(source: Connector, table: TableDescription, places: Places, limits: Limits) -> Sampled:
    """Never raises for what a source does: a table that can't be read is labelled by its names, and that is said."""
    if table.is_view and not limits.views:
        return Sampled(note=("not sampled: a view", "视图，未抽样"))
    columns = [(name, kind) for name, kind in table.columns if kind.is_scalar]
    if not columns:
        return Sampled(note=("not sampled: no column of a plain type", "无普通类型的列，未抽样"))
    try:
        return await _sample(source, table, columns, places, limits)
    except SourceRubbish:
        pass  # a cell is not what its column declares: of texts at least that can't be
    except SourceFailed as error:
        return Sampled(note=_not_read(error))
    texts = [(name, kind) for name, kind in columns if kind is FieldType.TEXT]
    if not texts:
        return Sampled(note=("not sampled: cells are not of their column's type", "数据与声明类型不符，未抽样"))
    try:
        sampled = await _sample(source, table, texts, places, limits)
    except SourceFailed as error:
        return Sampled(note=_not_read(error))
    note = ("only texts sampled: other cells are not of their column's type", "其他列数据与声明类型不符，仅抽样文本列")
    return Sampled(columns=sampled.columns, rows=sampled.rows, is_whole=sampled.is_whole, note=note)


def _not_read(error: SourceFailed) -> Words:
    return f"not sampled: can't be read ({error.code})", f"无法读取，未抽样（{error.code}）"


async def _sample(
    source: Connector,
    table: TableDescription,
    columns: Sequence[tuple[str, FieldType]],
    places: Places,
    limits: Limits,
) -> Sampled:
    wanted = min(limits.rows, max(_LEAST_ROWS, _MOST_CELLS // len(columns)))
    is_bounded = source.capabilities(table.table).can_limit
    cells: list[list[Any]] = [[] for _ in columns]
    async with aclosing(source.fetch(_fetch(source, table, columns, wanted, limits))) as batches:  # type: ignore[type-var]
        async for batch in batches:
            for row in batch:
                for column, cell in zip(cells, row, strict=True):
                    column.append(cell)
            if not is_bounded and len(cells[0]) >= wanted:
                break  # such a source gives pages: no more of them are asked for
    rows = len(cells[0])
    statistics = {name: statistics_of(column, places) for (name, _), column in zip(columns, cells, strict=True)}
    return Sampled(columns=MappingProxyType(statistics), rows=rows, is_whole=rows < wanted)


def _fetch(
    source: Connector, table: TableDescription, columns: Sequence[tuple[str, FieldType]], rows: int, limits: Limits
) -> Fetch:
    able = source.capabilities(table.table)
    sources = [
        SourceColumn(field=FieldName(f"c{at}"), column=name, type=kind) for at, (name, kind) in enumerate(columns)
    ]
    return Fetch(
        dataset=DatasetName("discovered"),  # an error names no table of a source that nobody has catalogued
        table=table.table,
        columns=tuple(
            FetchColumn(
                source=column, form=Left(_BEGINNING) if able.can_mask and column.type is FieldType.TEXT else None
            )
            for column in sources
        ),
        aggregates=(),
        known=MappingProxyType({column.field: column for column in sources}),
        where=EVERYTHING,
        order=(),
        limit=rows if able.can_limit else None,
        offset=0,
        time_limit_seconds=limits.seconds,
        batch_rows=rows + 1,  # the whole sample is one batch, and known to be the last
    )
