"""How the answer of a statement is read: rows of a driver -> rows of exactly the promised types."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from types import NoneType
from typing import Final, cast

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
from gateway.model.rows import Batch, ByColumns, Cell, Row

_MOST_KINDS: Final = 64
_LAST: Final = itemgetter(-1)
_Texts = Callable[[Sequence[object]], Sequence[str]]
"""Those of a row's cells that are texts."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How the answer is read; averages come as sum and count and are divided here."""

    readers: tuple[Reader, ...]
    averages: frozenset[int]  # positions of sums that the next column (a count) divides
    typed: tuple[TypedReader, ...] = field(init=False, repr=False, compare=False)
    _as_promised: dict[tuple[type, ...], _Texts] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        """What is the same for every answer."""
        object.__setattr__(self, "typed", with_types(self.readers))

    def rows(self, raw: Sequence[Sequence[object]]) -> Batch:
        """Typed rows of exactly the fetch's columns; raises NotPromised."""
        if False in map(_LAST, raw):  # a driver may write it as 0, which is equal
            raise NotPromised("a cell that decides over a row has the wrong type")
        # the last column has no reader
        rows = list(map(self._row, raw)) if len(raw) <= FEW else typed_rows(raw, self.readers)
        return divided(rows, self.averages) if self.averages else rows

    def _row(self, raw: Sequence[object]) -> Row:
        """One of few: most have the cells of one before them, which need no reading but that texts have no U+0000."""
        *cells, _ = raw
        kinds = tuple(map(type, cells))
        texts = self._as_promised.get(kinds) or self._remembered(kinds)
        if texts is None or "\x00" in "".join(texts(cells)):
            return few_rows((cells,), self.typed)[0]
        return cast("Row", tuple(cells))

    def _remembered(self, kinds: tuple[type, ...]) -> _Texts | None:
        """None where one of the cells has to be read."""
        wanted = [kind for _, kind in self.typed]
        if len(kinds) != len(wanted) or not all(one in {due, NoneType} for one, due in zip(kinds, wanted, strict=True)):
            return None
        places = [at for at, kind in enumerate(kinds) if kind is str]
        texts = cast("_Texts", itemgetter(*places, *places) if places else itemgetter(slice(0)))  # always a tuple
        if len(self._as_promised) < _MOST_KINDS:
            self._as_promised[kinds] = texts
        return texts

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
