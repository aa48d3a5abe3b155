"""The whole plug-in surface on one page: Connector, Capabilities, SecretStore, Mask, Obligation.

A plug-in sees `gateway.model`, `gateway.errors` and this page. One file a plug-in; parameters are dataclass fields.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import ClassVar, Protocol, Self, runtime_checkable

import pyarrow as pa
from pydantic import SecretStr

from gateway.model.catalog import FieldType
from gateway.model.ids import SourceName
from gateway.model.keyed import FormatCipher, KeyedDigest, MaskKeys, Octets, Offsets
from gateway.model.plan import Fetch, ReadPlan, SourceColumn
from gateway.model.predicate import Comparator, Predicate
from gateway.model.query import AggregateFunction
from gateway.model.rows import Batch
from gateway.model.sqlform import SqlForm


# ------------------------------------------------------------------ connectors
@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a source runs itself for one table. What it does not claim, the gateway does after.

    predicates: the predicate types (by class) it runs exactly as gateway.model.predicate says.
    comparators: those that it runs in a Compare. A Like that ignores case is run only where `ignores_case` says so.
    types: stored types of the fields that those mean; of a field of another type it is asked no more than IS NULL.
    columns: columns it can filter by; None: all. Order, limit and aggregates follow only after the whole `where`.
    """

    predicates: frozenset[type]
    columns: frozenset[str] | None
    can_order: bool
    can_limit: bool
    aggregates: frozenset[AggregateFunction]
    can_mask: bool  # computes SqlForm
    comparators: frozenset[Comparator] = frozenset(Comparator)
    ignores_case: bool = False
    list_values: int | None = None  # most values of one OneOf; None: as many as there are
    types: frozenset[FieldType] = frozenset(kind for kind in FieldType if kind.is_scalar)


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignKey:
    """Columns whose values are found in another table of the same source."""

    name: str  # the constraint's
    columns: tuple[str, ...]
    to: str
    to_columns: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnOrigin:
    """Where a column of a view comes from, unchanged."""

    column: str
    table: str
    of: str  # the column there


