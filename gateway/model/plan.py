"""Stage 5: what each source is asked, what remains for the gateway, which masks. Nothing that wasn't granted."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.model.amending import amended
from gateway.model.catalog import Field, FieldType, MaskChoice
from gateway.model.decision import BoundObligation, Decision, Verdict
from gateway.model.ids import DatasetName, FieldName, MaskName, SourceName
from gateway.model.predicate import EVERYTHING, Predicate
from gateway.model.query import AggregateFunction, BoundOrder, BoundQuery, JsonStep, MediaType
from gateway.model.sqlform import SqlForm


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceColumn:
    """A column as the source has it; `type` is the stored type, what the connector must return."""

    field: FieldName
    column: str
    type: FieldType


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchColumn:
    """A projected column; with `form` the source computes the mask and returns text (or NULL)."""

    source: SourceColumn
    form: SqlForm | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchAggregate:
    """One aggregate; `field` None is count(*). Others skip NULL; avg of numbers is exact decimal division."""

    function: AggregateFunction
    field: FieldName | None


@dataclass(frozen=True, slots=True)
class Alike:
    """What fetches have in common that differ in the literals of equality filters alone; told by its identity."""

    terms: tuple[int, ...]  # places of these filters among the conjuncts of `where`


@dataclass(frozen=True, kw_only=True)  # no slots: `amended` copies it
class Fetch:
    """What a connector is asked. Predicate and order name fields; `known` maps them to columns.

    Values in `where` are in stored form. Result columns: `columns` in order, then `aggregates` in order.
    With aggregates, `columns` are the group keys. `limit` None: all rows.
    """

    dataset: DatasetName
    table: str
    columns: tuple[FetchColumn, ...]
    aggregates: tuple[FetchAggregate, ...]
    known: Mapping[FieldName, SourceColumn]
    where: Predicate
    order: tuple[BoundOrder, ...]
    limit: int | None
    offset: int
    time_limit_seconds: float
    batch_rows: int
    rows: Predicate = EVERYTHING
    """Part of `where`: the rows that exist for the asker. Whatever could raise must not be evaluated on any other."""
    is_stream: bool = False  # a long answer that is taken as slowly as its asker reads
    like: Alike | None = field(default=None, init=False, compare=False, repr=False)
    """None: not known. `replace` leaves it out, so that what was changed is like no other."""
    literals: tuple[str, ...] = field(default=(), init=False, compare=False, repr=False)
    """With `like`: what is compared with, a text for each of its terms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedMask:
    """The mask that a shown field must pass."""

    name: MaskName
    choice: MaskChoice
    at_source: bool  # the source already computed it (Fetch column has a form)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedColumn:
    """One column of the answer: where it comes from in the raw rows and what must be done to it."""

    name: str
    field: Field | None  # None: count()
    raw_index: int  # position among the Fetch's result columns; for residual aggregates: among `columns` given back
    aggregate: AggregateFunction | None
    verdict: Verdict
    mask: PlannedMask | None
    is_hidden: bool = False  # there for an obligation to look at (the size of a group); never part of the answer
    path: tuple[JsonStep, ...] = ()
    cast: FieldType | None = None
    result_cast: FieldType | None = None
    embed: str | None = None  # the PlannedEmbed that is shown here; then `field` is None and there is no raw cell
    taken_from: str | None = None  # the to-one PlannedEmbed whose field it is, where rows here are grouped


@dataclass(frozen=True, slots=True, kw_only=True)
class LatePage:
    """Limit and offset that wait until an obligation has seen the whole answer, and that it then applies itself."""

    limit: int | None
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Residual:
    """What the source could not do, in this order: where, aggregate, order, offset, limit. Values in catalogue form.

    `embedded` is tested once the embeds that it names were read, then come order and page.
    The row after this step has the fetch's result columns, but with `aggregates` exactly the plan's columns:
    the fetch then projects the group keys and the aggregated fields, and the gateway groups them.
    """

    where: Predicate
    aggregates: bool  # group and aggregate in the gateway
    order: tuple[BoundOrder, ...]
    limit: int | None
    offset: int
    is_needed: bool
    embedded: Predicate = EVERYTHING


@dataclass(frozen=True, kw_only=True)  # no slots: `amended` copies it
class ReadPlan:
    """The PEP's first half, finished: it holds nothing that the decision did not grant."""

    bound: BoundQuery
    decision: Decision
    source: SourceName
    fetch: Fetch
    count_fetch: Fetch | None  # the exact count of visible rows, where it was asked for and can be pushed down
    raw_fields: tuple[Field | None, ...]  # catalogue field of each raw column (None: an aggregate)
    columns: tuple[PlannedColumn, ...]
    subject_index: int | None  # raw column with the person a row is about (may be fetched only for the log)
    residual: Residual
    obligations: tuple[BoundObligation, ...]
    min_group: int | None  # answers are aggregates with groups of at least this many
    max_source_rows: int  # the gateway reads no more than this for a residual
    matches: int  # whole-value matches on masked fields, to be charged to the purpose's limit
    media_type: MediaType
    late_page: LatePage | None = None  # with min_group: fetch and residual then neither limit nor skip
    flows: bool = False  # rows can be answered with batch by batch: nothing has to see them all
    narrowable: frozenset[FieldName] = frozenset()  # fields here by whose values the source can be asked on top
    embeds: tuple["PlannedEmbed", ...] = ()
    most_values: int = 1  # of a key that one fetch here is narrowed by
    key: "EmbeddedKey | None" = None  # of a plan that is an embed
    like: object = field(default=None, init=False, compare=False, repr=False)
    """One and the same in plans that differ in the literals of equality filters alone. `replace` leaves it out."""


def with_fetch(plan: ReadPlan, **changes: object) -> ReadPlan:
    """The plan with its fetch changed: neither is like another any more."""
    return amended(plan, like=None, fetch=amended(plan.fetch, like=None, **changes))


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedKey:
    """How an embed's rows find the rows that they belong to, and how many of them each may have."""

    places: tuple[int, ...]  # of the key's values in a row as found
    fields: tuple[Field, ...]
    limit: int | None  # rows for each row that they belong to
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedEmbed:
    """An embed with a plan of its own; its keys travel in batches, never a query a row."""

    name: str
    link: str  # the catalogue's name of it
    plan: ReadPlan  # its `key` is set
    near: tuple[int, ...]  # places of the key's values in a raw row here
    near_fields: tuple[Field, ...]
    one: bool
    is_inner: bool
    is_spread: bool
    is_junction: bool
    is_taken: bool
    decides: bool  # over rows or their order here: it is read before the page is cut
    leads: bool  # read before the rows here, which are then asked for by its keys
    sorts: tuple[FieldName, ...] = ()  # fields there that rows here are ordered by
