"""A column of people's names -> surnames and stars: Chinese names by their bytes, all others by themselves.

A Chinese character of the basic plane has three bytes in UTF-8, so names of two to four of them have 6, 9 or 12, and
what is shown of any name fits eight.
"""

from typing import Final

import numpy as np
import pyarrow as pa

from gateway.masks._names import COMPOUND_SURNAMES, mask_name
from gateway.masks._words import Readable, WordSet, assembled, put_singly, strangers, word

_LONGEST: Final = 80  # characters, as of one name
_COMPOUND: Final = WordSet(COMPOUND_SURNAMES)
_ONE: Final = np.uint64(0xFF_FFFF)  # the bytes of a character
_TWO: Final = np.uint64(0xFFFF_FFFF_FFFF)
_STARS_AFTER_ONE: Final = np.uint64(word(b"\0\0\0**"))
_STARS_AFTER_TWO: Final = np.uint64(word(b"\0\0\0\0\0\0*"))


def names_masked(array: pa.Array) -> pa.Array:
    """What `mask_name` gives of each, `***` where it gives none."""
    texts = Readable.of(array)
    lengths = texts.lengths
    is_chinese = (lengths == 6) | (lengths == 9) | (lengths == 12)
    strange = strangers(texts.written)
    if strange.any():
        is_chinese[texts.owners(texts.found(strange))] = False
    (leading,) = texts.words(texts.starts)
    pair = leading & _TWO
    is_compound = _COMPOUND.has(pair) & (lengths > 6)
    shown = np.where(is_compound, pair | _STARS_AFTER_TWO, (leading & _ONE) | _STARS_AFTER_ONE)
    written = np.where(is_compound, 7, 5)
    words = [shown]
    others = np.flatnonzero(~is_chinese)
    put_singly(texts, others, mask_name, _LONGEST, lengths=written, words=words)
    return assembled(written, words)
