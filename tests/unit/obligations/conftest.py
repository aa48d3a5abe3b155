"""A plan as planning makes it, over a dataset of two fields, and what a faithful source answers to its fetch."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from gateway.model.catalog import (
    Catalog,
    Classification,
    Dataset,
    Field,
    FieldType,
    Purpose,
    Storage,
    Title,
)
from gateway.model.decision import Decision, RowVerdict, Verdict
from gateway.model.ids import DatasetName, DepartmentName, FieldName, PolicyVersion, PurposeId, SourceName
from gateway.model.plan import Fetch, FetchAggregate, FetchColumn, PlannedColumn, ReadPlan, Residual, SourceColumn
from gateway.model.predicate import EVERYTHING
from gateway.model.query import AggregateFunction, BoundQuery, MediaType, OutputColumn

PlanOf = Callable[..., ReadPlan]
Asked = tuple[AggregateFunction | None, str | None]
TITLE = Title(zh="低保", en="Allowance")
VERSION = PolicyVersion("0" * 64)


def _field(name: str, kind: FieldType) -> Field:
    return Field(
        name=FieldName(name),
        column=name.upper(),
        type=kind,
        storage=Storage.NATIVE,
        codes={},
        term=None,
        classification=Classification.INTERNAL,
        title=TITLE,
    )


FIELDS = {
    FieldName("street"): _field("street", FieldType.TEXT),
    FieldName("monthly"): _field("monthly", FieldType.NUMERIC),
}
DATASET = Dataset(
    name=DatasetName("civil-affairs.assistance"),
    department=DepartmentName("civil-affairs"),
    title=TITLE,
    source=SourceName("civil-db"),
    table="t_dibao",
    key=(FieldName("street"),),
    subject=None,
    region=None,
    fields=FIELDS,
    links={},
)
PURPOSE = Purpose(
    id=PurposeId("statistics"),
    title=TITLE,
    legal_basis=(),
    controller=TITLE,
    parents=(),
    is_abstract=False,
    apps=(),
    roles=(),
    valid_from=datetime(2026, 1, 1, tzinfo=UTC),
    valid_until=datetime(2029, 1, 1, tzinfo=UTC),
    retention_days=1,
    needs_case=False,
    needs_justification=False,
    is_break_glass=False,
    ceiling=None,
    matches_per_day=None,
    obligations=(),
)
CATALOG = Catalog(
    version=VERSION,
    departments={},
    datasets={DATASET.name: DATASET},
    terms={},
    regions={},
    purposes={PURPOSE.id: PURPOSE},
    masks={},
    roles={},
    apps={},
)
DECISION = Decision(
    policy_version=VERSION,
    dataset=DATASET.name,
    purpose=PURPOSE.id,
    fields={},
    rows=RowVerdict(is_allowed=True, filter=EVERYTHING, rules=()),
    obligations=(),
    near_misses={},
)


def _plan(
    *asked: Asked,
    limit: int | None = None,
    offset: int = 0,
    in_gateway: bool = False,
    media_type: MediaType = MediaType.JSON,
    max_source_rows: int = 1_000,
) -> ReadPlan:
    """A plan for columns as (aggregate or None, field or None); `in_gateway`: the source can't do the grouping."""
    known = {name: SourceColumn(field=name, column=field.column, type=field.type) for name, field in FIELDS.items()}
    names = [FieldName(field) for aggregate, field in asked if field and (aggregate is None or in_gateway)]
    fetched = list(dict.fromkeys(names))
    aggregates = [] if in_gateway else [one for one in asked if one[0] is not None]
    columns = []
    for at, (aggregate, field) in enumerate(asked):
        raw = fetched.index(FieldName(field or "")) if aggregate is None else at
        if aggregate is not None and not in_gateway:
            raw = len(fetched) + aggregates.index((aggregate, field))
        columns.append(
            PlannedColumn(
                name=f"{aggregate or ''}{field or ''}",
                field=FIELDS[FieldName(field)] if field else None,
                raw_index=at if in_gateway else raw,
                aggregate=aggregate,
                verdict=Verdict.ALLOW,
                mask=None,
            )
        )
    return ReadPlan(
        bound=BoundQuery(
            catalog=CATALOG,
            dataset=DATASET,
            purpose=PURPOSE,
            case=None,
            columns=tuple(
                OutputColumn(
                    name=column.name, field=column.field.name if column.field else None, aggregate=column.aggregate
                )
                for column in columns
            ),
            starred=frozenset(),
            where=EVERYTHING,
            order=(),
            limit=limit,
            offset=offset,
            wants_count=False,
            media_type=media_type,
            is_head=False,
            uses=frozenset(),
            filter_shape="",
        ),
        decision=DECISION,
        source=SourceName("civil-db"),
        fetch=Fetch(
            dataset=DATASET.name,
            table=DATASET.table,
            columns=tuple(FetchColumn(source=known[name]) for name in fetched),
            aggregates=tuple(
                FetchAggregate(function=function, field=FieldName(field) if field else None)
                for function, field in aggregates
                if function is not None
            ),
            known=known,
            where=EVERYTHING,
            order=(),
            limit=max_source_rows + 1 if in_gateway else limit,
            offset=0 if in_gateway else offset,
            time_limit_seconds=1.0,
            batch_rows=100,
        ),
        count_fetch=None,
        raw_fields=(*(FIELDS[name] for name in fetched), *(None for _ in aggregates)),
        columns=tuple(columns),
        subject_index=None,
        residual=Residual(
            where=EVERYTHING,
            aggregates=in_gateway,
            order=(),
            limit=limit if in_gateway else None,
            offset=offset if in_gateway else 0,
            is_needed=in_gateway,
        ),
        obligations=(),
        min_group=None,
        max_source_rows=max_source_rows,
        matches=0,
        media_type=media_type,
    )


@pytest.fixture
def plan_of() -> PlanOf:
    return _plan
