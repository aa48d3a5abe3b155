"""One value -> which kinds of content it could be. Pure; says nothing about a column and keeps nothing."""

import re
from collections.abc import Callable, Mapping
from datetime import date
from types import MappingProxyType
from typing import Final

import numpy as np

from gateway.administration.discovery.labelling.places import Places
from gateway.administration.discovery.labelling.surnames import is_name
from gateway.catalog.identifiers import is_gb11643, is_gb32100
from gateway.masks import HAN, luhn_check, mask_plate

_ID_18: Final = re.compile(r"[1-9][0-9]{16}[0-9Xx]")
_ID_15: Final = re.compile(r"[1-9][0-9]{14}")
_USCC_SHAPE: Final = re.compile(r"[0-9A-HJ-NP-RTUW-Y]{2}[0-9]{6}[0-9A-HJ-NP-RTUW-Y]{10}")
_MOBILE: Final = re.compile(r"(?:\+?86[- ]?)?1[3-9][0-9]{9}")
_LANDLINE: Final = re.compile(
    r"(?:0[0-9]{2,3}[- ]?)?[2-9][0-9]{6,7}(?:[-转][0-9]{1,5})?|\(0[0-9]{2,3}\)[2-9][0-9]{6,7}"
)
_WITH_AREA: Final = re.compile(
    r"\(?0[0-9]{2,3}\)?[- ]?[2-9][0-9]{6,7}(?:[-转][0-9]{1,5})?|400[- ]?[0-9]{3}[- ]?[0-9]{4}"
)
_CARD: Final = re.compile(r"(?:62[0-9]{14,17}|[45][0-9]{15}|9[0-9]{15,18}|60[0-9]{14,17})")
_PASSPORT: Final = re.compile(r"[DEGHPS][0-9]{8}|E[A-HJ-NP-Z][0-9]{7}|1[45][0-9]{7}", re.IGNORECASE)
_EMAIL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._%+-]{0,63}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}")
_DAY: Final = re.compile(
    r"(1[89][0-9]{2}|20[0-9]{2})[-/.年]?(0?[1-9]|1[0-2])[-/.月]?(0?[1-9]|[12][0-9]|3[01])日?(?:[ T]0{1,2}:00(?::00)?)?"
)
_MONTH: Final = re.compile(r"(?:19|20)[0-9]{2}[-/.年]?(?:0[1-9]|1[0-2])月?")
_ORGANISATION: Final = re.compile(
    f"[{HAN}A-Za-z0-9（）()·&]{{2,60}}(?:公司|集团|合作社|事务所|厂|店|行|超市|酒店|饭店|餐厅|医院|卫生院|卫生服务中心|卫生服务站|"
    "诊所|学校|中学|小学|大学|学院|幼儿园|委员会|居委会|村委会|协会|基金会|中心|研究院|研究所|经营部|商行|工作室|门市部|"
    "银行|支行|分行|局|院|馆|站|社|所)"
)
_ETHNIC_GROUPS = (
    "汉 蒙古 回 藏 维吾尔 苗 彝 壮 布依 朝鲜 满 侗 瑶 白 土家 哈尼 哈萨克 傣 黎 傈僳 佤 畲 高山 拉祜 水 "
    "东乡 纳西 景颇 柯尔克孜 土 达斡尔 仫佬 羌 布朗 撒拉 毛南 仡佬 锡伯 阿昌 普米 塔吉克 怒 乌孜别克 "
    "俄罗斯 鄂温克 德昂 保安 裕固 京 塔塔尔 独龙 鄂伦春 赫哲 门巴 珞巴 基诺"
)
_ETHNIC: Final = frozenset(_ETHNIC_GROUPS.split())
_SEX_WORDS: Final = frozenset({"男", "女", "男性", "女性", "未知", "未说明", "M", "F", "male", "female"})
_SEX_CODES: Final = frozenset({"0", "1", "2", "9"})
_AMOUNT: Final = re.compile(r"-?[0-9]{1,12}\.[0-9]{2}")
_OPAQUE: Final = re.compile(r"(?:[0-9a-fA-F]{32,128}|[A-Za-z0-9+/_-]{40,}={0,2})")
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_SENTENCE: Final = re.compile(r"[，。；！？、]|\. ")
_ID_INSIDE: Final = re.compile(r"(?<![0-9A-Za-z])[1-9][0-9]{16}[0-9Xx](?![0-9A-Za-z])")
_MOBILE_INSIDE: Final = re.compile(r"(?<![0-9A-Za-z.])1[3-9][0-9]{9}(?![0-9A-Za-z])")
_LONGEST: Final = 400


def _is_id_18(text: str) -> bool:
    return is_gb11643(text.upper())


