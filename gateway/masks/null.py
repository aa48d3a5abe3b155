"""null: every value becomes NULL.

Reveals nothing, not even whether there was a value: the only mask under which missing and hidden look alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import pyarrow as pa

from gateway.masks._octets import NEVER, constant
from gateway.masks._reveals import Reveals
from gateway.model.catalog import FieldType
from gateway.model.sqlform import Constant, SqlForm
from gateway.spi import Mask, MaskContext


@dataclass(frozen=True, slots=True, kw_only=True)
class Null(Mask):
    """NULL. Reveals nothing: neither equality, order, length, prefix nor presence."""

    reveals: ClassVar[frozenset[Reveals]] = frozenset()

    @property
    def columns_from(self) -> int:
        """A list of one text is made faster than read."""
        return NEVER

    @property
    def hides(self) -> int:
        """All."""
        return 100

    def apply(self, values: Sequence[object], context: MaskContext) -> list[str | None]:
        """NULL for each."""
        del context  # no key is needed
        return [None] * len(values)

    def apply_array(self, array: pa.Array, context: MaskContext) -> pa.Array:
        """NULL for each."""
        del context
        return constant(None, len(array))

    def sql_form(self) -> SqlForm:
        """The constant NULL."""
        return Constant(None)

    def accepts(self, field_type: FieldType) -> bool:
        """Every type."""
        del field_type
        return True
