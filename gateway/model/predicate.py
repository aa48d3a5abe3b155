"""Predicates over a dataset's fields, closed and typed: what connectors push down and the gateway runs.

Semantics are SQL's three-valued logic: a comparison with NULL is unknown, a row passes only where the whole is true.
Text compares by code point. No predicate holds text that is pasted into SQL: values are always bound.
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from gateway.model.ids import FieldName
from gateway.model.json_value import Json, JsonStep
from gateway.model.range_value import Range

Plain = str | int | Decimal | bool | date | datetime
"""A value of one of the plain types, and what stands in arrays and at the ends of ranges."""

Array = tuple[Plain | None, ...]
"""A value of an array type."""

Scalar = Plain | Json | Array | Range
"""A value of a field; the Python type follows the field's FieldType."""


class Comparator(StrEnum):
    """Comparisons of a field with one value."""

    EQ = "eq"
    NEQ = "neq"
    GT = "gt"
    GTE = "gte"
    LT = "lt"
    LTE = "lte"


@dataclass(frozen=True, slots=True)
class Compare:
    """`field <op> value`."""

    field: FieldName
    comparator: Comparator
    value: Scalar


@dataclass(frozen=True, slots=True)
class OneOf:
    """`field IN (values)`; an empty list is never true (NULL stays unknown)."""

    field: FieldName
    values: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Like:
    """SQL LIKE over the whole text: `%` any run, `_` one code point, no escape character."""

    field: FieldName
    pattern: str
    ignores_case: bool


@dataclass(frozen=True, slots=True)
class IsNull:
    """`field IS NULL`; never unknown."""

    field: FieldName


@dataclass(frozen=True, slots=True)
class IsTruth:
    """`field IS TRUE` / `IS FALSE` for a boolean field; never unknown."""

    field: FieldName
    truth: bool


@dataclass(frozen=True, slots=True)
class Under:
    """The region cover: true where the text begins with one of the prefixes (digits only); none: never true."""

    field: FieldName
    prefixes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AllOf:
    """AND; of nothing: true."""

    terms: tuple["Predicate", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """OR; of nothing: false."""

    terms: tuple["Predicate", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """NOT; of unknown: unknown."""

    term: "Predicate"


@dataclass(frozen=True, slots=True)
class Matches:
    """A regular expression (RE2) that is found anywhere in the text."""

    field: FieldName
    pattern: str
    ignores_case: bool


class SearchMode(StrEnum):
    """How the words of a full-text search are read: PostgreSQL's four functions that make a `tsquery`."""

    QUERY = "to_tsquery"
    PLAIN = "plainto_tsquery"
    PHRASE = "phraseto_tsquery"
    WEB = "websearch_to_tsquery"


@dataclass(frozen=True, slots=True)
class FullText:
    """`to_tsvector(language, field) @@ mode(language, words)`."""

    field: FieldName
    mode: SearchMode
    words: str
    language: str


@dataclass(frozen=True, slots=True)
class Contains:
    """`field @> value`: of two arrays, two ranges, or two JSON values. A NULL in an array is in no other."""

    field: FieldName
    value: Scalar


@dataclass(frozen=True, slots=True)
class ContainedIn:
    """`field <@ value`."""

    field: FieldName
    value: Scalar


@dataclass(frozen=True, slots=True)
class Overlaps:
    """`field && value`: two arrays or two ranges have something in common."""

    field: FieldName
    value: Scalar


class Relation(StrEnum):
    """How a range lies to another, by PostgreSQL's sign."""

    LEFT_OF = "<<"
    RIGHT_OF = ">>"
    ENDS_WITHIN = "&<"  # does not extend to the right
    BEGINS_WITHIN = "&>"  # does not extend to the left
    ADJACENT = "-|-"


@dataclass(frozen=True, slots=True)
class Lies:
    """`field <relation> value` between ranges; never true where one of them is empty."""

    field: FieldName
    relation: Relation
    value: Range


@dataclass(frozen=True, slots=True)
class AtPath:
    """`term` is tested on what a JSON field has at the path: JSON after `->`, text after `->>`, NULL for nothing.

    Every field that the term names is the same field.
    """

    field: FieldName
    path: tuple[JsonStep, ...]
    term: "Predicate"


@dataclass(frozen=True, slots=True)
class Exists:
    """The row has at least one row in the embed of the name; never unknown. Only the gateway tests it."""

    embed: str


Predicate = (
    Compare
    | OneOf
    | Like
    | IsNull
    | IsTruth
    | Under
    | Matches
    | FullText
    | Contains
    | ContainedIn
    | Overlaps
    | Lies
    | AtPath
    | Exists
    | AllOf
    | AnyOf
    | Not
)
EVERYTHING = AllOf(())
NOTHING = AnyOf(())
