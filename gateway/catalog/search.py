"""Full-text search with PostgreSQL's meaning: `to_tsvector(text) @@ query`, the query by any of its four functions.

How texts become words, and what differs from PostgreSQL there, `_search_words` says.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from gateway.catalog._search_query import read_query
from gateway.catalog._search_tree import And, Lexeme, Near, Nothing, Or, Tree, Without
from gateway.catalog._search_words import DEFAULT_LANGUAGE, LANGUAGES, words_of
from gateway.model.predicate import SearchMode

Places = Mapping[str, frozenset[int]]


@lru_cache(maxsize=256)
def searcher(words: str, mode: SearchMode, language: str) -> Callable[[str], bool]:
    """Whether a text is found. Raises ValueError where the words are no query; of stop words only nothing is found."""
    if language not in LANGUAGES:
        raise ValueError("no language of full-text search")
    tree = read_query(words, mode, language)
    if isinstance(tree, Nothing):
        return lambda text: False  # noqa: ARG005  # a test of any text
    return lambda text: _holds(tree, _places(text, language))


def _places(text: str, language: str) -> Places:
    places: dict[str, set[int]] = {}
    for place, word in words_of(text, language):
        if word is not None:
            places.setdefault(word, set()).add(place)
    return {word: frozenset(found) for word, found in places.items()}


def _holds(tree: Tree, places: Places) -> bool:
    match tree:
        case Lexeme():
            return bool(_found(tree, places))
        case Without(inner):
            return not _holds(inner, places)
        case And(left, right):
            return _holds(left, places) and _holds(right, places)
        case Or(left, right):
            return _holds(left, places) or _holds(right, places)
        case Near():
            return _near(tree, places) is not None
        case Nothing():
            return False


def _found(lexeme: Lexeme, places: Places) -> frozenset[int]:
    if not lexeme.is_possible:
        return frozenset()
    if not lexeme.is_prefix:
        return places.get(lexeme.word, frozenset())
    return frozenset(at for word, found in places.items() if word.startswith(lexeme.word) for at in found)


# ---------------------------------------------------------------------- phrases
@dataclass(frozen=True, slots=True)
class _Match:
    """The places where a part of a phrase ends, or where `is_negated` all but these; `width`: from where it began."""

    places: frozenset[int]
    is_negated: bool = False
    width: int = 0


_NOWHERE: Final = _Match(frozenset())


def _near(tree: Tree, places: Places) -> _Match | None:
    """Where the tree holds, within a phrase; None: nowhere."""
    match tree:
        case Nothing():
            return None
        case Lexeme():
            found = _found(tree, places)
            return _Match(found) if found else None
        case Without(inner):
            return _somewhere(_negated(_near(inner, places) or _NOWHERE))
        case Or(left, right):
            one, other = (_near(side, places) or _NOWHERE for side in (left, right))
            # by De Morgan: not (not this and not that)
            return _somewhere(_negated(_both(*_aligned(_negated(one), _negated(other)))))
        case And(left, right):
            found_here, found_there = _near(left, places), _near(right, places)
            if found_here is None or found_there is None:
                return None
            return _somewhere(_both(*_aligned(found_here, found_there)))
        case Near(left, right, distance):
            found_here, found_there = _near(left, places), _near(right, places)
            if found_here is None or found_there is None:
                return None
            shifted = _shifted(found_here, distance + found_there.width)
            width = distance + found_here.width + found_there.width
            return _somewhere(replace(_both(shifted, found_there), width=width))


def _negated(found: _Match) -> _Match:
    return replace(found, is_negated=not found.is_negated)


def _somewhere(found: _Match) -> _Match | None:
    return found if found.places or found.is_negated else None


def _shifted(found: _Match, by: int) -> _Match:
    return replace(found, places=frozenset(place + by for place in found.places))


def _aligned(one: _Match, other: _Match) -> tuple[_Match, _Match]:
    widest = max(one.width, other.width)
    return tuple(replace(_shifted(side, widest - side.width), width=widest) for side in (one, other))  # type: ignore[return-value]  # there are two


def _both(one: _Match, other: _Match) -> _Match:
    if one.is_negated and other.is_negated:
        return replace(one, places=one.places | other.places)
    if one.is_negated:
        return replace(other, places=other.places - one.places)
    if other.is_negated:
        return replace(one, places=one.places - other.places)
    return replace(one, places=one.places & other.places)


__all__ = ["DEFAULT_LANGUAGE", "LANGUAGES", "searcher"]
