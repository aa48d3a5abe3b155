"""The index that the log is searched by: segments and their postings. What the bytes mean is the audit room's.

A segment exists once its row does: postings are written before it, in short transactions that hold nobody up.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection, Table, bindparam, delete, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from gateway.store._table_types import read_moment
from gateway.store._tables import audit_entry, audit_head, audit_index, audit_posting, audit_segment
from gateway.store.log import StoreFailed
from gateway.store.state import State

_ONE = 1
_MANY = 16  # rows from which on it pays to find their pages first
_ROWS_AT_ONCE = 500  # a transaction of the indexer: the log waits no longer than for these
_ASKED_AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentRow:
    """Which entries a segment is of, and when they were, in microseconds since 1970."""

    id: int
    first: int
    size: int
    earliest: int
    latest: int


_ROW = (
    audit_segment.c.id,
    audit_segment.c.first,
    audit_segment.c.size,
    audit_segment.c.earliest,
    audit_segment.c.latest,
)
_SEGMENTS = select(*_ROW).order_by(audit_segment.c.first, audit_segment.c.size)
_ASKED_SEGMENTS = audit_segment.c.id.in_(bindparam("segments", expanding=True))
_POSTINGS = select(audit_posting.c.segment, audit_posting.c.term, audit_posting.c.positions).where(
    audit_posting.c.segment.in_(bindparam("segments", expanding=True)),
    audit_posting.c.term.in_(bindparam("terms", expanding=True)),
)
_ALL_POSTINGS = select(audit_posting.c.term, audit_posting.c.positions).where(
    audit_posting.c.segment == bindparam("segment")
)
_SOME = {
    "sqlite": "SELECT idx, body FROM audit_entry WHERE idx IN (SELECT value FROM json_each(?))",
    "postgresql": "SELECT idx, body FROM audit_entry WHERE idx = ANY(%s)",
}
_IN_ORDER = "SELECT " + ", ".join(
    f"set_config('{name}', '{value}', true)"
    for name, value in (("max_parallel_workers_per_gather", "0"), ("enable_sort", "off"), ("jit", "off"))
)
TOLD = (
    "at", "principal", "app", "organisation", "dataset", "fields", "purpose", "case_id", "outcome", "code", "kind",
    "subjects",
)  # fmt: skip
"""The search columns that the index is made from."""
_SOME_TOLD = select(audit_entry.c.idx, *(audit_entry.c[name] for name in TOLD), audit_entry.c.legal_basis).where(
    audit_entry.c.idx.in_(bindparam("indices", expanding=True))
)
_RANGE = text(f"SELECT idx, {', '.join(TOLD)} FROM audit_entry WHERE idx >= :begin AND idx < :end ORDER BY idx")  # noqa: S608 - ours


class IndexReader:
    """One moment of the log and its index."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def generation(self) -> int:
        """Grows whenever a part of the index was made anew."""
        return int(self._connection.execute(select(audit_index.c.generation)).scalar() or 0)

    def log(self) -> tuple[str, int]:
        """Origin and size of the log; raises StoreFailed where it has no head."""
        row = self._connection.execute(select(audit_head.c.origin, audit_head.c.size)).one_or_none()
        if row is None:
            raise StoreFailed("the log has no head")
        return str(row[0]), int(row[1])

    def segments(self) -> list[SegmentRow]:
        """Every segment, by its first entry; of those with the same the smaller first."""
        return [
            SegmentRow(id=row[0], first=row[1], size=row[2], earliest=row[3], latest=row[4])
            for row in self._connection.execute(_SEGMENTS)
        ]

    def postings(self, segments: Sequence[int], terms: Sequence[bytes]) -> dict[tuple[int, bytes], bytes]:
        """The postings of some terms in some segments, as far as there are any."""
        rows = self._connection.execute(_POSTINGS, {"segments": list(segments), "terms": list(terms)})
        return {(row[0], bytes(row[1])): bytes(row[2]) for row in rows}

    def all_postings(self, segment: int) -> dict[bytes, bytes]:
        """Every posting of a segment."""
        return {bytes(row[0]): bytes(row[1]) for row in self._connection.execute(_ALL_POSTINGS, {"segment": segment})}

    def parts(self, segments: Sequence[int], *names: str) -> Iterator[tuple[Any, ...]]:
        """Columns of some segments, each row with the segment's id before them."""
        columns = [audit_segment.c[name] for name in names]
        query = select(audit_segment.c.id, *columns).where(_ASKED_SEGMENTS)
        for row in self._connection.execute(query, {"segments": list(segments)}):
            yield tuple(row)

    def told(self, begin: int, end: int) -> list[tuple[Any, ...]]:
        """The columns `TOLD` of entries [begin, end); raises StoreFailed where one is missing."""
        with self._connection.execute(_RANGE, {"begin": begin, "end": end}) as result:
            rows = list(result.cursor.fetchall())  # the driver's own tuples: all of a log is read so
        if [row[0] for row in rows] != list(range(begin, end)):
            raise StoreFailed("entries are missing")
        return [(read_moment(row[1]), *row[2:]) for row in rows]

    def some_told(self, indices: Sequence[int]) -> dict[int, tuple[Any, ...]]:
        """The columns `TOLD` and `legal_basis` of some entries."""
        return {row[0]: tuple(row[1:]) for row in self._connection.execute(_SOME_TOLD, {"indices": list(indices)})}

    def some_bodies(self, indices: Sequence[int]) -> dict[int, bytes]:
        """The bytes of some entries, as far as they are there; empty of those that are archived."""
        asked = list(indices)
        is_sqlite = self._connection.dialect.name == "sqlite"
        with (
            self._page_by_page(len(asked)),
            self._connection.exec_driver_sql(
                _SOME[self._connection.dialect.name], (orjson.dumps(asked).decode() if is_sqlite else asked,)
            ) as found,
        ):
            return dict(found.cursor.fetchall())  # the driver's own tuples: there are thousands

    @contextmanager
    def _page_by_page(self, count: int) -> Iterator[None]:
        """Of many rows PostgreSQL first finds all the pages, and has them read ahead: in half the time (measured)."""
        if count < _MANY or self._connection.dialect.name == "sqlite":
            yield
            return
        self._connection.exec_driver_sql("SET LOCAL enable_indexscan = off")
        yield
        self._connection.exec_driver_sql("SET LOCAL enable_indexscan = on")


