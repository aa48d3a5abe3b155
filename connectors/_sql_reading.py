"""How the answer of a statement is read: rows of a driver -> rows of exactly the promised types."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

from connectors._cells import (
    FEW,
    NotPromised,
    Reader,
    TypedReader,
    divided,
    few_rows,
    typed_column,
    typed_rows,
    with_types,
)
from gateway.model.rows import Batch, ByColumns, Cell


@dataclass(frozen=True, slots=True)
class Reading:
    """How the answer is read; averages come as sum and count and are divided here."""

    readers: tuple[Reader, ...]
    averages: frozenset[int]  # positions of sums that the next column (a count) divides
    typed: tuple[TypedReader, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """What is the same for every answer."""
        object.__setattr__(self, "typed", with_types(self.readers))

    def rows(self, raw: Sequence[Sequence[object]]) -> Batch:
        """Typed rows of exactly the fetch's columns; raises NotPromised."""
        if False in [row[-1] for row in raw]:  # a driver may write it as 0, which is equal
            raise NotPromised("a cell that decides over a row has the wrong type")
        # the last column has no reader
        rows = few_rows(raw, self.typed) if len(raw) <= FEW else typed_rows(raw, self.readers)
        return divided(rows, self.averages) if self.averages else rows

    def columns(self, raw: Sequence[Sequence[object]], kinds: Sequence[type]) -> Batch:
        """The same of columns whose cells, where they are not NULL, are all of these types, texts without U+0000.

        There must be no averages.
        """
        *cells, decides = raw
        if False in decides:
            raise NotPromised("a cell that decides over a row has the wrong type")
        read = [
            cast("Sequence[Cell]", column) if kind is wanted else typed_column(column, reader)
            for column, kind, (reader, wanted) in zip(cells, kinds, self.typed, strict=False)
        ]
        return ByColumns(read, len(decides))
