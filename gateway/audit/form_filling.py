"""An entry whose like was written before -> its bytes: what differs is filled in between what doesn't. Pure.

Of an answer to a question that was asked before, seven values of the readable part and five of the sealed one are new.
What stands around them was encoded by the long way (`gateway.audit.encoding`), key by key, and is remembered. Whatever
is not certain to come out as there is left to it: tests hold both ways against each other.
"""

from binascii import b2a_base64
from functools import lru_cache
from typing import Any, Final, NamedTuple

import orjson

from gateway.audit.encoded import EncodedEntry, SealingKey, fields_told, in_utc, moment_as_json, packed
from gateway.audit.entry import EMPTY_SEALED, LARGEST, LONGEST_COLUMN, VERSION, each_once
from gateway.audit.merkle import leaf_hash
from gateway.model.audit import AuditEntry, DecisionTrace, SearchColumns

_MOST: Final = 4_096
_MOST_TEXTS: Final = 16_384
_Columns = tuple[str, str, str, str, str, str, str, str, str, str, str, bool]
"""The search columns from `kind` to `needs_review`."""


class _Public(NamedTuple):
    """The readable part around `at`, `duration_us`, the three from `refers_to` to `rows`, and `sealed`."""

    to_at: bytes
    to_duration: bytes
    to_refers_to: bytes
    to_sealed: bytes
    behind: bytes
    kind: str
    legal_basis: str
    fields: str
    letters: int  # of the search columns that have a limit, but the two that differ
    held: tuple[object, ...]  # whose identity is part of the form's place, so that it stays theirs


class _Private(NamedTuple):
    """The sealed part around `decided_at`, `principal`, `roles`, `subjects` and `trace_id`."""

    to_decided_at: bytes
    to_principal: bytes


class _Form(NamedTuple):
    """All of an entry but what differs between entries that are alike."""

    public: _Public
    private: _Private
    principal: bytes
    roles: bytes
    columns: _Columns
    letters: int  # of the search columns that have a limit, but the trace id
    like: object  # held, as above


class FormFiller:
    """Knows the forms that it wrote before. Bounded; for any thread: at worst a form is made twice."""

    def __init__(self) -> None:
        self._alike: dict[tuple[int, str], _Form] = {}
        self._public: dict[tuple[object, ...], _Public | None] = {}
        self._private: dict[tuple[object, ...], _Private] = {}

    def fill(self, entry: AuditEntry, key: SealingKey, *, names_nobody: bool) -> EncodedEntry | None:
        """The entry's bytes; None where it goes the long way. Raises TypeError for what JSON or UTF-8 can't hold.

        The entry's moments have a time zone, and its people are keyed hashes.
        """
        decision, trace_id, sha256 = entry.decision, entry.trace_id, entry.response_sha256
        digits = trace_id + sha256
        if decision is None or not (digits.isalnum() and digits.isascii()):
            return None
        form = self._alike.get((id(entry.like), key.name)) or self._form_of(entry, decision, key, names_nobody)
        if form is None or form.letters + len(trace_id) > LONGEST_COLUMN:
            return None
        public, private = form.public, form.private
        at, subjects, refers_to = in_utc(entry.at), entry.subjects, entry.refers_to
        plaintext = b"".join(
            (
                private.to_decided_at, moment_as_json(decision.decided_at),
                private.to_principal, form.principal, b',"roles":', form.roles, b',"subjects":"', packed(subjects),
                b'","trace_id":"', trace_id.encode(), b'"}',
            )
        )  # fmt: skip
        before = b"".join(
            (
                public.to_at, moment_as_json(at), public.to_duration, b"%d" % entry.duration_us,
                public.to_refers_to, b"null" if refers_to is None else b"%d" % refers_to,
                b',"response_sha256":"', sha256.encode(), b'","rows":', b"%d" % entry.rows, public.to_sealed,
            )
        )  # fmt: skip
        sealed = b2a_base64(key.seal(plaintext, before + EMPTY_SEALED + public.behind), newline=False)
        body = b"".join((before, b'"sealed":"', sealed, b'"', public.behind))
        if len(body) > LARGEST:
            return None
        people = subjects[0] if len(subjects) == 1 else each_once(subjects)
        return EncodedEntry(body, leaf_hash(body), SearchColumns(at, *form.columns, trace_id, key.name, people))

    def _form_of(self, entry: AuditEntry, decision: DecisionTrace, key: SealingKey, names_nobody: bool) -> _Form | None:
        if decision.case is not None or entry.case or entry.justification:
            return None
        public, principal = self._public_of(entry, key, names_nobody=names_nobody), _text(entry.principal)
        if public is None or principal is None:
            return None
        private = self._private_of(entry, decision, names_nobody=names_nobody)
        letters = public.letters + len(entry.principal)
        columns: _Columns = (
            public.kind, entry.principal, entry.app, entry.organisation, entry.purpose, public.legal_basis, "",
            entry.dataset, public.fields, entry.outcome, entry.code, entry.needs_review,
        )  # fmt: skip
        form = _Form(public, private, principal, _texts(entry.roles), columns, letters, entry.like)
        if entry.like is not None:
            if len(self._alike) >= _MOST:
                self._alike.clear()
            self._alike[id(entry.like), key.name] = form
        return form

    def _public_of(self, entry: AuditEntry, key: SealingKey, *, names_nobody: bool) -> _Public | None:
        place = (
            entry.kind, entry.app, entry.organisation, entry.purpose, entry.dataset, entry.outcome, entry.code,
            entry.stage, entry.policy_version, entry.needs_review, entry.detail if names_nobody else "", key.name,
            id(entry.fields), id(entry.rules), id(entry.legal_basis),
        )  # fmt: skip
        known = self._public.get(place, ...)
        if known is ...:
            if len(self._public) >= _MOST:
                self._public.clear()
            known = self._public[place] = _public_form(entry, key, names_nobody=names_nobody)
        return known

    def _private_of(self, entry: AuditEntry, decision: DecisionTrace, *, names_nobody: bool) -> _Private:
        place = (
            "" if names_nobody else entry.detail, entry.filter_shape, decision.assurance, decision.id_number,
            decision.network, decision.not_shown, decision.obligations, decision.regions, decision.row_rules,
            decision.sha256, decision.starred,
        )  # fmt: skip
        known = self._private.get(place)
        if known is None:
            if len(self._private) >= _MOST:
                self._private.clear()
            known = self._private[place] = _private_form(entry, decision, names_nobody=names_nobody)
        return known


