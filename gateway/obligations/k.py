"""k: only aggregates, and of no fewer than k rows.

`k=10`. Looks at every group of the answer before a limit or offset cuts it, so that paging neither hides a small
group nor finds one. What it does not protect from stands in docs/obligations.md.
"""

from dataclasses import dataclass, replace
from typing import ClassVar, Self

from gateway.errors import GroupTooSmall, OnlyAggregates, SourceTooBroad
from gateway.model.catalog import Field
from gateway.model.decision import Verdict
from gateway.model.plan import FetchAggregate, LatePage, PlannedColumn, ReadPlan
from gateway.model.query import AggregateFunction
from gateway.model.rows import Batch
from gateway.obligations._parse import read_count
from gateway.spi import Obligation

_EXTREMES = {AggregateFunction.MIN, AggregateFunction.MAX}


@dataclass(frozen=True, slots=True, kw_only=True)
class SmallestGroup(Obligation):
    """Each group has at least `least` rows, and as many values behind each aggregate of a field; else no answer.

    min and max are refused: they give one row's value, however large its group.
    """

    ignores_literals: ClassVar[bool] = True

    least: int

    @classmethod
    def parse(cls, value: str) -> Self:
        """`k=10`: from 2 to a million."""
        return cls(least=read_count("k", value, least=2, most=1_000_000))

    def strictest(self, other: Self) -> Self:
        """The larger group."""
        return max(self, other, key=lambda one: one.least)

    def amend(self, plan: ReadPlan) -> ReadPlan:
        """Counts travel along for every group, limit and offset wait; raises OnlyAggregates for any other question."""
        aggregates = [column for column in plan.columns if column.aggregate is not None]
        if not aggregates or any(column.aggregate in _EXTREMES for column in aggregates):
            raise OnlyAggregates
        amended = plan
        for field in _counted(aggregates):
            if not any(_counts(column, field) for column in plan.columns):
                amended = _with_hidden_count(amended, field)
        return replace(_paged_late(amended), min_group=max(self.least, plan.min_group or 0))

    def treat(self, rows: Batch, plan: ReadPlan) -> Batch:
        """The page of `rows` that was asked for; a row has a cell for each of the plan's columns, hidden ones too.

        Raises GroupTooSmall where any group of the whole answer is too small or the answer is empty, SourceTooBroad
        where there are more groups than the gateway reads.
        """
        if len(rows) > plan.max_source_rows:  # the fetch was cut there: groups beyond it are unseen
            raise SourceTooBroad(dataset=plan.bound.dataset.name, limit=plan.max_source_rows)
        least = max(self.least, plan.min_group or 0)
        counts = [at for at, column in enumerate(plan.columns) if column.aggregate is AggregateFunction.COUNT]
        is_sized = any(_counts(column, None) for column in plan.columns)
        if not rows or not is_sized or any(not _is_enough(row[at], least) for row in rows for at in counts):
            raise GroupTooSmall(least=least)
        page = plan.late_page
        if page is None:
            return rows
        end = None if page.limit is None else page.offset + page.limit
        return rows[page.offset : end]


def _is_enough(cell: object, least: int) -> bool:
    return type(cell) is int and cell >= least


def _counted(aggregates: list[PlannedColumn]) -> list[Field | None]:
    # None counts rows. Aggregates skip NULL: ten rows may hold a single amount, and their sum would be that amount.
    fields: dict[str, Field] = {column.field.name: column.field for column in aggregates if column.field is not None}
    return [None, *fields.values()]


def _counts(column: PlannedColumn, field: Field | None) -> bool:
    same = (column.field and column.field.name) == (field and field.name)
    return column.aggregate is AggregateFunction.COUNT and same and column.mask is None


def _with_hidden_count(plan: ReadPlan, field: Field | None) -> ReadPlan:
    """The plan with one more count at the end: asked of the source, or made by the gateway where that groups."""
    in_gateway = plan.residual.aggregates
    column = PlannedColumn(
        name="",
        field=field,
        raw_index=len(plan.columns) if in_gateway else len(plan.fetch.columns) + len(plan.fetch.aggregates),
        aggregate=AggregateFunction.COUNT,
        verdict=Verdict.ALLOW,
        mask=None,
        is_hidden=True,
    )
    plan = replace(plan, columns=(*plan.columns, column))
    if in_gateway:
        return plan
    asked = FetchAggregate(function=AggregateFunction.COUNT, field=field.name if field else None)
    fetch = replace(plan.fetch, aggregates=(*plan.fetch.aggregates, asked))
    return replace(plan, fetch=fetch, raw_fields=(*plan.raw_fields, None))


def _paged_late(plan: ReadPlan) -> ReadPlan:
    """The plan with limit and offset taken out of fetch and residual, to be applied by `treat`."""
    if plan.late_page is not None:
        return plan
    limits = [plan.residual.limit]
    offset = plan.residual.offset
    fetch = plan.fetch
    if not plan.residual.aggregates:  # there the fetch's own limit is not the asker's: it guards the gateway
        limits.append(fetch.limit)
        offset += fetch.offset
        fetch = replace(fetch, limit=plan.max_source_rows + 1, offset=0)
    page = LatePage(limit=min((limit for limit in limits if limit is not None), default=None), offset=offset)
    return replace(plan, fetch=fetch, residual=replace(plan.residual, limit=None, offset=0), late_page=page)