def _is_id_15(text: str) -> bool:
    """The form of before 1999, without a check digit: a province, then a day that exists."""
    if _ID_15.fullmatch(text) is None or not "11" <= text[:2] <= "82":
        return False
    try:
        date(1900 + int(text[6:8]), int(text[8:10]), int(text[10:12]))
    except ValueError:
        return False
    return True


def _passes_luhn(text: str) -> bool:
    digits = np.frombuffer(text.encode(), np.uint8) - ord("0")
    return int(luhn_check(digits[None, :-1])[0]) == int(text[-1])


def _is_card(text: str) -> bool:
    plain = text.replace(" ", "")
    return _CARD.fullmatch(plain) is not None and _passes_luhn(plain)


def _has_persons_inside(text: str) -> bool:
    """Whether a longer text names somebody by number: an ID number with its check, or a mobile."""
    if len(text) < 20:
        return False
    return any(_is_id_18(found[0]) for found in _ID_INSIDE.finditer(text)) or bool(_MOBILE_INSIDE.search(text))


def _is_day(text: str) -> bool:
    found = _DAY.fullmatch(text)
    if found is None:
        return False
    try:
        date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        return False
    return True


def _is_ethnic(text: str) -> bool:
    return text in _ETHNIC or (text.endswith("族") and text[:-1] in _ETHNIC)


def _is_han(text: str) -> bool:
    return any("\u3400" <= sign <= "\u9fff" for sign in text)


def _full(pattern: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda text: pattern.fullmatch(text) is not None


DETECTORS: Final[Mapping[str, Callable[[str], bool]]] = MappingProxyType(
    {
        "id_18": _is_id_18,
        "id_18_shape": _full(_ID_18),
        "id_15": _is_id_15,
        "uscc": is_gb32100,
        "uscc_shape": _full(_USCC_SHAPE),
        "mobile": _full(_MOBILE),
        "landline": _full(_LANDLINE),
        "landline_with_area": _full(_WITH_AREA),
        "card": _is_card,
        "card_shape": lambda text: _CARD.fullmatch(text.replace(" ", "")) is not None,
        "plate": lambda text: mask_plate(text) is not None,
        "passport": _full(_PASSPORT),
        "email": _full(_EMAIL),
        "name": is_name,
        "three": lambda text: len(text) == 3,
        "day": _is_day,
        "month": _full(_MONTH),
        "organisation": _full(_ORGANISATION),
        "ethnicity": _is_ethnic,
        "sex_word": _SEX_WORDS.__contains__,
        "sex_code": _SEX_CODES.__contains__,
        "amount": _full(_AMOUNT),
        "opaque": _full(_OPAQUE),
        "uuid": _full(_UUID),
        "hidden": lambda text: "***" in text or "****" in text,
        "sentence": lambda text: len(text) >= 12 and _SENTENCE.search(text) is not None,
        "persons_inside": _has_persons_inside,
        "han": _is_han,
        "digits": lambda text: text.isascii() and text.isdigit(),
        "short_code": lambda text: len(text) <= 4 and text.isascii() and text.isalnum(),
    }
)
"""By the name that statistics keep; each asks about one trimmed text."""


_IN_WORDS: Final = frozenset(
    ("plate", "name", "three", "day", "month", "organisation", "ethnicity", "sex_word", "hidden", "sentence")
)
_WORDS_ONLY: Final = frozenset(("plate", "name", "organisation", "ethnicity", "sex_word", "sentence", "hidden"))
_OF_HAN: Final = tuple(
    (name, fits) for name, fits in DETECTORS.items() if name in _IN_WORDS | {"persons_inside", "han", "landline"}
)
_OF_NUMBERS: Final = tuple(
    (name, fits) for name, fits in DETECTORS.items() if name not in _WORDS_ONLY | {"han", "email", "uuid", "amount"}
)
_OF_OTHERS: Final = tuple(DETECTORS.items())


def kinds_of(text: str, places: Places) -> frozenset[str]:
    """Every kind that a value could be. What can't be by its letters isn't asked (a test holds that)."""
    trimmed = text.strip()[:_LONGEST]
    is_number = trimmed.isascii() and trimmed.isdigit()
    has_han = not is_number and _is_han(trimmed)
    asked = _OF_NUMBERS if is_number else _OF_HAN if has_han else _OF_OTHERS
    found = {name for name, fits in asked if fits(trimmed)}
    is_organisation = "organisation" in found and not any(sign.isdigit() for sign in trimmed)
    if not is_organisation and places.is_address(trimmed):
        found.add("address")
    level = places.level_of(trimmed)
    if level is not None:
        found.add(f"region_{level}")
        if places.is_known(trimmed):
            found.add("region_known")
    return frozenset(found)
