"""ReadPlan -> rows of every level, each in catalogue form, filtered, ordered, cut, and found by their keys.

An embed is asked for the keys of all rows above it at once, in batches; never for a row. What decides over rows above
is read before they are cut, the rest after, for those that are left. Nothing here is masked yet: what comes out must
not leave this room.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, repeat
from operator import itemgetter
from typing import Any, TypeVar, cast

from gateway.catalog.storage import encode_column
from gateway.disclosure.collect import collect, opened
from gateway.disclosure.grouping import grouped
from gateway.disclosure.ordering import order_rows
from gateway.disclosure.residual import compile_predicate
from gateway.errors import SourceRubbish, SourceTooBroad
from gateway.model.catalog import Field
from gateway.model.ids import FieldName
from gateway.model.plan import PlannedColumn, PlannedEmbed, ReadPlan, with_fetch
from gateway.model.predicate import EVERYTHING, AllOf, OneOf, Predicate
from gateway.model.query import BoundOrder
from gateway.model.rows import Cell, RawRows, Row

Open = Callable[[ReadPlan], RawRows]
"""Asks the plan's source for the plan's fetch."""
Key = tuple[Cell, ...]
T = TypeVar("T")


@dataclass(slots=True, repr=False)
class Level:
    """The rows of one level. Embeds below are there once they were read."""

    plan: ReadPlan
    rows: Sequence[Row]
    total: int | None = None  # rows before the page was cut, where it was counted
    below: dict[str, "Below"] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, repr=False)
class Below:
    """An embed's rows, and which of them belong to a key: places in `level.rows`, in order."""

    embed: PlannedEmbed
    level: Level
    index: Mapping[Key, Sequence[int]]
    key_of: Callable[[Row], Key]  # of a row above

    def of(self, row: Row) -> Sequence[int]:
        """The rows that belong to a row above, cut as the embed's own limit and offset say."""
        return self.cut(self.every((row,)))[0]

    def every(self, rows: Iterable[Row]) -> list[Sequence[int]]:
        """Of each row above all that belong to it."""
        return list(map(self.index.get, map(self.key_of, rows), repeat(())))

    def cut(self, each: list[Sequence[int]]) -> list[Sequence[int]]:
        """What `of` leaves of each."""
        key = self.embed.plan.key
        if key is None:
            return [()] * len(each)
        start, end = key.offset, None if key.limit is None else key.offset + key.limit
        return each if not start and end is None else [every[start:end] for every in each]

    def has(self, row: Row) -> bool:
        """Whether any row belongs to a row above."""
        return bool(self.of(row))


async def read_root(plan: ReadPlan, open_source: Open) -> Level:
    """All rows that may be answered with, filtered and in order, not cut; embeds that decide were read.

    Raises SourceTooBroad, SourceRubbish, and whatever connectors raise.
    """
    return await _Reader(open_source).level(plan, None)


async def read_in_batches(plan: ReadPlan, open_source: Open, rows: int) -> AsyncGenerator[Level, None]:
    """The same of a plan that flows, at most `rows` at a time and cut as the plan says; at least one, be it empty."""
    test = compile_predicate(plan.residual.where, places_of(plan))
    to_skip, to_give = plan.residual.offset, plan.residual.limit
    waiting: list[Row] = []
    has_given = False
    async with opened(open_source(plan), plan) as (batches, count):
        total = await count()
        async for batch in batches:
            found: Sequence[Row] = batch
            if plan.residual.where != EVERYTHING:
                found = [row for row in batch if test(row) is True]
            skipped = min(to_skip, len(found))
            to_skip -= skipped
            if len(found) == rows and not skipped and not waiting and (to_give is None or to_give > rows):
                yield Level(plan=plan, rows=found, total=total)  # as it came: by columns
                has_given = True
                to_give = None if to_give is None else to_give - rows
                continue
            waiting += found[skipped:]
            if to_give is not None and len(waiting) >= to_give:
                waiting = waiting[:to_give]
                break
            while len(waiting) >= rows:
                yield Level(plan=plan, rows=waiting[:rows], total=total)
                has_given = True
                waiting = waiting[rows:]
                to_give = None if to_give is None else to_give - rows
    for at in range(0, max(len(waiting), 0 if has_given else 1), rows):
        yield Level(plan=plan, rows=waiting[at : at + rows], total=total)


async def read_below(level: Level, places: Sequence[int], open_source: Open) -> None:
    """Read what is shown below these rows and wasn't read yet, down to the leaves."""
    await _Reader(open_source).rest(level, places)


