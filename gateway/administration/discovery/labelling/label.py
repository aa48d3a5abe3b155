"""Evidence -> what a column is proposed to be: term, class, confidence and the reasons. Pure.

confidence = 1 - product of (1 - weight) over what speaks for the term, one voice for each origin; then less for
content that doesn't fit, and for what speaks for something else. What it can't tell gets no term and is `internal`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from gateway.administration.discovery.labelling.elements import ELEMENTS
from gateway.administration.discovery.labelling.evidence import (
    NO_TERM,
    Evidence,
    Origin,
    fits_content,
    of_content,
    of_readings,
)
from gateway.administration.discovery.labelling.readings import read_comment, read_name, whose_is
from gateway.administration.discovery.labelling.statistics import UNSAMPLED, Statistics
from gateway.errors import Words
from gateway.model.catalog import Classification, FieldType

PROPOSED_FROM: Final = 0.5
"""The least confidence with which a term is proposed."""

SENSITIVE_FROM: Final = 0.35
"""The least confidence with which a sensitive term raises the class, be it proposed or not: classes err high."""

PUBLIC_FROM: Final = 0.8
"""The least confidence with which a term's class `public` is taken over; below it is `internal`."""

_FITS_FROM: Final = 0.1
_MISFIT: Final = 0.3  # what remains of words whose content is something else
_PARTLY: Final = 0.8  # of words whose content fits only in part
_OPPOSED: Final = 0.5  # how much of the strongest other voice counts against
_WRONG_TYPE: Final = 0.2


class Notice(StrEnum):
    """What somebody should look at, whatever the term is."""

    FREE_TEXT = "free-text"  # may name persons
    PERSONS_INSIDE = "persons-inside"  # texts hold ID numbers or mobiles
    OPAQUE = "opaque"  # hashed or encrypted
    MASKED = "masked"  # the source hides parts already
    BINARY = "structured"  # JSON and lists: may hold anything
    CONFLICT = "conflict"  # the evidence disagrees


