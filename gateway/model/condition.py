"""Conditions as policy writes them, parsed and typed: what `gateway.catalog.condition` makes and the PDP binds.

A Condition is closed data: comparisons of fields, attributes and literals under and, or, not. It holds no text that is
ever run, and its literals already have the Python type of the other side.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gateway.model.catalog import FieldType
from gateway.model.ids import FieldName
from gateway.model.predicate import Comparator, Scalar


class AttributeType(StrEnum):
    """The type of what the request says about subject, case and circumstances."""

    TEXT = "text"  # str
    TEXT_LIST = "list of text"  # tuple of str
    INTEGER = "integer"  # int, never bool
    TIMESTAMP = "timestamp"  # datetime, aware


AttributeValue = str | int | datetime | tuple[str, ...] | None
"""None, like an absent name, is a missing attribute."""


class ConditionInvalid(Exception):
    """A text is no condition of the small language. `fault` says what and where, `fix` how to mend it."""

    def __init__(self, fault: str, fix: str) -> None:
        super().__init__(fault, fix)
        self.fault = fault
        self.fix = fix


class AttributeMissing(Exception):
    """A condition reads an attribute that is absent, None or of the wrong type: the PDP must fail closed."""

    def __init__(self, attribute: str) -> None:
        super().__init__(attribute)
        self.attribute = attribute


@dataclass(frozen=True, slots=True)
class FieldOperand:
    """A field of the dataset that the condition was parsed for."""

    name: FieldName
    type: FieldType


@dataclass(frozen=True, slots=True)
class AttributeOperand:
    """What the request says, e.g. `subject.regions`."""

    name: str
    type: AttributeType


@dataclass(frozen=True, slots=True)
class LiteralOperand:
    """A constant, already of the type of the other side."""

    value: Scalar


@dataclass(frozen=True, slots=True)
class Comparison:
    """`left <op> right`. A field stands on the left only; the right is never a field; not two literals."""

    left: FieldOperand | AttributeOperand
    comparator: Comparator
    right: AttributeOperand | LiteralOperand


@dataclass(frozen=True, slots=True)
class Membership:
    """`operand in (literals)`, or `operand in <attribute that is a list>`."""

    operand: FieldOperand | AttributeOperand
    among: tuple[Scalar, ...] | AttributeOperand


@dataclass(frozen=True, slots=True)
class Cover:
    """`field under <region literal, or attribute that is text or a list>`."""

    field: FieldOperand
    regions: tuple[str, ...] | AttributeOperand


@dataclass(frozen=True, slots=True)
class Matching:
    """`operand like 'pattern'`: `%` any run, `_` one code point, no escape character."""

    operand: FieldOperand | AttributeOperand
    pattern: str


@dataclass(frozen=True, slots=True)
class Absence:
    """`operand is null`; of an attribute: it is missing (this alone never raises AttributeMissing for None)."""

    operand: FieldOperand | AttributeOperand


@dataclass(frozen=True, slots=True)
class Conjunction:
    """AND of at least two."""

    terms: tuple["ConditionTerm", ...]


@dataclass(frozen=True, slots=True)
class Disjunction:
    """OR of at least two."""

    terms: tuple["ConditionTerm", ...]


@dataclass(frozen=True, slots=True)
class Negation:
    """NOT."""

    term: "ConditionTerm"


ConditionTerm = Comparison | Membership | Cover | Matching | Absence | Conjunction | Disjunction | Negation


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A whole condition. `fields` and `attributes` are all that it reads: what a cached decision depends on."""

    text: str  # as policy wrote it
    root: ConditionTerm
    fields: frozenset[FieldName]
    attributes: frozenset[str]