def _public_form(entry: AuditEntry, key: SealingKey, *, names_nobody: bool) -> _Public | None:
    fields, fields_column = fields_told(entry.fields)
    limited = (
        entry.kind.value, entry.app, entry.organisation, entry.purpose, entry.dataset, entry.outcome, entry.code,
        key.name,
    )  # fmt: skip
    legal_basis = "; ".join(entry.legal_basis)
    if "\x00" in "".join((*limited, legal_basis, fields_column)):
        return None
    detail = entry.detail if names_nobody else ""
    return _Public(
        to_at=_opened({"app": entry.app}) + b',"at":',
        to_duration=_between({"code": entry.code, "dataset": entry.dataset, "detail": detail}) + b',"duration_us":',
        to_refers_to=_between(
            {
                "fields": fields, "kind": entry.kind.value, "legal_basis": entry.legal_basis,
                "needs_review": entry.needs_review, "organisation": entry.organisation, "outcome": entry.outcome,
                "policy_version": entry.policy_version, "purpose": entry.purpose,
            }
        ) + b',"refers_to":',
        to_sealed=_between({"rules": entry.rules}) + b",",
        behind=_between({"sealed_by": key.name, "stage": entry.stage, "v": VERSION}) + b"}",
        kind=entry.kind.value,
        legal_basis=legal_basis,
        fields=fields_column,
        letters=sum(map(len, limited)),
        held=(entry.fields, entry.rules, entry.legal_basis),
    )  # fmt: skip


def _private_form(entry: AuditEntry, decision: DecisionTrace, *, names_nobody: bool) -> _Private:
    before, after = {"assurance": decision.assurance, "case": None}, {
        "id_number": decision.id_number, "network": decision.network, "not_shown": decision.not_shown,
        "obligations": decision.obligations, "regions": decision.regions, "row_rules": decision.row_rules,
        "sha256": decision.sha256, "starred": decision.starred,
    }  # fmt: skip
    detail = "" if names_nobody else entry.detail
    rest = {"detail": detail, "filter_shape": entry.filter_shape, "justification": ""}
    return _Private(
        to_decided_at=b'{"case":"","decision":' + _opened(before) + b',"decided_at":',
        to_principal=_between(after) + b"}" + _between(rest) + b',"principal":',
    )


def _opened(members: dict[str, Any]) -> bytes:
    return orjson.dumps(members)[:-1]


def _between(members: dict[str, Any]) -> bytes:
    return b"," + orjson.dumps(members)[1:-1]


@lru_cache(maxsize=_MOST_TEXTS)
def _text(text: str) -> bytes | None:
    """A text as JSON; None where the search column would have another."""
    return None if "\x00" in text else orjson.dumps(text)


@lru_cache(maxsize=_MOST)
def _texts(texts: tuple[str, ...]) -> bytes:
    return orjson.dumps(texts)
