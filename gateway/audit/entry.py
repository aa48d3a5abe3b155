"""Canonical bytes -> the entry that they tell, and the columns that it is searched by. Pure.

docs/audit-format.md has each key; `gateway.audit.encoding` makes the bytes. What they say of people is sealed in them
under a key that can be destroyed. Search columns are recomputed from the bytes and what is sealed in them, so that a
verifier can hold them against each other.
"""

import re
from binascii import Error as NotBase64
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass, replace
from datetime import datetime
from enum import Enum
from functools import lru_cache
from operator import lt
from typing import Any

import orjson

from gateway.errors import EntryErased
from gateway.model.audit import AuditEntry, CaseTrace, DecisionTrace, EntryKind, FieldTrace, SearchColumns

VERSION = 3
_UNSEALED = (1, 2)  # what was written once is read for ever
LARGEST = 65_535  # a tlog-tiles bundle gives an entry's length two bytes
LONGEST_COLUMN = 512  # an index of PostgreSQL takes no longer keys; the body has the whole
PRIVATE_COLUMNS = ("principal", "case_id", "trace_id", "subjects")
"""Search columns that tell of people: empty once the entry is erased."""
EMPTY_SEALED = b'"sealed":""'
KEYED_HASH = re.compile(r"[0-9a-f]{32}", re.ASCII)
_HEX, _HASH_LENGTH = b"0123456789abcdef", frozenset({32})
_KEY_NAME = re.compile(r"[^\x00-\x1f]{1,200}/[0-9]{4}-[0-9]{2}", re.ASCII)
_SURROGATE = re.compile("[\ud800-\udfff]")


class BodyMalformed(ValueError):
    """Bytes that are no entry of this version."""


Opener = Callable[[str, bytes, bytes], bytes | None]
"""Key name, what is sealed, context -> what was sealed; None where the key is destroyed. Raises ValueError."""


def without_surrogates(value: Any) -> Any:  # noqa: ANN401 - any part of a document or an entry
    """The same with U+FFFD for what no UTF-8 can hold."""
    match value:
        case Enum():
            return value
        case str():
            return _SURROGATE.sub("\ufffd", value)
        case FieldTrace():
            return FieldTrace(*map(without_surrogates, value))
        case list() | tuple():
            return type(value)(map(without_surrogates, value))
        case dict():
            return {key: without_surrogates(item) for key, item in value.items()}
        case _ if is_dataclass(value) and not isinstance(value, type):
            return replace(
                value, **{one.name: without_surrogates(getattr(value, one.name)) for one in fields(value) if one.init}
            )
        case _:
            return value


def decode_entry(body: bytes, opener: Opener) -> AuditEntry:
    """The entry of canonical bytes, of this version or an older one; raises BodyMalformed, EntryErased."""
    document = _read(body)
    private = _open(body, document, opener)
    if private is None:
        raise EntryErased(key=document["sealed_by"])
    return _entry(document, private)


def decode_remaining(body: bytes, opener: Opener) -> tuple[AuditEntry, bool]:
    """The entry, and whether it is whole: an erased one has nothing of people. Raises BodyMalformed."""
    document = _read(body)
    private = _open(body, document, opener)
    return _entry(document, _ERASED if private is None else private), private is not None


def project(body: bytes, opener: Opener) -> tuple[SearchColumns, bool]:
    """The search columns of canonical bytes, and whether they are whole: an erased entry's have nothing of people.

    Raises BodyMalformed.
    """
    document = _read(body)
    private = _open(body, document, opener)
    return _projection(document, _ERASED if private is None else private), private is not None


def project_public(body: bytes) -> SearchColumns:
    """The search columns but those of people, which are empty; raises BodyMalformed."""
    document = _read(body)
    return _projection(document, document if document["v"] in _UNSEALED else _ERASED)


def read_document(body: bytes) -> dict[str, Any]:
    """What is readable of an entry, by its keys; raises BodyMalformed."""
    return _read(body)


