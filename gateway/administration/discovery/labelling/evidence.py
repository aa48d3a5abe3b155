"""What speaks for a term: from a column's name, its comment, or its content. Pure; the weights stand here.

A weight is the chance that the evidence alone is right, 0 to 1. docs/discover.md tells them to people.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from gateway.administration.discovery.labelling.elements import ELEMENTS
from gateway.administration.discovery.labelling.readings import Reading
from gateway.administration.discovery.labelling.statistics import Statistics
from gateway.errors import Words

NO_TERM: Final = "-"
_BY_OWNER: Final = {
    ("%name", "organisation"): "org.name",
    ("%name", "person"): "person.name",
    ("%phone", "organisation"): "org.phone",
    ("%phone", "person"): "person.phone",
    ("%phone", ""): "person.phone",
    ("%phone", "thing"): "org.phone",
    ("%address", "organisation"): "org.address",
    ("%address", "person"): "person.address",
    ("%address", ""): "person.address",
    ("%address", "thing"): "org.address",
}
_OF_TABLE: Final = 0.75  # what only the table tells about whose it is
_UNCLEAR: Final = 0.7  # whose it is, isn't told at all
_ORGANISATIONS_OWN: Final = {
    "person.phone": "org.phone",
    "person.address": "org.address",
    "person.email": "person.email",
}


class Origin(StrEnum):
    """Where evidence comes from; each speaks once for a term."""

    NAME = "name"
    COMMENT = "comment"
    CONTENT = "content"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One reason for a term, or for there being none (`-`). `is_checked`: check digits speak, not looks."""

    origin: Origin
    term: str
    weight: float
    reason: Words
    is_checked: bool = False


def of_readings(readings: Sequence[Reading], origin: Origin, table_whose: str) -> Iterator[Evidence]:
    """What a name or comment says; `table_whose` helps where it doesn't tell whose it is."""
    told = ("name", "列名") if origin is Origin.NAME else ("comment", "注释")
    for reading in readings:
        term, factor = _term(reading, table_whose)
        reason = (f"{told[0]} reads {reading.phrase.words}", f"{told[1]}读作“{reading.phrase.words}”")
        yield Evidence(origin=origin, term=term, weight=round(reading.strength * factor, 3), reason=reason)


def _term(reading: Reading, table_whose: str) -> tuple[str, float]:
    fact, whose = reading.phrase.fact, reading.whose
    if not fact.startswith("%"):
        if whose == "organisation" and fact in _ORGANISATIONS_OWN:
            return _ORGANISATIONS_OWN[fact], 1.0
        return fact, 1.0
    if whose:
        return _BY_OWNER.get((fact, whose), NO_TERM), 1.0
    if table_whose:
        return _BY_OWNER[fact, table_whose], _OF_TABLE
    return _BY_OWNER.get((fact, ""), NO_TERM), _UNCLEAR


# ---------------------------------------------------------------------- content
_FEW: Final = 5
"""Fewer filled cells than these prove nothing by themselves."""

# (term, kinds any of which counts, least share, weight, checked by digits, what it is called)
_KINDS: Final = (
    ("person.id_number", ("id_18",), 0.2, 0.98, True, ("pass the GB 11643 check", "通过 GB 11643 校验")),
    ("person.id_number", ("id_15",), 0.9, 0.6, False, ("have the old 15-digit form", "符合 15 位旧身份证形式")),
    ("org.uscc", ("uscc",), 0.3, 0.97, True, ("pass the GB 32100 check", "通过 GB 32100 校验")),
    (
        "person.bank_card",
        ("card",),
        0.85,
        0.9,
        True,
        ("are card numbers that pass Luhn's check", "通过银行卡 Luhn 校验"),
    ),
    ("person.phone", ("mobile", "landline_with_area"), 0.6, 0.9, False, ("are telephone numbers", "为电话号码")),
    ("vehicle.plate", ("plate",), 0.6, 0.95, False, ("are number plates", "为车辆号牌")),
    ("person.email", ("email",), 0.6, 0.96, False, ("are e-mail addresses", "为电子邮箱")),
    ("person.passport", ("passport",), 0.8, 0.7, False, ("have a passport's form", "符合护照号形式")),
    ("person.address", ("address",), 0.6, 0.82, False, ("are addresses", "为地址")),
    ("org.name", ("organisation",), 0.6, 0.8, False, ("end as names of organisations do", "为单位名称形式")),
    ("person.ethnicity", ("ethnicity",), 0.8, 0.95, False, ("are ethnic groups", "为民族名称")),
    ("person.sex", ("sex_word",), 0.9, 0.93, False, ("say a sex", "为性别")),
    ("region.community", ("region_12",), 0.8, 0.85, False, ("are 12-digit division codes", "为 12 位区划代码")),
    ("region.street", ("region_9",), 0.8, 0.8, False, ("are 9-digit division codes", "为 9 位区划代码")),
    ("region.county", ("region_6",), 0.8, 0.8, False, ("are division codes of this city", "为本市区划代码")),
)
_NAMES_LEAST: Final = 0.8
_NAMES_OF_THREE: Final = 0.25
_NAMES_DIFFER: Final = 0.4
_NAMES_WEIGHT: Final = 0.72
_BIRTHS_WEIGHT: Final = 0.4


