"""Which entries' bytes are in which archive; taking them out of the database and bringing them back, step by step."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import func, insert, select, update

from gateway.store._tables import audit_archive, audit_entry
from gateway.store.log_reading import failing_as_store
from gateway.store.state import State

_STAYS = ("archive", "erasure", "flag")
"""Kinds whose bytes are never taken out: verification and the desk read them; nor are those that need a review."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveRecord:
    """One row of audit_archive."""

    name: str
    first: int
    end: int
    folder: str
    archived_at: datetime
    removed_at: datetime | None = None
    restored_at: datetime | None = None


def read_archives(state: State) -> tuple[ArchiveRecord, ...]:
    """Every archive whose entries were taken out, by range; raises StoreFailed."""
    with failing_as_store(), state.reading() as connection:
        rows = connection.execute(select(audit_archive).order_by(audit_archive.c.first)).mappings()
        return tuple(ArchiveRecord(**row) for row in rows)


def archive_of(state: State, index: int) -> str:
    """The archive that holds the bytes of an entry; empty where none is known. Raises StoreFailed."""
    table = audit_archive.c
    one = select(table.name).where(table.first <= index, table.end > index, table.restored_at.is_(None))
    with failing_as_store(), state.reading() as connection:
        return connection.execute(one.order_by(table.archived_at.desc()).limit(1)).scalar_one_or_none() or ""


def mark_archived(state: State, record: ArchiveRecord) -> None:
    """Keep it, durably, before any byte is taken out; once more is no harm. Raises StoreFailed."""
    with failing_as_store(), state.writing() as connection:
        known = update(audit_archive).where(audit_archive.c.name == record.name)
        values = asdict(record)
        if connection.execute(known.values(**values)).rowcount == 0:
            connection.execute(insert(audit_archive).values(**values))


def settle_archive(state: State, name: str, **moments: datetime) -> None:
    """`removed_at` or `restored_at`; raises StoreFailed."""
    with failing_as_store(), state.writing() as connection:
        connection.execute(update(audit_archive).where(audit_archive.c.name == name).values(**moments))


def first_index_at(state: State, moment: datetime) -> int | None:
    """The first entry of that moment or later; None where there is none. Raises StoreFailed."""
    with failing_as_store(), state.reading() as connection:
        found: int | None = connection.execute(
            select(func.min(audit_entry.c.idx)).where(audit_entry.c.at >= moment)
        ).scalar_one_or_none()
        return found


def take_bodies_out(state: State, begin: int, end: int) -> None:
    """Empty the bytes of the entries [begin, end); leaves, columns and tiles stay. Raises StoreFailed."""
    table = audit_entry.c
    with failing_as_store(), state.writing() as connection:
        connection.execute(
            update(audit_entry)
            .where(
                table.idx >= begin, table.idx < end, table.kind.not_in(_STAYS), table.needs_review.is_(False),
                table.body != b"",
            )
            .values(body=b"")
        )  # fmt: skip


def bring_bodies_back(state: State, rows: Sequence[tuple[int, bytes, bytes]]) -> int:
    """Index, leaf and bytes: those that are out and have that leaf; how many. Raises StoreFailed."""
    table = audit_entry.c
    with failing_as_store(), state.writing() as connection:
        return sum(
            connection.execute(
                update(audit_entry).where(table.idx == index, table.leaf == leaf, table.body == b"").values(body=body)
            ).rowcount
            for index, leaf, body in rows
        )
