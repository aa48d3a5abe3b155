"""An Arrow array of text as its bytes, and back: what columnar kernels work on. No value becomes a Python object."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from gateway.spi import Octets, Offsets

NEVER: Final = 2**63 - 1
"""Of `Mask.columns_from`: no list is so long."""

CODES: Final = 0x1_0000
"""Characters of the basic plane have codes below."""

_MOST_OCTETS: Final = 2**31 - 1  # that 32-bit offsets reach


def is_text(array: pa.Array) -> bool:
    """Whether the array holds text."""
    return bool(pa.types.is_string(array.type) or pa.types.is_large_string(array.type))


@dataclass(frozen=True, slots=True)
class Texts:
    """Texts without NULLs in UTF-8: value i is `data[offsets[i]:offsets[i + 1]]`."""

    data: Octets
    offsets: Offsets

    @classmethod
    def of(cls, array: pa.Array) -> Self:
        """Views of the array's own buffers; only 32-bit offsets are widened."""
        wide = pa.types.is_large_string(array.type)
        _, offsets, data = array.buffers()
        if offsets is None or len(array) == 0:
            return cls(np.zeros(0, np.uint8), np.zeros(1, np.int64))
        ends = np.frombuffer(offsets, np.int64 if wide else np.int32)[array.offset : array.offset + len(array) + 1]
        octets = np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8)
        return cls(octets, ends.astype(np.int64, copy=False))

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Bytes of each."""
        lengths: NDArray[np.int64] = np.diff(self.offsets)
        return lengths

    def of_length(self, length: int) -> Octets:
        """The texts, which all have this length, as a matrix: a view."""
        start = int(self.offsets[0])
        return self.data[start : start + length * (len(self.offsets) - 1)].reshape(-1, length)


def pieces_of(texts: Texts, begins: NDArray[np.int64], ends: NDArray[np.int64]) -> pa.Array:
    """Of each text its bytes from `begins` to `ends` (both counted within it), which are whole characters."""
    lengths = texts.lengths
    spans = np.stack([begins, ends - begins, lengths - ends], axis=1)
    is_kept = np.repeat(np.tile(np.array([False, True, False]), len(lengths)), spans.reshape(-1))
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(spans[:, 1], out=offsets[1:])
    kept = np.ascontiguousarray(texts.data[int(texts.offsets[0]) : int(texts.offsets[-1])][is_kept])
    return pa.Array.from_buffers(pa.large_string(), len(lengths), [None, pa.py_buffer(offsets), pa.py_buffer(kept)])


def character_codes(triples: Octets) -> NDArray[np.uint16]:
    """The code of each character of three bytes in valid UTF-8; 0 for three bytes that are none."""
    lead, middle, last = triples[:, 0], triples[:, 1], triples[:, 2]
    codes: NDArray[np.uint16] = lead.astype(np.uint16) << np.uint16(12)
    codes |= (middle & np.uint8(0x3F)).astype(np.uint16) << np.uint16(6)
    codes |= last & np.uint8(0x3F)
    is_triple = (lead & np.uint8(0xF0)) == 0xE0  # then, the text being UTF-8, the next two follow it
    if not is_triple.all():
        codes[~is_triple] = 0
    return codes


def text_array(matrix: Octets) -> pa.Array:
    """Rows of one width, each the bytes of a text (valid UTF-8), as an array."""
    count, width = matrix.shape
    if count * width > _MOST_OCTETS:
        offsets = np.arange(count + 1, dtype=np.int64) * width
        return pa.Array.from_buffers(
            pa.large_string(), count, [None, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(matrix))]
        ).cast(pa.string())
    offsets_32 = np.arange(count + 1, dtype=np.int32) * np.int32(width)
    return pa.Array.from_buffers(
        pa.string(), count, [None, pa.py_buffer(offsets_32), pa.py_buffer(np.ascontiguousarray(matrix))]
    )


def constant(text: str | None, count: int) -> pa.Array:
    """The same text, or NULL, for each."""
    return pa.nulls(count, pa.string()) if text is None else pa.repeat(pa.scalar(text), count)


def named(codes: NDArray[np.integer], names: Sequence[str]) -> pa.Array:
    """The name of each code; few names, many codes."""
    return pa.array(names, pa.string()).take(pa.array(codes))


def pieced(count: int, pieces: Sequence[tuple[NDArray[np.int64] | None, pa.Array]], otherwise: str) -> pa.Array:
    """`count` texts of pieces with their places (None: all, then it is the only one); `otherwise` where none is."""
    whole = [piece for places, piece in pieces if places is None]
    if whole:
        return whole[0]
    source = np.zeros(count, np.int64)
    at = 1
    for places, piece in pieces:
        if places is not None:
            source[places] = np.arange(at, at + len(piece))
        at += len(piece)
    return pa.concat_arrays([pa.array([otherwise]), *(piece for _, piece in pieces)]).take(pa.array(source))
