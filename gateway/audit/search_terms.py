"""Entry -> the terms it is found by; search -> the terms it asks for. Pure.

A term is a letter for its facet and the value: a byte 0 and the UTF-8 bytes, or a byte 1 and their SHA-256 where they
are many. A facet that is empty is a term as well: what has no case is found by the case "".
"""

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from gateway.audit.entry import BodyMalformed, without_surrogates
from gateway.model.audit import AuditEntry
from gateway.model.log_search import Facet, LogSearch

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LONGEST_TERM = 64  # bytes of a value that stands in its term
_LEVEL = "L"
_TAGS: dict[Facet, str] = {
    Facet.PRINCIPAL: "p",
    Facet.APP: "a",
    Facet.ORGANISATION: "o",
    Facet.DATASET: "d",
    Facet.FIELD: "f",
    Facet.PURPOSE: "u",
    Facet.CASE: "c",
    Facet.OUTCOME: "r",
    Facet.CODE: "e",
    Facet.KIND: "k",
}
_KEYS = tuple((facet.value, tag) for facet, tag in _TAGS.items() if facet is not Facet.FIELD)


class Facts(NamedTuple):
    """What the index keeps of an entry."""

    at: int  # microseconds since 1970
    principal: str
    terms: tuple[bytes, ...]


class TermSearch(NamedTuple):
    """A search as the index answers it."""

    groups: tuple[tuple[bytes, ...], ...]  # all of them; of each, any
    subject: str | None
    since: int | None
    until: int | None


@lru_cache(maxsize=65_536)
def term(tag: str, value: str) -> bytes:
    """The term of a facet's letter and a value."""
    raw = value.encode("utf-8")
    if len(raw) <= LONGEST_TERM:
        return tag.encode() + b"\x00" + raw
    return tag.encode() + b"\x01" + hashlib.sha256(raw).digest()


def facts_of(body: bytes) -> Facts:
    """The facts of an entry's bytes; the one place where the index reads them. Raises BodyMalformed."""
    try:
        told: dict[str, Any] = orjson.loads(body)
        terms = [term(tag, told[key]) for key, tag in _KEYS]
        if told["fields"]:
            pairs = tuple([(one["field"], one["level"]) for one in told["fields"]])
            terms += _field_terms(told["dataset"], pairs)
        return Facts(microseconds(datetime.fromisoformat(told["at"])), told["principal"], tuple(terms))
    except (KeyError, TypeError, ValueError, AttributeError):
        raise BodyMalformed("an entry without its keys") from None


@lru_cache(maxsize=8_192)
def _field_terms(dataset: str, pairs: tuple[tuple[str, str], ...]) -> tuple[bytes, ...]:
    names = {f"{dataset}.{field}" for field, _ in pairs}
    levels = {f"{dataset}.{field}={level}" for field, level in pairs}
    return (*(term("f", name) for name in sorted(names)), *(term(_LEVEL, one) for one in sorted(levels)))


def microseconds(moment: datetime) -> int:
    """Whole microseconds since 1970."""
    return (moment - EPOCH) // timedelta(microseconds=1)


def terms_of(search: LogSearch) -> TermSearch:
    """What the index is asked for."""
    return TermSearch(
        groups=tuple(
            tuple(sorted({_asked(facet, _written(value)) for value in values}))
            for facet, values in sorted(search.where.items())
            if values
        ),
        subject=search.subject,
        since=None if search.since is None else microseconds(search.since),
        until=None if search.until is None else microseconds(search.until),
    )


def _asked(facet: Facet, value: str) -> bytes:
    is_level = facet is Facet.FIELD and "=" in value
    return term(_LEVEL if is_level else _TAGS[facet], value)


def _written(value: str) -> str:
    """As an entry has it: a lone surrogate stands there as U+FFFD."""
    return str(without_surrogates(value))


def is_match(search: LogSearch, entry: AuditEntry) -> bool:
    """Whether the entry itself is one that was asked for, whatever the index says."""
    if search.subject is not None and search.subject not in entry.subjects:
        return False
    if search.since is not None and entry.at < search.since:
        return False
    if search.until is not None and entry.at >= search.until:
        return False
    return all(
        not values or not _said(facet, entry).isdisjoint(map(_written, values))
        for facet, values in search.where.items()
    )


def _said(facet: Facet, entry: AuditEntry) -> set[str]:
    if facet is Facet.FIELD:
        return set(_fields_said(entry))
    said = getattr(entry, facet.value)
    return {str(said)}


def _fields_said(entry: AuditEntry) -> Iterable[str]:
    for one in entry.fields:
        yield f"{entry.dataset}.{one.field}"
        yield f"{entry.dataset}.{one.field}={one.level}"
