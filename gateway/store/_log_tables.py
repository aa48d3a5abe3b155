"""The tables of the log, for SQLite and PostgreSQL alike.

A search column of audit_entry is a projection of `body`, which alone is hashed: verification recomputes each of them.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
)

from gateway.store._table_types import BIG_KEY, TABLES, UtcTime

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
    Column("idx", BIG_KEY, primary_key=True, autoincrement=False),
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
    Column("subjects", Text, nullable=False),  # keyed hashes, each once, in order, a space between two
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

# The index that the log is searched by (gateway.audit.segments): a projection of the bodies, made after the writing.
audit_index = Table(
    "audit_index",
    TABLES,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("generation", BigInteger, nullable=False),  # grows whenever a part was made anew
    Column("holder", Text, nullable=False),  # the process that builds
    Column("held_until", BigInteger, nullable=False),  # microseconds since 1970
    CheckConstraint("id = 1", name="one_index"),
)

audit_segment = Table(
    "audit_segment",
    TABLES,
    Column("id", BIG_KEY, primary_key=True, autoincrement=False),
    Column("first", BigInteger, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("earliest", BigInteger, nullable=False),  # microseconds since 1970
    Column("latest", BigInteger, nullable=False),
    Column("hours", LargeBinary, nullable=False),
    Column("at", LargeBinary, nullable=False),
    Column("who", LargeBinary, nullable=False),
    Column("names", LargeBinary, nullable=False),
)

audit_posting = Table(
    "audit_posting",
    TABLES,
    Column("segment", BigInteger, nullable=False),
    Column("term", LargeBinary, nullable=False),
    Column("positions", LargeBinary, nullable=False),
    PrimaryKeyConstraint("segment", "term", name="audit_posting_key"),
    sqlite_with_rowid=False,
)

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
    Column("size", BIG_KEY, primary_key=True, autoincrement=False),
    Column("root", LargeBinary, nullable=False),
    Column("note", LargeBinary, nullable=False),
)

audit_cosignature = Table(
    "audit_cosignature",
    TABLES,
    Column("size", BIG_KEY, nullable=False),
    Column("witness", Text, nullable=False),
    Column("note", LargeBinary, nullable=False),  # the checkpoint that was signed, as it was signed
    Column("line", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
    PrimaryKeyConstraint("size", "witness", name="audit_cosignature_key"),
    sqlite_with_rowid=False,
)
Index("audit_cosignature_witness", audit_cosignature.c.witness, audit_cosignature.c.size)

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

# The log as a dataset: one row an entry and person, one row without a person where an entry names none.
_ACCESS_LOG = """
CREATE VIEW access_log AS
SELECT e.idx AS entry, e.at AS "at", e.principal AS principal, e.app AS app, e.organisation AS organisation,
       e.purpose AS purpose, e.legal_basis AS legal_basis, e.dataset AS dataset, e.fields AS fields,
       e.outcome AS outcome, e.case_id AS "case", e.needs_review AS needs_review, s.value AS subject
FROM audit_entry AS e LEFT JOIN {people} AS s ON true
"""
ACCESS_LOG_VIEW = {
    "postgresql": _ACCESS_LOG.format(people="LATERAL unnest(string_to_array(e.subjects, ' '))").replace(
        "AS s ON", "AS s(value) ON"
    ),
    "sqlite": _ACCESS_LOG.format(
        people="json_each(iif(e.subjects = '', '[]', '[\"' || replace(e.subjects, ' ', '\",\"') || '\"]'))"
    ),
}
"""By dialect."""

# What PostgreSQL is told of tables beyond their columns: bodies are short JSON and keyed hashes don't get any shorter,
# not worth trying to compress before an answer may leave, nor a second table; the head is one row, written again and
# again in its place.
POSTGRESQL_STORAGE = (
    "ALTER TABLE audit_entry ALTER COLUMN body SET STORAGE EXTERNAL, ALTER COLUMN subjects SET STORAGE EXTERNAL",
    "ALTER TABLE audit_entry SET (toast_tuple_target = 8160)",
    "ALTER TABLE audit_head SET (fillfactor = 50)",
)
