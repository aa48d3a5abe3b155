"""A column's name or comment -> the phrases that it may be, each with how likely. Pure; knows nothing of content."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from gateway.administration.discovery.labelling.lexicon import Lexicon, Phrase, lexicon

_LONGEST: Final = 200
_HAN: Final = re.compile(r"[\u3400-\u9fff]")
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_PARTS: Final = re.compile(r"[A-Za-z]+|[0-9]+")
_PREFIXES = "f c s n d v str fld col field vc chr num dt fd zd tb t m txt lb xx"
_TYPE_PREFIXES: Final = frozenset(_PREFIXES.split())
_CLAUSE: Final = re.compile(r"[（(：:，,；;。.\s/|=【\[、—-]")
_LEAD: Final = re.compile(
    r"^(?:[\s\[【（(]*(?:必填|选填|可选|外键|主键|冗余|加密|脱敏|关联)[\]】）)]*|[A-Za-z]{0,4}[0-9]{2,}[-_.、]|[0-9]{1,3}[.、)]|[\[【*#\s]+)+"
)
_TAIL: Final = re.compile(r"(?:信息|内容|密文|明文|加密|脱敏|原值|字段|[0-9一二三]|\*)+$")
_SAME: Final = {
    "no": "number", "num": "number", "nbr": "number", "numb": "number", "addr": "address", "adr": "address",
    "address1": "address", "nm": "name", "cd": "code", "dt": "date", "amt": "amount", "ident": "identity",
    "organisation": "org", "organization": "org", "enterprise": "ent", "corporation": "corp", "certificates": "cert",
    "certificate": "cert", "certif": "cert", "certi": "cert", "crdt": "credit", "idcards": "idcard", "tele": "tel",
    "mobilephone": "mobile", "cellphone": "mobile", "birthdate": "birth", "birthday": "birth", "dept": "department",
}  # fmt: skip
_TAILS = "cn en zh one two first second new old cipher enc encrypted plain mask masked str text value val info"
_TAIL_WORDS: Final = frozenset(_TAILS.split())
_MODES: Final = 0.92  # of a whole match in Chinese
NOTHING: Final = "-"  # the fact of phrases that have no term


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One way to take a name. `whose`: person, organisation, thing or "" where it doesn't tell."""

    phrase: Phrase
    whose: str
    strength: float  # 0 to 1


def read_name(name: str) -> tuple[Reading, ...]:
    """Of a column: by Chinese, English and pinyin; several where it is ambiguous, their strengths shared out."""
    if _HAN.search(name):
        return read_chinese(re.sub(r"[\s_]+", "", name))
    tokens = _tokens(name[:_LONGEST])
    if not tokens:
        return ()
    english = _read_english(tokens)
    spoken = _read_pinyin(tokens)
    if english and max(reading.strength for reading in english) >= max((r.strength for r in spoken), default=0):
        return english
    return spoken or english


def read_comment(comment: str) -> tuple[Reading, ...]:
    """Of a column's or table's comment; its first clause says what it is, the rest explains."""
    text = _LEAD.sub("", comment.strip()[:_LONGEST])
    if not _HAN.search(text):
        return read_name(text) if len(text) <= 40 else ()
    clauses = [part for part in _CLAUSE.split(text) if _HAN.search(part)]
    return read_chinese(clauses[0]) if clauses else ()


@lru_cache(maxsize=4096)
def read_chinese(text: str) -> tuple[Reading, ...]:
    """Chinese puts the head last: the longest phrase that ends the text; before it may stand whose it is."""
    words = lexicon()
    text = _TAIL.sub("", text) or text
    for start in range(max(0, len(text) - words.longest_chinese), len(text)):
        found = words.chinese.get(text[start:], ())
        heads = tuple(phrase for phrase in found if not phrase.tells_whose)
        if not heads:
            continue
        before = text[:start]
        whose, is_understood = _whose_chinese(before, words)
        strength = _MODES if is_understood else 0.8 if len(text) - start > 2 else 0.65
        return tuple(Reading(phrase=phrase, whose=whose, strength=strength) for phrase in heads)
    return ()