def of_content(statistics: Statistics) -> Iterator[Evidence]:
    """What the sampled cells say by themselves."""
    for term, kinds, least, weight, is_checked, told in _KINDS:
        share = statistics.share(*kinds)
        if share < least or not _is_enough(statistics, term):
            continue
        part = f"{share:.0%}"
        reason = (
            f"content: {part} of {statistics.filled} {told[0]}",
            f"内容：{statistics.filled} 个值中 {part} {told[1]}",
        )
        yield Evidence(
            origin=Origin.CONTENT,
            term=term,
            weight=round(weight * _doubt(statistics.filled) * (0.85 + 0.15 * share), 3),
            reason=reason,
            is_checked=is_checked,
        )
    share = statistics.share("name")
    if (
        share >= _NAMES_LEAST
        and statistics.share("three") >= _NAMES_OF_THREE
        and statistics.varies >= _NAMES_DIFFER
        and statistics.distinct >= _FEW
        and statistics.share("organisation") < 0.2
    ):
        yield Evidence(
            origin=Origin.CONTENT,
            term="person.name",
            weight=round(_NAMES_WEIGHT * _doubt(statistics.filled), 3),
            reason=(f"content: {share:.0%} begin with a surname", f"内容：{share:.0%} 以姓氏开头"),
        )
    if statistics.birth_like and statistics.share("day", "month") >= 0.8:
        yield Evidence(
            origin=Origin.CONTENT,
            term="person.birth_date",
            weight=_BIRTHS_WEIGHT,
            reason=(f"content: days over {statistics.years} years", f"内容：日期跨度 {statistics.years} 年"),
        )


def _is_enough(statistics: Statistics, term: str) -> bool:
    """Numbers that tell people apart differ; words of a closed list don't need to."""
    if term in {"person.sex", "person.ethnicity", "org.name", "region.community", "region.street", "region.county"}:
        return statistics.filled >= _FEW or term == "person.sex"
    return statistics.distinct >= min(_FEW, 3)


def _doubt(filled: int) -> float:
    return 1.0 if filled >= 20 else 0.93 if filled >= _FEW else 0.8


# ---------------------------------------------------------------------- does the content fit?
_EXPECTED: Final = {
    "id_number": ("id_18", "id_15", "id_18_shape", "passport", "hidden"),
    "uscc": ("uscc", "uscc_shape", "hidden"),
    "phone": ("mobile", "landline", "landline_with_area", "hidden"),
    "bank_card": ("card", "card_shape", "hidden", "digits"),
    "plate": ("plate", "hidden"),
    "email": ("email", "hidden"),
    "passport": ("passport", "hidden"),
    "ethnicity": ("ethnicity", "short_code"),
    "sex": ("sex_word", "sex_code", "short_code"),
    "name": ("name", "han", "hidden"),
    "address": ("address", "han"),
    "organisation": ("organisation", "han"),
    "region": ("region_6", "region_9", "region_12", "digits"),
}
_DAYS: Final = ("day", "month", "digits")


def fits_content(term: str, statistics: Statistics) -> float | None:
    """Share of the cells that a column of this term could hold; None where that can't be told."""
    if statistics.filled < _FEW or term not in ELEMENTS:
        return None
    if statistics.share("opaque", "uuid") > 0.5:
        return None  # hashed or encrypted: what it was, nobody sees
    family = ELEMENTS[term].family
    if family == "day":
        return statistics.share(*_DAYS)
    expected = _EXPECTED.get(family)
    if expected is None:
        return None
    return min(1.0, statistics.share(*expected))
