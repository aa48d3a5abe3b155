"""An address -> its part down to the street or community, and stars.

Only administrative names are kept: province, city, county, street (街道, 镇, 乡) and community (社区, 村), each of them
recognised by its last word and at most a few characters long. What follows is cut off, whatever it is. Does not know
which streets exist: a stray word of up to four characters right before 街道 would be kept as part of its name.
"""

import re
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gateway.masks._names import HAN
from gateway.masks._octets import Texts, named, pieced, pieces_of
from gateway.masks._words import MOST, Readable, alike, both, cut, word
from gateway.spi import Mask, Offsets

LONGEST: Final = 200  # characters
LEVELS: Final = ("street", "community")

# Atomic groups: no position is tried twice, so that the time is linear in the text that is looked at. A unit doesn't
# reach over a 街道, and 小区 is a housing estate: neither may be taken for a county (区).
_HAN: Final = f"(?:(?!街道)[{HAN}])"
_UNITS: Final = (
    f"(?>{_HAN}{{2,8}}?(?:省|自治区|特别行政区))?+"
    f"(?>{_HAN}{{2,8}}?(?:市|自治州|地区|盟))?+"
    f"(?>{_HAN}{{1,8}}?(?:(?<!小)区|县|市|旗))?+"
)
_STREET: Final = re.compile(f"(?P<units>{_UNITS})(?>(?P<street>[{HAN}]{{2,6}}?)(?P<kind>街道|镇|乡|苏木))")
_COMMUNITY: Final = re.compile(f"[{HAN}]{{1,10}}?(?:社区|居委会|村委会)")
_VILLAGE: Final = re.compile(f"[{HAN}]{{1,6}}?(?<!新)村")  # 新村 is a housing estate, finer than a village
_STREET_KIND: Final = "街道".encode()
_BARE_STREET_LONGEST: Final = 4  # without a county before it, a longer word is more likely free text


def mask_address(text: str, keeps: str) -> str | None:
    """`浙江省杭州市上城区清波街道***`; None where no street is found.

    With `community` the community is kept too, where it is named; where it isn't, the street is the most that is shown.
    """
    street = _STREET.match(text)
    if street is None or (not street["units"] and len(street["street"]) > _BARE_STREET_LONGEST):
        return None
    end = street.end()
    if keeps == "community":
        community = _COMMUNITY.match(text, end)
        if community is None and street["kind"] != "街道":
            community = _VILLAGE.match(text, end)
        end = community.end() if community else end
    return f"{text[:end]}***"


def addresses_masked(array: pa.Array, keeps: str) -> pa.Array:
    """The same of a column: what its street decides neighbours share, and it is looked at once."""
    if keeps != "street":
        return _by_beginnings(array, keeps)
    texts = Readable.of(array)
    begins, ends = texts.starts, _after_first_street(texts)
    lengths = ends - begins
    is_short = (lengths > 0) & (lengths <= 8 * MOST) & (texts.lengths <= LONGEST)
    own = np.where(is_short, lengths, 0)
    like = alike(texts.pieces(begins, own))
    looked_at = np.flatnonzero(like == np.arange(len(like)))
    # Up to the first 街道 an address is enough where that is found to end its street: units and street don't reach over
    # it, and what the pattern tries first of a text it tries first of its beginning.
    masked = [
        mask_address(texts.octets[begin:end].tobytes().decode(), keeps) if end > begin else None
        for begin, end in zip(begins[looked_at].tolist(), (begins + own)[looked_at].tolist(), strict=True)
    ]
    code = np.zeros(len(like), np.int32)
    code[looked_at] = np.arange(len(looked_at))
    codes = np.take(code, like, mode="clip")
    shown = named(codes, [text or Mask.HIDDEN for text in masked])
    is_known = np.array([text is not None for text in masked], np.bool_)
    if is_known.all():
        return shown
    left = np.flatnonzero(~is_known[codes])
    known = np.flatnonzero(is_known[codes])
    return pieced(
        len(array),
        [(known, shown.take(pa.array(known))), (left, _by_beginnings(array.take(pa.array(left)), keeps))],
        Mask.HIDDEN,
    )


def _after_first_street(texts: Readable) -> Offsets:
    """Where the first 街道 of each text ends; where there is none, the text's beginning."""
    # two of its six bytes, which few other characters have at these places, and the others where those are
    positions = texts.found(both(texts.written, (2, _STREET_KIND[2]), (5, _STREET_KIND[5])))
    positions = positions[cut(texts.words(positions)[0], len(_STREET_KIND)) == word(_STREET_KIND)]
    owners = texts.owners(positions)
    ends = texts.starts.copy()
    ends[owners[::-1]] = positions[::-1] + len(_STREET_KIND)  # of several the first is written last
    return ends


def _by_beginnings(array: pa.Array, keeps: str) -> pa.Array:
    """What stands before the first ASCII character decides, and neighbours share it."""
    texts = Texts.of(array)
    lengths, count = texts.lengths, len(array)
    begun = int(texts.offsets[0])
    ascii_at = np.flatnonzero(texts.data[begun : int(texts.offsets[-1])] < 0x80)
    starts = texts.offsets[:-1] - begun
    following = np.append(ascii_at, np.iinfo(np.int64).max)[np.searchsorted(ascii_at, starts)]
    beginnings = pieces_of(texts, np.zeros(count, np.int64), np.minimum(following - starts, lengths))
    shared = beginnings.dictionary_encode()
    # no name is longer than LONGEST: what is, is hidden without being looked at
    masked = [(mask_address(text, keeps) if len(text) <= LONGEST else None) for text in shared.dictionary.to_pylist()]
    shown = pa.array([text or Mask.HIDDEN for text in masked], pa.string()).take(shared.indices)
    return pc.if_else(pc.less_equal(pc.utf8_length(array), LONGEST), shown, Mask.HIDDEN)