@dataclass(frozen=True, slots=True, kw_only=True)
class TableDescription:
    """One table, view or file of a source. What a source doesn't tell keeps its default.

    origins: of a view, of tables that are described as well. is_plain: each of its rows is one row of that table.
    """

    table: str
    columns: tuple[tuple[str, FieldType], ...]
    key: tuple[str, ...]
    nullable: frozenset[str] = frozenset()
    unique: tuple[tuple[str, ...], ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    is_view: bool = False
    is_plain: bool = False
    origins: tuple[ColumnOrigin, ...] = ()
    comment: str = ""
    comments: tuple[tuple[str, str], ...] = ()  # (column, what it is)
    row_estimate: int | None = None  # about how many rows, where the source keeps such a figure


class Connector(Protocol):
    """One configured source. Read-only. Errors raised: gateway.errors.SourceFailed only, naming the dataset.

    `fetch` is an async generator; closing it (aclose) stops the work at the source. Cells have exactly the
    Python type of their SourceColumn's FieldType, or are None; anything else raises SourceRubbish.
    """

    @classmethod
    def open(cls, name: SourceName, options: Mapping[str, object]) -> Self:
        """Build from settings; raises SettingsInvalid for a wrong option. Does not connect yet."""
        ...

    def capabilities(self, table: str) -> Capabilities:
        """What this source runs itself for the table."""
        ...

    def fetch(self, fetch: Fetch) -> AsyncIterator[Batch]:
        """Rows in batches of at most `fetch.batch_rows`, within `fetch.time_limit_seconds` in all."""
        ...

    async def describe(self) -> tuple[TableDescription, ...]:
        """Tables with columns and keys, as far as the source tells."""
        ...

    async def health(self) -> None:
        """Return where the source answers; raise SourceFailed where it doesn't (dataset is the source's name)."""
        ...

    async def close(self) -> None:
        """Give back every connection."""
        ...


class FetchesAtOnce(Protocol):
    """A connector that also gives a short answer as a whole: nothing of it is open while its rows are worked on."""

    async def fetch_at_once(self, fetch: Fetch) -> Batch | None:
        """All rows, as `fetch` would give them; None where they may be many and are fetched in batches.

        Who cancels it stops the work at the source. A connector whose `ends_in_time` is True promises to end within
        `fetch.time_limit_seconds`, whatever its source does; around any other the gateway sets that limit.
        """
        ...


# ------------------------------------------------------------------ a source's state, told to an administrator
class Outcome(StrEnum):
    """How a step of a trial ended."""

    GOOD = "good"
    DOUBTFUL = "doubtful"  # it works, and should be mended
    BAD = "bad"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing tried, in words for an administrator (English, Chinese). Never a row's value, a secret or a password.

    step: a short word for programs (`dns`, `tcp`, `tls`, `sign-in`, `read-only`, `table`, ...).
    """

    step: str
    outcome: Outcome
    told: tuple[str, str]
    fix: tuple[str, str] = ("", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class PromisedTable:
    """What the bundle says of one table of the source."""

    dataset: str
    table: str
    columns: tuple[SourceColumn, ...]


@runtime_checkable
class Diagnoses(Protocol):
    """A connector that can say more of what is wrong than that something is. Optional; asked by `source test` only."""

    def diagnose(self, promised: Sequence[PromisedTable]) -> AsyncIterator[Finding]:
        """Findings in the order in which they were tried; raises nothing; ends after the first that bars the rest."""
        ...


# ------------------------------------------------------------------ secrets
@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A secret, and for how many seconds it may be used without looking again (None: the store doesn't say)."""

    secret: SecretStr
    seconds: float | None


class SecretStore(Protocol):
    """Where secrets are kept. Entry points: `langqiao.secrets`. No secret is in its repr or in an error's text."""

    @classmethod
    def open(cls, name: str, options: Mapping[str, object]) -> Self:
        """Build from settings without connecting; raises SettingsInvalid."""
        ...

    def read(self, reference: str) -> Lease | None:
        """The secret that `reference` names, now; None where it can't be had. Blocks for some seconds at most."""
        ...


# ------------------------------------------------------------------ masks
class TerminalKey(Protocol):
    """The public key that a terminal registered."""

    def seal(self, values: Sequence[bytes]) -> list[str]:
        """Each as a compact JWE that only the terminal opens; the same value is sealed differently each time."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskContext:
    """What a mask may know beside the values.

    today: in UTC; what an age depends on.
    people: for a mask that `needs_person`, whom each value is about (an ID number), as many as there are values.
    terminal: None where the asker named none.
    """

    keys: MaskKeys
    today: date
    terminal: TerminalKey | None = None
    people: Sequence[str | None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mask(ABC):
    """A column function: value -> less telling text. Subclasses are frozen dataclasses; their fields are parameters.

    One file a mask in gateway/masks; its name is the module's name. NULL never reaches `apply`.
    What does not have the expected shape must be hidden whole (`HIDDEN`), never passed through.
    """

    HIDDEN: ClassVar[str] = "***"
    needs_person: ClassVar[bool] = False

    @property
    def columns_from(self) -> int:
        """From how many values of a list on `apply_array` is faster, the way there and back included (measured)."""
        return 1_000

    @property
    @abstractmethod
    def hides(self) -> int:
        """How much: 0 nothing, 100 all. A stricter level may not hide a term less than a laxer one does."""

    @abstractmethod
    def apply(self, values: Sequence[object], context: MaskContext) -> list[str | None]:
        """Mask a column without NULLs; same length, same order. Values have the field's Python type."""

    def apply_array(self, array: pa.Array, context: MaskContext) -> pa.Array | None:
        """The same of an Arrow array (without NULLs) as an array of text; None where there is no columnar form."""
        del array, context
        return None

    def sql_form(self) -> SqlForm | None:
        """The same function for a text column at the source; None where SQL can't be held equal."""
        return None

    @abstractmethod
    def accepts(self, field_type: FieldType) -> bool:
        """Whether the mask can be declared for fields of this type."""


# ------------------------------------------------------------------ obligations
@dataclass(frozen=True, slots=True, kw_only=True)
class Obligation(ABC):
    """What the PEP must do if it serves. One file an obligation; acts at the moments whose protocol it implements.

    `parse` reads the parameter as policy writes it and raises ValueError with a sentence where it is wrong.
    `strictest` joins several of the same name.
    """

    ignores_literals: ClassVar[bool] = False
    """Whether `amend` never looks at what filters compare with: then its plan is kept for other literals."""

    @classmethod
    @abstractmethod
    def parse(cls, value: str) -> Self:
        """Read the parameter, e.g. `10` of `k=10`."""

    @abstractmethod
    def strictest(self, other: Self) -> Self:
        """Both bind: the stricter."""


@runtime_checkable
class AmendsPlan(Protocol):
    """Acts before the source is asked; may raise NotAllowed."""

    def amend(self, plan: ReadPlan) -> ReadPlan:
        """The plan with the obligation built in."""
        ...


@runtime_checkable
class TreatsRows(Protocol):
    """Acts on disclosed rows; may raise NotAllowed."""

    def treat(self, rows: Batch, plan: ReadPlan) -> Batch:
        """The rows with the obligation discharged."""
        ...


@runtime_checkable
class Annotates(Protocol):
    """Says something with the answer and in the log."""

    def notices(self, plan: ReadPlan) -> tuple[str, ...]:
        """Machine-readable notices, e.g. `notify=street-duty-officer`."""
        ...


__all__ = [
    "AmendsPlan",
    "Annotates",
    "Capabilities",
    "ColumnOrigin",
    "Connector",
    "Diagnoses",
    "Finding",
    "ForeignKey",
    "FormatCipher",
    "KeyedDigest",
    "Lease",
    "Mask",
    "MaskContext",
    "MaskKeys",
    "Obligation",
    "Octets",
    "Offsets",
    "Outcome",
    "Predicate",
    "PromisedTable",
    "SecretStore",
    "TableDescription",
    "TerminalKey",
    "TreatsRows",
]