class _Reader:
    def __init__(self, open_source: Open) -> None:
        self._open = open_source

    async def level(self, plan: ReadPlan, keys: Sequence[Key] | None) -> Level:
        """Rows of the keys (all, where there are none), filtered and in order."""
        below: dict[str, Below] = {}
        narrowed = keys
        narrowing = plan.key.fields if plan.key is not None else ()
        leader = next((embed for embed in plan.embeds if embed.leads), None)
        if keys is None and leader is not None:
            below[leader.name] = await self._below(leader, None)
            led = list(below[leader.name].index)
            if len(led) <= plan.most_values:
                narrowed, narrowing = led, leader.near_fields
        takes = any(embed.is_taken for embed in plan.embeds)
        rows, total = await self._fetched(plan, narrowed, narrowing, groups=not takes)
        level = Level(plan=plan, rows=rows, total=total, below=below)
        deciding = [embed for embed in plan.embeds if embed.decides and embed.name not in below]
        for one in await together(self._below(embed, _keys(rows, embed.near)) for embed in deciding):
            below[one.embed.name] = one
        if any(embed.decides for embed in plan.embeds):
            level.rows = _decided(level)
        if takes:
            level.rows = _grouped_over(level)
        if total is None and plan.bound.wants_count and plan.key is None:
            level.total = len(level.rows)
        return level

    async def rest(self, level: Level, places: Sequence[int]) -> None:
        """Embeds that don't decide, for the rows at these places."""
        if not level.plan.embeds or any(embed.is_taken for embed in level.plan.embeds):
            return  # groups have nothing below
        rows = list(map(level.rows.__getitem__, places))
        missing = [embed for embed in level.plan.embeds if embed.name not in level.below]
        for one in await together(self._below(embed, _keys(rows, embed.near)) for embed in missing):
            level.below[one.embed.name] = one
        await together(
            self.rest(one.level, sorted(set(chain.from_iterable(one.cut(one.every(rows))))))
            for one in level.below.values()
            if one.level.plan.embeds
        )

    async def _below(self, embed: PlannedEmbed, keys: Sequence[Key] | None) -> Below:
        level = await self.level(embed.plan, keys)
        key = embed.plan.key
        index = {} if key is None else _index_of(list(map(_key_reader(key.places), level.rows)))
        if embed.one and any(len(places) > 1 for places in index.values()):
            raise SourceRubbish(dataset=embed.plan.bound.dataset.name, operator="two rows for a link to one")
        return Below(embed=embed, level=level, index=index, key_of=_key_reader(embed.near))

    async def _fetched(
        self, plan: ReadPlan, keys: Sequence[Key] | None, fields: Sequence[Field], *, groups: bool
    ) -> tuple[list[Row], int | None]:
        """The rows after the residual's filter, groups and order."""
        rows: list[Row] = []
        total = None
        places = places_of(plan)
        for batch in _batches(plan, keys, fields):
            if batch is not None and not batch:
                continue
            asked = plan if batch is None else with_fetch(plan, where=_narrowed(plan, batch, fields))
            collected, total = await self._collected(asked, is_keyed=batch is not None)
            if len(rows) + len(collected) > plan.max_source_rows:
                raise SourceTooBroad(dataset=plan.bound.dataset.name, limit=plan.max_source_rows)
            if batch is not None and len(fields) > 1:
                # of keys with parts the source was asked for more: each part by itself
                wanted, parts = set(batch), [places[one.name] for one in fields]
                collected = [row for row in collected if tuple(row[at] for at in parts) in wanted]
            rows += collected
        if plan.residual.where != EVERYTHING:
            test = compile_predicate(plan.residual.where, places)
            rows = [row for row in rows if test(row) is True]
        if not groups:
            return rows, total
        if plan.residual.aggregates:
            rows = grouped(rows, plan, places)
            places = _places_of_groups(plan)
        order = [term for term in plan.residual.order if term.embed is None]
        if len(order) == len(plan.residual.order):
            rows = order_rows(rows, order, places)
        return rows, total

    async def _collected(self, asked: ReadPlan, *, is_keyed: bool) -> tuple[list[Row], int | None]:
        """All rows of a fetch. Of keys there are few as a rule: those come in one journey, where many take several."""
        most, few = asked.fetch.limit, asked.fetch.batch_rows
        if is_keyed and most is not None and most > few:
            first = with_fetch(asked, limit=few)
            raw = self._open(first)
            if raw.at_once is not None and raw.counts is None:
                collected, total = await collect(raw, first)
                if len(collected) < few:
                    return collected, total
        return await collect(self._open(asked), asked)


# ---------------------------------------------------------------------- keys
def _keys(rows: Iterable[Row], near: Sequence[int]) -> list[Key]:
    """The different keys of the rows; NULL belongs to nothing."""
    keys = dict.fromkeys(map(_key_reader(near), rows))
    return [key for key in keys if None not in key] if None in chain.from_iterable(keys) else list(keys)


def _index_of(keys: Sequence[Key]) -> dict[Key, Sequence[int]]:
    """Which rows have a key; NULL belongs to nothing."""
    index: dict[Key, Sequence[int]] = dict(zip(keys, zip(range(len(keys))), strict=True))
    if len(index) == len(keys) and None not in chain.from_iterable(index):
        return index  # each has its own
    several: dict[Key, list[int]] = {}
    for at, key in enumerate(keys):
        if None not in key:
            several.setdefault(key, []).append(at)
    return {**several}


