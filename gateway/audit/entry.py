"""AuditEntry -> canonical bytes, and bytes -> search columns. Pure.

The bytes are RFC 8785 JSON (sorted keys, no spaces, UTF-8) and are what is hashed; docs/audit-format.md has each key.
Search columns are recomputed from the bytes alone, so that a verifier can hold them against each other.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from gateway.errors import Defect, EntryTooLarge
from gateway.model.audit import AuditEntry, CaseTrace, DecisionTrace, EntryKind, FieldTrace

VERSION = 2
_READABLE = (1, VERSION)  # what was written once is read for ever
LARGEST = 65_535  # a tlog-tiles bundle gives an entry's length two bytes
LONGEST_COLUMN = 512  # an index of PostgreSQL takes no longer keys; the body has the whole
_COPIED = ("kind", "principal", "app", "organisation", "purpose", "dataset", "outcome", "code", "trace_id")
_HASH = re.compile(r"[0-9a-f]{32}", re.ASCII)
_SURROGATE = re.compile("[\ud800-\udfff]")


class BodyMalformed(ValueError):
    """Bytes that are no entry of this version."""


@dataclass(frozen=True, slots=True)
class Projection:
    """What the database is searched by."""

    columns: dict[str, object]
    subjects: tuple[str, ...]


def encode_entry(entry: AuditEntry) -> bytes:
    """The canonical bytes of an entry.

    Raises EntryTooLarge over 65,535 bytes, and Defect for a naive time or a subject that is no keyed hash: an ID
    number in clear must never get this far. Lone surrogates, which no UTF-8 can hold, become U+FFFD.
    """
    if entry.at.tzinfo is None:
        raise Defect(operator="an audit entry without a time zone")
    if not all(_HASH.fullmatch(subject) for subject in entry.subjects):
        raise Defect(operator="an audit entry with a subject that is no keyed hash")
    if not all(one == "" or _HASH.fullmatch(one) for one in _stand_ins(entry.decision)):
        raise Defect(operator="an audit entry with a person who is told by no keyed hash")
    document = _document(entry)
    try:
        try:
            body = orjson.dumps(document, option=orjson.OPT_SORT_KEYS)
        except TypeError:
            body = orjson.dumps(without_surrogates(document), option=orjson.OPT_SORT_KEYS)
    except TypeError:
        raise Defect(operator="an audit entry that can't be encoded") from None
    if len(body) > LARGEST:
        raise EntryTooLarge
    return body


def _document(entry: AuditEntry) -> dict[str, Any]:
    return {
        "v": VERSION,
        "kind": entry.kind.value,
        "at": rfc3339(entry.at),
        "trace_id": entry.trace_id,
        "principal": entry.principal,
        "app": entry.app,
        "organisation": entry.organisation,
        "roles": list(entry.roles),
        "purpose": entry.purpose,
        "legal_basis": list(entry.legal_basis),
        "case": entry.case,
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
        "filter_shape": entry.filter_shape,
        "rows": entry.rows,
        "subjects": list(entry.subjects),
        "outcome": entry.outcome,
        "code": entry.code,
        "stage": entry.stage,
        "rules": list(entry.rules),
        "policy_version": entry.policy_version,
        "duration_us": entry.duration_us,
        "response_sha256": entry.response_sha256,
        "justification": entry.justification,
        "needs_review": entry.needs_review,
        "refers_to": entry.refers_to,
        "detail": entry.detail,
        "decision": _decision(entry.decision) if entry.decision is not None else None,
    }


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


def decode_entry(body: bytes) -> AuditEntry:
    """The entry of canonical bytes, of this version or an older one; raises BodyMalformed."""
    document = _read(body)
    try:
        return AuditEntry(
            **{
                **{key: value for key, value in document.items() if key != "v"},
                "kind": EntryKind(document["kind"]),
                "at": datetime.fromisoformat(document["at"]),
                "fields": tuple(map(_field_trace, document["fields"])),
                "decision": _decision_trace(document.get("decision")),
                **{key: tuple(document[key]) for key in ("roles", "legal_basis", "subjects", "rules")},
            }
        )
    except (KeyError, TypeError, ValueError):
        raise BodyMalformed("an entry without its keys") from None


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


def project(body: bytes) -> Projection:
    """The search columns of canonical bytes; raises BodyMalformed."""
    document = _read(body)
    try:
        fields = ", ".join([f"{one['field']}:{one['level']}" for one in document["fields"]])
        needs_review, at = document["needs_review"], datetime.fromisoformat(document["at"])
        columns: dict[str, object] = {
            "at": at,
            "legal_basis": _searchable("; ".join(document["legal_basis"]), None),
            "case_id": _searchable(document["case"]),
            "fields": _searchable(fields, None),
            "needs_review": needs_review,
        }
        for name in _COPIED:
            text = document[name]
            is_plain = text.__class__ is str and len(text) <= LONGEST_COLUMN and "\x00" not in text
            columns[name] = text if is_plain else _searchable(text)
        named = document["subjects"]
        subjects = tuple(sorted(set(named))) if len(named) > 1 else tuple(named)
    except (KeyError, TypeError, ValueError):
        raise BodyMalformed("an entry without its keys") from None
    if at.tzinfo is None or not isinstance(needs_review, bool) or not all(map(_is_hash, subjects)):
        raise BodyMalformed("an entry with a value of the wrong type")
    return Projection(columns, subjects)


def _read(body: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(body)
    except ValueError:
        raise BodyMalformed("no JSON") from None
    if not isinstance(document, dict) or document.get("v") not in _READABLE:
        raise BodyMalformed("no entry of a known version")
    return document


def _searchable(text: str, longest: int | None = LONGEST_COLUMN) -> str:
    """Text that every database keeps: PostgreSQL's has no NUL."""
    if not isinstance(text, str):
        raise BodyMalformed("an entry with a value of the wrong type")
    return text.replace("\x00", "\ufffd")[:longest]


def _is_hash(value: object) -> bool:
    return isinstance(value, str) and _HASH.fullmatch(value) is not None
