"""An address -> its part down to the street or community, and stars.

Only administrative names are kept: province, city, county, street (街道, 镇, 乡) and community (社区, 村), each of them
recognised by its last word and at most a few characters long. What follows is cut off, whatever it is. Does not know
which streets exist: a stray word of up to four characters right before 街道 would be kept as part of its name.
"""

import re
from typing import Final

from gateway.masks._names import HAN

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
