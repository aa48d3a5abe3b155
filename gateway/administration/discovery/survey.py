"""A source -> its tables one by one, each described, sampled within limits and labelled. Holds one table at a time."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from gateway.administration.discovery.labelling import UNSAMPLED, ColumnFacts, Places, Proposal, label_table
from gateway.administration.discovery.sampling import Limits, Sampled, sample_table
from gateway.errors import Words
from gateway.spi import Connector, TableDescription


@dataclass(frozen=True, slots=True, kw_only=True)
class Surveyed:
    """One table with what each of its columns is proposed to be."""

    described: TableDescription
    proposals: Mapping[str, Proposal]  # by column
    rows: int | None  # how many it has, as far as the source tells
    is_exact: bool  # the rows were counted
    sampled: int  # rows looked at
    note: Words | None


async def survey(
    source: Connector,
    tables: Sequence[TableDescription],
    places: Places,
    limits: Limits | None,
    clock: Callable[[], float],
) -> AsyncIterator[Surveyed]:
    """Each table in turn. `limits` None: nothing is sampled, names and comments alone speak.

    Once the samples have taken `total_seconds` by the clock, the tables that are left are not sampled.
    """
    began = clock()
    for table in tables:
        if limits is None:
            sampled = Sampled()
        elif clock() - began > limits.total_seconds:
            sampled = Sampled(note=("not sampled: the time for samples is over", "抽样时间已用完，未抽样"))
        else:
            sampled = await sample_table(source, table, places, limits)
        yield label(table, sampled)
        await asyncio.sleep(0)


def label(table: TableDescription, sampled: Sampled) -> Surveyed:
    """Pure: a description and a sample's statistics -> proposals."""
    comments = dict(table.comments)
    facts = [
        ColumnFacts(
            name=name, type=kind, comment=comments.get(name, ""), statistics=sampled.columns.get(name, UNSAMPLED)
        )
        for name, kind in table.columns
    ]
    proposals = label_table(table.table, table.comment, facts)
    return Surveyed(
        described=table,
        proposals=MappingProxyType({fact.name: found for fact, found in zip(facts, proposals, strict=True)}),
        rows=sampled.rows if sampled.is_whole else table.row_estimate,
        is_exact=sampled.is_whole,
        sampled=sampled.rows,
        note=sampled.note,
    )