def whose_is(texts: Iterable[str]) -> str:
    """Whom a table is about, by its name and comment: person, organisation or ""."""
    for text in texts:
        if _HAN.search(text):
            whose, _ = _whose_chinese(text[:60], lexicon())
        else:
            whose = _whose_english(_tokens(text[:_LONGEST]), lexicon())
        if whose in {"person", "organisation"}:
            return whose
    return ""


# ---------------------------------------------------------------------- Chinese
def _whose_chinese(before: str, words: Lexicon) -> tuple[str, bool]:
    """Whose it is by what stands before, and whether all of that is understood."""
    before = before.removesuffix("的").removesuffix("之")
    if not before:
        return "", True
    for start in range(len(before)):
        for phrase in words.chinese.get(before[start:], ()):
            if phrase.tells_whose:
                return phrase.fact[1:], True
    for length in range(min(len(before), words.longest_chinese), 1, -1):
        for start in range(len(before) - length, -1, -1):
            for phrase in words.chinese.get(before[start : start + length], ()):
                if phrase.tells_whose:
                    return phrase.fact[1:], False
    return "", False


# ---------------------------------------------------------------------- letters
def _tokens(name: str) -> tuple[str, ...]:
    """Lower-case words of a name; numbers and one-letter type prefixes are dropped."""
    plain = name if not name.isupper() else name.lower()
    found = [part.lower() for piece in _CAMEL.sub("_", plain).split("_") for part in _PARTS.findall(piece)]
    found = [part for part in found if not part.isdigit()]
    while len(found) > 1 and found[0] in _TYPE_PREFIXES:
        found = found[1:]
    return tuple(found)


def _read_english(tokens: Sequence[str]) -> tuple[Reading, ...]:
    words = lexicon()
    known = _segmented(tokens)
    while len(known) > 1 and known[-1] in _TAIL_WORDS:
        known = known[:-1]
    for start in range(len(known)):
        phrases = _of_english(known[start:], words)
        heads = [phrase for phrase in phrases if not phrase.tells_whose]
        if not heads:
            continue
        before = known[:start]
        whose = _whose_english(before, words)
        strength = 0.88 if not before or whose else 0.7 if len(known) - start > 1 else 0.55
        if before and not whose and any(phrase.fact == "%name" for phrase in heads):
            whose, strength = "thing", 0.4  # `file_name`: a name, but of nobody
        return _shared(heads, whose, strength)
    return ()


def _segmented(tokens: Sequence[str]) -> tuple[str, ...]:
    """Words that were written together are taken apart, where all of it is known: `legalpersonname`."""
    parts: list[str] = []
    for token in tokens:
        parts.extend((token,) if token in _vocabulary() else _apart(token) or (token,))
    return tuple(parts)


@lru_cache(maxsize=1)
def _vocabulary() -> frozenset[str]:
    return lexicon().words | _SAME.keys()


@lru_cache(maxsize=4096)
def _apart(token: str) -> tuple[str, ...]:
    """Fewest known words that make up a token; none where some of it is unknown."""
    best: list[tuple[str, ...] | None] = [()] + [None] * len(token)
    for end in range(1, len(token) + 1):
        for start in range(end - 2, -1, -1):
            before, word = best[start], token[start:end]
            if before is None or word not in _vocabulary():
                continue
            at_end = best[end]
            if at_end is None or len(before) + 1 < len(at_end):
                best[end] = (*before, word)
    found = best[len(token)]
    return found if found and (len(found) == 1 or min(map(len, found)) >= 2) and len(token) >= 4 else ()


def _of_english(tokens: tuple[str, ...], words: Lexicon) -> tuple[Phrase, ...]:
    """Phrases of a sequence, as written or with abbreviations spelled out."""
    return words.english.get(tokens, ()) or _plain_english().get(_plain(tokens), ())