def steady_columns(document: dict[str, Any]) -> SearchColumns:
    """The search columns that `document` says by itself; those of people are empty. Raises BodyMalformed."""
    return _projection(document, _ERASED)


def public_detail(body: bytes) -> str:
    """The detail as far as it names nobody, and before version 3 the whole; raises BodyMalformed."""
    return str(_read(body).get("detail", ""))


# ---------------------------------------------------------------------- reading
_ERASED: dict[str, Any] = {
    "trace_id": "", "principal": "", "roles": [], "case": "", "filter_shape": "", "subjects": [], "justification": "",
    "detail": "", "decision": None,
}  # fmt: skip


def _read(body: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(body)
    except ValueError:
        raise BodyMalformed("no JSON") from None
    if not isinstance(document, dict) or document.get("v") not in {*_UNSEALED, VERSION}:
        raise BodyMalformed("no entry of a known version")
    if document["v"] == VERSION:
        name, sealed = document.get("sealed_by"), document.get("sealed")
        if not isinstance(name, str) or not isinstance(sealed, str) or not _KEY_NAME.fullmatch(name):
            raise BodyMalformed("an entry without its sealed part")
    return document


def _open(body: bytes, document: dict[str, Any], opener: Opener) -> dict[str, Any] | None:
    """The private part; None where its key is destroyed."""
    if document["v"] in _UNSEALED:
        return document
    sealed = document["sealed"]
    try:
        plaintext = opener(document["sealed_by"], _base64(sealed), _unsealed(body, sealed.encode()))
        private = None if plaintext is None else orjson.loads(plaintext)
    except (NotBase64, ValueError):
        raise BodyMalformed("its sealed part doesn't open") from None
    if private is None:
        return None
    try:
        whole: dict[str, Any] = private | {"subjects": unpacked(private["subjects"])}
    except (KeyError, TypeError, ValueError):
        raise BodyMalformed("its sealed part is no object") from None
    return whole


def _unsealed(body: bytes, sealed: bytes) -> bytes:
    """The body with the value of `sealed` empty; raises ValueError where it is not written as it must be."""
    before, _, after = body.partition(b'"sealed":"')  # in a string a quote is escaped: this is the member
    if not after.startswith(sealed + b'"'):
        msg = "its sealed part is written in another way"
        raise ValueError(msg)
    return before + EMPTY_SEALED + after[len(sealed) + 1 :]


def _base64(text: str) -> bytes:
    """The bytes of base64 in its one form: bits that its last letter has to spare must not make another entry."""
    data = a2b_base64(text, strict_mode=True)
    if b2a_base64(data, newline=False) != text.encode():
        msg = "not base64"
        raise ValueError(msg)
    return data


def unpacked(packed: str | bytes) -> list[str]:
    """The hashes of people that are packed in base64; raises ValueError."""
    text = a2b_base64(packed, strict_mode=True).hex()
    return [text[at : at + 32] for at in range(0, len(text), 32)]


def _entry(document: dict[str, Any], private: dict[str, Any]) -> AuditEntry:
    told = {key: value for key, value in document.items() if key not in {"v", "sealed", "sealed_by"}}
    try:
        return AuditEntry(
            **{
                **told,
                **_of_people(private),
                "kind": EntryKind(document["kind"]),
                "at": datetime.fromisoformat(document["at"]),
                "fields": _field_traces(orjson.dumps(document["fields"])),
                "detail": document["detail"] or private["detail"],
                "decision": _decision_trace(private.get("decision")),
                **{key: tuple(document[key]) for key in ("legal_basis", "rules")},
                **{key: tuple(private[key]) for key in ("roles", "subjects")},
            }
        )
    except (KeyError, TypeError, ValueError):
        raise BodyMalformed("an entry without its keys") from None


def _of_people(document: dict[str, Any]) -> dict[str, Any]:
    return {key: document[key] for key in _ERASED if key != "decision"}


@lru_cache(maxsize=1_024)
def _field_traces(told: bytes) -> tuple[FieldTrace, ...]:
    """Most questions come again, and what was done to their fields with them."""
    return tuple(map(_field_trace, orjson.loads(told)))


def _field_trace(told: dict[str, Any]) -> FieldTrace:
    return FieldTrace(
        field=told["field"],
        level=told["level"],
        uses=tuple(told["uses"]),
        granted=tuple(told.get("granted", ())),
        ceiling=told.get("ceiling", ""),
    )


def _decision_trace(told: dict[str, Any] | None) -> DecisionTrace | None:
    if told is None:
        return None
    case = told["case"]
    return DecisionTrace(
        **{
            **told,
            "decided_at": datetime.fromisoformat(told["decided_at"]),
            **{key: tuple(told[key]) for key in ("regions", "not_shown", "row_rules", "obligations")},
            "case": None
            if case is None
            else CaseTrace(
                **{
                    **case,
                    "expires_at": datetime.fromisoformat(case["expires_at"]),
                    "subjects": tuple(case["subjects"]),
                }
            ),
        }
    )


def _projection(public: dict[str, Any], private: dict[str, Any]) -> SearchColumns:
    try:
        at, needs_review, people = datetime.fromisoformat(public["at"]), public["needs_review"], private["subjects"]
        columns = searchable(
            SearchColumns(
                at,
                public["kind"],
                private["principal"],
                public["app"],
                public["organisation"],
                public["purpose"],
                "; ".join(public["legal_basis"]),
                private["case"],
                public["dataset"],
                ", ".join([f"{one['field']}:{one['level']}" for one in public["fields"]]),
                public["outcome"],
                public["code"],
                needs_review,
                private["trace_id"],
                public.get("sealed_by", ""),
                each_once(people),
            )
        )
    except (KeyError, TypeError, ValueError):
        raise BodyMalformed("an entry without its keys") from None
    if at.tzinfo is None or not isinstance(needs_review, bool) or not all(map(_is_hash, people)):
        raise BodyMalformed("an entry with a value of the wrong type")
    return columns


def searchable(columns: SearchColumns) -> SearchColumns:
    """As every database keeps them: U+FFFD for NUL, and no text too long for an index but those that list.

    Raises TypeError for a text that is none.
    """
    whole = "".join((*columns[1:12], *columns[13:15]))
    if "\x00" not in whole and len(whole) - len(columns.legal_basis) - len(columns.fields) <= LONGEST_COLUMN:
        return columns  # most are; each is looked at only where it takes that
    cut = [_searchable(cell)[:LONGEST_COLUMN] if isinstance(cell, str) else cell for cell in columns]
    legal_basis, fields_told = _searchable(columns.legal_basis), _searchable(columns.fields)
    return SearchColumns._make(cut)._replace(legal_basis=legal_basis, fields=fields_told, subjects=columns.subjects)


def _searchable(text: str) -> str:
    """Text that every database keeps: PostgreSQL's has no NUL."""
    return text.replace("\x00", "\ufffd")


def each_once(people: Sequence[str]) -> str:
    """Whom an entry is about, as the column `subjects` has them."""
    are_in_order = all(map(lt, people, people[1:]))  # as they are told as a rule
    return " ".join(people if are_in_order else sorted(set(people)))


def are_keyed_hashes(subjects: Sequence[str]) -> bool:
    """Whether each is one: 32 lower-case hex digits."""
    if len(subjects) == 1:
        return KEYED_HASH.fullmatch(subjects[0]) is not None
    letters = "".join(subjects).encode("utf-8", "surrogatepass")
    return _HASH_LENGTH.issuperset(map(len, subjects)) and not letters.translate(None, _HEX)


def _is_hash(value: object) -> bool:
    return isinstance(value, str) and KEYED_HASH.fullmatch(value) is not None
