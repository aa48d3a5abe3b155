"""Stage 8: what is written down, and the proof that it was."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple


class EntryKind(StrEnum):
    """What an entry tells of."""

    ARCHIVE = "archive"  # bytes of entries moved into an archive, or brought back
    CASE = "case"
    ERASURE = "erasure"  # retention: what fell due read, asked for, erased; holds
    EXPLAIN = "explain"
    FLAG = "flag"  # somebody ran into a limit that guards against guessing
    KEY = "key"  # keys listed, rotated, retired, reinstated, destroyed
    LOG_READ = "log-read"
    NOT_MADE = "not-made"  # a change that was written down and then failed
    NOT_RELEASED = "not-released"  # an answer that was written down and then not sent, or not to its end
    POLICY = "policy"
    PROBE = "probe"
    READ = "read"
    REFUSAL = "refusal"
    REIDENTIFICATION = "reidentification"  # a step of turning a token back
    REVIEW = "review"  # break-glass: notices and reviews read, a review decided
    START = "start"
    TERMINAL = "terminal"  # a device registered, approved or revoked


class FieldTrace(NamedTuple):
    """What was done to one field: `clear`, a mask's name, or `denied`; and the uses it was put to."""

    field: str
    level: str
    uses: tuple[str, ...]
    granted: tuple[str, ...] = ()  # uses that a rule grants by name
    ceiling: str = ""  # `purpose:…` or `app:…` where that lowered the level


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseTrace:
    """The case as it stood when the decision was made; its id is the entry's."""

    purpose: str
    state: str
    app: str
    opened_by: str
    approved_by: str | None
    expires_at: datetime
    subjects: tuple[str, ...]  # stand-ins, in the case's order


@dataclass(frozen=True, kw_only=True)  # no slots: `amended` copies it
class DecisionTrace:
    """What a decision depended on beside the entry's own keys, and what it was: enough to make it again.

    No ID number is in it: a stand-in is the keyed hash of one (32 hex digits), "" for an empty one.
    """

    decided_at: datetime
    regions: tuple[str, ...]
    assurance: int
    network: str
    id_number: str | None  # the person's own; None where it wasn't known
    case: CaseTrace | None
    starred: bool  # `*` showed every field of the dataset but `not_shown`
    not_shown: tuple[str, ...]
    row_rules: tuple[str, ...]
    obligations: tuple[str, ...]  # `name=value @origin`
    sha256: str  # of the whole decision, with stand-ins in its row filter; hex


@dataclass(frozen=True, kw_only=True)  # no slots: `amended` copies it
class AuditEntry:
    """One record. No raw identifier of a person: subjects are keyed hashes, filters have their literals hidden."""

    kind: EntryKind
    at: datetime
    trace_id: str
    principal: str  # "" where authentication failed
    app: str
    organisation: str
    roles: tuple[str, ...]
    purpose: str
    legal_basis: tuple[str, ...]
    case: str
    dataset: str
    fields: tuple[FieldTrace, ...]
    filter_shape: str
    rows: int
    subjects: tuple[str, ...]  # 32 lower-case hex digits each
    outcome: str  # released, opened, closed, refused, failed, done, not-made, not-released, broken-off
    code: str  # GWnnn of a refusal, else ""
    stage: str  # where a refusal arose, else ""
    rules: tuple[str, ...]
    policy_version: str
    duration_us: int
    response_sha256: str  # of the body that leaves, else ""
    justification: str
    needs_review: bool
    refers_to: int | None  # index of the entry that this one follows (not-released)
    detail: str  # for cases, policy, start: one short machine-written sentence without personal data
    decision: DecisionTrace | None = None  # None: nothing was decided field by field, or an entry of version 1
    like: object = field(init=False, default=None, compare=False, repr=False)
    """The same object in entries that differ in these alone: `at`, `trace_id`, `rows`, `subjects`, `duration_us`,
    `response_sha256`, `refers_to`, and the moment of the decision. `replace` leaves it out."""


class SearchColumns(NamedTuple):
    """What an entry is searched by, in the order of the table's columns. Its bytes say it too."""

    at: datetime
    kind: str
    principal: str
    app: str
    organisation: str
    purpose: str
    legal_basis: str
    case_id: str
    dataset: str
    fields: str
    outcome: str
    code: str
    needs_review: bool
    trace_id: str
    sealed_by: str  # the retention key of the private part; empty before version 3
    subjects: str  # the people it is about, each once, in order, a space between two


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReceipt:
    """The entry is durable, and covered by a signed checkpoint. Built by gateway.audit only."""

    origin: str
    index: int
    leaf_hash: str  # hex SHA-256, RFC 6962 leaf
    tree_size: int
    at: datetime

    def __str__(self) -> str:
        """The form answers carry: `origin#index:leaf_hash`."""
        return f"{self.origin}#{self.index}:{self.leaf_hash}"