def _plain(tokens: Iterable[str]) -> tuple[str, ...]:
    return tuple(_SAME.get(token, token) for token in tokens)


@lru_cache(maxsize=1)
def _plain_english() -> dict[tuple[str, ...], tuple[Phrase, ...]]:
    found: dict[tuple[str, ...], tuple[Phrase, ...]] = {}
    for tokens, phrases in lexicon().english.items():
        found[_plain(tokens)] = (*found.get(_plain(tokens), ()), *phrases)
    return found


def _whose_english(tokens: tuple[str, ...], words: Lexicon) -> str:
    """By the last words that tell; the nearest to the head decides."""
    for end in range(len(tokens), 0, -1):
        for start in range(max(0, end - 3), end):
            for phrase in _of_english(tokens[start:end], words):
                if phrase.tells_whose:
                    return phrase.fact[1:]
    return ""


def _read_pinyin(tokens: Sequence[str]) -> tuple[Reading, ...]:
    """The whole of the letters as one phrase, or as whose it is and a phrase."""
    words, letters = lexicon(), "".join(tokens)
    if not 2 <= len(letters) <= 60:
        return ()
    found = list(_whole(letters, words))
    if not found:
        found = [reading for cut in range(2, len(letters) - 1) for reading in _composed(letters, cut, words)]
    if not found and len(tokens) > 1:
        found = [
            Reading(phrase=reading.phrase, whose=reading.whose, strength=reading.strength * 0.75)
            for reading in _whole("".join(tokens[1:]), words)
        ]
    if any(reading.whose == "person" and reading.phrase.fact != NOTHING for reading in found):
        found = [reading for reading in found if reading.whose != "person" or reading.phrase.fact != NOTHING]
    total = sum(reading.phrase.weight for reading in found)
    best: dict[tuple[str, str], Reading] = {}
    for reading in found:
        key = (reading.phrase.fact, reading.whose)
        share = sum(other.phrase.weight for other in found if (other.phrase.fact, other.whose) == key) / total
        strength = max(other.strength for other in found if (other.phrase.fact, other.whose) == key)
        if key not in best or best[key].phrase.weight < reading.phrase.weight:
            best[key] = Reading(phrase=reading.phrase, whose=reading.whose, strength=strength * share)
    return tuple(best.values())


def _whole(letters: str, words: Lexicon) -> Iterator[Reading]:
    for spelled in words.pinyin.get(letters, ()):
        if not spelled.phrase.tells_whose:
            yield Reading(
                phrase=spelled.phrase, whose="", strength=_letters_tell(spelled.phrase.syllables, spelled.fullness)
            )


def _composed(letters: str, cut: int, words: Lexicon) -> Iterator[Reading]:
    for owner in words.pinyin.get(letters[:cut], ()):
        if not owner.phrase.tells_whose:
            continue
        for head in words.pinyin.get(letters[cut:], ()):
            if not head.phrase.tells_whose:
                syllables = owner.phrase.syllables + head.phrase.syllables
                fullness = (owner.fullness + head.fullness) / 2
                yield Reading(
                    phrase=head.phrase,
                    whose=owner.phrase.fact[1:],
                    strength=_letters_tell(syllables, fullness) * 0.92,
                )


def _letters_tell(syllables: int, fullness: float) -> float:
    """Two initials may mean much, four hardly anything else; what is written out is hardly mistaken."""
    short = {1: 0.2, 2: 0.62, 3: 0.74}.get(syllables, 0.84)
    return short + (0.9 - short) * fullness


def _shared(heads: Sequence[Phrase], whose: str, strength: float) -> tuple[Reading, ...]:
    facts = {phrase.fact: phrase for phrase in sorted(heads, key=lambda phrase: phrase.weight)}
    total = sum(phrase.weight for phrase in facts.values())
    return tuple(
        Reading(phrase=phrase, whose=whose, strength=strength * phrase.weight / total) for phrase in facts.values()
    )
