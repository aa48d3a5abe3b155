"""Arrays and ranges <-> PostgreSQL's text of them: `{a,"b,c",NULL}`, `[1,5)`, `(,2026-01-01]`, `empty`. Pure.

Errors are ValueErrors and never hold the text.
"""

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Final, TypeVar

from gateway.model.json_value import Json
from gateway.model.predicate import Scalar
from gateway.model.range_value import EMPTY, Bound, Range, range_of

Value = TypeVar("Value")

# each reads every character once
_QUOTED: Final = r'"((?:[^"\\]|\\.)*)"'
_ELEMENT: Final = re.compile(rf'\s*(?:{_QUOTED}|([^{{}},"\\\s](?:[^{{}},"\\]*[^{{}},"\\\s])?))\s*', re.DOTALL)
_BOUND: Final = re.compile(rf'(?:{_QUOTED}|([^"\\,()\[\]]*))', re.DOTALL)
_NEEDS_QUOTES: Final = re.compile(r'[{}(),"\\\s\[\]]')
_NO_NEED_IN_RANGE: Final = re.compile(r"[^\s\"\\,()\[\]]+")


def read_array(text: str, read: Callable[[str], Value]) -> tuple[Value | None, ...]:
    """The elements, each read; a bare NULL is None. One dimension only."""
    text = text.strip()
    if len(text) < 2 or text[0] != "{" or text[-1] != "}":
        raise ValueError("no array")
    inner = text[1:-1]
    if not inner.strip():
        return ()
    elements: list[Value | None] = []
    at = 0
    while True:
        found = _ELEMENT.match(inner, at)
        if found is None:
            raise ValueError("no array")
        quoted, bare = found.groups()
        if quoted is None and bare.upper() == "NULL":
            elements.append(None)
        else:
            elements.append(read(_unescaped(quoted) if quoted is not None else bare))
        at = found.end()
        if at == len(inner):
            return tuple(elements)
        if inner[at] != ",":
            raise ValueError("no array")
        at += 1


def write_array(elements: Sequence[str | None]) -> str:
    """The array's text, of its elements' texts."""
    return "{" + ",".join(map(_element, elements)) + "}"


def read_range(text: str, read: Callable[[str], Bound]) -> Range:
    """The range in its one form."""
    text = text.strip()
    if text.lower() == "empty":
        return EMPTY
    if len(text) < 3 or text[0] not in "[(" or text[-1] not in ")]":
        raise ValueError("no range")
    ends, rest = _end(text, 1)
    if rest >= len(text) or text[rest] != ",":
        raise ValueError("no range")
    other, rest = _end(text, rest + 1)
    if rest != len(text) - 1:
        raise ValueError("no range")
    low, high = (None if end is None else read(end) for end in (ends, other))
    return range_of(low, high, text[0] + text[-1])


def write_range(one: Range, write: Callable[[Bound], str]) -> str:
    """The range's text."""
    if one.is_empty:
        return "empty"
    low, high = ("" if end is None else _quoted_end(write(end)) for end in (one.low, one.high))
    return f"{one.bounds[0]}{low},{high}{one.bounds[1]}"


def write_value(value: Scalar) -> str:
    """The text form of a value, from which PostgreSQL reads the same value."""
    match value:
        case bool():
            return "t" if value else "f"
        case Decimal():
            return format(value, "f")
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case Json():
            return value.text
        case Range():
            return write_range(value, write_value)
        case tuple():
            return write_array([None if element is None else write_value(element) for element in value])
        case _:
            return str(value)


def _end(text: str, at: int) -> tuple[str | None, int]:
    found = _BOUND.match(text, at)
    if found is None:
        raise ValueError("no range")
    quoted, bare = found.groups()
    if quoted is not None:
        return _unescaped(quoted), found.end()
    return bare.strip() or None, found.end()


def _element(text: str | None) -> str:
    if text is None:
        return "NULL"
    if not text or text.upper() == "NULL" or _NEEDS_QUOTES.search(text):
        return _in_quotes(text)
    return text


def _quoted_end(text: str) -> str:
    return text if _NO_NEED_IN_RANGE.fullmatch(text) else _in_quotes(text)


def _in_quotes(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)
