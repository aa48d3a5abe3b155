"""Stages 6 and 7: rows as the source gave them, and what may leave. Their reprs show counts only."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from gateway.model.predicate import Scalar

Cell = Scalar | None
Row = tuple[Cell, ...]
Batch = Sequence[Row]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class RawRows:
    """Async batches of exactly the fetch's columns; unmasked, can't be answered with."""

    batches: AsyncIterator[Batch]
    width: int
    counts: AsyncIterator[Batch] | None  # one row, one column: the exact count, where the plan asks for it

    def __repr__(self) -> str:
        """Counts only: raw values must not reach a log."""
        return f"<RawRows of {self.width} columns>"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Disclosure:
    """Every value passed its mask, every obligation was discharged. Built by gateway.disclosure only."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    offset: int
    total: int | None  # exact count of visible rows, where asked for
    subjects: tuple[str, ...]  # keyed hashes of the people the rows are about, sorted, no duplicates
    notices: tuple[str, ...]  # what obligations want said, e.g. `watermark=...`

    def __repr__(self) -> str:
        """Counts only: disclosed values are for the asker, not for a log."""
        return f"<Disclosure of {len(self.rows)} rows, {len(self.columns)} columns>"
