"""How the answer of a statement is read: rows of a driver -> rows of exactly the promised types."""

from collections.abc import Sequence
from dataclasses import dataclass

from connectors._cells import NotPromised, Reader, divided, typed_rows
from gateway.model.rows import Row


@dataclass(frozen=True, slots=True)
class Reading:
    """How the answer is read; averages come as sum and count and are divided here."""

    readers: tuple[Reader, ...]
    averages: frozenset[int]  # positions of sums that the next column (a count) divides

    def rows(self, raw: Sequence[Sequence[object]]) -> list[Row]:
        """Typed rows of exactly the fetch's columns; raises NotPromised."""
        oks = [row[-1] for row in raw]
        if not all(oks) and any(not ok and ok is not None for ok in oks):
            raise NotPromised("a cell that decides over a row has the wrong type")
        rows = typed_rows(raw, self.readers)  # the last column has no reader
        return divided(rows, self.averages) if self.averages else rows
