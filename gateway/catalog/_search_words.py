"""A text -> its words in the form in which they are searched, each with its place, as PostgreSQL's `to_tsvector`.

The configurations are `simple` (lower case) and `english` (stop words dropped, the others cut to their stem).
Words are letters and digits; a compound with hyphens is a word and its parts; numbers keep their sign and point;
addresses of mail and hosts are whole. Not as PostgreSQL: URLs with a path, file names, numbers with an exponent and
XML entities are cut into words here, and Unicode decides what a letter is, not the locale of a database.
"""

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Final

import snowballstemmer

LANGUAGES: Final = ("english", "simple")
DEFAULT_LANGUAGE: Final = "english"

_LAST_PLACE: Final = 16_383
_STOP_WORDS: Final = frozenset(
    [
        "i",
        "me",
        "my",
        "myself",
        "we",
        "our",
        "ours",
        "ourselves",
        "you",
        "your",
        "yours",
        "yourself",
        "yourselves",
        "he",
        "him",
        "his",
        "himself",
        "she",
        "her",
        "hers",
        "herself",
        "it",
        "its",
        "itself",
        "they",
        "them",
        "their",
        "theirs",
        "themselves",
        "what",
        "which",
        "who",
        "whom",
        "this",
        "that",
        "these",
        "those",
        "am",
        "is",
        "are",
        "was",
        "were",
        "be",
        "been",
        "being",
        "have",
        "has",
        "had",
        "having",
        "do",
        "does",
        "did",
        "doing",
        "a",
        "an",
        "the",
        "and",
        "but",
        "if",
        "or",
        "because",
        "as",
        "until",
        "while",
        "of",
        "at",
        "by",
        "for",
        "with",
        "about",
        "against",
        "between",
        "into",
        "through",
        "during",
        "before",
        "after",
        "above",
        "below",
        "to",
        "from",
        "up",
        "down",
        "in",
        "out",
        "on",
        "off",
        "over",
        "under",
        "again",
        "further",
        "then",
        "once",
        "here",
        "there",
        "when",
        "where",
        "why",
        "how",
        "all",
        "any",
        "both",
        "each",
        "few",
        "more",
        "most",
        "other",
        "some",
        "such",
        "no",
        "nor",
        "not",
        "only",
        "own",
        "same",
        "so",
        "than",
        "too",
        "very",
        "s",
        "t",
        "can",
        "will",
        "just",
        "don",
        "should",
        "now",
    ]
)
# in this order: what stands first wins where several begin at one place. Each reads a character a few times at most
_TOKEN: Final = re.compile(
    r"(?P<tag></?[A-Za-z][^<>]{0,1000}>)"
    r"|(?P<mail>[A-Za-z0-9_][A-Za-z0-9_.+-]{0,100}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8})"
    r"|(?P<host>[A-Za-z][A-Za-z0-9-]{0,62}(?:\.[A-Za-z0-9-]{1,63}){1,8}(?![^\W_]))"
    r"|(?P<number>(?:[+-]|(?<![^\W_]))[0-9]+(?:\.[0-9]+){0,20}(?![^\W_]))"
    r"|(?P<compound>[^\W_]+(?:-[^\W\d_][^\W_]*)+)"
    r"|(?P<word>[^\W_]+)"
)


def words_of(text: str, language: str) -> Iterator[tuple[int, str | None]]:
    """Place and word, in order; None for a stop word, which takes a place all the same."""
    normal = _NORMAL[language]
    place = 0
    for found in _TOKEN.finditer(text):
        match found.lastgroup:
            case "tag":
                continue
            case "compound":
                tokens = [found[0], *found[0].split("-")]
            case _:
                tokens = [found[0]]
        is_name = found.lastgroup in {"mail", "host", "number"}
        for token in tokens:
            place += 1
            yield min(place, _LAST_PLACE), _simple(token) if is_name else normal(token)


def _simple(token: str) -> str:
    return token.lower()


@lru_cache(maxsize=65_536)
def _english(token: str) -> str | None:
    lower = token.lower()
    if any(character.isdigit() for character in lower.replace("-", "")):
        return lower
    if lower in _STOP_WORDS:
        return None
    stem: str = snowballstemmer.stemmer("english").stemWord(lower)  # one of its own: it has a state
    # PostgreSQL's stemmer keeps the double letter of `added`
    return stem + stem[-1] if len(stem) == 2 and stem[0] in "aeo" and lower[:3] == stem + stem[-1] else stem


_NORMAL: Final[dict[str, Callable[[str], str | None]]] = {"english": _english, "simple": _simple}
