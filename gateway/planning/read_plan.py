"""BoundQuery + Decision + capabilities -> ReadPlan: guard, sketch, projection, fetch, obligations. Pure.

What a source can't do the gateway does after, and the answer is the same.
"""

from dataclasses import replace

from gateway.catalog.storage import stored_type
from gateway.errors import DatasetUnavailable, Defect
from gateway.model.catalog import Field
from gateway.model.decision import Decision
from gateway.model.ids import SourceName
from gateway.model.parts import fields_of
from gateway.model.plan import Fetch, FetchAggregate, FetchColumn, ReadPlan, Residual, SourceColumn
from gateway.model.query import AggregateFunction, BoundQuery
from gateway.obligations import join_obligations
from gateway.planning.conjuncts import conjunction
from gateway.planning.guard import Admitted, admit, check_groups
from gateway.planning.projection import Projection, project
from gateway.planning.pushdown import can_narrow
from gateway.planning.sketch import ALONE, BATCH_ROWS, Embedding, Sketch, sketch_plan
from gateway.settings import Limits
from gateway.spi import AmendsPlan, Capabilities


def plan_read(
    bound: BoundQuery, decision: Decision, capabilities: Capabilities, limits: Limits, source_seconds: float
) -> ReadPlan:
    """The plan of a question without embeds: what the source is asked and what remains.

    `source_seconds` is the source's time limit. Raises DatasetUnavailable, FieldUnavailable, UseNotAllowed, a
    literal's fault, and what obligations raise (OnlyAggregates, ExportNotAllowed, ObligationNotUnderstood).
    """
    if bound.embedded:
        raise Defect(operator="a question with embeds was planned as one without")
    return plan_level(bound, decision, capabilities, limits, source_seconds, admit(bound, decision), ALONE)


def plan_level(  # noqa: PLR0917 - everything that a plan depends on is an argument
    bound: BoundQuery,
    decision: Decision,
    capabilities: Capabilities,
    limits: Limits,
    source_seconds: float,
    admitted: Admitted,
    embedding: Embedding,
) -> ReadPlan:
    """One level's plan, its embeds not yet in it; raises as `plan_read`."""
    if bound.dataset.source is None:
        raise DatasetUnavailable(dataset=bound.dataset.name)
    sketch = sketch_plan(bound, decision, capabilities, limits, admitted, embedding)
    fetch, projection = _fetch(sketch, source_seconds)
    plan = _assemble(sketch, fetch, projection, bound.dataset.source)
    for obligation in join_obligations(decision.obligations):
        if isinstance(obligation, AmendsPlan):
            plan = obligation.amend(plan)
    check_groups(plan)
    return plan


def _fetch(sketch: Sketch, source_seconds: float) -> tuple[Fetch, Projection]:
    bound, fields = sketch.bound, sketch.bound.dataset.fields
    projection = project(sketch)
    aggregates = tuple(
        FetchAggregate(function=column.aggregate, field=column.field)
        for column in sketch.columns
        if column.aggregate is not None and not sketch.groups_here
    )
    order = () if sketch.orders_here else bound.order
    used = dict.fromkeys(
        [
            *projection.fields,
            *fields_of(sketch.filters.pushed),
            *(one.field for one in aggregates if one.field is not None),
            *(term.field for term in order),
        ]
    )
    fetch = Fetch(
        dataset=bound.dataset.name,
        table=bound.dataset.table,
        columns=tuple(
            FetchColumn(source=_source_column(fields[name]), form=projection.forms.get(name))
            for name in projection.fields
        ),
        aggregates=aggregates,
        known={name: _source_column(fields[name]) for name in used},
        where=sketch.filters.pushed,
        order=order,
        limit=sketch.fetch_limit,
        offset=0 if sketch.pages_here else bound.offset,
        time_limit_seconds=source_seconds,
        batch_rows=sketch.batch_rows,
        rows=sketch.visible,
        is_stream=sketch.flows and (sketch.fetch_limit is None or sketch.fetch_limit > BATCH_ROWS),
    )
    return fetch, projection


def _assemble(sketch: Sketch, fetch: Fetch, projection: Projection, source: SourceName) -> ReadPlan:
    bound, fields = sketch.bound, sketch.bound.dataset.fields
    return ReadPlan(
        bound=bound,
        decision=sketch.decision,
        source=source,
        fetch=fetch,
        count_fetch=_count_fetch(fetch) if sketch.counts_there else None,
        raw_fields=(*(fields[name] for name in projection.fields), *(None for _ in fetch.aggregates)),
        columns=projection.columns,
        subject_index=projection.subject_index,
        residual=Residual(
            where=conjunction(sketch.filters.residual),
            aggregates=sketch.groups_here,
            order=bound.order if sketch.orders_here else (),
            limit=sketch.page_limit if sketch.pages_here else None,
            offset=bound.offset if sketch.pages_here and not sketch.embedding.is_embed else 0,
            is_needed=sketch.pages_here,  # whoever filters, groups, orders or counts also pages
            embedded=conjunction(sketch.embedded),
        ),
        obligations=sketch.decision.obligations,
        min_group=None,
        max_source_rows=sketch.max_source_rows,
        matches=sketch.matches,
        media_type=bound.media_type,
        flows=sketch.flows,
        most_values=sketch.most_values,
        narrowable=frozenset(
            name for name in fetch.known if can_narrow(fetch.where, name, bound.dataset, sketch.capabilities)
        ),
    )


def _count_fetch(fetch: Fetch) -> Fetch:
    used = set(fields_of(fetch.where))
    return replace(
        fetch,
        columns=(),
        aggregates=(FetchAggregate(function=AggregateFunction.COUNT, field=None),),
        known={name: column for name, column in fetch.known.items() if name in used},
        order=(),
        limit=None,
        offset=0,
        is_stream=False,
    )


def _source_column(field: Field) -> SourceColumn:
    return SourceColumn(field=field.name, column=field.column, type=stored_type(field))
