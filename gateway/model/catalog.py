"""What the catalogue offers: datasets, fields, terms, links, regions, purposes, masks, roles, apps."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gateway.model.ids import (
    AppId,
    DatasetName,
    DepartmentName,
    FieldName,
    MaskName,
    PolicyVersion,
    PurposeId,
    RegionCode,
    RoleName,
    SourceName,
    TermName,
)


class FieldType(StrEnum):
    """The type of a field's values; connectors return exactly the Python type named here (or None)."""

    TEXT = "text"  # str
    INTEGER = "integer"  # int
    NUMERIC = "numeric"  # decimal.Decimal
    BOOLEAN = "boolean"  # bool
    DATE = "date"  # datetime.date
    TIMESTAMP = "timestamp"  # datetime.datetime, aware, UTC
    JSON = "json"  # Json
    # tuples of what the element's type has; an element may be None
    TEXT_ARRAY = "text[]"
    INTEGER_ARRAY = "integer[]"
    NUMERIC_ARRAY = "numeric[]"
    BOOLEAN_ARRAY = "boolean[]"
    DATE_ARRAY = "date[]"
    TIMESTAMP_ARRAY = "timestamp[]"
    # Range, with ends of the bound's type
    INTEGER_RANGE = "integer-range"
    NUMERIC_RANGE = "numeric-range"
    DATE_RANGE = "date-range"
    TIMESTAMP_RANGE = "timestamp-range"

    @property
    def element(self) -> "FieldType | None":
        """The type of an array's elements; None for what is no array."""
        return FieldType(self.value.removesuffix("[]")) if self.value.endswith("[]") else None

    @property
    def bound(self) -> "FieldType | None":
        """The type of a range's ends; None for what is no range."""
        return FieldType(self.value.removesuffix("-range")) if self.value.endswith("-range") else None

    @property
    def is_scalar(self) -> bool:
        """Whether a value is one of the six plain kinds."""
        return self in _SCALARS


_SCALARS = frozenset(
    {FieldType.TEXT, FieldType.INTEGER, FieldType.NUMERIC, FieldType.BOOLEAN, FieldType.DATE, FieldType.TIMESTAMP}
)


class Storage(StrEnum):
    """How a source keeps a value, where that differs from the field's type."""

    NATIVE = "native"
    DATE_YYYYMMDD = "yyyymmdd"  # a date as eight digits of text
    FEN = "fen"  # money as an integer of fen; the field is numeric yuan with two decimals
    FLAG_YN = "yn"  # a boolean as text Y or N
    FLAG_01 = "01"  # a boolean as text 1 or 0


class Classification(StrEnum):
    """The grade of a field (GB/T 43697 practice), low to high."""

    PUBLIC = "public"
    INTERNAL = "internal"
    SENSITIVE = "sensitive"
    CORE = "core"


@dataclass(frozen=True, slots=True, kw_only=True)
class Title:
    """A text for people, in both languages."""

    zh: str
    en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One column of a dataset."""

    name: FieldName
    column: str  # the name at the source, e.g. SFZH
    type: FieldType
    storage: Storage
    codes: Mapping[str, str]  # the source's code -> the catalogue's value; empty where values are plain text
    term: TermName | None
    classification: Classification
    title: Title


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A way from one dataset to another."""

    name: str
    to: DatasetName
    on: tuple[tuple[FieldName, FieldName], ...]  # (field here, field there)
    one: bool  # at most one row there


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """One table that a department offers. `source` is None for a dataset that only carries permissions."""

    name: DatasetName
    department: DepartmentName
    title: Title
    source: SourceName | None
    table: str
    key: tuple[FieldName, ...]
    subject: FieldName | None  # the person a row is about
    region: FieldName | None  # the territory a row belongs to
    fields: Mapping[FieldName, Field]  # in the order of the file
    links: Mapping[str, Link]


@dataclass(frozen=True, slots=True, kw_only=True)
class Department:
    """An authority that owns datasets."""

    name: DepartmentName
    title: Title


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """A statistical division; `parent` is None for a province."""

    code: RegionCode
    name: str
    parent: RegionCode | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LegalBasis:
    """The law and article that a purpose stands on."""

    law: Title
    article: Title


@dataclass(frozen=True, slots=True, kw_only=True)
class ObligationSpec:
    """An obligation as policy writes it: its name (a module of gateway.obligations) and its parameter."""

    name: str
    value: str  # "" where it takes none


@dataclass(frozen=True, slots=True, kw_only=True)
class Purpose:
    """A reason of processing, from the closed list."""

    id: PurposeId
    title: Title
    legal_basis: tuple[LegalBasis, ...]  # empty only for an abstract purpose
    controller: Title
    parents: tuple[PurposeId, ...]
    is_abstract: bool  # groups others; nobody can declare it
    apps: tuple[AppId, ...]
    roles: tuple[RoleName, ...]
    valid_from: datetime
    valid_until: datetime
    retention_days: int
    needs_case: bool
    needs_justification: bool
    is_break_glass: bool
    ceiling: MaskName | None  # the most it may ever see; None: no ceiling of its own
    matches_per_day: int | None  # whole-value matches on masked fields, per principal and UTC day
    obligations: tuple[ObligationSpec, ...]
    rows_per_day: int | None = None  # rows that leave, per principal and UTC day
    subjects_per_day: int | None = None  # different people that rows are about, likewise
    reidentifications_per_day: int | None = None  # tokens asked to be turned back, likewise; None: none may be
    sample_per_hundred: int = 0  # answers of a hundred that are drawn for a review
    max_minutes: int | None = None  # life of a break-glass grant from its first use; None: no end of its own

    @property
    def limits_release(self) -> bool:
        """Whether what leaves is counted."""
        return self.rows_per_day is not None or self.subjects_per_day is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskChoice:
    """A mask kind (a module of gateway.masks) with its parameters."""

    kind: str
    parameters: Mapping[str, str | int | bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskDeclaration:
    """A mask that officers may name in rules: how much it hides, and what it does to which term."""

    name: MaskName
    title: Title
    rank: int  # 1 (hides least) to 100 (hides all); clear is 0
    by_term: Mapping[TermName, MaskChoice]
    otherwise: MaskChoice


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """What a person may be in the city."""

    name: RoleName
    title: Title
    inherits: tuple[RoleName, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """An application that may ask; its ceiling binds whoever is behind it."""

    id: AppId
    title: Title
    organisation: str
    purposes: tuple[PurposeId, ...]
    ceiling: MaskName | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """Everything that names can resolve to, validated and consistent; one immutable value per policy version."""

    version: PolicyVersion
    departments: Mapping[DepartmentName, Department]
    datasets: Mapping[DatasetName, Dataset]
    terms: Mapping[TermName, Title]
    regions: Mapping[RegionCode, Region]
    purposes: Mapping[PurposeId, Purpose]
    masks: Mapping[MaskName, MaskDeclaration]
    roles: Mapping[RoleName, Role]
    apps: Mapping[AppId, App]
