"""A vehicle's number plate -> province, office and last character."""

import re
from typing import Final

import numpy as np
import pyarrow as pa

from gateway.masks._columns import fits_shape
from gateway.masks._octets import CODES, Texts, character_codes, pieced, text_array
from gateway.model.sqlform import Shape
from gateway.spi import Mask

_PROVINCES: Final = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼使领"
_LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ"
_PLATE: Final = re.compile(f"[{_PROVINCES}][A-HJ-NP-Z]·?[A-HJ-NP-Z0-9]{{4}}[A-HJ-NP-Z0-9]?[A-HJ-NP-Z0-9挂学警港澳]")
_IS_PROVINCE: Final = np.zeros(CODES, np.bool_)
_IS_PROVINCE[[ord(province) for province in _PROVINCES]] = True
_TAILS: Final = {
    9: Shape((_LETTERS, *(_LETTERS + "0123456789",) * 5)),
    10: Shape((_LETTERS, *(_LETTERS + "0123456789",) * 6)),
}
_STARS: Final = np.frombuffer(b"****", np.uint8)


def mask_plate(text: str) -> str | None:
    """`浙A****5`; None for what is no plate. Ordinary plates, new energy, 挂, 学, 警, 港, 澳; with or without `·`."""
    return f"{text[:2]}****{text[-1]}" if _PLATE.fullmatch(text) else None


def plates_masked(array: pa.Array) -> pa.Array:
    """The same of a column: the two common kinds as matrices, every other text by itself."""
    texts = Texts.of(array)
    lengths = texts.lengths
    is_done = np.zeros(len(lengths), np.bool_)
    pieces = []
    for length, tail in _TAILS.items():
        places = np.flatnonzero(lengths == length)
        if not len(places):
            continue
        rows = texts.of_length(length, None if len(places) == len(lengths) else places)
        fits = np.take(_IS_PROVINCE, character_codes(rows[:, :3]), mode="clip") & fits_shape(rows[:, 3:], (tail,))
        if not fits.all():
            rows, places = rows[fits], places[fits]
        written = np.empty((len(rows), 9), np.uint8)
        written[:, :4], written[:, 4:8], written[:, 8] = rows[:, :4], _STARS, rows[:, -1]
        is_done[places] = True
        pieces.append((places, text_array(written)))
    left = np.flatnonzero(~is_done)
    if len(left):
        rest = [
            mask_plate(text) or Mask.HIDDEN if len(text) <= 9 else Mask.HIDDEN
            for text in array.take(pa.array(left)).to_pylist()
        ]
        pieces.append((left, pa.array(rest, pa.string())))
    return pieced(len(lengths), pieces, Mask.HIDDEN)
