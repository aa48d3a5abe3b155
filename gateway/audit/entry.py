"""AuditEntry -> canonical bytes, and bytes -> search columns. Pure.

The bytes are RFC 8785 JSON (sorted keys, no spaces, UTF-8) and are what is hashed; docs/audit-format.md has each key.
What they say of people is sealed in them under a key that can be destroyed; bytes and proofs then stay as they are.
Search columns are recomputed from the bytes and what is sealed in them, so that a verifier can hold them against each
other.
"""

import re
from binascii import Error as NotBase64
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import orjson

from gateway.errors import Defect, EntryErased, EntryTooLarge
from gateway.model.audit import AuditEntry, CaseTrace, DecisionTrace, EntryKind, FieldTrace

VERSION = 3
_UNSEALED = (1, 2)  # what was written once is read for ever
LARGEST = 65_535  # a tlog-tiles bundle gives an entry's length two bytes
LONGEST_COLUMN = 512  # an index of PostgreSQL takes no longer keys; the body has the whole
PRIVATE_COLUMNS = ("principal", "case_id", "trace_id")
"""Search columns that tell of people: empty once the entry is erased."""
_TEXTS = (
    "kind", "principal", "app", "organisation", "purpose", "dataset", "outcome", "code", "trace_id", "sealed_by",
    "case_id",
)  # fmt: skip
_EMPTY_SEALED = b'"sealed":""'
_HASH = re.compile(r"[0-9a-f]{32}", re.ASCII)
_KEY_NAME = re.compile(r"[^\x00-\x1f]{1,200}/[0-9]{4}-[0-9]{2}", re.ASCII)
_SURROGATE = re.compile("[\ud800-\udfff]")
_NAMES_NOBODY = frozenset({
    EntryKind.ARCHIVE, EntryKind.ERASURE, EntryKind.KEY, EntryKind.NOT_MADE, EntryKind.POLICY, EntryKind.PROBE,
    EntryKind.READ, EntryKind.START,
})  # fmt: skip
"""Kinds whose `detail` is of the program's own words, names of the catalogue and numbers: it stays readable."""


class BodyMalformed(ValueError):
    """Bytes that are no entry of this version."""


class SealingKey(Protocol):
    """Seals under one retention key."""

    name: str

    def seal(self, plaintext: bytes, context: bytes) -> bytes:
        """What opens only under the same key with the same context."""
        ...


class Sealer(Protocol):
    """Knows the retention key of each purpose and moment."""

    def sealing(self, purpose: str, at: datetime) -> SealingKey:
        """May block where the key is not made yet."""
        ...


Opener = Callable[[str, bytes, bytes], bytes | None]
"""Key name, what is sealed, context -> what was sealed; None where the key is destroyed. Raises ValueError."""


@dataclass(frozen=True, slots=True)
class Projection:
    """What the database is searched by."""

    columns: dict[str, object]
    subjects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EncodedEntry:
    """The bytes that are hashed, and the search columns that they say."""

    body: bytes
    projection: Projection


