"""The words of a full-text search -> the tree that is searched for. Raises ValueError, which never holds the words."""

import re
from collections.abc import Callable
from functools import reduce
from typing import Final

from gateway.catalog._search_tree import And, Lexeme, Near, Nothing, Or, Tree, Without, without_stop_words
from gateway.catalog._search_words import words_of
from gateway.model.predicate import SearchMode

_DEEPEST: Final = 20
_MOST_TOKENS: Final = 200
_MOST_DISTANCE: Final = 16_384
_TOKEN: Final = re.compile(
    r"\s*(?:(?P<sign>[!&|()])|<(?P<distance>-|[0-9]{1,5})>"
    r"|(?:'(?P<quoted>(?:[^'\\]|''|\\.)*)'|(?P<bare>(?:[^\s!&|()<:'\\]|\\.)(?:[^\s!&|()<:\\]|\\.)*))"
    r"(?::(?P<flags>[*A-Da-d]+))?)",
    re.DOTALL,
)
_WEB_TOKEN: Final = re.compile(r'\s*(?P<minus>-?)\s*(?:"(?P<phrase>[^"]*)(?:"|$)|(?P<word>[^\s"]+))')

Join = Callable[[Tree, Tree], Tree]


def read_query(words: str, mode: SearchMode, language: str) -> Tree:
    """What is searched for, without its stop words."""
    return without_stop_words(_read(words, mode, language))


def _read(words: str, mode: SearchMode, language: str) -> Tree:
    match mode:
        case SearchMode.PLAIN:
            return _joined(words, language, And)
        case SearchMode.PHRASE:
            return _joined(words, language, Near)
        case SearchMode.QUERY:
            return _Reading(words, language).whole()
        case SearchMode.WEB:
            return _web(words, language)


def _joined(text: str, language: str, join: Join, flags: str | None = None) -> Tree:
    """The words of a text, and places of stop words between them, one after the other."""
    parts: list[Tree] = []
    for _, word in words_of(text, language):
        if word is not None:
            parts.append(_lexeme(word, flags))
        elif parts:
            parts.append(Nothing())
    while parts and isinstance(parts[-1], Nothing):
        parts.pop()
    if len(parts) > _MOST_TOKENS:
        raise ValueError("too many words")
    return reduce(join, parts) if parts else Nothing()


def _lexeme(word: str, flags: str | None) -> Lexeme:
    weights = {flag for flag in (flags or "").upper() if flag != "*"}
    # the words of a plain text all have the weight D
    return Lexeme(word, is_prefix="*" in (flags or ""), is_possible=not weights or "D" in weights)


class _Reading:
    """`to_tsquery`: `!` binds closest, then `<->`, `&`, `|`."""

    def __init__(self, words: str, language: str) -> None:
        self._tokens = _tokens(words)
        self._at = 0
        self._language = language

    def whole(self) -> Tree:
        if not self._tokens:
            return Nothing()
        tree = self._either(_DEEPEST)
        if self._at < len(self._tokens):
            raise ValueError("no text-search query")
        return tree

    def _next(self, *wanted: str) -> re.Match[str] | None:
        """The token, taken, if it is one of the signs."""
        token = self._tokens[self._at] if self._at < len(self._tokens) else None
        if token is None or (token["sign"] or ("<>" if token["distance"] else "word")) not in wanted:
            return None
        self._at += 1
        return token

    def _either(self, depth: int) -> Tree:
        tree = self._all(depth)
        while self._next("|"):
            tree = Or(tree, self._all(depth))
        return tree

    def _all(self, depth: int) -> Tree:
        tree = self._phrase(depth)
        while self._next("&"):
            tree = And(tree, self._phrase(depth))
        return tree

    def _phrase(self, depth: int) -> Tree:
        tree = self._one(depth)
        while token := self._next("<>"):
            distance = 1 if token["distance"] == "-" else int(token["distance"])
            if distance > _MOST_DISTANCE:
                raise ValueError("too far apart")
            tree = Near(tree, self._one(depth), distance)
        return tree

    def _one(self, depth: int) -> Tree:
        if depth == 0:
            raise ValueError("nested too deep")
        if self._next("!"):
            return Without(self._one(depth - 1))
        if self._next("("):
            tree = self._either(depth - 1)
            if not self._next(")"):
                raise ValueError("a bracket that is never closed")
            return tree
        token = self._next("word")
        if token is None:
            raise ValueError("no text-search query")
        text = token["bare"] if token["quoted"] is None else token["quoted"].replace("''", "'")
        return _joined(re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL), self._language, Near, token["flags"])


def _tokens(words: str) -> list[re.Match[str]]:
    tokens: list[re.Match[str]] = []
    at, end = 0, len(words.rstrip())
    while at < end:
        found = _TOKEN.match(words, at)
        if found is None or len(tokens) == _MOST_TOKENS:
            raise ValueError("no text-search query")
        tokens.append(found)
        at = found.end()
    return tokens


def _web(words: str, language: str) -> Tree:
    """`websearch_to_tsquery`: every text is a query. Quotes make a phrase, `or` an alternative, a minus excludes."""
    either: list[list[Tree]] = [[]]
    tokens = list(_WEB_TOKEN.finditer(words))
    for at, token in enumerate(tokens[:_MOST_TOKENS]):
        is_or = token["phrase"] is None and not token["minus"] and token["word"].lower() == "or"
        if is_or and either[-1] and at + 1 < len(tokens):
            either.append([])
            continue
        text = token["word"] if token["phrase"] is None else token["phrase"]
        tree = _joined(text, language, Near)
        either[-1].append(Without(tree) if token["minus"] else tree)
    alternatives = [reduce(And, trees) for trees in either if trees]
    return reduce(Or, alternatives) if alternatives else Nothing()
