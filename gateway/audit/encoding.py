"""AuditEntry -> the canonical bytes that are hashed, and what the database is searched by. Pure.

The bytes are RFC 8785 JSON: sorted keys, no spaces, UTF-8. Every answer waits for this: each object is written with its
keys in their order already, and what is the same in many entries is encoded once.
"""

from binascii import b2a_base64
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

import orjson

from gateway.audit.entry import (
    EMPTY_SEALED,
    KEYED_HASH,
    LARGEST,
    VERSION,
    each_once,
    searchable,
    without_surrogates,
)
from gateway.audit.merkle import leaf_hash
from gateway.errors import Defect, EntryTooLarge
from gateway.model.audit import AuditEntry, CaseTrace, DecisionTrace, EntryKind, FieldTrace, SearchColumns

_NAMES_NOBODY = frozenset(
    kind.value
    for kind in (
        EntryKind.ARCHIVE, EntryKind.ERASURE, EntryKind.KEY, EntryKind.NOT_MADE, EntryKind.POLICY, EntryKind.PROBE,
        EntryKind.READ, EntryKind.START,
    )
)  # fmt: skip
"""Kinds whose `detail` is of the program's own words, names of the catalogue and numbers: it stays readable."""
_MOST_REMEMBERED = 1_024  # lists of fields: some ten kilobytes each at most
_MOMENT_LETTERS = len("2026-11-23T08:00:00.000000")


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


class EncodedEntry(NamedTuple):
    """The bytes that are hashed, their leaf hash, and the search columns that they say."""

    body: bytes
    leaf: bytes
    columns: SearchColumns


def encode_entry(entry: AuditEntry, sealer: Sealer) -> EncodedEntry:
    """The canonical bytes of an entry, and its search columns, which `project` finds again in the bytes.

    Raises EntryTooLarge over 65,535 bytes, and Defect for a naive time or a subject that is no keyed hash: an ID
    number in clear must never get this far. Lone surrogates, which no UTF-8 can hold, become U+FFFD.
    """
    if entry.at.tzinfo is None:
        raise Defect(operator="an audit entry without a time zone")
    if not all(map(KEYED_HASH.fullmatch, entry.subjects)):
        raise Defect(operator="an audit entry with a subject that is no keyed hash")
    if entry.decision is not None and not _names_by_hash(entry.decision):
        raise Defect(operator="an audit entry with a person who is told by no keyed hash")
    key = sealer.sealing(entry.purpose, entry.at)
    try:
        try:
            return _encoded(entry, key)
        except TypeError:
            return _encoded(without_surrogates(entry), key)
    except TypeError:
        raise Defect(operator="an audit entry that can't be encoded") from None


def _encoded(entry: AuditEntry, key: SealingKey) -> EncodedEntry:
    """Raises TypeError for what JSON or UTF-8 can't hold."""
    kind, at, decision = entry.kind.value, _utc(entry.at), entry.decision
    fields, fields_column = _told_fields(entry.fields)
    names_nobody = kind in _NAMES_NOBODY
    plaintext = _dumps(
        {
            "case": entry.case,
            "decision": None if decision is None else _decision(decision),
            "detail": "" if names_nobody else entry.detail,
            "filter_shape": entry.filter_shape,
            "justification": entry.justification,
            "principal": entry.principal,
            "roles": entry.roles,
            "subjects": _packed(entry.subjects),
            "trace_id": entry.trace_id,
        }
    )
    context = _dumps(
        {
            "app": entry.app,
            "at": _moment(at),
            "code": entry.code,
            "dataset": entry.dataset,
            "detail": entry.detail if names_nobody else "",
            "duration_us": entry.duration_us,
            "fields": fields,
            "kind": kind,
            "legal_basis": entry.legal_basis,
            "needs_review": entry.needs_review,
            "organisation": entry.organisation,
            "outcome": entry.outcome,
            "policy_version": entry.policy_version,
            "purpose": entry.purpose,
            "refers_to": entry.refers_to,
            "response_sha256": entry.response_sha256,
            "rows": entry.rows,
            "rules": entry.rules,
            "sealed": "",
            "sealed_by": key.name,
            "stage": entry.stage,
            "v": VERSION,
        }
    )
    sealed = b2a_base64(key.seal(plaintext, context), newline=False)
    # in a string a quote is escaped, so that this stands for the member and for nothing else
    body = context.replace(EMPTY_SEALED, b'"sealed":"%b"' % sealed, 1)
    if len(body) > LARGEST:
        raise EntryTooLarge
    columns = SearchColumns(
        at, kind, entry.principal, entry.app, entry.organisation, entry.purpose, "; ".join(entry.legal_basis),
        entry.case, entry.dataset, fields_column, entry.outcome, entry.code, entry.needs_review, entry.trace_id,
        key.name, each_once(entry.subjects),
    )  # fmt: skip
    return EncodedEntry(body, leaf_hash(body), searchable(columns))


def _dumps(document: dict[str, Any]) -> bytes:
    return orjson.dumps(document, option=orjson.OPT_UTC_Z)


@lru_cache(maxsize=_MOST_REMEMBERED)
def _told_fields(fields: tuple[FieldTrace, ...]) -> tuple[orjson.Fragment, str]:
    """What was done to the fields, as JSON and as the search column. Most questions come again."""
    told = [
        {"ceiling": one.ceiling, "field": one.field, "granted": one.granted, "level": one.level, "uses": one.uses}
        for one in fields
    ]
    return orjson.Fragment(orjson.dumps(told)), ", ".join([f"{one.field}:{one.level}" for one in fields])


def _decision(trace: DecisionTrace) -> dict[str, Any]:
    return {
        "assurance": trace.assurance,
        "case": None if trace.case is None else _case(trace.case),
        "decided_at": _moment(_utc(trace.decided_at)),
        "id_number": trace.id_number,
        "network": trace.network,
        "not_shown": trace.not_shown,
        "obligations": trace.obligations,
        "regions": trace.regions,
        "row_rules": trace.row_rules,
        "sha256": trace.sha256,
        "starred": trace.starred,
    }


def _case(case: CaseTrace) -> dict[str, Any]:
    return {
        "app": case.app,
        "approved_by": case.approved_by,
        "expires_at": _moment(_utc(case.expires_at)),
        "opened_by": case.opened_by,
        "purpose": case.purpose,
        "state": case.state,
        "subjects": case.subjects,
    }


def _names_by_hash(trace: DecisionTrace) -> bool:
    people = (trace.id_number or "", *(trace.case.subjects if trace.case is not None else ()))
    return all(one == "" or KEYED_HASH.fullmatch(one) for one in people)


def _packed(subjects: tuple[str, ...]) -> str:
    """Base64 of 16 bytes each: a page of a thousand people must fit, sealed."""
    return b2a_base64(bytes.fromhex("".join(subjects)), newline=False).decode()


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo is UTC else moment.astimezone(UTC)


def _moment(utc: datetime) -> datetime | str:
    """RFC 3339 with six digits, `2026-11-23T08:00:00.000000Z`: what orjson makes of it but where they are all 0."""
    return utc if utc.microsecond else utc.isoformat(timespec="microseconds")[:_MOMENT_LETTERS] + "Z"
