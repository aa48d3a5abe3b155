"""partial: a part of a value stays readable, as its shape admits; what isn't of the shape is hidden whole.

| shape | shows | example |
| --- | --- | --- |
| `name` | the surname; of foreign names the first character | 张**, 欧阳*, 阿**, J** |
| `id_number` | first four digits; of 18 the check character | 3301*************X |
| `passport` | first character, last two | E******12 |
| `mobile` | mobile: first three, last four digits; landline: area code, last two | 138****5678, 0571-******21 |
| `bank_card` | last four digits | ************1234 |
| `plate` | province, office, last character | 浙A****5 |
| `email` | first character, domain | z***@example.org |
| `address` | down to the street, or the community with `keeps: community` | 杭州市上城区清波街道*** |
| `organisation` | first character, legal form | 杭****有限公司 |
| `uscc` | first eight characters: authority, category, region | 91330102********** |
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Final, cast

import pyarrow as pa

from gateway.masks._addresses import LEVELS
from gateway.masks._formula import Together
from gateway.masks._octets import NEVER, is_text
from gateway.masks._reveals import Reveals
from gateway.masks._shapes import ADDRESS_TO_COMMUNITY, SHAPES, PartialShape
from gateway.model.catalog import FieldType
from gateway.model.sqlform import SqlForm
from gateway.spi import Mask, MaskContext

_TEXTS: Final = frozenset({str})
_MANY: Final = 1_000  # as `Mask` has it


@dataclass(frozen=True, slots=True, kw_only=True)
class Partial(Mask):
    """A recognisable rest. Reveals prefix and suffix as far as its shape shows them, and that the shape was met.

    Doesn't reveal length: the stars are as many for a short value as for a long one, but for the two lengths of ID
    numbers and the kinds of telephone, which the shown part tells apart anyway. Doesn't promise equality or order:
    two people may have one output, and values that look alike masked needn't be.
    """

    reveals: ClassVar[frozenset[Reveals]] = frozenset({Reveals.BAND, Reveals.PREFIX, Reveals.SHAPE, Reveals.SUFFIX})

    shape: str
    keeps: str | None = None
    _kept: PartialShape = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Raises ValueError with a sentence for a shape or level that doesn't exist."""
        if self.shape not in SHAPES:
            msg = f"there is no shape `{self.shape}`; there are {', '.join(f'`{name}`' for name in SHAPES)}"
            raise ValueError(msg)
        if self.keeps is not None and self.shape != "address":
            msg = "the parameter `keeps` goes with the shape `address` only"
            raise ValueError(msg)
        if self.keeps is not None and self.keeps not in LEVELS:
            msg = f"an address is kept to `street` or `community`, not to `{self.keeps}`"
            raise ValueError(msg)
        kept = ADDRESS_TO_COMMUNITY if self.keeps == "community" else SHAPES[self.shape]
        object.__setattr__(self, "_kept", kept)

    @property
    def columns_from(self) -> int:
        """Never, where the shape looks at all of a list at once: that is faster than any way there and back."""
        return _MANY if self._kept.together is None else NEVER

    @property
    def hides(self) -> int:
        """As much as its shape."""
        return self._kept.hides

    def apply(self, values: Sequence[object], context: MaskContext) -> list[str | None]:
        """The shown part of each, with stars; `***` for what isn't of the shape."""
        del context  # no key is needed
        shape = self._kept
        shown = _together(shape.together, values) if len(values) > 1 else None
        if shown is not None:
            return shown
        longest, kernel, hidden = shape.longest, shape.kernel, self.HIDDEN
        return [
            (kernel(value) or hidden) if isinstance(value, str) and len(value) <= longest else hidden
            for value in values
        ]

    def apply_array(self, array: pa.Array, context: MaskContext) -> pa.Array | None:
        """The same; None for shapes without a columnar form."""
        del context
        columns = self._kept.columns
        return None if columns is None or not is_text(array) else columns(array)

    def sql_form(self) -> SqlForm | None:
        """The form for the shapes that are of ASCII characters throughout, else None."""
        return self._kept.form

    def accepts(self, field_type: FieldType) -> bool:
        """Text."""
        return field_type is FieldType.TEXT


def _together(together: Together | None, values: Sequence[object]) -> list[str | None] | None:
    if together is None or not _TEXTS.issuperset(map(type, values)):
        return None
    return cast("list[str | None] | None", together(cast("Sequence[str]", values)))