def read_in_order(connection: Connection) -> None:
    """Until the transaction ends PostgreSQL reads a stretch of the log by its index, and by itself.

    Of a log that grew a moment ago it knows no figures yet, and takes a thousand entries for a great part of it: for
    each such stretch it would begin processes of its own, or sort. That took longer than to read.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(_IN_ORDER)


@contextmanager
def reading_index(state: State) -> Iterator[IndexReader]:
    """A reader of one moment; raises StoreFailed where the database can't be read."""
    try:
        with state.reading() as connection, _as_bytes(connection):
            read_in_order(connection)
            yield IndexReader(connection)
    except (SQLAlchemyError, sqlite3.Error, OSError) as error:
        raise StoreFailed(type(error).__name__) from None


def _as_bytes(connection: Connection) -> AbstractContextManager[None]:
    if connection.dialect.name == "sqlite":
        return nullcontext()
    from gateway.store._binary import binary_answers

    return binary_answers(connection)


def claim_index(state: State, holder: str, *, now: int, until: int) -> int | None:
    """Be the one process that builds until `until` (microseconds); None where another is, else the generation."""
    with _writing(state) as connection:
        connection.execute(_insert(state, audit_index).values(_BEGINNING).on_conflict_do_nothing())
        row = connection.execute(select(audit_index).with_for_update()).mappings().one()
        if row["holder"] != holder and row["held_until"] > now:
            return None
        connection.execute(update(audit_index).values(holder=holder, held_until=until))
        return int(row["generation"])


def release_index(state: State, holder: str) -> None:
    """Let another process build."""
    with _writing(state) as connection:
        connection.execute(update(audit_index).where(audit_index.c.holder == holder).values(held_until=0))


_BEGINNING = {"id": _ONE, "generation": 0, "holder": "", "held_until": 0}


