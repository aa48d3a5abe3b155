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
from gateway.masks._octets import Texts, named, pieced
from gateway.spi import Mask, Octets

_LONGEST: Final = 80  # characters, as of one name
_CODES: Final = 0x1_0000
_IS_HAN: Final = np.zeros(_CODES, np.bool_)
_IS_HAN[[code for code in range(0x3000, 0xA000) if re.fullmatch(f"[{HAN}]", chr(code))]] = True
_PAIR: Final = np.sort(np.array([(ord(pair[0]) << 16) | ord(pair[1]) for pair in COMPOUND_SURNAMES], np.uint32))
_BEGINS_PAIR: Final = np.zeros(_CODES, np.bool_)
_BEGINS_PAIR[_PAIR >> 16] = True


def names_masked(array: pa.Array) -> pa.Array:
    """What `mask_name` gives of each, `***` where it gives none."""
    texts = Texts.of(array)
    lengths = texts.lengths
    count = len(lengths)
    may_be = (lengths == 6) | (lengths == 9) | (lengths == 12)
    triples = np.flatnonzero(may_be)
    if len(triples) == count:
        mostly, ends = None, texts
    else:
        mostly, ends = triples, Texts.of(array.take(pa.array(triples)))
    first = ends.offsets - ends.offsets[0]
    codes = _codes(ends.data[ends.offsets[0] : ends.offsets[-1]].reshape(-1, 3))
    starts = first[:-1] // 3
    is_name = np.ones(len(starts), np.bool_)
    strangers = np.flatnonzero(~_IS_HAN[codes])
    if len(strangers):
        is_name[np.searchsorted(first, strangers * 3, side="right") - 1] = False
    others = ~may_be
    others[np.flatnonzero(may_be)[~is_name]] = True
    pieces = []
    if is_name.any():
        chosen = None if mostly is None and is_name.all() else np.flatnonzero(~others)
        of_chosen = starts if is_name.all() else starts[is_name]
        sizes = np.diff(first) if is_name.all() else np.diff(first)[is_name]
        pieces.append((chosen, _surnames(codes, of_chosen, sizes > 6)))
    left = np.flatnonzero(others)
    if len(left):
        rest = array.take(pa.array(left)).to_pylist()
        masked = [(mask_name(text) if len(text) <= _LONGEST else None) or Mask.HIDDEN for text in rest]
        pieces.append((left, pa.array(masked, pa.string())))
    return pieced(count, pieces, Mask.HIDDEN)


def _codes(triples: Octets) -> NDArray[np.uint16]:
    """The code of each character of three bytes; 0 for bytes that are none."""
    lead, middle, last = triples[:, 0], triples[:, 1], triples[:, 2]
    codes: NDArray[np.uint16] = lead.astype(np.uint16) << np.uint16(12)
    codes |= (middle & np.uint8(0x3F)).astype(np.uint16) << np.uint16(6)
    codes |= last & np.uint8(0x3F)
    is_triple = (lead & np.uint8(0xF0)) == 0xE0  # then, the text being UTF-8, the next two follow it
    if not is_triple.all():
        codes[~is_triple] = 0
    return codes


def _surnames(codes: NDArray[np.uint16], starts: NDArray[np.int64], is_longer: NDArray[np.bool_]) -> pa.Array:
    """`张**`, of compound surnames with a name after them `欧阳*`."""
    leading = codes[starts]
    seen = np.zeros(_CODES, np.bool_)
    seen[leading] = True
    present = np.flatnonzero(seen)
    place = np.zeros(_CODES, np.int32)
    place[present] = np.arange(len(present))
    chosen = place[leading]
    names = [f"{chr(code)}**" for code in present]
    candidates = np.flatnonzero(_BEGINS_PAIR[leading] & is_longer)
    if len(candidates):
        pairs = (leading[candidates].astype(np.uint32) << 16) | codes[starts[candidates] + 1]
        at = np.minimum(np.searchsorted(_PAIR, pairs), len(_PAIR) - 1)
        is_pair = _PAIR[at] == pairs
        chosen[candidates[is_pair]] = len(names) + at[is_pair]
        names += [f"{chr(pair >> 16)}{chr(pair & 0xFFFF)}*" for pair in _PAIR.tolist()]
    return named(chosen, names)
