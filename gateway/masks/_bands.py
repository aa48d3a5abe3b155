"""A number or a region code -> the band that holds it."""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import Final, Self

from gateway.masks._formula import digits
from gateway.model.sqlform import Constant, IfShape, Left, Shape, SqlForm
from gateway.spi import Mask

REGION_DIGITS: Final[Mapping[str, int]] = {"province": 2, "prefecture": 4, "county": 6, "street": 9}
"""How many digits of a statistical division code name each level; a community has 12."""

_ALL_DIGITS: Final = (*REGION_DIGITS.values(), 12)
_MOST_EDGES: Final = 100


@dataclass(frozen=True, slots=True)
class Buckets:
    """Ascending edges; a bucket holds its lower edge and not its upper."""

    edges: tuple[Decimal, ...]
    names: tuple[str, ...]

    @classmethod
    def read(cls, text: str) -> Self:
        """Read `0, 500, 1000`; raises ValueError with a sentence."""
        try:
            edges = tuple(Decimal(part.strip()) for part in text.split(","))
        except InvalidOperation:
            msg = "the edges of buckets are numbers with commas between, for example `0, 500, 1000`"
            raise ValueError(msg) from None
        ascend = all(edge.is_finite() for edge in edges) and all(a < b for a, b in pairwise(edges))
        if not ascend or len(edges) > _MOST_EDGES:
            msg = f"the edges of buckets must ascend, and be {_MOST_EDGES} at most"
            raise ValueError(msg)
        written = [f"{edge:f}" for edge in edges]
        between = [f"[{low},{high})" for low, high in pairwise(written)]
        return cls(edges, (f"<{written[0]}", *between, f">={written[-1]}"))

    def name_of(self, value: object) -> str | None:
        """`<0`, `[0,500)`, `>=1000`; None for what is no finite number."""
        if isinstance(value, Decimal):
            return self.names[bisect_right(self.edges, value)] if value.is_finite() else None
        if type(value) is int:
            return self.names[bisect_right(self.edges, value)]
        return None


def region_form(level: str) -> SqlForm:
    """Codes finer than the level are cut to it; coarser ones, which tell less already, stay; the rest is hidden."""
    kept = REGION_DIGITS[level]
    form: SqlForm = Constant(Mask.HIDDEN)
    for count in _ALL_DIGITS:
        # Never the column itself: an engine that stops comparing at U+0000 would pass on what follows.
        form = IfShape((Shape(digits(count)),), Left(min(count, kept)), form)
    return form
