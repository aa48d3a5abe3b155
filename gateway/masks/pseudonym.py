"""pseudonym: a keyed name for a value, the same within one purpose, another in every other purpose.

Reveals: equality (two rows about one person can be told to be so). Hides the value, its length, order and prefix;
without the key nobody can compute it, so a short list of candidates can't be tried out. Not reversible.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gateway.masks._octets import NEVER, Texts, is_text, pieced, text_array
from gateway.masks._reveals import Reveals
from gateway.model.catalog import FieldType
from gateway.model.sqlform import SqlForm
from gateway.spi import KeyedDigest, Mask, MaskContext, Octets

PREFIX: Final = "ps_"
ALGORITHMS: Final = ("aes-cmac", "hmac-sha256", "hmac-sm3", "sm4-cmac")
_LONGEST: Final = 4_096  # characters; no identifier is longer, and a longer text is hidden without being read
_LONGEST_OCTETS: Final = 4 * _LONGEST
_TOGETHER: Final = 8_192  # values whose digits stay in the processor's cache
_HEX: Final = np.frombuffer(
    b"".join(pair.to_bytes(2, "little").hex().encode() for pair in range(65_536)), np.uint32
)  # the four digits of two bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Pseudonym(Mask):
    """`ps_` and 32 hexadecimal digits: 16 bytes of a keyed function. Reveals equality only.

    One value has one pseudonym under one purpose, key and algorithm, whatever the dataset or field: within a purpose
    rows of two departments can be joined by it, across purposes they can't. Equality is that of the text, code point by
    code point: `...x` and `...X` are two people to it. A whole number counts as its decimal text. `algorithm`:
    `aes-cmac`, `sm4-cmac`, or for a peer that knows nothing else `hmac-sha256`, `hmac-sm3`; without it the key ring's.
    """

    reveals: ClassVar[frozenset[Reveals]] = frozenset({Reveals.EQUALITY})

    algorithm: str | None = None

    def __post_init__(self) -> None:
        """Raises ValueError with a sentence for an algorithm that isn't known."""
        if self.algorithm is not None and self.algorithm not in ALGORITHMS:
            msg = f"`algorithm` is one of {', '.join(f'`{one}`' for one in ALGORITHMS)}, not `{self.algorithm}`"
            raise ValueError(msg)

    @property
    def columns_from(self) -> int:
        """Measured."""
        return NEVER if self.algorithm is not None and self.algorithm.startswith("hmac") else 48

    @property
    def hides(self) -> int:
        """All but equality."""
        return 70

    def apply(self, values: Sequence[object], context: MaskContext) -> list[str | None]:
        """A pseudonym for each; hidden whole where a value is empty, over 4,096 characters or no valid Unicode."""
        key = context.keys.pseudonym(self.algorithm)
        return [self._one(value, key) for value in values]

    def apply_array(self, array: pa.Array, context: MaskContext) -> pa.Array | None:
        """The same of texts and whole numbers."""
        if pa.types.is_int64(array.type):
            array = array.cast(pa.string())
        if not is_text(array):
            return None
        texts = Texts.of(array)
        lengths = texts.lengths
        bad = lengths == 0
        if len(lengths) and int(lengths.max()) > _LONGEST:
            bad |= (lengths > _LONGEST_OCTETS) | (np.asarray(pc.utf8_length(array)) > _LONGEST)
        key = context.keys.pseudonym(self.algorithm)
        if not bad.any():
            return text_array(_written(key.digests(texts.data, texts.offsets)))
        places = np.flatnonzero(~bad)
        good = Texts.of(array.take(pa.array(places)))
        shown = text_array(_written(key.digests(good.data, good.offsets)))
        return pieced(len(lengths), [(places, shown)], self.HIDDEN)

    def sql_form(self) -> SqlForm | None:
        """None: keys never go to a source."""
        return None

    def accepts(self, field_type: FieldType) -> bool:
        """Identifiers: text and whole numbers."""
        return field_type in {FieldType.TEXT, FieldType.INTEGER}

    def _one(self, value: object, key: KeyedDigest) -> str:
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
        return PREFIX + key.digest(plain).hex()


def _written(digests: Octets) -> Octets:
    count, width = len(digests), len(PREFIX) + 32
    written = np.empty((count, width), np.uint8)
    written[:, : len(PREFIX)] = np.frombuffer(PREFIX.encode(), np.uint8)
    for start in range(0, count, _TOGETHER):
        pairs = np.ascontiguousarray(digests[start : start + _TOGETHER]).view("<u2")
        digits = np.take(_HEX, pairs, mode="clip").view(np.uint64)  # of four bytes of the digest
        for at in range(digits.shape[1]):
            # eight bytes of each row, wherever they stand
            begin = start * width + len(PREFIX) + 8 * at
            np.ndarray(len(digits), np.uint64, written.data, begin, (width,))[:] = digits[:, at]
    return written
