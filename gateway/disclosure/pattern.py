"""A LIKE pattern -> a function of one text. `%` any run, `_` one code point, no escape character. Pure.

Greedy from the left, segment by segment: no pattern takes longer than the product of the two lengths.
"""

from collections.abc import Callable


def like_matcher(pattern: str, *, ignores_case: bool) -> Callable[[str], bool]:
    """Whether the whole text has the pattern; case is that of Unicode, code point by code point."""
    fold = _folded if ignores_case else _itself
    first, *rest = fold(pattern).split("%")
    if not rest:
        return lambda text: _is_at(fold(text), first, 0) and len(text) == len(first)
    *middle, last = rest

    def matches(text: str) -> bool:
        folded = fold(text)
        end = len(folded) - len(last)
        if not _is_at(folded, first, 0) or end < len(first) or not _is_at(folded, last, end):
            return False
        at = len(first)
        for segment in middle:
            found = _find(folded, segment, at, end)
            if found is None:
                return False
            at = found + len(segment)
        return True

    return matches


def _itself(text: str) -> str:
    return text


def _folded(text: str) -> str:
    # a letter whose small form is several code points stays: `_` counts code points
    return "".join(small if len(small := char.lower()) == 1 else char for char in text)


def _find(text: str, segment: str, start: int, end: int) -> int | None:
    """The first place from `start` where the segment lies before `end`."""
    if "_" not in segment:
        found = text.find(segment, start, end)
        return None if found < 0 else found
    return next((at for at in range(start, end - len(segment) + 1) if _is_at(text, segment, at)), None)


def _is_at(text: str, segment: str, at: int) -> bool:
    part = text[at : at + len(segment)]
    return len(part) == len(segment) and all(
        wanted in {"_", found} for wanted, found in zip(segment, part, strict=True)
    )
