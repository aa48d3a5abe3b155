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
from gateway.masks._octets import Texts, pieces_of
from gateway.spi import Mask

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
    """The same of a column: what stands before the first ASCII character decides, and neighbours share it."""
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
