"""Entry -> the terms it is found by; search -> the terms it asks for. Pure.

A term is a letter for its facet and the value: a byte 0 and the UTF-8 bytes, or a byte 1 and their SHA-256 where they
are many. A facet that is empty is a term as well: what has no case is found by the case "".
"""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

from gateway.audit.entry import LONGEST_COLUMN, BodyMalformed, without_surrogates
from gateway.audit.people import HASH_BYTES
from gateway.model.audit import AuditEntry, EntryKind, FieldTrace
from gateway.model.log_search import Facet, LogSearch
from gateway.store import TOLD

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
_PLACES = tuple(
    (TOLD.index("case_id" if facet is Facet.CASE else facet.value), tag)
    for facet, tag in _TAGS.items()
    if facet is not Facet.FIELD
)
_AT, _PRINCIPAL, _DATASET, _FIELDS, _SUBJECTS = map(TOLD.index, ("at", "principal", "dataset", "fields", "subjects"))


class Facts(NamedTuple):
    """What the index keeps of an entry."""

    at: int  # microseconds since 1970
    principal: str
    terms: tuple[bytes, ...]
    people: bytes  # the hashes of the people, 16 bytes each


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


def facts_of(told: Sequence[Any]) -> Facts:
    """The facts of an entry's search columns, which verification holds equal to its bytes; in the order of `TOLD`.

    Of an erased entry nothing of people is told, and of an archived one everything still is. Raises BodyMalformed.
    """
    try:
        people = bytes.fromhex(told[_SUBJECTS])  # spaces are nothing to it
        if len(people) % HASH_BYTES:
            raise BodyMalformed("an entry with people who are told by no keyed hash")
        return Facts(microseconds(told[_AT]), told[_PRINCIPAL], _terms(tuple(told[_AT + 1 : _SUBJECTS])), people)
    except (TypeError, ValueError, AttributeError):
        raise BodyMalformed("an entry with a search column of the wrong type") from None


@lru_cache(maxsize=65_536)
def _terms(cells: tuple[str, ...]) -> tuple[bytes, ...]:
    """Of the columns but the moment. Most come again: a text is equal to nothing but the same text."""
    terms = [term(tag, cells[place - _AT - 1]) for place, tag in _PLACES]
    dataset, fields = cells[_DATASET - _AT - 1], cells[_FIELDS - _AT - 1]
    return (*terms, *_field_terms(dataset, fields)) if fields else tuple(terms)


@lru_cache(maxsize=8_192)
def _field_terms(dataset: str, fields: str) -> tuple[bytes, ...]:
    pairs = fields_said(fields)
    names = {f"{dataset}.{field}" for field, _ in pairs}
    levels = {f"{dataset}.{field}={level}" for field, level in pairs}
    return (*(term("f", name) for name in sorted(names)), *(term(_LEVEL, one) for one in sorted(levels)))


def fields_said(fields: str) -> list[tuple[str, str]]:
    """Names and levels of the column `fields`: `name:partial, phone:clear`."""
    parts = (one.rpartition(":") for one in fields.split(", "))
    return [(name, level) for name, _, level in parts]


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
    """As a search column has it: a lone surrogate and NUL stand there as U+FFFD, and a long text is cut."""
    return str(without_surrogates(value)).replace("\x00", "\ufffd")[:LONGEST_COLUMN]


class Said(Protocol):
    """As much of an entry as it is searched by."""

    @property
    def at(self) -> datetime:
        """When."""
        ...

    @property
    def dataset(self) -> str:
        """Of what."""
        ...

    @property
    def fields(self) -> tuple[FieldTrace, ...]:
        """Which parts of it."""
        ...

    @property
    def subjects(self) -> tuple[str, ...]:
        """Keyed hashes of the people it is about."""
        ...


def is_match(search: LogSearch, entry: Said) -> bool:
    """Whether the entry itself is one that was asked for, whatever the index says."""
    if search.subject is not None and search.subject not in entry.subjects:
        return False
    if search.since is not None and entry.at < search.since:
        return False
    if search.until is not None and entry.at >= search.until:
        return False
    return all(
        not values or not {_written(said) for said in _said(facet, entry)}.isdisjoint(map(_written, values))
        for facet, values in search.where.items()
    )


def _said(facet: Facet, entry: Said) -> set[str]:
    if facet is Facet.FIELD:
        return set(_fields_said(entry))
    said = getattr(entry, facet.value)
    return {str(said)}


def _fields_said(entry: Said) -> Iterable[str]:
    for one in entry.fields:
        yield f"{entry.dataset}.{one.field}"
        yield f"{entry.dataset}.{one.field}={one.level}"


def archived_entry(told: Sequence[Any]) -> AuditEntry:
    """What the search columns still tell of an entry whose bytes are in an archive; `told`: `TOLD`, `legal_basis`."""
    columns = dict(zip((*TOLD, "legal_basis"), told, strict=True))
    fields = fields_said(columns["fields"]) if columns["fields"] else ()
    return AuditEntry(
        kind=EntryKind(columns["kind"]), at=columns["at"], trace_id="", principal=columns["principal"],
        app=columns["app"], organisation=columns["organisation"], roles=(), purpose=columns["purpose"],
        legal_basis=tuple(columns["legal_basis"].split("; ")) if columns["legal_basis"] else (),
        case=columns["case_id"], dataset=columns["dataset"],
        fields=tuple(FieldTrace(field=field, level=level, uses=()) for field, level in fields),
        filter_shape="", rows=0, subjects=tuple(columns["subjects"].split()),
        outcome=columns["outcome"], code=columns["code"], stage="",
        rules=(), policy_version="", duration_us=0, response_sha256="", justification="", needs_review=False,
        refers_to=None, detail="archived",
    )  # fmt: skip
