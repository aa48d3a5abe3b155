"""AuditEntry -> the canonical bytes that are hashed, and what the database is searched by. Pure.

The bytes are RFC 8785 JSON: sorted keys, no spaces, UTF-8. Every answer waits for this: each object is written with its
keys in their order already, and what is the same in many entries is encoded once.
"""

from binascii import b2a_base64
from datetime import datetime
from typing import Any, Protocol

import orjson

from gateway.audit.encoded import EncodedEntry, SealingKey, fields_told, in_utc, moment_told, packed
from gateway.audit.entry import (
    EMPTY_SEALED,
    KEYED_HASH,
    LARGEST,
    VERSION,
    are_keyed_hashes,
    each_once,
    searchable,
    without_surrogates,
)
from gateway.audit.form_filling import FormFiller
from gateway.audit.merkle import leaf_hash
from gateway.errors import Defect, EntryTooLarge
from gateway.model.audit import AuditEntry, CaseTrace, DecisionTrace, EntryKind, SearchColumns

_NAMES_NOBODY = frozenset(
    (
        EntryKind.ARCHIVE, EntryKind.ERASURE, EntryKind.KEY, EntryKind.NOT_MADE, EntryKind.POLICY, EntryKind.PROBE,
        EntryKind.READ, EntryKind.START,
    )
)  # fmt: skip
"""Kinds whose `detail` is of the program's own words, names of the catalogue and numbers: it stays readable."""
_forms = FormFiller()


class Sealer(Protocol):
    """Knows the retention key of each purpose and moment."""

    def sealing(self, purpose: str, at: datetime) -> SealingKey:
        """May block where the key is not made yet."""
        ...


def encode_entry(entry: AuditEntry, sealer: Sealer) -> EncodedEntry:
    """The canonical bytes of an entry, and its search columns, which `project` finds again in the bytes.

    Raises EntryTooLarge over 65,535 bytes, and Defect for a naive time or a subject that is no keyed hash: an ID
    number in clear must never get this far. Lone surrogates, which no UTF-8 can hold, become U+FFFD.
    """
    return encode_under(entry, sealer.sealing(entry.purpose, entry.at))


def encode_under(entry: AuditEntry, key: SealingKey) -> EncodedEntry:
    """The same under the key of its purpose and moment."""
    if entry.at.tzinfo is None:
        raise Defect(operator="an audit entry without a time zone")
    if not are_keyed_hashes(entry.subjects):
        raise Defect(operator="an audit entry with a subject that is no keyed hash")
    if entry.decision is not None and not _names_by_hash(entry.decision):
        raise Defect(operator="an audit entry with a person who is told by no keyed hash")
    try:
        try:
            return _forms.fill(entry, key, names_nobody=entry.kind in _NAMES_NOBODY) or _encoded(entry, key)
        except TypeError:
            return _encoded(without_surrogates(entry), key)
    except TypeError:
        raise Defect(operator="an audit entry that can't be encoded") from None


def _encoded(entry: AuditEntry, key: SealingKey) -> EncodedEntry:
    """Raises TypeError for what JSON or UTF-8 can't hold."""
    kind, at, decision = entry.kind.value, in_utc(entry.at), entry.decision
    fields, fields_column = fields_told(entry.fields)
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
            "subjects": packed(entry.subjects).decode(),
            "trace_id": entry.trace_id,
        }
    )
    context = _dumps(
        {
            "app": entry.app,
            "at": moment_told(at),
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


def _decision(trace: DecisionTrace) -> dict[str, Any]:
    return {
        "assurance": trace.assurance,
        "case": None if trace.case is None else _case(trace.case),
        "decided_at": moment_told(in_utc(trace.decided_at)),
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
        "expires_at": moment_told(in_utc(case.expires_at)),
        "opened_by": case.opened_by,
        "purpose": case.purpose,
        "state": case.state,
        "subjects": case.subjects,
    }


def _names_by_hash(trace: DecisionTrace) -> bool:
    if trace.case is None and not trace.id_number:
        return True
    people = (trace.id_number or "", *(trace.case.subjects if trace.case is not None else ()))
    return all(one == "" or KEYED_HASH.fullmatch(one) for one in people)
