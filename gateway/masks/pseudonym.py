"""pseudonym: a keyed name for a value, the same within one purpose, another in every other purpose.

Reveals: equality (two rows about one person can be told to be so). Hides the value, its length, order and prefix;
without the key nobody can compute it, so a short list of candidates can't be tried out. Not reversible.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from gateway.masks._reveals import Reveals
from gateway.model.catalog import FieldType
from gateway.model.sqlform import SqlForm
from gateway.spi import Mask, MaskContext, PseudonymKey

PREFIX: Final = "ps_"
_LONGEST: Final = 4_096  # characters; no identifier is longer, and a longer text is hidden without being read


@dataclass(frozen=True, slots=True, kw_only=True)
class Pseudonym(Mask):
    """`ps_` and 26 letters and digits (16 bytes, base32 of RFC 4648 in lower case, unpadded). Reveals equality only.

    One value has one pseudonym under one purpose and key, whatever the dataset or field: within a purpose rows of
    two departments can be joined by it, across purposes they can't. Equality is that of the text, code point by
    code point: `...x` and `...X` are two people to it. A whole number counts as its decimal text.
    """

    reveals: ClassVar[frozenset[Reveals]] = frozenset({Reveals.EQUALITY})

    def apply(self, values: Sequence[object], context: MaskContext) -> list[str | None]:
        """A pseudonym for each; hidden whole where a value is empty, over 4,096 characters or no valid Unicode."""
        key = context.pseudonym_key
        return [self._one(value, key) for value in values]

    def sql_form(self) -> SqlForm | None:
        """None: keys never go to a source."""
        return None

    def accepts(self, field_type: FieldType) -> bool:
        """Identifiers: text and whole numbers."""
        return field_type in {FieldType.TEXT, FieldType.INTEGER}

    def _one(self, value: object, key: PseudonymKey) -> str:
        if type(value) is int:
            text = str(value) if value.bit_length() <= 256 else ""
        else:
            text = value if isinstance(value, str) else ""
        if not 0 < len(text) <= _LONGEST:
            return self.HIDDEN
        try:
            plain = text.encode()
        except UnicodeEncodeError:  # a lone surrogate
            return self.HIDDEN
        return PREFIX + base64.b32encode(key.digest(plain)).decode("ascii").rstrip("=").lower()
