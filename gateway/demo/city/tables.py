"""What a department keeps, source-neutral: table specifications and rows in stored form.

A row's cells are str, int, Decimal, date, aware datetime or None, in the order of the columns, already in the form
that the department stores (codes, fen, yyyymmdd text). Writers turn them into SQLite, CSV, Parquet or a server's types.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

StoredCell = str | int | Decimal | date | datetime | None
StoredRow = tuple[StoredCell, ...]
TableRows = Mapping[str, Sequence[StoredRow]]
"""Rows by table name."""


class ColumnType(StrEnum):
    """What a source declares a column as."""

    TEXT = "text"
    INTEGER = "integer"
    DECIMAL = "decimal"  # two decimals
    DATE = "date"
    TIMESTAMP = "timestamp"  # UTC


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSpec:
    """One table: columns in order with their types, its key, and the columns looked up by."""

    name: str
    columns: Mapping[str, ColumnType]
    key: str
    indexes: tuple[str, ...]


class Writer(Protocol):
    """Where a department's tables go. Rows come in many calls; `finish` makes indexes and leaves whole files."""

    def write(self, table: TableSpec, rows: Iterable[StoredRow]) -> None:
        """Append rows in order."""
        ...

    def finish(self) -> None:
        """Complete the source; nothing may be written after."""
        ...

    def abandon(self) -> None:
        """Let go of everything open after a failure; what was written is not whole."""
        ...
