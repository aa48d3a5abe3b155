"""The tables of the gateway's own database, for SQLite and PostgreSQL alike.

A search column of audit_entry is a projection of `body`, which alone is hashed: verification recomputes each of them.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Dialect,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    Text,
    TypeDecorator,
)
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.types import TypeEngine

TABLES = MetaData()
SCHEMA_VERSION = 6
_BigKey = BigInteger().with_variant(Integer(), "sqlite")  # SQLite's row id, so that the log needs no second index


class UtcTime(TypeDecorator[datetime]):
    """An aware moment in UTC with microseconds: timestamptz, or `2026-11-23T08:00:00.000000` where SQLite keeps it."""

    impl = String(26)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """What the engine itself offers."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(String(26))
        return dialect.type_descriptor(TIMESTAMP(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | datetime | None:
        """A naive moment is a defect: it is refused."""
        if value is None:
            return None
        if value.tzinfo is None:
            msg = "a moment without a time zone"
            raise ValueError(msg)
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None).isoformat(timespec="microseconds") if dialect.name == "sqlite" else moment

    def process_result_value(self, value: str | datetime | None, dialect: Dialect) -> datetime | None:
        """Back to an aware moment in UTC."""
        del dialect
        if value is None:
            return None
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


schema_version = Table("schema_version", TABLES, Column("version", Integer, primary_key=True))

audit_head = Table(
    "audit_head",
    TABLES,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("origin", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("note", LargeBinary, nullable=False),
    CheckConstraint("id = 1", name="one_log"),
)

audit_entry = Table(
    "audit_entry",
    TABLES,
    Column("idx", _BigKey, primary_key=True, autoincrement=False),
    Column("at", UtcTime, nullable=False),
    Column("kind", Text, nullable=False),
    Column("principal", Text, nullable=False),
    Column("app", Text, nullable=False),
    Column("organisation", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("legal_basis", Text, nullable=False),
    Column("case_id", Text, nullable=False),
    Column("dataset", Text, nullable=False),
    Column("fields", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("needs_review", Boolean, nullable=False),
    Column("trace_id", Text, nullable=False),
    Column("sealed_by", Text, nullable=False),  # the retention key of the private part; empty before version 3
    Column("leaf", LargeBinary, nullable=False),
    Column("body", LargeBinary, nullable=False),
    CheckConstraint("length(leaf) = 32", name="leaf_is_sha256"),
    CheckConstraint("length(body) < 65536", name="body_fits_a_bundle"),
)
# every index is paid for by every entry before its answer may leave: only what few entries are in stands here
_NEEDS_REVIEW = audit_entry.c.needs_review.is_(True)
Index("audit_entry_needs_review", audit_entry.c.idx, sqlite_where=_NEEDS_REVIEW, postgresql_where=_NEEDS_REVIEW)
_IS_FLAG = audit_entry.c.kind == "flag"
Index("audit_entry_flag", audit_entry.c.idx, sqlite_where=_IS_FLAG, postgresql_where=_IS_FLAG)

audit_subject = Table(
    "audit_subject",
    TABLES,
    Column("subject", Text, nullable=False),
    Column("idx", BigInteger, nullable=False),
    PrimaryKeyConstraint("subject", "idx", name="audit_subject_key"),
    sqlite_with_rowid=False,
)
Index("audit_subject_idx", audit_subject.c.idx)

audit_tile = Table(
    "audit_tile",
    TABLES,
    Column("level", SmallInteger, nullable=False),
    Column("n", BigInteger, nullable=False),
    Column("data", LargeBinary, nullable=False),
    PrimaryKeyConstraint("level", "n", name="audit_tile_key"),
    CheckConstraint("length(data) = 8192", name="full_tiles_only"),
)

audit_checkpoint = Table(
    "audit_checkpoint",
    TABLES,
    Column("size", _BigKey, primary_key=True, autoincrement=False),
    Column("root", LargeBinary, nullable=False),
    Column("note", LargeBinary, nullable=False),
)

audit_cosignature = Table(
    "audit_cosignature",
    TABLES,
    Column("size", _BigKey, nullable=False),
    Column("witness", Text, nullable=False),
    Column("note", LargeBinary, nullable=False),  # the checkpoint that was signed, as it was signed
    Column("line", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
    PrimaryKeyConstraint("size", "witness", name="audit_cosignature_key"),
    sqlite_with_rowid=False,
)
Index("audit_cosignature_witness", audit_cosignature.c.witness, audit_cosignature.c.size)

case_file = Table(
    "case_file",
    TABLES,
    Column("id", Text, primary_key=True),
    Column("purpose", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("subjects", LargeBinary, nullable=False),  # sealed by gateway.keys; nothing here can read it
    Column("app", Text, nullable=False),
    Column("opened_by", Text, nullable=False),
    Column("approved_by", Text),
    Column("opened_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
)

app_key = Table(
    "app_key",
    TABLES,
    Column("key_id", Text, primary_key=True),
    Column("app", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("revoked_at", UtcTime),
)

usage_counter = Table(
    "usage_counter",
    TABLES,
    Column("principal", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("day", Date, nullable=False),
    Column("what", Text, nullable=False),
    Column("used", BigInteger, nullable=False),
    PrimaryKeyConstraint("principal", "purpose", "day", "what", name="usage_counter_key"),
)

usage_subject = Table(
    "usage_subject",
    TABLES,
    Column("principal", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("day", Date, nullable=False),
    Column("subject", Text, nullable=False),  # a keyed hash
    PrimaryKeyConstraint("principal", "purpose", "day", "subject", name="usage_subject_key"),
)

glass_grant = Table(
    "glass_grant",
    TABLES,
    Column("principal", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("reason", Text, nullable=False),  # a digest of the justification
    Column("opened_at", UtcTime, nullable=False),
    PrimaryKeyConstraint("principal", "purpose", "reason", name="glass_grant_key"),
)

# Where a review stands is told by which of its moments are there. Words lie here, not in the log: they may name people.
review = Table(
    "review",
    TABLES,
    Column("idx", _BigKey, primary_key=True, autoincrement=False),  # of the entry that is reviewed
    Column("origin", Text, nullable=False),
    Column("opened_at", UtcTime, nullable=False),
    Column("opened_by", Text, nullable=False),
    Column("asked_at", UtcTime),
    Column("asked_by", Text),
    Column("answer_due", UtcTime),
    Column("question", LargeBinary),  # these four are sealed by gateway.keys
    Column("answered_at", UtcTime),
    Column("answer", LargeBinary),
    Column("decided_at", UtcTime),
    Column("decided_by", Text),
    Column("verdict", Text),
    Column("note", LargeBinary),
    Column("plain_note", Text, nullable=False, server_default=""),  # of decisions from before notes were sealed
    Column("closed_at", UtcTime),
    Column("closed_by", Text),
    Column("closing", LargeBinary),
)
_IS_OPEN = review.c.decided_at.is_(None)
Index("review_open", review.c.idx, sqlite_where=_IS_OPEN, postgresql_where=_IS_OPEN)

canary = Table(
    "canary",
    TABLES,
    Column("subject", Text, primary_key=True),  # a keyed hash
    Column("added_by", Text, nullable=False),
    Column("added_at", UtcTime, nullable=False),
)

# How far the log was watched, what each detector keeps of each key, and what is still to be written to the log.
watch_place = Table(
    "watch_place",
    TABLES,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("next", BigInteger, nullable=False),
    CheckConstraint("id = 1", name="one_watch"),
)
watch_memory = Table(
    "watch_memory",
    TABLES,
    Column("detector", Text, nullable=False),
    Column("key", Text, nullable=False),  # SHA-256 of what it counts by
    Column("memory", Text, nullable=False),  # JSON
    PrimaryKeyConstraint("detector", "key", name="watch_memory_key"),
)
watch_task = Table(
    "watch_task",
    TABLES,
    Column("id", Text, primary_key=True),
    Column("refers_to", BigInteger, nullable=False),  # the entry that the task's own follows
    Column("origin", Text, nullable=False),  # of the review that it opens; "": it raises a flag
    Column("detail", Text, nullable=False),
    Column("claimed_at", UtcTime),
    Column("idx", BigInteger),  # of the task's entry; NULL: not written yet; -1: not needed any more
)
_IS_DUE = watch_task.c.idx.is_(None)
Index("watch_task_due", watch_task.c.refers_to, sqlite_where=_IS_DUE, postgresql_where=_IS_DUE)

raised_flag = Table(
    "raised_flag",
    TABLES,
    Column("principal", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("day", Date, nullable=False),
    Column("what", Text, nullable=False),
    Column("claimed_at", UtcTime, nullable=False),
    Column("idx", BigInteger),  # of the flag's entry; NULL while it is being written
    PrimaryKeyConstraint("principal", "purpose", "day", "what", name="raised_flag_key"),
)

reidentification = Table(
    "reidentification",
    TABLES,
    Column("id", Text, primary_key=True),
    Column("purpose", Text, nullable=False),
    Column("case_id", Text, nullable=False),
    Column("app", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("requested_at", UtcTime, nullable=False),
    Column("entry", BigInteger, nullable=False),  # of the answer that showed the token
    Column("dataset", Text, nullable=False),
    Column("field", Text, nullable=False),
    Column("seen_by", Text, nullable=False),  # who got that answer
    Column("content", LargeBinary, nullable=False),  # token and reason, sealed by gateway.keys
    Column("decided_by", Text),
    Column("decided_at", UtcTime),
    Column("note", LargeBinary),  # sealed as well
    Column("opened_at", UtcTime),
)
Index("reidentification_purpose", reidentification.c.purpose, reidentification.c.state, reidentification.c.requested_at)

terminal = Table(
    "terminal",
    TABLES,
    Column("id", Text, primary_key=True),
    Column("principal", Text, nullable=False),
    Column("app", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("jwk", Text, nullable=False),  # a public key
    Column("thumbprint", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("registered_at", UtcTime, nullable=False),
    Column("approved_by", Text),
    Column("revoked_at", UtcTime),
)
Index("terminal_principal", terminal.c.principal)

policy_versions = Table(
    "policy_versions",
    TABLES,
    Column("version", Text, primary_key=True),  # SHA-256 of the archive, hex
    Column("stored_at", UtcTime, nullable=False),
    Column("size", BigInteger, nullable=False),  # of the archive, bytes
    Column("content", LargeBinary, nullable=False),  # the archive, zlib (RFC 1950)
)

data_key = Table(
    "data_key",
    TABLES,
    Column("use", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("algorithms", Text, nullable=False),
    Column("wrap", Text, nullable=False),
    Column("wrapped", LargeBinary),  # by the root key, which the database doesn't hold; NULL: destroyed
    Column("created_at", UtcTime, nullable=False),
    Column("active_at", UtcTime, nullable=False),
    Column("retired_at", UtcTime),
    Column("retired_by", Text),
    Column("destroyed_at", UtcTime),
    PrimaryKeyConstraint("use", "version", name="data_key_key"),
    CheckConstraint("version BETWEEN 1 AND 255", name="version_is_a_byte"),
    CheckConstraint("(wrapped IS NULL) = (destroyed_at IS NOT NULL)", name="destroyed_is_gone"),
    CheckConstraint("destroyed_at IS NULL OR retired_at IS NOT NULL", name="destroyed_was_retired"),
)

audit_archive = Table(
    "audit_archive",
    TABLES,
    Column("name", Text, primary_key=True),
    Column("first", BigInteger, nullable=False),
    Column("end", BigInteger, nullable=False),  # exclusive
    Column("folder", Text, nullable=False),  # where it was written
    Column("archived_at", UtcTime, nullable=False),
    Column("removed_at", UtcTime),  # NULL: bodies are still being taken out
    Column("restored_at", UtcTime),
)

forward_position = Table(
    "forward_position",
    TABLES,
    Column("name", Text, primary_key=True),
    Column("next_idx", BigInteger, nullable=False),
    Column("holder", Text, nullable=False),  # the replica that forwards
    Column("held_until", UtcTime, nullable=False),
)

retention_key = Table(
    "retention_key",
    TABLES,
    Column("purpose", Text, nullable=False),
    Column("month", String(7), nullable=False),
    Column("algorithms", Text, nullable=False),
    Column("wrap", Text, nullable=False),
    Column("wrapped", LargeBinary),  # by the root key, which the database doesn't hold; NULL: destroyed
    Column("created_at", UtcTime, nullable=False),
    Column("destroyed_at", UtcTime),
    Column("blanked_at", UtcTime),  # NULL after destroyed_at: search columns are still to be emptied
    PrimaryKeyConstraint("purpose", "month", name="retention_key_key"),
    CheckConstraint("(wrapped IS NULL) = (destroyed_at IS NOT NULL)", name="destroyed_retention_is_gone"),
)

retention_hold = Table(
    "retention_hold",
    TABLES,
    Column("id", Text, primary_key=True),
    Column("purpose", Text, nullable=False),
    Column("case_id", Text, nullable=False),  # empty: everything of the purpose
    Column("reason", Text, nullable=False),
    Column("placed_by", Text, nullable=False),
    Column("placed_at", UtcTime, nullable=False),
    Column("lifted_by", Text),
    Column("lifted_at", UtcTime),
)

retention_erasure = Table(
    "retention_erasure",
    TABLES,
    Column("id", Text, primary_key=True),
    Column("purpose", Text, nullable=False),
    Column("through", String(7), nullable=False),  # the last month of it
    Column("requested_by", Text, nullable=False),
    Column("requested_at", UtcTime, nullable=False),
    Column("erased_by", Text),
    Column("erased_at", UtcTime),
)

# The log as a dataset: one row an entry and person, one row without a person where an entry names none.
ACCESS_LOG_VIEW = """
CREATE VIEW access_log AS
SELECT e.idx AS entry, e.at AS "at", e.principal AS principal, e.app AS app, e.organisation AS organisation,
       e.purpose AS purpose, e.legal_basis AS legal_basis, e.dataset AS dataset, e.fields AS fields,
       e.outcome AS outcome, e.case_id AS "case", e.needs_review AS needs_review, s.subject AS subject
FROM audit_entry AS e LEFT JOIN audit_subject AS s ON s.idx = e.idx
"""

# What PostgreSQL is told of tables beyond their columns: bodies are short JSON, not worth trying to compress before an
# answer may leave, nor a second table; the head is one row, written again and again in its place.
POSTGRESQL_STORAGE = (
    "ALTER TABLE audit_entry ALTER COLUMN body SET STORAGE EXTERNAL",
    "ALTER TABLE audit_entry SET (toast_tuple_target = 8160)",
    "ALTER TABLE audit_head SET (fillfactor = 50)",
)
