"""Stages 6 and 7: rows as the source gave them, and what may leave. Their reprs show counts only."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Generic, TypeVar, overload

from gateway.model.predicate import Scalar

Cell = Scalar | None
Row = tuple[Cell, ...]
Batch = Sequence[Row]
T = TypeVar("T")


class ByColumns(Sequence[tuple[T, ...]], Generic[T]):
    """Rows that are held by columns, for whoever takes whole columns."""

    __slots__ = ("_count", "columns")

    def __init__(self, columns: Sequence[Sequence[T]], count: int) -> None:
        """Columns of `count` cells each."""
        self.columns = columns
        self._count = count

    def __repr__(self) -> str:
        """Counts only, as of all that holds values."""
        return f"<ByColumns of {self._count} rows, {len(self.columns)} columns>"

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[tuple[T, ...]]:
        return zip(*self.columns, strict=True) if self.columns else repeat((), self._count)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # as of any list

    @overload
    def __getitem__(self, at: int) -> tuple[T, ...]: ...

    @overload
    def __getitem__(self, at: slice) -> "ByColumns[T]": ...

    def __getitem__(self, at: int | slice) -> "tuple[T, ...] | ByColumns[T]":
        if isinstance(at, slice):
            return ByColumns([column[at] for column in self.columns], len(range(*at.indices(self._count))))
        if not -self._count <= at < self._count:
            raise IndexError(at)
        return tuple([column[at] for column in self.columns])


def columns_of_rows(rows: Sequence[tuple[T, ...]]) -> Sequence[Sequence[T]]:
    """The columns of rows that are all of one width; of no rows none, where they are not held so."""
    return rows.columns if type(rows) is ByColumns else list(zip(*rows, strict=True))


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class RawRows:
    """Async batches of exactly the fetch's columns; unmasked, can't be answered with."""

    batches: AsyncIterator[Batch]
    width: int
    counts: AsyncIterator[Batch] | None  # one row, one column: the exact count, where the plan asks for it
    at_once: Callable[[], Awaitable[Batch | None]] | None = None
    """The whole of a short answer in the place of its batches; None where the source has none."""

    def __repr__(self) -> str:
        """Counts only: raw values must not reach a log."""
        return f"<RawRows of {self.width} columns>"


Shown = Cell | Mapping[str, "Shown"] | Sequence["Shown"]
"""What an answer's cell holds: a value, one embedded row, or several."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DisclosedPart:
    """What left of one embed's dataset; its place among the plan's levels, depth first, is that of the decision."""

    rows: int
    subjects: tuple[str, ...]


def named(names: Sequence[str], rows: Iterable[tuple[Shown, ...]]) -> list[Shown]:
    """Each row under the names of its columns, of which it must have as many."""
    return list(map(dict, map(zip, repeat(names), rows)))


@dataclass(frozen=True, kw_only=True, repr=False)  # no slots: `amended` copies it
class Disclosure:
    """Every value passed its mask, every obligation was discharged. Built by gateway.disclosure only."""

    columns: tuple[str, ...]
    rows: Sequence[tuple[Shown, ...]]
    offset: int
    total: int | None  # exact count of visible rows, where asked for
    subjects: tuple[str, ...]  # keyed hashes of the people the rows are about, sorted, no duplicates
    notices: tuple[str, ...]  # what obligations want said, e.g. `watermark=...`
    parts: tuple[DisclosedPart, ...] = ()  # the embeds' levels, depth first

    @property
    def all_rows(self) -> int:
        """Rows that leave, embedded ones too."""
        return len(self.rows) + sum(part.rows for part in self.parts)

    @property
    def all_subjects(self) -> tuple[str, ...]:
        """Everybody that any of the rows is about."""
        return tuple(sorted({*self.subjects, *(subject for part in self.parts for subject in part.subjects)}))

    def __repr__(self) -> str:
        """Counts only: disclosed values are for the asker, not for a log."""
        return f"<Disclosure of {len(self.rows)} rows, {len(self.columns)} columns>"
