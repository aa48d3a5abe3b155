"""The body of one page -> its rows and the total, strictly.

Numbers stay exact; NaN, a name twice in an object, rows that are no list of objects: all refused.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NoReturn

from connectors._cells import (
    NotPromised,
    Reader,
    read_boolean,
    read_date,
    read_integer,
    read_numeric,
    read_text,
    read_timestamp,
)
from connectors._composite_cells import COMPOSITES, read_parsed_json
from connectors._told import named
from gateway.model.catalog import FieldType

JsonObject = dict[str, object]
MOST_CURSOR = 4_000
MOST_DIGITS = 1_000
_WORD, _QUOTED = r"[\w!#$&+.^`|~*'%-]+", r'"((?:[^"\\]|\\.)*)"'
_PARAMETER = re.compile(rf"\s*;\s*({_WORD})(?:\s*=\s*(?:{_QUOTED}|([^\s\",;]+)))?", re.ASCII)
_LINK = re.compile(rf"[\s,]*<([^<>]*)>((?:{_PARAMETER.pattern})*)\s*(?:,\s*|$)", re.ASCII)


def _read_json_text(cell: object) -> str:
    text = read_text(cell)
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON's escapes admit
        raise NotPromised("a cell is no text") from None
    return text


READERS: dict[FieldType, Reader] = {
    FieldType.TEXT: _read_json_text,
    FieldType.INTEGER: read_integer,
    FieldType.NUMERIC: read_numeric,
    FieldType.BOOLEAN: read_boolean,
    FieldType.DATE: read_date,
    FieldType.TIMESTAMP: read_timestamp,
    **COMPOSITES,
    FieldType.JSON: read_parsed_json,
}


@dataclass(frozen=True, slots=True, repr=False)
class Page:
    """One page as the service gave it."""

    rows: Sequence[JsonObject]
    total: int | None
    following: str | None = None  # the cursor or address of the next page, as the body has it

    def __repr__(self) -> str:
        """Counts only."""
        return f"<Page of {len(self.rows)} rows>"


def read_page(body: bytes, rows_at: str, total_at: str | None, following_at: str | None = None) -> Page:
    """Parse a page; the places are dotted (`data.records`; `` for the whole body). Raises NotPromised."""
    try:
        parsed: object = json.loads(
            body.decode("utf-8"), parse_float=_number, parse_constant=_refuse, object_pairs_hook=_once
        )
    except (UnicodeDecodeError, ValueError, RecursionError, ArithmeticError):
        raise NotPromised("a page is no JSON") from None
    rows = _at(parsed, rows_at)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise NotPromised("a page's rows are no list of objects")
    total = None if total_at is None else _at(parsed, total_at)
    if total is not None and (type(total) is not int or total < 0):
        raise NotPromised("a page's total is no count")
    if total_at is not None and total is None:
        raise NotPromised("a page has no total")
    return Page(rows, total if isinstance(total, int) else None, _following(parsed, following_at))


def _following(parsed: object, place: str | None) -> str | None:
    """The next page's cursor; missing, null, false and empty mean that there is none."""
    for name in place.split(".") if place else ():
        if not isinstance(parsed, dict):
            raise NotPromised("a page lacks the place of its cursor")
        parsed = parsed.get(name)
    if not place or parsed is None or parsed is False or parsed == "":
        return None
    if type(parsed) not in (str, int) or len(str(parsed)) > MOST_CURSOR:
        raise NotPromised("a page's cursor is no text")
    return str(parsed)


def _number(text: str) -> Decimal:
    number = Decimal(text)
    # SECURITY: written out, 1e999999999 is a gigabyte of zeros
    if abs(number.adjusted()) > MOST_DIGITS or len(text) > MOST_DIGITS:
        raise ValueError
    return number


def _refuse(_: str) -> NoReturn:
    raise ValueError


def _once(pairs: list[tuple[str, object]]) -> JsonObject:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError
    return made


def _at(parsed: object, place: str) -> object:
    for name in place.split(".") if place else ():
        if not isinstance(parsed, dict) or name not in parsed:
            raise NotPromised("a page lacks its rows or its total")
        parsed = parsed[name]
    return parsed


def cell_of(row: JsonObject, column: str) -> object:
    """A raw cell; a missing name is not the same as null. Raises NotPromised."""
    if column not in row:
        raise NotPromised(f"a row lacks the column {named(column)} of the catalogue")
    return row[column]


def read_next_link(header: str) -> str | None:
    """The target of the link whose relation is `next` (RFC 8288); raises NotPromised for no list of links."""
    if len(header) > MOST_CURSOR:
        raise NotPromised("a page's Link header is too long")
    at = 0
    while at < len(header):
        link = _LINK.match(header, at)
        if link is None:
            raise NotPromised("a page's Link header can't be read")
        # the first `rel` counts, others are to be ignored
        for name, quoted, token in _PARAMETER.findall(link[2]):
            if name.lower() == "rel":
                if "next" in (quoted or token).lower().split():
                    return link[1]
                break
        at = link.end()
    return None
