"""Text -> tokens of the condition language. Promises nothing about their order."""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

from gateway.model.condition import ConditionInvalid

LONGEST_TEXT = 2_000
KEYWORDS = frozenset({"and", "or", "not", "in", "between", "is", "null", "like", "under", "true", "false"})

_PATTERN = re.compile(
    r"(?P<space>[ \t\r\n]+)"
    r"|(?P<number>-?[0-9]+(?:\.[0-9]+)?(?![A-Za-z0-9_.]))"
    r"|(?P<word>[A-Za-z_][A-Za-z0-9_-]*(?:\.[A-Za-z_][A-Za-z0-9_-]*)*)"
    r"|(?P<text>'(?:[^']|'')*')"
    r"|(?P<sign><>|<=|>=|[=<>(),])"
)


class Kind(StrEnum):
    """What a token is."""

    NUMBER = "number"
    NAME = "name"
    KEYWORD = "keyword"
    TEXT = "text"
    SIGN = "sign"
    END = "end"


@dataclass(frozen=True, slots=True)
class Token:
    """One token; `value` is lower-cased for keywords and unquoted for texts. `at` counts characters from 1."""

    kind: Kind
    value: str
    at: int

    def __str__(self) -> str:
        """How a fault quotes it."""
        return "the end" if self.kind is Kind.END else f"`{shortened(self.value)}` at character {self.at}"


def shortened(text: str) -> str:
    """At most 40 characters of what an officer wrote, without control characters."""
    plain = "".join(character if character.isprintable() else "?" for character in text)
    return plain if len(plain) <= 40 else plain[:39] + "…"


def tokenize(text: str) -> tuple[Token, ...]:
    """All tokens with an END; raises ConditionInvalid."""
    if len(text) > LONGEST_TEXT:
        raise ConditionInvalid(
            f"the condition is longer than {LONGEST_TEXT} characters", "split it into several rules, or name a region"
        )
    tokens: list[Token] = []
    at = 0
    while at < len(text):
        found = _PATTERN.match(text, at)
        if found is None or found.lastgroup is None:
            raise _stray(text, at)
        if found.lastgroup != "space":
            tokens.append(_token(found.lastgroup, found.group(), at + 1))
        at = found.end()
    tokens.append(Token(Kind.END, "", len(text) + 1))
    return tuple(tokens)


def _token(group: str, raw: str, at: int) -> Token:
    if group == "word":
        is_keyword = raw.lower() in KEYWORDS
        return Token(Kind.KEYWORD if is_keyword else Kind.NAME, raw.lower() if is_keyword else raw, at)
    if group == "text":
        value = raw[1:-1].replace("''", "'")
        if any(unicodedata.category(character) in {"Cc", "Cs"} for character in value):
            raise ConditionInvalid(f"control characters in the text at character {at}", "remove them")
        return Token(Kind.TEXT, value, at)
    return Token(Kind(group), raw, at)


_SPELLINGS = {
    "!": "write `<>` for unequal, `not` for negation",
    ";": "a condition is one expression; nothing may follow it",
    '"': "write names bare and texts in single quotes: 'text'",
    "`": "write names bare and texts in single quotes: 'text'",
    "'": "close the text with a single quote; a quote inside is doubled: ''",
    "-": "there are no comments and no arithmetic in conditions",
    "/": "there are no comments and no arithmetic in conditions",
    "#": "there are no comments and no arithmetic in conditions",
    "&": "write `and`",
    "|": "write `or`",
    ":": "write attributes bare: subject.regions",
}


def _stray(text: str, at: int) -> ConditionInvalid:
    character = text[at]
    if ord(character) < 128:
        fix = _SPELLINGS.get(
            character, "write comparisons (=, <>, <, in, between, like, under, is null) joined by and, or, not"
        )
        return ConditionInvalid(f"`{shortened(text[at : at + 12])}` at character {at + 1} is not understood", fix)
    return ConditionInvalid(
        f"character {at + 1} (U+{ord(character):04X}) is not understood outside a text",
        "write names and signs in plain ASCII, and texts in single quotes: 'text'",
    )
