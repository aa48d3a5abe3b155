"""Regular expressions: RE2, whose time is linear in the text whatever the pattern is. Pure.

Differs from PostgreSQL's: no back references, no look-around, and the classes of letters and digits are those of ASCII.
A dot is any character, `^` and `$` are the ends of the text.
"""

import re
from collections.abc import Callable
from functools import lru_cache

import re2

# letters, digits, dots and sets of letters and digits, each perhaps repeated; `|` between such; ends of the text
_ATOM = r"(?:[A-Za-z0-9 _,:;/@%~-]|\\[.*+?|^$()\[\]{}]|\.|\[\^?(?:[A-Za-z0-9_]|[a-z]-[a-z]|[A-Z]-[A-Z]|[0-9]-[0-9])+\])"
_BRANCH = rf"\^?(?:{_ATOM}[*+?]?)+\$?"
_COMMON = re.compile(rf"{_BRANCH}(?:\|{_BRANCH})*", re.ASCII)
_MEMORY_BYTES = 1 << 20  # of one compiled pattern: `(a{1000}){1000}` is refused


@lru_cache(maxsize=256)
def pattern_finder(pattern: str, *, ignores_case: bool) -> Callable[[str], bool]:
    """Whether the pattern is found anywhere in a text. Raises ValueError for what is no pattern, or is too big."""
    options = re2.Options()
    options.max_mem = _MEMORY_BYTES
    options.log_errors = False
    options.dot_nl = True
    options.case_sensitive = not ignores_case
    try:
        compiled = re2.compile(pattern, options)
    except (re2.error, ValueError):  # the latter for half a character
        raise ValueError("no regular expression") from None
    return lambda text: compiled.search(text) is not None


def is_common_pattern(pattern: str) -> bool:
    """Whether every engine that knows extended regular expressions reads the pattern as RE2 does."""
    return _COMMON.fullmatch(pattern) is not None