NOTICES: Final[dict[Notice, Words]] = {
    Notice.FREE_TEXT: ("free text: may name persons", "自由文本，可能含个人信息"),
    Notice.PERSONS_INSIDE: ("texts hold ID or phone numbers", "文本中含身份号码或手机号"),
    Notice.OPAQUE: ("hashed or encrypted", "内容为散列或密文"),
    Notice.MASKED: ("hidden in part at the source", "来源已部分遮盖"),
    Notice.BINARY: ("structured: may hold anything", "结构化内容，可能含任何信息"),
    Notice.CONFLICT: ("the evidence disagrees", "证据互相矛盾"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnFacts:
    """What is known of one column."""

    name: str
    type: FieldType
    comment: str = ""
    statistics: Statistics = UNSAMPLED


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What a column is proposed to be. `term` None: not told; `likely` then may say what it could be."""

    term: str | None
    classification: Classification
    confidence: float
    reasons: tuple[Words, ...]
    notices: tuple[Notice, ...] = ()
    likely: str | None = None
    is_checked: bool = False  # check digits spoke for the term


def label_table(table: str, comment: str, columns: Sequence[ColumnFacts]) -> tuple[Proposal, ...]:
    """A proposal for each column; whom the table is about is told by its name, comment and other columns."""
    whose = whose_is((comment, table)) or _whose_by_columns(columns)
    return tuple(label_column(column, whose) for column in columns)


def label_column(column: ColumnFacts, table_whose: str = "") -> Proposal:
    """The proposal for one column."""
    voices = _voices(column, table_whose)
    confidences = {term: _confidence(term, voices, column) for term in {voice.term for voice in voices}}
    terms = sorted((term for term in confidences if term != NO_TERM), key=lambda term: (-confidences[term], term))
    best = terms[0] if terms else None
    notices = set(_notices(column))
    if best is not None and ELEMENTS[best].family in {"phone", "id_number"}:
        notices.discard(Notice.PERSONS_INSIDE)  # that is what the column is for
    if best is None:
        return _unknown(None, voices, notices, confidences)
    against = max((value for term, value in confidences.items() if _disagree(best, term)), default=0.0)
    confidence = confidences[best] * (1 - _OPPOSED * against)
    if (against >= PROPOSED_FROM and confidences[best] >= SENSITIVE_FROM) or _is_disputed(best, voices, column):
        notices.add(Notice.CONFLICT)
    if confidence < PROPOSED_FROM:
        return _unknown(best, voices, notices, confidences)
    chosen = tuple(voice for voice in voices if not _disagree(best, voice.term) or voice.weight >= PROPOSED_FROM)
    return Proposal(
        term=best,
        classification=_class(best, confidence, confidences, notices),
        confidence=round(confidence, 2),
        reasons=tuple(dict.fromkeys(voice.reason for voice in sorted(chosen, key=lambda voice: -voice.weight))),
        notices=tuple(sorted(notices)),
        is_checked=any(voice.is_checked and voice.term == best for voice in voices),
    )


def _voices(column: ColumnFacts, table_whose: str) -> tuple[Evidence, ...]:
    """The strongest of each origin for each term; content takes its term from words of the same family."""
    by_name = tuple(of_readings(read_name(column.name), Origin.NAME, table_whose))
    by_comment = tuple(of_readings(read_comment(column.comment), Origin.COMMENT, table_whose)) if column.comment else ()
    if any(voice.weight >= 0.6 for voice in by_comment):  # people wrote it to explain the name
        by_name = tuple(_agreeing(voice, by_comment) for voice in by_name)
    words = (*by_name, *by_comment)
    content = tuple(_as_called(voice, words, table_whose) for voice in of_content(column.statistics))
    best: dict[tuple[Origin, str], Evidence] = {}
    for voice in (*words, *content):
        known = best.get((voice.origin, voice.term))
        if known is None or known.weight < voice.weight:
            best[voice.origin, voice.term] = voice
    return tuple(best.values())


def _agreeing(voice: Evidence, comments: Sequence[Evidence]) -> Evidence:
    """A name's reading that the comment doesn't share counts half."""
    if any(not _disagree(voice.term, other.term) for other in comments):
        return voice
    return Evidence(origin=voice.origin, term=voice.term, weight=round(voice.weight / 2, 3), reason=voice.reason)


def _as_called(voice: Evidence, words: Sequence[Evidence], table_whose: str) -> Evidence:
    """Content tells the kind; whose it is, the words tell, else the table."""
    family = ELEMENTS[voice.term].family
    same = [word for word in words if word.term in ELEMENTS and ELEMENTS[word.term].family == family]
    term = max(same, key=lambda word: word.weight).term if same else voice.term
    if not same and table_whose == "organisation" and not voice.is_checked:
        term = {"person.phone": "org.phone", "person.address": "org.address"}.get(term, term)
    return Evidence(
        origin=voice.origin, term=term, weight=voice.weight, reason=voice.reason, is_checked=voice.is_checked
    )


def _confidence(term: str, voices: Sequence[Evidence], column: ColumnFacts) -> float:
    doubt, fit = 1.0, fits_content(term, column.statistics)
    for voice in voices:
        if voice.term != term:
            continue
        weight = voice.weight
        if voice.origin is not Origin.CONTENT and fit is not None:
            weight *= _MISFIT if fit < _FITS_FROM else _PARTLY if fit < 0.5 else 1.0
        doubt *= 1 - weight
    if term in ELEMENTS and column.type not in ELEMENTS[term].types:
        return (1 - doubt) * _WRONG_TYPE
    return 1 - doubt


def _is_disputed(best: str, voices: Sequence[Evidence], column: ColumnFacts) -> bool:
    """Whether words and content say different things, however the one was outvoted by the other."""
    words = [voice for voice in voices if voice.origin is not Origin.CONTENT and voice.weight >= PROPOSED_FROM]
    if any(voice.origin is Origin.CONTENT and voice.term == best for voice in voices):
        return any(_disagree(best, word.term) for word in words)
    fit = fits_content(best, column.statistics)
    return fit is not None and fit < _FITS_FROM and any(word.term == best for word in words)


def _disagree(one: str, other: str) -> bool:
    """Whether two terms can't both be: of one family they differ only in whose it is."""
    if one == other:
        return False
    if NO_TERM in {one, other}:
        return True
    return ELEMENTS[one].family != ELEMENTS[other].family


def _class(term: str, confidence: float, confidences: dict[str, float], notices: set[Notice]) -> Classification:
    own = ELEMENTS[term].classification
    if own is Classification.PUBLIC and confidence < PUBLIC_FROM:
        own = Classification.INTERNAL
    return _raised(own, {term: value for term, value in confidences.items() if term != NO_TERM}, notices)


def _raised(own: Classification, confidences: dict[str, float], notices: set[Notice]) -> Classification:
    is_sensitive = Notice.PERSONS_INSIDE in notices or any(
        value >= SENSITIVE_FROM and ELEMENTS[term].classification is Classification.SENSITIVE
        for term, value in confidences.items()
    )
    return Classification.SENSITIVE if is_sensitive else own


def _unknown(
    likely: str | None,
    voices: Sequence[Evidence],
    notices: set[Notice],
    confidences: dict[str, float],
) -> Proposal:
    kept = {term: value for term, value in confidences.items() if term != NO_TERM}
    value = kept.get(likely, 0.0) if likely is not None else 0.0
    shown = likely if value >= 0.25 else None
    said = [voice for voice in voices if voice.term in {shown, NO_TERM}]
    return Proposal(
        term=None,
        classification=_raised(Classification.INTERNAL, kept, notices),
        confidence=round(confidences.get(NO_TERM, 0.0), 2),
        reasons=tuple(dict.fromkeys(voice.reason for voice in sorted(said, key=lambda voice: -voice.weight))),
        notices=tuple(sorted(notices)),
        likely=shown,
    )


def _notices(column: ColumnFacts) -> Sequence[Notice]:
    found, content = [], column.statistics
    if content.share("persons_inside") > 0:
        found.append(Notice.PERSONS_INSIDE)
    if content.filled and content.share("opaque") > 0.5:
        found.append(Notice.OPAQUE)
    if content.share("hidden") > 0.5:
        found.append(Notice.MASKED)
    if not column.type.is_scalar and (column.type is FieldType.JSON or column.type is FieldType.TEXT_ARRAY):
        found.append(Notice.BINARY)
    is_long = content.share("sentence") > 0.2 and content.mean_length >= 15
    if column.type is FieldType.TEXT and (is_long or _is_called_free_text(column)):
        found.append(Notice.FREE_TEXT)
    return found


def _is_called_free_text(column: ColumnFacts) -> bool:
    readings = (*read_name(column.name), *(read_comment(column.comment) if column.comment else ()))
    free = {"备注", "说明", "描述", "内容", "意见", "原因"}
    return any(reading.phrase.words in free and reading.strength >= 0.5 for reading in readings)


def _whose_by_columns(columns: Sequence[ColumnFacts]) -> str:
    """A table with an ID number is about persons, one with a credit code and no ID number about organisations."""
    facts = set()
    for column in columns:
        for reading in (*read_name(column.name), *(read_comment(column.comment) if column.comment else ())):
            if reading.strength >= 0.6 and not reading.whose:
                facts.add(reading.phrase.fact)
        if column.statistics.share("id_18") >= 0.5:
            facts.add("person.id_number")
        if column.statistics.share("uscc") >= 0.5:
            facts.add("org.uscc")
    if "org.uscc" in facts and "person.id_number" not in facts:
        return "organisation"
    if "person.id_number" in facts and "org.uscc" not in facts:
        return "person"
    return "person" if facts & {"person.sex", "person.birth_date", "person.ethnicity"} else ""
