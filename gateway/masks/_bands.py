"""A number or a region code -> the band that holds it."""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal, InvalidOperation
from itertools import pairwise
from typing import Final, Self

import numpy as np
import pyarrow as pa

from gateway.masks._formula import digits
from gateway.masks._octets import named
from gateway.model.sqlform import Constant, IfShape, Left, Shape, SqlForm
from gateway.spi import Mask

REGION_DIGITS: Final[Mapping[str, int]] = {"province": 2, "prefecture": 4, "county": 6, "street": 9}
"""How many digits of a statistical division code name each level; a community has 12."""

REGION_HIDES: Final[Mapping[str, int]] = {"province": 60, "prefecture": 50, "county": 35, "street": 20}
"""How much each level hides (see Mask.hides)."""

_ALL_DIGITS: Final = (*REGION_DIGITS.values(), 12)
_MOST_EDGES: Final = 100
_MOST_NUMBER: Final = 2**63 - 1


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

    def names_of(self, array: pa.Array) -> pa.Array | None:
        """The same of a column of whole or decimal numbers; None for others, and where 64 bits don't hold them."""
        if pa.types.is_int64(array.type):
            numbers, scale = np.asarray(array), 0
        elif pa.types.is_decimal128(array.type):
            halves = np.frombuffer(array.buffers()[1], np.int64).reshape(-1, 2)[
                array.offset : array.offset + len(array)
            ]
            numbers, scale = halves[:, 0], array.type.scale
            if not np.array_equal(halves[:, 1], numbers >> 63):
                return None
        else:
            return None
        # a number that is whole at this scale is at least the edge where it is at least the edge rounded up
        edges = [int((edge * 10**scale).to_integral_value(ROUND_CEILING)) for edge in self.edges]
        if not all(-_MOST_NUMBER <= edge <= _MOST_NUMBER for edge in edges):
            return None
        return named(np.searchsorted(np.array(edges, np.int64), numbers, side="right"), self.names)

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
