"""A vehicle's number plate -> province, office and last character."""

import re
from typing import Final

import numpy as np
import pyarrow as pa

from gateway.masks._words import HIGH, Readable, WordSet, assembled, cut, put_singly, within, word

_PROVINCES: Final = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼使领"
_PLATE: Final = re.compile(f"[{_PROVINCES}][A-HJ-NP-Z]·?[A-HJ-NP-Z0-9]{{4}}[A-HJ-NP-Z0-9]?[A-HJ-NP-Z0-9挂学警港澳]")
_LONGEST: Final = 9  # characters
_IS_PROVINCE: Final = WordSet(_PROVINCES)
_ONE: Final = np.uint64(0xFF_FFFF)  # the bytes of the province
_OFFICE: Final = np.uint64(0xFFFF_FFFF)  # and of the letter after it
_STARS: Final = np.uint64(word(b"\0\0\0\0****"))
_FILLING: Final = np.uint64(word(b"0" * 8))
_LETTER: Final = np.uint64(0x80)


def mask_plate(text: str) -> str | None:
    """`浙A****5`; None for what is no plate. Ordinary plates, new energy, 挂, 学, 警, 港, 澳; with or without `·`."""
    return f"{text[:2]}****{text[-1]}" if _PLATE.fullmatch(text) else None


def plates_masked(array: pa.Array) -> pa.Array:
    """The same of a column: plates of a province and six or seven ASCII characters as words, all others singly."""
    texts = Readable.of(array)
    lengths = texts.lengths
    leading, following = texts.words(texts.starts, 2)
    after = lengths - 3
    rest = (leading >> np.uint64(24)) | (following << np.uint64(40))  # the eight bytes after the province
    rest = cut(rest, after) | (_FILLING & ~cut(_FILLING, after))
    is_letter = within(rest, "A", "Z") & ~within(rest, "I", "I") & ~within(rest, "O", "O")
    fits = ((is_letter | within(rest, "0", "9")) & ~rest & HIGH) == HIGH
    fits &= (is_letter & _LETTER) != 0
    fits &= ((lengths == 9) | (lengths == 10)) & _IS_PROVINCE.has(leading & _ONE)
    shown = (leading & _OFFICE) | _STARS
    last = np.where(lengths == 10, following >> np.uint64(8), following)
    written = np.full(len(lengths), 9)
    words = [shown, last]
    others = np.flatnonzero(~fits)
    put_singly(texts, others, mask_plate, _LONGEST, lengths=written, words=words)
    return assembled(written, words)