def _key_reader(places: Sequence[int]) -> Callable[[Row], Key]:
    """What gives a row's values at the places."""
    if not places:
        return lambda _: ()
    if len(places) == 1:
        return cast("Callable[[Row], Key]", itemgetter(slice(places[0], places[0] + 1)))  # a tuple of one
    return cast("Callable[[Row], Key]", itemgetter(*places))


def _batches(plan: ReadPlan, keys: Sequence[Key] | None, fields: Sequence[Field]) -> list[Sequence[Key] | None]:
    """What each fetch asks for; None: all that the plan asks for."""
    if keys is None:
        return [None]
    if not keys:
        return [()]
    if not any(one.name in plan.narrowable for one in fields):
        return [None]
    size = plan.most_values
    return [keys[at : at + size] for at in range(0, len(keys), size)]


def _narrowed(plan: ReadPlan, keys: Sequence[Key], fields: Sequence[Field]) -> Predicate:
    """What the plan asks for, of these keys alone."""
    terms: list[Predicate] = []
    for at, one in enumerate(fields):
        if one.name in plan.narrowable:
            values = dict.fromkeys(map(itemgetter(at), keys))
            values.pop(None, None)
            terms.append(OneOf(one.name, encode_column(tuple(values), one)))
    where = plan.fetch.where
    return AllOf(tuple(terms)) if where == EVERYTHING else AllOf((where, *terms))


def places_of(plan: ReadPlan) -> dict[FieldName, int]:
    """Where each field's value stands in a raw row."""
    return {one.name: at for at, one in enumerate(plan.raw_fields) if one is not None}


def _places_of_groups(plan: ReadPlan) -> dict[FieldName, int]:
    own = [(at, column) for at, column in enumerate(plan.columns) if column.taken_from is None]
    return {column.field.name: at for at, column in own if column.field is not None and column.aggregate is None}


# ---------------------------------------------------------------------- what embeds decide
def _decided(level: Level) -> list[Row]:
    """Rows that have what they must have below, in the order that may hang on it."""
    plan, below = level.plan, level.below
    inner = [below[embed.name] for embed in plan.embeds if embed.is_inner]
    rows = [row for row in level.rows if all(one.of(row) for one in inner)]
    if plan.residual.embedded != EVERYTHING:
        test = compile_predicate(
            plan.residual.embedded, places_of(plan), {name: one.has for name, one in below.items()}
        )
        rows = [row for row in rows if test(row) is True]
    if any(term.embed is not None for term in plan.residual.order):
        rows = _ordered(rows, level)
    return rows


def _ordered(rows: Sequence[Row], level: Level) -> list[Row]:
    """By fields of these rows and of those that they have below."""
    places = places_of(level.plan)
    order: list[BoundOrder] = []
    reads: list[tuple[Below, int]] = []
    for term in level.plan.residual.order:
        if term.embed is None:
            order.append(term)
            continue
        below = level.below[term.embed]
        name = FieldName(f"{term.embed}({term.field})")
        places[name] = len(level.plan.raw_fields) + len(reads)
        reads.append((below, places_of(below.level.plan)[term.field]))
        order.append(replace(term, field=name, embed=None))
    width = len(level.plan.raw_fields)
    extended = [(*row, *(_first(below, row, at) for below, at in reads)) for row in rows]
    return [row[:width] for row in order_rows(extended, order, places)]


def _grouped_over(level: Level) -> list[Row]:
    """Groups made of fields here and of fields of to-one embeds, which stand behind each row for that."""
    plan, places = level.plan, places_of(level.plan)
    width = len(plan.raw_fields)
    columns: list[PlannedColumn] = []
    reads: list[tuple[Below, int]] = []
    for at, column in enumerate(plan.columns):
        if column.taken_from is None or column.field is None:
            columns.append(column)
            continue
        below = level.below[column.taken_from]
        name = FieldName(f"{column.taken_from}({column.field.name})#{at}")  # no field has such a name
        places[name] = width + len(reads)
        reads.append((below, places_of(below.level.plan)[column.field.name]))
        columns.append(replace(column, field=replace(column.field, name=name)))
    rows = [(*row, *(_first(below, row, at) for below, at in reads)) for row in level.rows]
    rows = grouped(rows, replace(plan, columns=tuple(columns)), places)
    return order_rows(rows, plan.residual.order, _places_of_groups(plan))


def _first(below: Below, row: Row, at: int) -> Cell:
    places = below.of(row)
    return below.level.rows[places[0]][at] if places else None


async def together(work: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """All at once; where one fails the others are cancelled, and its error is raised."""
    first, *others = [*work, None]
    if first is None:
        return []
    if others == [None]:
        return [await first]
    tasks = [asyncio.ensure_future(one) for one in (first, *others) if one is not None]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
