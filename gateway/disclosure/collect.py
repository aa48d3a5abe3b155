"""RawRows -> rows in catalogue form, each cell checked. Closes the source's streams whatever happens."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from functools import partial
from types import NoneType
from typing import NoReturn, cast

from gateway.catalog.storage import as_they_are, decode, decode_column
from gateway.disclosure.aggregates import read_aggregate, written
from gateway.errors import Defect, SourceRubbish, SourceTooBroad
from gateway.model.catalog import Field
from gateway.model.plan import FetchColumn, ReadPlan
from gateway.model.query import AggregateFunction
from gateway.model.remembered import Remembered
from gateway.model.rows import Batch, ByColumns, Cell, RawRows, Row, columns_of_rows

Reader = tuple[frozenset[type], Callable[[Sequence[Cell]], Sequence[Cell]]]
"""Of a whole column: the types whose cells are read already, and what reads all others."""
_TEXT_OR_NULL: frozenset[type] = frozenset({str, NoneType})
_NONE: frozenset[type] = frozenset()


async def collect(raw: RawRows, plan: ReadPlan) -> tuple[list[Row], int | None]:
    """All rows, and the source's own count where it was asked.

    Raises SourceTooBroad, SourceRubbish, and whatever the connector raises.
    """
    whole = await raw.at_once() if raw.at_once is not None and raw.counts is None else None
    if whole is not None:
        readers = _fitting_readers(raw, plan)
        refuse_too_many(len(whole), plan)
        return _read(whole, readers, plan), None
    rows: list[Row] = []
    async with opened(raw, plan) as (batches, count):
        async for batch in batches:
            if len(rows) + len(batch) > plan.max_source_rows:
                raise SourceTooBroad(dataset=plan.bound.dataset.name, limit=plan.max_source_rows)
            rows += batch
        return rows, await count()


def columns_of(whole: Batch, plan: ReadPlan, readers: Sequence[Reader]) -> Sequence[Sequence[Cell]]:
    """The columns of an answer that came at once; `readers` are those of the plan. Raises as `collect`."""
    refuse_too_many(len(whole), plan)
    return _columns(whole, readers, plan)


@asynccontextmanager
async def opened(
    raw: RawRows, plan: ReadPlan
) -> AsyncIterator[tuple[AsyncIterator[ByColumns[Cell]], Callable[[], Awaitable[int | None]]]]:
    """Batches in catalogue form, and what reads the count; both streams are closed when the block ends.

    Reading raises SourceRubbish, and whatever the connector raises.
    """
    readers = _fitting_readers(raw, plan)
    async with AsyncExitStack() as stack:
        source = await stack.enter_async_context(aclosing(_closable(raw.batches)))
        counts = raw.counts
        if counts is not None:
            await stack.enter_async_context(aclosing(_closable(counts)))

        async def count() -> int | None:
            return None if counts is None else await _count(counts, plan)

        yield _decoded(source, readers, plan), count


async def _decoded(
    batches: AsyncIterator[Batch], readers: Sequence[Reader], plan: ReadPlan
) -> AsyncIterator[ByColumns[Cell]]:
    seen = 0
    async for batch in batches:
        seen += len(batch)
        _refuse_more(seen, plan)
        yield ByColumns(_columns(batch, readers, plan), len(batch))


def _refuse_more(seen: int, plan: ReadPlan) -> None:
    most = plan.fetch.limit
    if most is not None and seen > most and most != plan.max_source_rows + 1:
        raise _rubbish(plan, "more rows than were asked for")  # a limit may be an obligation


def refuse_too_many(seen: int, plan: ReadPlan) -> None:
    """Raises SourceTooBroad over what the gateway reads, SourceRubbish over what was asked for."""
    _refuse_more(seen, plan)
    if seen > plan.max_source_rows:
        raise SourceTooBroad(dataset=plan.bound.dataset.name, limit=plan.max_source_rows)


def _read(batch: Batch, readers: Sequence[Reader], plan: ReadPlan) -> list[Row]:
    return list(zip(*_columns(batch, readers, plan), strict=True)) if readers else [()] * len(batch)


def _columns(batch: Batch, readers: Sequence[Reader], plan: ReadPlan) -> list[Sequence[Cell]]:
    if not batch:
        return [() for _ in readers]
    if type(batch) is ByColumns:
        is_whole = len(batch.columns) == len(readers) and {len(batch)}.issuperset(map(len, batch.columns))
    else:
        is_whole = {len(readers)}.issuperset(map(len, batch))
    if not is_whole:
        raise _rubbish(plan, f"a row has not {len(readers)} cells")
    try:
        return [
            column if read_already.issuperset(map(type, column)) else read(column)
            for (read_already, read), column in zip(readers, columns_of_rows(batch), strict=False)
        ]
    except ValueError as fault:
        raise _rubbish(plan, str(fault)) from None


async def _count(counts: AsyncIterator[Batch], plan: ReadPlan) -> int:
    rows = [row async for batch in counts for row in batch]
    if len(rows) != 1 or len(rows[0]) != 1:
        raise _rubbish(plan, "a count is not one row of one cell")
    count = rows[0][0]
    if type(count) is not int or count < 0:
        raise _rubbish(plan, "a count is no number of rows")
    return count


def _fitting_readers(raw: RawRows, plan: ReadPlan) -> Sequence[Reader]:
    readers = readers_of(plan)
    if raw.width != len(readers):
        raise Defect(operator="the raw rows are not those of the plan")
    return readers


def readers_of(plan: ReadPlan) -> Sequence[Reader]:
    """What reads each raw column into catalogue form; no literal of the plan has a part in them."""
    place = id(plan.bound.dataset), id(plan.fetch.aggregates)
    return _readers.of(plan.fetch.columns, place, lambda: (plan.bound.dataset, plan.fetch.aggregates, _made(plan)))[2]


_readers: Remembered[tuple[FetchColumn, ...], tuple[object, object, Sequence[Reader]]] = Remembered()
"""By the identity of columns, dataset and aggregates, all of which are held in it."""


def _made(plan: ReadPlan) -> Sequence[Reader]:
    fields = plan.bound.dataset.fields
    readers: list[Reader] = []
    for column in plan.fetch.columns:
        field = fields[column.source.field]
        if column.form is not None:  # what the source masked is the mask's text, and no stored value
            readers.append((_TEXT_OR_NULL, _refuse_other_than_texts))
        elif plan.fetch.aggregates:
            readers.append((_NONE, partial(_keys, field=field)))
        else:
            readers.append((as_they_are(field), partial(decode_column, field=field)))
    for one in plan.fetch.aggregates:
        aggregated = fields[one.field] if one.field is not None else None
        readers.append((_NONE, partial(_aggregates, function=one.function, field=aggregated)))
    return readers


def _keys(cells: Sequence[Cell], field: Field) -> Sequence[Cell]:
    return [written(decode(cell, field), field) for cell in cells]


def _aggregates(cells: Sequence[Cell], function: AggregateFunction, field: Field | None) -> Sequence[Cell]:
    return [read_aggregate(cell, function, field) for cell in cells]


def _refuse_other_than_texts(cells: Sequence[Cell]) -> NoReturn:
    del cells
    raise ValueError("a masked cell is no text")


def _closable(batches: AsyncIterator[Batch]) -> AsyncGenerator[Batch, None]:
    # the plug-in surface has connectors fetch with async generators
    return cast("AsyncGenerator[Batch, None]", batches)


def _rubbish(plan: ReadPlan, fault: str) -> SourceRubbish:
    return SourceRubbish(dataset=plan.bound.dataset.name, operator=fault)
