"""The city's divisions -> which codes and names of places are known. Pure."""

import csv
import io
import re
from dataclasses import dataclass
from typing import Final

from gateway.masks import HAN

_PROVINCE_CODES = (
    "11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65 71 81 82"
)
_PROVINCES: Final = frozenset(_PROVINCE_CODES.split())
_PROVINCES_IN_WORDS = (
    "北京 天津 河北 山西 内蒙古 辽宁 吉林 黑龙江 上海 江苏 浙江 安徽 福建 江西 山东 河南 湖北 湖南 广东 "
    "广西 海南 重庆 四川 贵州 云南 西藏 陕西 甘肃 青海 宁夏 新疆"
)
_PROVINCE_NAMES: Final = tuple(_PROVINCES_IN_WORDS.split())
# a house: `12号`, `3幢`, `2单元`, `501室`; a way: `文三路`, `延安街`, `小河巷`; an area: `清波街道`, `双桥村`
_HOUSE: Final = re.compile(r"[0-9０-９一二三四五六七八九十]+(?:号|幢|栋|单元|室|弄|组|楼|座|层|-[0-9])")
_WAY: Final = re.compile(f"[{HAN}]{{1,8}}(?:路|街|巷|弄|大道|胡同|里|坊|苑|园|小区|新村|公寓|花园|家园|大厦|广场)")
_AREA: Final = re.compile(f"[{HAN}]{{1,8}}(?:省|市|区|县|旗|街道|镇|乡|社区|村)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Names and codes of the divisions of the city that the gateway serves."""

    codes: frozenset[str]
    names: frozenset[str]  # of provinces, prefectures, counties and streets

    @classmethod
    def of(cls, text: str) -> "Places":
        """Of a bundle's regions.csv; villages and communities by code only, their names are common words."""
        listed = [(row.get("code") or "", row.get("name") or "") for row in csv.DictReader(io.StringIO(text))]
        return cls(
            codes=frozenset(code for code, _ in listed),
            names=frozenset(name for code, name in listed if len(code) <= 9 and len(name) >= 2),
        )

    def is_address(self, text: str) -> bool:
        """Whether it looks like an address: a known place, an area, a way, a house number; at least two of them."""
        if not 5 <= len(text) <= 120:
            return False
        known = any(name in text for name in _PROVINCE_NAMES) or self._begins_with_a_place(text)
        return known + bool(_AREA.search(text)) + bool(_WAY.search(text)) + bool(_HOUSE.search(text)) >= 2

    def level_of(self, text: str) -> int | None:
        """Digits of the division that a code stands for (6, 9 or 12); None where it can't be one.

        A county's six digits look like any other six: they count only where the code is known, or ends a common way.
        """
        if not (text.isascii() and text.isdigit() and text[:2] in _PROVINCES) or len(text) not in {6, 9, 12}:
            return None
        if text in self.codes:
            return len(text)
        if len(text) == 12:
            return 12 if text[6:9] != "000" else None
        return 9 if len(text) == 9 and text[6:9] != "000" else None

    def is_known(self, text: str) -> bool:
        """Whether the code is one of the catalogue's."""
        return text in self.codes

    def _begins_with_a_place(self, text: str) -> bool:
        return any(text[start:end] in self.names for start in range(7) for end in range(start + 2, start + 9))
