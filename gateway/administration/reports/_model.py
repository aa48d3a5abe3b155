"""What a report is made of: its kind's tables, and what they stand on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Protocol

from gateway.audit.detectors import local_time
from gateway.audit.ranges import Logged
from gateway.errors import Language

Titles = dict[Language, str]
Cell = str | int


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows under titled columns."""

    title: Titles
    columns: tuple[Titles, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """How a reader is told things."""

    language: Language
    zone: str

    def moment(self, at: datetime) -> str:
        """`2026-11-23 10:00:00`, by the clock on the wall."""
        return f"{local_time(at, self.zone):%Y-%m-%d %H:%M:%S}"


class Kind(Protocol):
    """One kind of report: sees the entries of its time one by one, then tells its tables."""

    name: ClassVar[str]
    title: ClassVar[Titles]

    def __init__(self, view: View) -> None:
        """An empty one."""
        ...

    def see(self, one: Logged) -> None:
        """Count an entry in."""
        ...

    def tables(self) -> tuple[Table, ...]:
        """What was seen, in an order that hangs on nothing else."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a report covers and stands on: whoever has the log can make its figures again from this."""

    kind: str
    format: str
    language: Language
    zone: str
    since: datetime
    until: datetime
    begin: int  # the range of entries [begin, end); those of another time at its edges don't count
    end: int
    parameters: Mapping[str, str] = field(default_factory=dict)
    origin: str
    size: int
    root: str  # base64, as in the checkpoint
    made_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A report before it has a format."""

    title: str
    standing: Standing
    tables: tuple[Table, ...]
