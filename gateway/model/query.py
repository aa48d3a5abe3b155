"""Stages 2 and 3: the question as written, and the question with every name resolved."""

from dataclasses import dataclass
from enum import StrEnum

from gateway.errors import GatewayError
from gateway.model.catalog import Catalog, Dataset, FieldType, Purpose
from gateway.model.ids import CaseId, FieldName
from gateway.model.json_value import JsonStep as JsonStep  # noqa: PLC0414  # part of the question's types
from gateway.model.predicate import Predicate


class MediaType(StrEnum):
    """What the answer is written as."""

    JSON = "application/json"
    CSV = "text/csv"
    OBJECT = "application/vnd.pgrst.object+json"
    NDJSON = "application/x-ndjson"
    ARROW = "application/vnd.apache.arrow.stream"


STREAMED = frozenset({MediaType.NDJSON, MediaType.ARROW, MediaType.CSV})
"""What a long answer can be written as without being held in memory."""


class Counting(StrEnum):
    """`Prefer: count=`: how exactly the asker wants to know how many rows there are."""

    EXACT = "exact"
    PLANNED = "planned"
    ESTIMATED = "estimated"


class Operator(StrEnum):
    """Filter operators of the read grammar."""

    EQ = "eq"
    NEQ = "neq"
    GT = "gt"
    GTE = "gte"
    LT = "lt"
    LTE = "lte"
    LIKE = "like"
    ILIKE = "ilike"
    IN = "in"
    IS = "is"
    ISDISTINCT = "isdistinct"  # `<>` that takes NULL for a value
    MATCH = "match"  # a regular expression
    IMATCH = "imatch"
    FTS = "fts"
    PLFTS = "plfts"
    PHFTS = "phfts"
    WFTS = "wfts"
    CS = "cs"  # contains
    CD = "cd"  # is contained in
    OV = "ov"  # overlaps
    SL = "sl"  # strictly left of
    SR = "sr"
    NXR = "nxr"  # does not extend to the right of
    NXL = "nxl"
    ADJ = "adj"


class Quantifier(StrEnum):
    """How an operator takes a list: `eq(any).{a,b}`."""

    ANY = "any"
    ALL = "all"


class AggregateFunction(StrEnum):
    """Aggregates of the read grammar."""

    COUNT = "count"
    SUM = "sum"
    AVG = "avg"
    MIN = "min"
    MAX = "max"


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectItem:
    """One item of `select`: a field, `*`, or an aggregate (`count()` has no field).

    `alias:field->path::cast.aggregate()::result_cast`; casts are type names as written, lower case.
    """

    field: str | None
    alias: str | None
    aggregate: AggregateFunction | None
    path: tuple[JsonStep, ...] = ()
    cast: str | None = None
    result_cast: str | None = None


class Join(StrEnum):
    """What a row without embedded rows becomes: `!left` keeps it (the default), `!inner` drops it."""

    LEFT = "left"
    INNER = "inner"


