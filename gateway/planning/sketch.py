"""Guarded question + capabilities -> who does what: the source or the gateway. Pure.

The order of work is fixed: filter, group, order, skip and cut. Whoever does a step after the gateway's first is the
gateway: order, pages and groups are left to the source only where it runs the whole filter.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from gateway.catalog.storage import keeps_order
from gateway.errors import Defect
from gateway.model.catalog import Dataset
from gateway.model.decision import Decision
from gateway.model.predicate import NOTHING
from gateway.model.query import AggregateFunction, BoundQuery, OutputColumn
from gateway.planning.guard import Admitted
from gateway.planning.pushdown import Split, aggregates_alike, is_one_to_one, split
from gateway.settings import Limits
from gateway.spi import Capabilities


@dataclass(frozen=True, slots=True, kw_only=True)
class Sketch:
    """The division of work, before columns and masks are laid out."""

    bound: BoundQuery
    decision: Decision
    capabilities: Capabilities
    columns: tuple[OutputColumn, ...]
    filters: Split
    is_aggregate: bool
    groups_here: bool  # here: in the gateway
    orders_here: bool
    pages_here: bool
    counts_there: bool  # by a second fetch
    page_limit: int  # rows of the answer
    fetch_limit: int | None  # rows of the fetch
    max_source_rows: int
    matches: int


def sketch_plan(
    bound: BoundQuery, decision: Decision, capabilities: Capabilities, limits: Limits, admitted: Admitted
) -> Sketch:
    """The division that leaves the most to the source."""
    dataset, columns = bound.dataset, admitted.columns
    row_filter = decision.rows.filter if decision.rows.is_allowed else NOTHING
    filters = split((row_filter, bound.where), dataset, capabilities)
    is_aggregate = any(column.aggregate is not None for column in columns)
    keys = {column.field for column in columns if column.aggregate is None}
    if is_aggregate and any(term.field not in keys for term in bound.order):
        raise Defect(operator="an order by what is no group key")
    groups_here = is_aggregate and not (filters.is_whole and _groups_there(columns, dataset, capabilities))
    orders_there = capabilities.can_order and all(keeps_order(dataset.fields[term.field]) for term in bound.order)
    orders_here = bool(bound.order) and (groups_here or not filters.is_whole or not orders_there)
    counts = AggregateFunction.COUNT in capabilities.aggregates
    counts_there = bound.wants_count and not is_aggregate and filters.is_whole and counts
    counts_here = bound.wants_count and not counts_there
    pages_here = groups_here or orders_here or counts_here or not filters.is_whole or not capabilities.can_limit
    page_limit = limits.page_rows if bound.limit is None else min(bound.limit, limits.page_rows)
    fetch_limit: int | None = page_limit
    if pages_here:
        # one more than is read, so that too many are noticed
        most = 0 if NOTHING in filters.residual else limits.source_rows + 1
        fetch_limit = most if capabilities.can_limit else None
    return Sketch(
        bound=bound,
        decision=decision,
        capabilities=capabilities,
        columns=columns,
        filters=filters,
        is_aggregate=is_aggregate,
        groups_here=groups_here,
        orders_here=orders_here,
        pages_here=pages_here,
        counts_there=counts_there,
        page_limit=page_limit,
        fetch_limit=fetch_limit,
        max_source_rows=limits.source_rows,
        matches=admitted.matches,
    )


def _groups_there(columns: Iterable[OutputColumn], dataset: Dataset, capabilities: Capabilities) -> bool:
    # can_limit: a source that groups must be able to stop at more groups than the gateway reads
    if not capabilities.can_limit or AggregateFunction.COUNT not in capabilities.aggregates:
        return False
    for column in columns:
        field = dataset.fields[column.field] if column.field is not None else None
        if column.aggregate is None:
            if field is None or not is_one_to_one(field):
                return False
        elif column.aggregate not in capabilities.aggregates or not aggregates_alike(column.aggregate, field):
            return False
    return True
