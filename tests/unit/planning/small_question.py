"""A dataset with every kind of storage, decisions over it and questions to it, as binding would make them."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from typing import Any

from gateway.disclosure import disclose
from gateway.errors import GatewayError
from gateway.model.catalog import (
    Catalog,
    Classification,
    Dataset,
    Field,
    FieldType,
    MaskChoice,
    MaskDeclaration,
    ObligationSpec,
    Purpose,
    Storage,
    Title,
)
from gateway.model.decision import BoundObligation, Decision, FieldVerdict, RowVerdict, Verdict
from gateway.model.ids import (
    DatasetName,
    DepartmentName,
    FieldName,
    MaskName,
    PolicyVersion,
    PurposeId,
    SourceName,
    TermName,
)
from gateway.model.plan import ReadPlan
from gateway.model.predicate import EVERYTHING, AllOf, AnyOf, Comparator, Compare, Exists, Not, OneOf, Predicate
from gateway.model.query import AggregateFunction, BoundOrder, BoundQuery, FieldUse, MediaType, OutputColumn
from gateway.model.rows import Disclosure, RawRows
from gateway.planning import plan_read
from gateway.settings import Limits
from gateway.spi import Capabilities
from tests.mask_keys import mask_context
from tests.memory_connector import ALL, MemoryConnector

TITLE = Title(zh="题", en="title")
VERSION = PolicyVersion("0" * 64)
LIMITS = Limits(page_rows=50, source_rows=500)


def field(
    name: str,
    kind: FieldType = FieldType.TEXT,
    storage: Storage = Storage.NATIVE,
    codes: Mapping[str, str] | None = None,
) -> Field:
    return Field(
        name=FieldName(name),
        column=name.upper(),
        type=kind,
        storage=storage,
        codes=codes or {},
        term=TermName(f"term.{name}"),
        classification=Classification.SENSITIVE,
        title=TITLE,
    )


FIELDS = {
    each.name: each
    for each in (
        field("no", FieldType.INTEGER),
        field("person"),
        field("phone"),
        field("street"),
        field("level", codes={"1": "甲", "2": "乙"}),
        field("monthly", FieldType.NUMERIC, Storage.FEN),
        field("amount", FieldType.NUMERIC),
        field("since", FieldType.DATE, Storage.DATE_YYYYMMDD),
        field("alone", FieldType.BOOLEAN, Storage.FLAG_YN),
        field("seen", FieldType.TIMESTAMP),
    )
}
DATASET = Dataset(
    name=DatasetName("aid.allowance"),
    department=DepartmentName("aid"),
    title=TITLE,
    source=SourceName("aid-db"),
    table="t_aid",
    key=(FieldName("no"),),
    subject=FieldName("person"),
    region=FieldName("street"),
    fields=FIELDS,
    links={},
)


def _stored(
    no: int, person: str | None, phone: str | None, street: str, level: str | None, *rest: Any
) -> dict[str, Any]:
    monthly, amount, since, alone = rest
    return {
        "no": no,
        "person": person,
        "phone": phone,
        "street": street,
        "level": level,
        "monthly": monthly,
        "amount": None if amount is None else Decimal(amount),
        "since": since,
        "alone": alone,
        "seen": datetime(2026, 1, no, tzinfo=UTC),
    }


ROWS = (
    _stored(1, "330102194910010010", "13812345678", "330102001", "1", 65000, "1.50", "20200101", "Y"),
    _stored(2, "330102194910010029", "13912345678", "330102001", "2", 43050, "1.5", "20210101", "N"),
    _stored(3, "330102194910010029", None, "330102002", "1", None, "-3", None, None),
    _stored(4, None, "not a phone", "330106001", "9", 65000, None, "20200101", "Y"),
    _stored(5, "330102194910010053", "13812340000", "330102001", None, 10, "7.25", "19991231", "N"),
)


def _mask(name: str, rank: int, otherwise: MaskChoice, **by_term: MaskChoice) -> MaskDeclaration:
    return MaskDeclaration(
        name=MaskName(name),
        title=TITLE,
        rank=rank,
        by_term={TermName(f"term.{term}"): choice for term, choice in by_term.items()},
        otherwise=otherwise,
    )


REDACT = MaskChoice(kind="redact", parameters={})
MASKS = {
    "dim": _mask("dim", 40, REDACT, phone=MaskChoice(kind="partial", parameters={"shape": "mobile"})),
    "coarse": _mask(
        "coarse",
        30,
        REDACT,
        phone=MaskChoice(kind="generalise", parameters={"to": "year"}),  # doesn't fit the type of a phone
        since=MaskChoice(kind="generalise", parameters={"to": "year"}),
        monthly=MaskChoice(kind="generalise", parameters={"bucket": "0, 500"}),
        street=MaskChoice(kind="generalise", parameters={"region_level": "county"}),
    ),
    "gone": _mask("gone", 100, MaskChoice(kind="null", parameters={})),
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
    version=VERSION,
    departments={},
    datasets={DATASET.name: DATASET},
    terms={},
    regions={},
    purposes={PURPOSE.id: PURPOSE},
    masks={MaskName(name): mask for name, mask in MASKS.items()},
    roles={},
    apps={},
)


def decision(
    levels: Mapping[str, str] | None = None,
    granted: Mapping[str, frozenset[FieldUse]] | None = None,
    rows: Predicate | None = EVERYTHING,
    obligations: tuple[str, ...] = (),
    default: str = "clear",
) -> Decision:
    """`levels` by field: clear, denied or a mask's name; `rows` None: no rows; obligations as rules write them."""
    verdicts = {}
    for name in FIELDS:
        level = (levels or {}).get(name, default)
        verdict = {"clear": Verdict.ALLOW, "denied": Verdict.DENY}.get(level, Verdict.MASK)
        verdicts[name] = FieldVerdict(
            field=name,
            verdict=verdict,
            mask=MaskName(level) if verdict is Verdict.MASK else None,
            rules=(),
            granted=(granted or {}).get(name, frozenset()),
            ceiling=None,
        )
    specs = [ObligationSpec(name=text.partition("=")[0], value=text.partition("=")[2]) for text in obligations]
    return Decision(
        policy_version=VERSION,
        dataset=DATASET.name,
        purpose=PURPOSE.id,
        fields=verdicts,
        rows=RowVerdict(is_allowed=rows is not None, filter=AnyOf(()) if rows is None else rows, rules=()),
        obligations=tuple(BoundObligation(spec=spec, origin="T1") for spec in specs),
        near_misses={},
    )