def put_postings(state: State, segment: int, postings: Mapping[bytes, bytes], generation: int) -> bool:
    """Write the postings of a segment that is not there yet; False where the index has moved on meanwhile."""
    rows = [{"segment": segment, "term": each, "positions": kept} for each, kept in postings.items()]
    for at in range(0, len(rows), _ROWS_AT_ONCE):
        with _writing(state) as connection:
            if not _is_still(connection, generation):
                return False
            _put(state, connection, rows[at : at + _ROWS_AT_ONCE])
    return True


def put_segment(
    state: State, row: SegmentRow, parts: Mapping[str, bytes], generation: int, replaces: Sequence[int] = ()
) -> bool:
    """Let a segment exist, in place of others; False where the index has moved on, or it exists."""
    with _writing(state) as connection:
        if not _is_still(connection, generation):
            return False
        values = {name: getattr(row, name) for name in ("id", "first", "size", "earliest", "latest")}
        connection.execute(_insert(state, audit_segment).values(values | dict(parts)).on_conflict_do_nothing())
        if replaces:
            connection.execute(delete(audit_segment).where(_ASKED_SEGMENTS), {"segments": list(replaces)})
    return True


def drop_postings(state: State, segments: Sequence[int]) -> None:
    """Remove the postings of segments that no longer exist."""
    for segment in segments:
        with _writing(state) as connection:
            if connection.execute(select(audit_segment.c.id).where(audit_segment.c.id == segment)).first() is None:
                connection.execute(delete(audit_posting).where(audit_posting.c.segment == segment))


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentChange:
    """A segment made anew: its row and parts, and only those postings that are not as they were."""

    row: SegmentRow
    parts: Mapping[str, bytes]
    postings: Mapping[bytes, bytes]
    gone: Sequence[bytes]


def change_index(state: State, changes: Sequence[SegmentChange], *, strays: Sequence[int], generation: int) -> bool:
    """Make the changes at once, remove postings of segments that don't exist (strays), and move the generation on.

    False, and nothing changed, where it has moved already, or other segments exist than those that are changed.
    """
    with _writing(state) as connection:
        connection.execute(_insert(state, audit_index).values(_BEGINNING).on_conflict_do_nothing())
        if not _is_still(connection, generation):
            return False
        changed = {change.row.id for change in changes}
        asked = {"segments": [*changed, *strays]}
        if set(connection.execute(select(audit_segment.c.id).where(_ASKED_SEGMENTS), asked).scalars()) != changed:
            return False
        connection.execute(update(audit_index).values(generation=audit_index.c.generation + 1))
        for segment in strays:
            connection.execute(delete(audit_posting).where(audit_posting.c.segment == segment))
        for change in changes:
            connection.execute(
                update(audit_segment)
                .where(audit_segment.c.id == change.row.id)
                .values(earliest=change.row.earliest, latest=change.row.latest, **change.parts)
            )
            named = audit_posting.c.term.in_(bindparam("terms", expanding=True))
            for at in range(0, len(change.gone), _ASKED_AT_ONCE):
                gone = list(change.gone[at : at + _ASKED_AT_ONCE])
                query = delete(audit_posting).where(audit_posting.c.segment == change.row.id, named)
                connection.execute(query, {"terms": gone})
            rows = [
                {"segment": change.row.id, "term": each, "positions": kept} for each, kept in change.postings.items()
            ]
            if rows:
                _put(state, connection, rows)
    return True


def _put(state: State, connection: Connection, rows: Sequence[Mapping[str, object]]) -> None:
    fresh = _insert(state, audit_posting)
    statement = fresh.on_conflict_do_update(
        index_elements=[audit_posting.c.segment, audit_posting.c.term], set_={"positions": fresh.excluded.positions}
    )
    connection.execute(statement, list(rows))


def _is_still(connection: Connection, generation: int) -> bool:
    return connection.execute(select(audit_index.c.generation).with_for_update()).scalar() == generation


def _insert(state: State, table: Table) -> Any:  # noqa: ANN401 - of either dialect
    return sqlite.insert(table) if state.engine.dialect.name == "sqlite" else postgresql.insert(table)


@contextmanager
def _writing(state: State) -> Iterator[Connection]:
    try:
        with state.writing() as connection:
            yield connection
    except (SQLAlchemyError, OSError) as error:
        raise StoreFailed(type(error).__name__) from None
