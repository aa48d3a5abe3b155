"""One department with a field of every type and storage, and questions to it as they come over HTTP."""

from collections.abc import Mapping
from datetime import UTC, datetime

from gateway.model.caller import InboundRequest
from gateway.model.catalog import (
    Catalog,
    Classification,
    Dataset,
    Field,
    FieldType,
    MaskChoice,
    MaskDeclaration,
    Purpose,
    Storage,
    Title,
)
from gateway.model.ids import (
    CaseId,
    DatasetName,
    DepartmentName,
    FieldName,
    MaskName,
    PolicyVersion,
    PurposeId,
    SourceName,
    TermName,
)
from gateway.model.query import BoundQuery, Query
from gateway.query import bind, parse
from gateway.settings import Limits

NOW = datetime(2026, 12, 1, 4, tzinfo=UTC)
TITLE = Title(zh="题", en="title")
NAME = "aid.person"


def _field(
    name: str,
    kind: FieldType = FieldType.TEXT,
    storage: Storage = Storage.NATIVE,
    codes: Mapping[str, str] | None = None,
) -> Field:
    return Field(
        name=FieldName(name),
        column=f"C_{name.upper()}",
        type=kind,
        storage=storage,
        codes=codes or {},
        term=TermName(f"term.{name}"),
        classification=Classification.SENSITIVE,
        title=TITLE,
    )


FIELDS = {
    field.name: field
    for field in (
        _field("no", FieldType.INTEGER),
        _field("name"),
        _field("phone"),
        _field("street"),
        _field("level", codes={"1": "甲", "2": "乙"}),
        _field("monthly", FieldType.NUMERIC, Storage.FEN),
        _field("since", FieldType.DATE, Storage.DATE_YYYYMMDD),
        _field("alone", FieldType.BOOLEAN, Storage.FLAG_YN),
        _field("seen", FieldType.TIMESTAMP),
    )
}
DATASET = Dataset(
    name=DatasetName(NAME),
    department=DepartmentName("aid"),
    title=TITLE,
    source=SourceName("aid-db"),
    table="t_person",
    key=(FieldName("no"),),
    subject=None,
    region=FieldName("street"),
    fields=FIELDS,
    links={},
)
PERMISSIONS = Dataset(
    name=DatasetName("aid.case"),
    department=DepartmentName("aid"),
    title=TITLE,
    source=None,
    table="",
    key=(),
    subject=None,
    region=None,
    fields={FieldName("name"): _field("name")},
    links={},
)
REDACT = MaskChoice(kind="redact", parameters={})
MASKS = {
    MaskName("partial"): MaskDeclaration(
        name=MaskName("partial"),
        title=TITLE,
        rank=40,
        by_term={
            TermName("term.phone"): MaskChoice(kind="partial", parameters={"shape": "mobile"}),
            TermName("term.since"): MaskChoice(kind="generalise", parameters={"to": "year"}),
        },
        otherwise=REDACT,
    ),
    MaskName("redact"): MaskDeclaration(name=MaskName("redact"), title=TITLE, rank=90, by_term={}, otherwise=REDACT),
}
PURPOSE = Purpose(
    id=PurposeId("visit"),
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
    matches_per_day=10,
    obligations=(),
)
CATALOG = Catalog(
    version=PolicyVersion("0" * 64),
    departments={},
    datasets={DATASET.name: DATASET, PERMISSIONS.name: PERMISSIONS},
    terms={},
    regions={},
    purposes={PURPOSE.id: PURPOSE},
    masks=MASKS,
    roles={},
    apps={},
)
LIMITS = Limits(
    select_items=5, filter_terms=6, filter_nesting=3, in_values=4, order_terms=3, page_rows=50, source_rows=500
)


def request(
    query_string: str = "",
    *,
    path: str = f"/data/{NAME}",
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
) -> InboundRequest:
    """The request as the api hands it on."""
    return InboundRequest(
        method=method,
        path=path,
        query_string=query_string,
        headers=headers or {},
        client_address="127.0.0.1",
        received_at=NOW,
        trace_id="0" * 32,
    )


def read(query_string: str = "", *, limits: Limits = LIMITS, **how: object) -> Query:
    """The parsed question."""
    return parse(request(query_string, **how), limits)  # type: ignore[arg-type]  # handed on as they are


def bound(query_string: str = "", **how: object) -> BoundQuery:
    """The bound question."""
    return bind(read(query_string, **how), CATALOG, PURPOSE, CaseId("c1"))  # type: ignore[arg-type]  # as above
