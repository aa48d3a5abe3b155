"""Every table of the gateway's own database; those of the log stand in `_log_tables`."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    Text,
)

from gateway.store._log_tables import (
    ACCESS_LOG_VIEW,
    POSTGRESQL_STORAGE,
    audit_archive,
    audit_checkpoint,
    audit_cosignature,
    audit_entry,
    audit_head,
    audit_index,
    audit_posting,
    audit_segment,
    audit_tile,
    forward_position,
)
from gateway.store._table_types import BIG_KEY, SCHEMA_VERSION, TABLES, UtcTime, schema_version

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
    Column("idx", BIG_KEY, primary_key=True, autoincrement=False),  # of the entry that is reviewed
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

policy_serving = Table(
    "policy_serving",
    TABLES,
    Column("id", Integer, primary_key=True),  # 1: there is one
    Column("number", BigInteger, nullable=False),  # of the change that made it serve
    Column("version", Text, nullable=False),
    Column("since", UtcTime, nullable=False),
    Column("changer", Text, nullable=False),  # who is about to change it, until then; "": nobody
    Column("changing_until", UtcTime, nullable=False),
)

serving_process = Table(
    "serving_process",
    TABLES,
    Column("id", Text, primary_key=True),  # chosen at its start
    Column("version", Text, nullable=False),  # of the policy that it had when it was seen
    Column("seen_at", UtcTime, nullable=False),
)

duty = Table(
    "duty",
    TABLES,
    Column("name", Text, primary_key=True),  # of what one process does for all
    Column("holder", Text, nullable=False),
    Column("held_until", UtcTime, nullable=False),
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
    Column("digest", Text, nullable=False),
    PrimaryKeyConstraint("use", "version", name="data_key_key"),
    CheckConstraint("version BETWEEN 1 AND 255", name="version_is_a_byte"),
    CheckConstraint("(wrapped IS NULL) = (destroyed_at IS NOT NULL)", name="destroyed_is_gone"),
    CheckConstraint("destroyed_at IS NULL OR retired_at IS NOT NULL", name="destroyed_was_retired"),
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

__all__ = [
    "ACCESS_LOG_VIEW",
    "POSTGRESQL_STORAGE",
    "SCHEMA_VERSION",
    "TABLES",
    "UtcTime",
    "app_key",
    "audit_archive",
    "audit_checkpoint",
    "audit_cosignature",
    "audit_entry",
    "audit_head",
    "audit_index",
    "audit_posting",
    "audit_segment",
    "audit_tile",
    "canary",
    "case_file",
    "data_key",
    "duty",
    "forward_position",
    "glass_grant",
    "policy_serving",
    "policy_versions",
    "raised_flag",
    "reidentification",
    "retention_erasure",
    "retention_hold",
    "retention_key",
    "review",
    "schema_version",
    "serving_process",
    "terminal",
    "usage_counter",
    "usage_subject",
    "watch_memory",
    "watch_place",
    "watch_task",
]