def question(
    *columns: str,
    where: Predicate = EVERYTHING,
    order: tuple[tuple[str, bool, bool], ...] = (),
    limit: int | None = None,
    offset: int = 0,
    wants_count: bool = False,
    media_type: MediaType = MediaType.JSON,
    faults: tuple[tuple[FieldName, GatewayError], ...] = (),
) -> BoundQuery:
    """Columns as `*`, `name`, `count()` or `monthly.sum()`; order as (field, is_descending, nulls_first)."""
    outputs: list[OutputColumn] = []
    for text in columns:
        name, _, function = text.removesuffix("()").rpartition(".") if text.endswith("()") else (text, "", "")
        if text == "*":
            outputs += [OutputColumn(name=each, field=each, aggregate=None) for each in FIELDS]
        else:
            aggregate = AggregateFunction(function) if function else None
            outputs.append(OutputColumn(name=text, field=FieldName(name) if name else None, aggregate=aggregate))
    named = {FieldName(text) for text in columns}
    ordered = tuple(BoundOrder(field=FieldName(a), is_descending=b, nulls_first=c) for a, b, c in order)
    is_aggregate = any(column.aggregate is not None for column in outputs)
    uses: set[tuple[FieldName, FieldUse]] = {(term.field, FieldUse.SORT) for term in ordered} | set(_filters(where))
    for column in outputs:
        if column.field is not None:
            shown = FieldUse.GROUP if is_aggregate else FieldUse.SHOW
            uses.add((column.field, shown if column.aggregate is None else FieldUse.AGGREGATE))
    return BoundQuery(
        catalog=CATALOG,
        dataset=DATASET,
        purpose=PURPOSE,
        case=None,
        columns=tuple(outputs),
        starred=frozenset(FIELDS) - named if "*" in columns else frozenset(),
        where=where,
        order=ordered,
        limit=limit,
        offset=offset,
        wants_count=wants_count,
        media_type=media_type,
        is_head=False,
        uses=frozenset(uses),
        filter_shape="",
        faults=faults,
    )


def _filters(where: Predicate, *, is_top: bool = True) -> Iterator[tuple[FieldName, FieldUse]]:
    match where:
        case AllOf(terms):
            for term in terms:
                yield from _filters(term, is_top=is_top)
        case AnyOf(terms):
            for term in terms:
                yield from _filters(term, is_top=False)
        case Not(term):
            yield from _filters(term, is_top=False)
        case Compare(name, Comparator.EQ, _) | OneOf(name, _) if is_top:
            yield name, FieldUse.MATCH
        case Exists():
            return
        case _:
            yield where.field, FieldUse.FILTER


CONTEXT = mask_context()


def plan(bound: BoundQuery, decided: Decision | None = None, claims: Capabilities = ALL) -> ReadPlan:
    return plan_read(bound, decided or decision(), claims, LIMITS, 3.0)


async def answer(
    bound: BoundQuery,
    decided: Decision | None = None,
    claims: Capabilities = ALL,
    rows: Any = ROWS,
) -> Disclosure:
    """The whole way from a bound question to its disclosure, over an in-memory source."""
    planned = plan(bound, decided, claims)
    source = MemoryConnector(rows, claims)
    raw = RawRows(
        batches=source.fetch(planned.fetch),
        width=len(planned.fetch.columns) + len(planned.fetch.aggregates),
        counts=source.fetch(planned.count_fetch) if planned.count_fetch is not None else None,
    )
    disclosure = await disclose(lambda _: raw, planned, partial(map, "h:{}".format), CONTEXT)
    assert source.open_streams == 0
    return disclosure


def told(disclosure: Disclosure) -> tuple[object, ...]:
    """Everything of a disclosure, with types and digits: 1.50 is not 1.5 here."""
    rows = [[(type(cell).__name__, str(cell)) for cell in row] for row in disclosure.rows]
    return (disclosure.columns, rows, disclosure.offset, disclosure.total, disclosure.notices)


def on(year: int, month: int, day: int) -> date:
    return date(year, month, day)