@dataclass(frozen=True, slots=True, kw_only=True)
class Embed:
    """`[...][alias:]target[!hint][!inner|!left](items)`: rows of a linked dataset within each row."""

    target: str
    alias: str | None
    hint: str | None
    join: Join
    is_spread: bool
    level: "Level"

    @property
    def name(self) -> str:
        """What filters, order and limits of the embed are called by."""
        return self.alias or self.target


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterTerm:
    """`field[->path]=[not.]operator[(quantifier)|(language)].value`; values are text as the asker wrote them, unquoted.

    `field` may also be an embed's name: `embed=is.null`, `embed=not.is.null`.
    """

    field: str
    operator: Operator
    is_negated: bool
    values: tuple[str, ...]  # one, but for `in` and quantified operators
    quantifier: Quantifier | None = None
    path: tuple[JsonStep, ...] = ()
    language: str | None = None  # of full-text operators: `fts(english)`


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterGroup:
    """`and=(...)` or `or=(...)`, perhaps negated."""

    is_or: bool
    is_negated: bool
    terms: tuple["FilterTerm | FilterGroup", ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderTerm:
    """`field[->path][.asc|.desc][.nullsfirst|.nullslast]`, or `embed(field)...` for a to-one embed.

    The default places nulls last ascending, first descending.
    """

    field: str
    is_descending: bool
    nulls_first: bool
    path: tuple[JsonStep, ...] = ()
    embed: str | None = None  # the name of the embed whose field it is


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """What is asked of one dataset of the question: the root, or an embed."""

    items: tuple[SelectItem | Embed, ...]  # in the order of the answer; none: an embed that is not shown
    where: tuple[FilterTerm | FilterGroup, ...] = ()  # AND-ed
    order: tuple[OrderTerm, ...] = ()
    limit: int | None = None
    offset: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Well formed; not that names exist."""

    dataset: str
    profile: str | None
    root: Level
    counting: Counting | None
    media_type: MediaType
    strips_nulls: bool  # `nulls=stripped`: members that are null are left out of JSON objects
    is_head: bool


class FieldUse(StrEnum):
    """A field in a role."""

    SHOW = "show"
    MATCH = "match"  # eq, in on whole values
    FILTER = "filter"  # every other filter
    SORT = "sort"
    GROUP = "group"
    JOIN = "join"
    AGGREGATE = "aggregate"
    EXPORT = "export"
    WRITE = "write"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputColumn:
    """One column of the answer: a field, an aggregate (`field` None: count()), or an embed.

    A value goes through `path`, then `cast`, then `aggregate`, then `result_cast`.
    """

    name: str
    field: FieldName | None
    aggregate: AggregateFunction | None
    path: tuple[JsonStep, ...] = ()
    cast: FieldType | None = None
    result_cast: FieldType | None = None
    embed: str | None = None  # the BoundEmbed that is shown here; a spread one is shown as its own columns
    taken_from: str | None = None  # the to-one BoundEmbed whose field it is, where rows here are grouped

    @property
    def is_plain(self) -> bool:
        """Whether the column is the field's value as it is, or a plain aggregate of such."""
        return not self.path and self.cast is None and self.result_cast is None and self._is_own

    @property
    def _is_own(self) -> bool:
        return self.embed is None and self.taken_from is None


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundOrder:
    """One resolved order term; with `embed`, of that to-one embed's field."""

    field: FieldName
    is_descending: bool
    nulls_first: bool
    path: tuple[JsonStep, ...] = ()
    embed: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundEmbed:
    """A linked dataset within each row. The whole of it is decided and planned as a question of its own."""

    name: str  # what columns, order and Exists call it by; where several links fit, each is bound under this name
    link: str  # the link's own name, or the junction's dataset
    question: "BoundQuery"
    near: tuple[FieldName, ...]  # the key here, and at the same places the key there
    far: tuple[FieldName, ...]
    one: bool  # at most one row there
    is_inner: bool
    is_spread: bool
    is_junction: bool = False  # its rows stand for those of its only embed: many-to-many
    is_taken: bool = False  # not shown: groups here are made of its fields


@dataclass(frozen=True, kw_only=True)  # no slots: `amended` copies it
class BoundQuery:
    """Every name is a known field with its use; purpose and case exist; not allowed yet.

    Columns that came from `*` are those of the catalogue in its order: planning leaves out what is denied.
    `faults` are what is wrong with the use of single fields (an unknown name, a literal of the wrong type). Planning
    raises them after the field passed the guard, never before: an error must not tell a denied field from an unknown
    one. Where a term is at fault, `where` holds NOTHING in its place.
    """

    catalog: Catalog
    dataset: Dataset
    purpose: Purpose
    case: CaseId | None
    columns: tuple[OutputColumn, ...]
    starred: frozenset[FieldName]  # fields that came from `*` and nowhere else, left out where denied
    where: Predicate
    order: tuple[BoundOrder, ...]
    limit: int | None
    offset: int
    wants_count: bool
    media_type: MediaType
    is_head: bool
    uses: frozenset[tuple[FieldName, FieldUse]]
    filter_shape: str  # the filters with literals hidden, for the log: `level=in.(?,?)&name=like.?`
    faults: tuple[tuple[FieldName, GatewayError], ...] = ()  # raised after the guard only
    embedded: tuple[str, ...] = ()  # names of the embeds asked for
    embeds: tuple[BoundEmbed, ...] = ()  # every link that each of them may mean; one that fits nothing has none
    strips_nulls: bool = False

    @property
    def is_aggregate(self) -> bool:
        """Whether any column is an aggregate (the rest then are group keys)."""
        return any(column.aggregate is not None for column in self.columns)
