"""phrases.csv -> each way a phrase is written as a column name: Chinese, English, pinyin in full, short or mixed.

`SFZH`, `shenfenzheng_hao`, `sfz_hao` and `身份证号` are one phrase; the initials and the pinyin are computed.
"""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from itertools import product
from types import MappingProxyType

from pypinyin import lazy_pinyin

_FILE = "phrases.csv"
_MOST_MIXED = 6  # syllables up to which each may be short or full by itself
_OFTEN_WRITTEN_OTHERWISE = {"lv": "lu", "nv": "nu"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrase:
    """What a column may be called, and what it then holds.

    fact: a term, `-` (a fact without a term), `@person`, `@organisation`, `@thing` (whose it is), or `%name` and the
    like, whose term depends on whose it is.
    """

    words: str
    fact: str
    weight: float
    syllables: int

    @property
    def tells_whose(self) -> bool:
        """Whether it stands before another phrase."""
        return self.fact.startswith("@")


@dataclass(frozen=True, slots=True, kw_only=True)
class Spelled:
    """A phrase as some letters write it. `fullness`: share of its syllables that are written out."""

    phrase: Phrase
    fullness: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Lexicon:
    """The phrases by each way of writing them."""

    chinese: Mapping[str, tuple[Phrase, ...]]
    pinyin: Mapping[str, tuple[Spelled, ...]]
    english: Mapping[tuple[str, ...], tuple[Phrase, ...]]
    words: frozenset[str]  # of English
    longest_chinese: int


@lru_cache(maxsize=1)
def lexicon() -> Lexicon:
    """Read once."""
    chinese: dict[str, list[Phrase]] = {}
    pinyin: dict[str, dict[tuple[str, str], Spelled]] = {}
    english: dict[tuple[str, ...], list[Phrase]] = {}
    for phrase, sequences in _phrases():
        chinese.setdefault(phrase.words, []).append(phrase)
        for letters, fullness in _spellings(phrase.words):
            known = pinyin.setdefault(letters, {})
            before = known.get((phrase.words, phrase.fact))
            if before is None or before.fullness < fullness:
                known[phrase.words, phrase.fact] = Spelled(phrase=phrase, fullness=fullness)
        for sequence in sequences:
            english.setdefault(sequence, []).append(phrase)
    return Lexicon(
        chinese=MappingProxyType({words: tuple(found) for words, found in chinese.items()}),
        pinyin=MappingProxyType({letters: tuple(found.values()) for letters, found in pinyin.items()}),
        english=MappingProxyType({words: tuple(found) for words, found in english.items()}),
        words=frozenset(word for sequence in english for word in sequence),
        longest_chinese=max(map(len, chinese)),
    )


def _phrases() -> Iterator[tuple[Phrase, tuple[tuple[str, ...], ...]]]:
    text = files(__package__).joinpath(_FILE).read_text(encoding="utf-8")
    for row in csv.DictReader(line for line in text.splitlines() if not line.startswith("#")):
        words = row["phrase"]
        phrase = Phrase(words=words, fact=row["fact"], weight=float(row["weight"] or 1), syllables=len(words))
        yield phrase, tuple(tuple(part.split()) for part in row["english"].split("|") if part.strip())


def _spellings(words: str) -> Iterator[tuple[str, float]]:
    """Letters and how much of it is written out: `xm`, `xingm`, `xming`, `xingming`; `sh` for one of 身 too."""
    full = [_OFTEN_WRITTEN_OTHERWISE.get(syllable, syllable) for syllable in lazy_pinyin(words)]
    short = [syllable[0] for syllable in full]
    double = [syllable[:2] if syllable[:2] in {"zh", "ch", "sh"} else syllable[0] for syllable in full]
    yield "".join(short), 0.0
    yield "".join(double), 0.1
    if len(full) <= _MOST_MIXED:
        for choice in product((False, True), repeat=len(full)):
            letters = (
                whole if is_full else initial for whole, initial, is_full in zip(full, short, choice, strict=True)
            )
            yield "".join(letters), sum(choice) / len(choice)
    else:
        for cut in range(len(full) + 1):
            yield "".join(full[:cut] + short[cut:]), cut / len(full)
            yield "".join(short[:cut] + full[cut:]), 1 - cut / len(full)
