"""Stages 2 and 3: the question as written, and the question with every name resolved."""

from dataclasses import dataclass
from enum import StrEnum

from gateway.errors import GatewayError
from gateway.model.catalog import Catalog, Dataset, Purpose
from gateway.model.ids import CaseId, FieldName
from gateway.model.predicate import Predicate


class MediaType(StrEnum):
    """What the answer is written as."""

    JSON = "application/json"
    CSV = "text/csv"
    OBJECT = "application/vnd.pgrst.object+json"


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
    """One item of `select`: a field, `*`, or an aggregate (`count()` has no field)."""

    field: str | None
    alias: str | None
    aggregate: AggregateFunction | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterTerm:
    """`field=[not.]operator[(quantifier)].value`; values are text as the asker wrote them, unquoted."""

    field: str
    operator: Operator
    is_negated: bool
    values: tuple[str, ...]  # one, but for `in` and quantified operators
    quantifier: Quantifier | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterGroup:
    """`and=(...)` or `or=(...)`, perhaps negated."""

    is_or: bool
    is_negated: bool
    terms: tuple["FilterTerm | FilterGroup", ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderTerm:
    """`field[.asc|.desc][.nullsfirst|.nullslast]`; the default places nulls last ascending, first descending."""

    field: str
    is_descending: bool
    nulls_first: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Well formed; not that names exist."""

    dataset: str
    profile: str | None
    select: tuple[SelectItem, ...]
    where: tuple[FilterTerm | FilterGroup, ...]  # AND-ed
    order: tuple[OrderTerm, ...]
    limit: int | None
    offset: int
    wants_count: bool  # Prefer: count=exact
    media_type: MediaType
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
    """One column of the answer. `aggregate` with `field` None is count()."""

    name: str
    field: FieldName | None
    aggregate: AggregateFunction | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundOrder:
    """One resolved order term."""

    field: FieldName
    is_descending: bool
    nulls_first: bool


@dataclass(frozen=True, slots=True, kw_only=True)
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

    @property
    def is_aggregate(self) -> bool:
        """Whether any column is an aggregate (the rest then are group keys)."""
        return any(column.aggregate is not None for column in self.columns)
