"""A column of people's names -> surnames and stars: Chinese names by their characters' codes, all others by themselves.

A Chinese character of the basic plane has three bytes in UTF-8, so names of two to four of them are triples of bytes
throughout. Few surnames are many people's: each is written once and taken for all who bear it.
"""

import re
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from gateway.masks._names import COMPOUND_SURNAMES, HAN, mask_name
from gateway.masks._octets import CODES, Texts, character_codes, named
from gateway.spi import Mask

_LONGEST: Final = 80  # characters, as of one name
_IS_HAN: Final = np.zeros(CODES, np.bool_)
_IS_HAN[[code for code in range(0x3000, 0xA000) if re.fullmatch(f"[{HAN}]", chr(code))]] = True
_PAIR: Final = np.sort(np.array([(ord(pair[0]) << 16) | ord(pair[1]) for pair in COMPOUND_SURNAMES], np.uint32))
_BEGINS_PAIR: Final = np.zeros(CODES, np.bool_)
_BEGINS_PAIR[_PAIR >> 16] = True


def names_masked(array: pa.Array) -> pa.Array:
    """What `mask_name` gives of each, `***` where it gives none."""
    texts = Texts.of(array)
    lengths = texts.lengths
    count = len(lengths)
    may_be = (lengths == 6) | (lengths == 9) | (lengths == 12)
    triples = np.flatnonzero(may_be)
    ends = texts if len(triples) == count else Texts.of(array.take(pa.array(triples)))
    first = ends.offsets - ends.offsets[0]
    codes = character_codes(ends.data[ends.offsets[0] : ends.offsets[-1]].reshape(-1, 3))
    starts = first[:-1] // 3
    is_name = np.ones(len(starts), np.bool_)
    strangers = np.flatnonzero(~np.take(_IS_HAN, codes, mode="clip"))
    if len(strangers):
        is_name[np.searchsorted(first, strangers * 3, side="right") - 1] = False
    if len(triples) == count and is_name.all():
        return named(*_surnames(codes, starts, lengths > 6))
    places = triples[is_name]
    shown, names = _surnames(codes, starts[is_name], lengths[places] > 6)
    is_other = np.ones(count, np.bool_)
    is_other[places] = False
    others = np.flatnonzero(is_other)
    rest = array.take(pa.array(others)).to_pylist()
    chosen = np.empty(count, np.int32)
    chosen[places] = shown
    chosen[others] = np.arange(len(names), len(names) + len(others))
    masked = [(mask_name(text) if len(text) <= _LONGEST else None) or Mask.HIDDEN for text in rest]
    return named(chosen, [*names, *masked])


def _surnames(
    codes: NDArray[np.uint16], starts: NDArray[np.int64], is_longer: NDArray[np.bool_]
) -> tuple[NDArray[np.int32], list[str]]:
    """`张**`, of compound surnames with a name after them `欧阳*`: the place of each, and what is there."""
    leading = np.take(codes, starts, mode="clip")
    seen = np.zeros(CODES, np.bool_)
    seen[leading] = True
    present = np.flatnonzero(seen)
    place = np.zeros(CODES, np.int32)
    place[present] = np.arange(len(present))
    chosen = np.take(place, leading, mode="clip")
    names = [f"{chr(code)}**" for code in present]
    candidates = np.flatnonzero(np.take(_BEGINS_PAIR, leading, mode="clip") & is_longer)
    if len(candidates):
        pairs = (leading[candidates].astype(np.uint32) << 16) | codes[starts[candidates] + 1]
        at = np.minimum(np.searchsorted(_PAIR, pairs), len(_PAIR) - 1)
        is_pair = _PAIR[at] == pairs
        chosen[candidates[is_pair]] = len(names) + at[is_pair]
        names += [f"{chr(pair >> 16)}{chr(pair & 0xFFFF)}*" for pair in _PAIR.tolist()]
    return chosen, names
