"""Guarded question + capabilities -> who does what: the source or the gateway. Pure.

The order of work is fixed: filter, group, order, skip and cut. Whoever does a step after the gateway's first is the
gateway: order, pages and groups are left to the source only where it runs the whole filter.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from gateway.catalog.storage import keeps_order
from gateway.errors import Defect
from gateway.model.catalog import Dataset
from gateway.model.decision import Decision
from gateway.model.ids import FieldName
from gateway.model.parts import conjuncts, embeds_of
from gateway.model.predicate import EVERYTHING, NOTHING, Predicate
from gateway.model.query import STREAMED, AggregateFunction, BoundQuery, OutputColumn
from gateway.planning.guard import Admitted
from gateway.planning.pushdown import Split, aggregates_alike, is_one_to_one, split
from gateway.settings import Limits
from gateway.spi import Capabilities


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedding:
    """What embeds, above and below, ask of a level's plan."""

    key: tuple[FieldName, ...] = ()  # by which its rows find those that they belong to; none: the root
    is_embed: bool = False
    raw: tuple[FieldName, ...] = ()  # fields whose raw values embeds are found or rows are ordered by
    decides: bool = False  # an embed below decides over rows or their order


ALONE: Final = Embedding()
BATCH_ROWS: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Sketch:
    """The division of work, before columns and masks are laid out."""

    bound: BoundQuery
    decision: Decision
    capabilities: Capabilities
    columns: tuple[OutputColumn, ...]
    filters: Split
    visible: Predicate  # what the source is given of the row filter
    embedded: tuple[Predicate, ...]  # conjuncts that ask about embeds' rows
    embedding: Embedding
    is_aggregate: bool
    groups_here: bool  # here: in the gateway
    orders_here: bool
    pages_here: bool
    counts_there: bool  # by a second fetch
    page_limit: int | None  # rows of the answer; of an embed there is no page, but one for each row above it
    fetch_limit: int | None  # rows of the fetch
    flows: bool
    batch_rows: int  # of the fetch, at a time; where it flows as many as are written down at a time
    max_source_rows: int
    most_values: int  # of a key that one fetch is narrowed by
    matches: int


def sketch_plan(  # noqa: PLR0917 - everything that a plan depends on is an argument
    bound: BoundQuery,
    decision: Decision,
    capabilities: Capabilities,
    limits: Limits,
    admitted: Admitted,
    embedding: Embedding = ALONE,
) -> Sketch:
    """The division that leaves the most to the source."""
    dataset, columns = bound.dataset, admitted.columns
    row_filter = decision.rows.filter if decision.rows.is_allowed else NOTHING
    terms = conjuncts(bound.where)
    embedded = tuple(term for term in terms if any(embeds_of(term)))
    filters = split((row_filter, *(term for term in terms if term not in embedded)), dataset, capabilities)
    visible = EVERYTHING if filters.pushed == NOTHING else split((row_filter,), dataset, capabilities).pushed
    is_aggregate = any(column.aggregate is not None for column in columns)
    if is_aggregate and embedding.is_embed:
        columns = (*columns, *(OutputColumn(name="", field=name, aggregate=None) for name in embedding.key))
    keys = {column.field for column in columns if column.aggregate is None and column.taken_from is None}
    if is_aggregate and any(term.field not in keys for term in bound.order):
        raise Defect(operator="an order by what is no group key")
    is_plain = all(column.is_plain for column in columns)
    groups_here = is_aggregate and not (
        filters.is_whole and is_plain and not embedded and _groups_there(columns, dataset, capabilities)
    )
    orders_there = capabilities.can_order and all(
        term.embed is None and not term.path and keeps_order(dataset.fields[term.field]) for term in bound.order
    )
    orders_here = bool(bound.order) and (groups_here or not filters.is_whole or not orders_there)
    counts = AggregateFunction.COUNT in capabilities.aggregates
    decides = embedding.decides or embedding.is_embed
    wants_count = bound.wants_count and not embedding.is_embed
    counts_there = wants_count and not is_aggregate and filters.is_whole and counts and not decides
    counts_here = wants_count and not counts_there
    pages_here = (
        decides or groups_here or orders_here or counts_here or not filters.is_whole or not capabilities.can_limit
    )
    is_streamed = bound.media_type in STREAMED and not embedding.is_embed
    most_rows = limits.stream_rows if is_streamed else limits.page_rows
    page_limit: int | None = most_rows if bound.limit is None else min(bound.limit, most_rows)
    if embedding.is_embed:
        page_limit = None
    fetch_limit: int | None = page_limit
    if pages_here:
        # one more than is read, so that too many are noticed
        most = 0 if NOTHING in filters.residual else limits.source_rows + 1
        fetch_limit = most if capabilities.can_limit else None
    flows = is_streamed and not (decides or is_aggregate or orders_here or counts_here)
    if flows and pages_here and NOTHING not in filters.residual:
        fetch_limit = None  # the gateway stops reading where the page ends
    return Sketch(
        bound=bound,
        decision=decision,
        capabilities=capabilities,
        columns=columns,
        filters=filters,
        visible=visible,
        embedded=embedded,
        embedding=embedding,
        is_aggregate=is_aggregate,
        groups_here=groups_here,
        orders_here=orders_here,
        pages_here=pages_here,
        counts_there=counts_there,
        page_limit=page_limit,
        fetch_limit=fetch_limit,
        flows=flows,
        batch_rows=limits.batch_rows if flows else BATCH_ROWS,
        max_source_rows=limits.source_rows,
        most_values=min(limits.embed_keys, capabilities.list_values or limits.embed_keys),
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
