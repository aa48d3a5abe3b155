"""Predicates over a dataset's fields, closed and typed: what connectors push down and the gateway runs.

Semantics are SQL's three-valued logic: a comparison with NULL is unknown, a row passes only where the whole is true.
Text compares by code point. No predicate holds text that is pasted into SQL: values are always bound.
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from gateway.model.ids import FieldName

Scalar = str | int | Decimal | bool | date | datetime
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


Predicate = Compare | OneOf | Like | IsNull | IsTruth | Under | AllOf | AnyOf | Not
EVERYTHING = AllOf(())
NOTHING = AnyOf(())