def encode_entry(entry: AuditEntry, sealer: Sealer) -> EncodedEntry:
    """The canonical bytes of an entry, and its search columns, which `project` finds again in the bytes.

    Raises EntryTooLarge over 65,535 bytes, and Defect for a naive time or a subject that is no keyed hash: an ID
    number in clear must never get this far. Lone surrogates, which no UTF-8 can hold, become U+FFFD.
    """
    if entry.at.tzinfo is None:
        raise Defect(operator="an audit entry without a time zone")
    if not all(_HASH.fullmatch(subject) for subject in entry.subjects):
        raise Defect(operator="an audit entry with a subject that is no keyed hash")
    if not all(one == "" or _HASH.fullmatch(one) for one in _stand_ins(entry.decision)):
        raise Defect(operator="an audit entry with a person who is told by no keyed hash")
    key = sealer.sealing(entry.purpose, entry.at)
    public, private = _public(entry, key.name), _private(entry)
    people = private["subjects"]
    private["subjects"] = _packed(people)
    try:
        try:
            plaintext = orjson.dumps(private, option=orjson.OPT_SORT_KEYS)
            context = orjson.dumps(public, option=orjson.OPT_SORT_KEYS)
        except TypeError:
            public, private = without_surrogates(public), without_surrogates(private)
            plaintext = orjson.dumps(private, option=orjson.OPT_SORT_KEYS)
            context = orjson.dumps(public, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        raise Defect(operator="an audit entry that can't be encoded") from None
    sealed = b2a_base64(key.seal(plaintext, context), newline=False)
    # in a string a quote is escaped, so that this stands for the member and for nothing else
    body = context.replace(_EMPTY_SEALED, b'"sealed":"%b"' % sealed, 1)
    if len(body) > LARGEST:
        raise EntryTooLarge
    return EncodedEntry(body, _projection(public, private | {"subjects": people}))


def _public(entry: AuditEntry, sealed_by: str) -> dict[str, Any]:
    return {
        "v": VERSION,
        "kind": entry.kind.value,
        "at": rfc3339(entry.at),
        "app": entry.app,
        "organisation": entry.organisation,
        "purpose": entry.purpose,
        "legal_basis": list(entry.legal_basis),
        "dataset": entry.dataset,
        "fields": [
            {
                "field": one.field,
                "level": one.level,
                "uses": list(one.uses),
                "granted": list(one.granted),
                "ceiling": one.ceiling,
            }
            for one in entry.fields
        ],
        "rows": entry.rows,
        "outcome": entry.outcome,
        "code": entry.code,
        "stage": entry.stage,
        "rules": list(entry.rules),
        "policy_version": entry.policy_version,
        "duration_us": entry.duration_us,
        "response_sha256": entry.response_sha256,
        "needs_review": entry.needs_review,
        "refers_to": entry.refers_to,
        "detail": entry.detail if entry.kind in _NAMES_NOBODY else "",
        "sealed": "",
        "sealed_by": sealed_by,
    }


def _private(entry: AuditEntry) -> dict[str, Any]:
    return {
        "trace_id": entry.trace_id,
        "principal": entry.principal,
        "roles": list(entry.roles),
        "case": entry.case,
        "filter_shape": entry.filter_shape,
        "subjects": list(entry.subjects),
        "justification": entry.justification,
        "detail": "" if entry.kind in _NAMES_NOBODY else entry.detail,
        "decision": _decision(entry.decision) if entry.decision is not None else None,
    }


def _packed(subjects: list[str]) -> str:
    """Base64 of 16 bytes each: a page of a thousand people must fit, sealed."""
    return b2a_base64(bytes.fromhex("".join(subjects)), newline=False).decode()


def _unpacked(packed: str) -> list[str]:
    text = a2b_base64(packed, strict_mode=True).hex()
    return [text[at : at + 32] for at in range(0, len(text), 32)]


def _decision(trace: DecisionTrace) -> dict[str, Any]:
    case = trace.case
    return {
        "decided_at": rfc3339(trace.decided_at),
        "regions": list(trace.regions),
        "assurance": trace.assurance,
        "network": trace.network,
        "id_number": trace.id_number,
        "case": None
        if case is None
        else {
            "purpose": case.purpose,
            "state": case.state,
            "app": case.app,
            "opened_by": case.opened_by,
            "approved_by": case.approved_by,
            "expires_at": rfc3339(case.expires_at),
            "subjects": list(case.subjects),
        },
        "starred": trace.starred,
        "not_shown": list(trace.not_shown),
        "row_rules": list(trace.row_rules),
        "obligations": list(trace.obligations),
        "sha256": trace.sha256,
    }


def _stand_ins(trace: DecisionTrace | None) -> tuple[str, ...]:
    if trace is None:
        return ()
    return (*(trace.case.subjects if trace.case is not None else ()), trace.id_number or "")


def rfc3339(moment: datetime) -> str:
    """`2026-11-23T08:00:00.000000Z`."""
    utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return utc.isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def without_surrogates(value: Any) -> Any:  # noqa: ANN401 - any part of a document
    """The same with U+FFFD for what no UTF-8 can hold."""
    match value:
        case str():
            return _SURROGATE.sub("\ufffd", value)
        case list():
            return [without_surrogates(item) for item in value]
        case dict():
            return {key: without_surrogates(item) for key, item in value.items()}
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


def project(body: bytes, opener: Opener) -> tuple[Projection, bool]:
    """The search columns of canonical bytes, and whether they are whole: an erased entry's have nothing of people.

    Raises BodyMalformed.
    """
    document = _read(body)
    private = _open(body, document, opener)
    return _projection(document, _ERASED if private is None else private), private is not None


def project_public(body: bytes) -> Projection:
    """The search columns but those of people, which are empty; raises BodyMalformed."""
    document = _read(body)
    return _projection(document, document if document["v"] in _UNSEALED else _ERASED)


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
        context = body.replace(b'"sealed":"%b"' % sealed.encode(), _EMPTY_SEALED, 1)
        plaintext = opener(document["sealed_by"], a2b_base64(sealed, strict_mode=True), context)
        private = None if plaintext is None else orjson.loads(plaintext)
    except (NotBase64, ValueError):
        raise BodyMalformed("its sealed part doesn't open") from None
    if private is None:
        return None
    try:
        whole: dict[str, Any] = private | {"subjects": _unpacked(private["subjects"])}
    except (KeyError, TypeError, ValueError):
        raise BodyMalformed("its sealed part is no object") from None
    return whole


def _entry(document: dict[str, Any], private: dict[str, Any]) -> AuditEntry:
    told = {key: value for key, value in document.items() if key not in {"v", "sealed", "sealed_by"}}
    try:
        return AuditEntry(
            **{
                **told,
                **_of_people(private),
                "kind": EntryKind(document["kind"]),
                "at": datetime.fromisoformat(document["at"]),
                "fields": tuple(map(_field_trace, document["fields"])),
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


def _projection(public: dict[str, Any], private: dict[str, Any]) -> Projection:
    try:
        texts: tuple[Any, ...] = (
            public["kind"], private["principal"], public["app"], public["organisation"], public["purpose"],
            public["dataset"], public["outcome"], public["code"], private["trace_id"], public.get("sealed_by", ""),
            private["case"],
        )  # fmt: skip
        whole = "".join(texts)
        if len(whole) > LONGEST_COLUMN or "\x00" in whole:  # few are; each is looked at only then
            texts = tuple(_searchable(text)[:LONGEST_COLUMN] for text in texts)
        needs_review, at = public["needs_review"], datetime.fromisoformat(public["at"])
        columns: dict[str, object] = {
            "at": at,
            **dict(zip(_TEXTS, texts, strict=True)),
            "legal_basis": _searchable("; ".join(public["legal_basis"])),
            "fields": _searchable(", ".join([f"{one['field']}:{one['level']}" for one in public["fields"]])),
            "needs_review": needs_review,
        }
        named = private["subjects"]
        subjects = tuple(sorted(set(named))) if len(named) > 1 else tuple(named)
    except (KeyError, TypeError, ValueError):
        raise BodyMalformed("an entry without its keys") from None
    if at.tzinfo is None or not isinstance(needs_review, bool) or not all(map(_is_hash, subjects)):
        raise BodyMalformed("an entry with a value of the wrong type")
    return Projection(columns, subjects)


def _searchable(text: str) -> str:
    """Text that every database keeps: PostgreSQL's has no NUL."""
    return text.replace("\x00", "\ufffd")


def _is_hash(value: object) -> bool:
    return isinstance(value, str) and _HASH.fullmatch(value) is not None
