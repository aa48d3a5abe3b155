"""A person's name -> its surname and stars. Always three characters, so that the length of a name isn't told."""

import re
from collections.abc import Sequence
from typing import Final

from gateway.masks._formula import whole_lines

HAN: Final = "\u3007\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U000323af"
"""Unified ideographs, without the compatibility forms; for use inside a character class."""

_PAIRS: Final = (
    "欧阳太史端木上官司马东方独孤南宫万俟闻人夏侯诸葛尉迟公羊赫连澹台皇甫宗政濮阳公冶太叔申屠公孙"
    "慕容仲孙钟离长孙宇文司徒鲜于司空闾丘子车亓官司寇巫马公西颛孙壤驷公良漆雕乐正宰父谷梁拓跋夹谷"
    "轩辕令狐段干百里呼延东郭南门羊舌微生公户公玉梁丘左丘东门西门第五贺兰綦毋屈突纳兰完颜叶赫那拉"
    "歐陽東方獨孤南宮聞人諸葛尉遲赫連澹臺濮陽公孫仲孫鍾離長孫鮮于司馬軒轅東郭南門東門西門賀蘭納蘭"
    "完顏"
)
COMPOUND_SURNAMES: Final = frozenset(_PAIRS[at : at + 2] for at in range(0, len(_PAIRS), 2))
"""Surnames of two characters that are in use, in both scripts."""

_CHINESE_NAME: Final = f"[{HAN}]{{2,4}}"
_CHINESE: Final = re.compile(_CHINESE_NAME)
_are_chinese: Final = whole_lines(_CHINESE_NAME)
_WITH_DOTS: Final = re.compile(f"[{HAN}]{{1,12}}(?:·[{HAN}]{{1,12}}){{1,4}}")  # the interpunct U+00B7
_LETTER: Final = "A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f"
_LATIN: Final = re.compile(f"[{_LETTER}]+(?:[ '.-]{{1,2}}[{_LETTER}]+)*\\.?")


def mask_name(text: str) -> str | None:
    """`张**`, `欧阳*`, `阿**` (names with an interpunct), `J**` (Latin letters); None: no name in one of these shapes.

    Shows the surname; of a name that isn't written surname first, its first character only.
    """
    if _CHINESE.fullmatch(text):
        return _surname(text)
    if _WITH_DOTS.fullmatch(text) or (len(text) > 1 and _LATIN.fullmatch(text)):
        return f"{text[0]}**"
    return None


def mask_names(texts: Sequence[str]) -> list[str] | None:
    """`mask_name` of each, where all are Chinese names without an interpunct; else None."""
    if not _are_chinese(texts):
        return None
    # as `_surname`, without a call for each
    return [f"{text[0]}**" if len(text) == 2 or text[:2] not in COMPOUND_SURNAMES else f"{text[:2]}*" for text in texts]


def _surname(text: str) -> str:
    return f"{text[:2]}*" if text[:2] in COMPOUND_SURNAMES and len(text) > 2 else f"{text[0]}**"
