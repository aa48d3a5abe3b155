"""redact: every value becomes the same three stars.

Reveals: that there is a value (NULL stays NULL). Hides everything else, its length too.
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
class Redact(Mask):
    """A constant. Reveals nothing about a value: neither equality, order, length nor prefix."""

    reveals: ClassVar[frozenset[Reveals]] = frozenset()

    @property
    def columns_from(self) -> int:
        """A list of one text is made faster than read."""
        return NEVER

    @property
    def hides(self) -> int:
        """All but that there is a value."""
        return 95

    def apply(self, values: Sequence[object], context: MaskContext) -> list[str | None]:
        """The same stars for each."""
        del context  # no key is needed
        return [self.HIDDEN] * len(values)

    def apply_array(self, array: pa.Array, context: MaskContext) -> pa.Array:
        """The same stars for each."""
        del context
        return constant(self.HIDDEN, len(array))

    def sql_form(self) -> SqlForm:
        """The constant."""
        return Constant(self.HIDDEN)

    def accepts(self, field_type: FieldType) -> bool:
        """Every type."""
        del field_type
        return True
