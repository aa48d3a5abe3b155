"""A large log, made quickly: rows of the tables and segments of the index, the same for the same seed.

One worker makes entries and their segments, 65,536 at a time, while the other process writes them. Nothing is signed:
this log is for searching only.
"""

import hashlib
import itertools
import multiprocessing
import random
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np
import psycopg

from gateway.audit.merkle import leaf_hash
from gateway.audit.probe import probe_entry
from gateway.audit.search_terms import facts_of
from gateway.audit.segments import SIZES, Segment, build_segment
from gateway.model.audit import AuditEntry, EntryKind, FieldTrace
from gateway.store import COLUMNS, TOLD, State
from tests.audit_logs import of_version_2

PRINCIPALS, ORGANISATIONS, RESIDENTS, CASES = 5_000, 300, 300_000, 200_000
BEGIN, DAYS = datetime(2025, 11, 1, tzinfo=UTC), 365
APPS = ("community-desk", "street-desk", "environment-desk", "dispatch", "resident-portal", "admin-desk")
PURPOSES = tuple(f"purpose-{number:02}" for number in range(12))
DATASETS = tuple(f"department-{number}.dataset-{number}" for number in range(12))
FIELDS = ("name", "phone", "address", "id_number", "level", "monthly", "status", "birth_date")
LEVELS = ("clear", "partial", "redact")
ORIGIN = "langqiao.example/bench"
_MARKS = {"at": "2000-01-01T00:00:00.000000Z", "case": "MARK-CASE", "principal": "MARK-WHO", "trace": "e" * 32}
_SUBJECT = "f" * 32


class Template(NamedTuple):
    """An entry of one kind, with places for what differs."""

    form: str  # its bytes, with `%s` for time, case, organisation, principal, person and trace
    cells: list[object]  # the search columns


@dataclass(frozen=True, slots=True)
class Chunk:
    """65,536 entries as rows, and their segment; the last has no segment and fewer."""

    rows: list[tuple[Any, ...]]
    segment: Segment | None


def person_of(resident: int) -> str:
    """The keyed hash of a resident: evenly spread, as those of the gateway are."""
    return hashlib.sha256(f"resident {resident}".encode()).hexdigest()[:32]


def templates() -> list[Template]:
    """One for each app and dataset, released and refused."""
    made = []
    for number, (app, dataset) in enumerate(itertools.product(APPS, DATASETS)):
        chosen = random.Random(number)
        traces = tuple(
            FieldTrace(field=field, level=chosen.choice(LEVELS), uses=("show",))
            for field in sorted(chosen.sample(FIELDS, chosen.randint(2, 6)))
        )
        base = replace(
            probe_entry(BEGIN),
            kind=EntryKind.READ,
            at=datetime(2000, 1, 1, tzinfo=UTC),
            trace_id=_MARKS["trace"],
            principal=_MARKS["principal"],
            app=app,
            organisation="MARK-ORG",
            case=_MARKS["case"],
            roles=("community/grid-worker",),
            purpose=chosen.choice(PURPOSES),
            legal_basis=("中华人民共和国个人信息保护法 第三十四条",),
            dataset=dataset,
            fields=traces,
            filter_shape="id_number=eq.?",
            rows=1,
            subjects=(_SUBJECT,),
            outcome="released",
            detail="",
        )
        refused = replace(base, kind=EntryKind.REFUSAL, outcome="refused", code=f"GW40{chosen.randint(1, 5)}", rows=0)
        made += [_template(base), _template(refused)]
    return made


def _template(entry: AuditEntry) -> Template:
    form = of_version_2(entry).decode().replace("%", "%%")
    for mark in (
        _MARKS["at"].removesuffix("Z"),
        _MARKS["case"],
        "MARK-ORG",
        _MARKS["principal"],
        _SUBJECT,
        _MARKS["trace"],
    ):
        form = form.replace(mark, "%s", 1)
    told: dict[str, object] = {name: getattr(entry, name, "") for name in COLUMNS}
    told |= {
        "kind": entry.kind.value,
        "legal_basis": "; ".join(entry.legal_basis),
        "fields": ", ".join(f"{one.field}:{one.level}" for one in entry.fields),
    }
    return Template(form, list(told.values()))


def chunk(number: int, first: int, count: int, size: int) -> Chunk:
    """Entries `first` to `first + count`, of a log of `size`."""
    drawn = np.random.default_rng(number)
    known = templates()
    among = len(known) // 2
    which = 2 * drawn.integers(among, size=count) + (drawn.random(count) < 0.04)
    who = (PRINCIPALS * drawn.random(count) ** 2).astype(int)  # some far more often than others
    cases = np.where(drawn.random(count) > 0.7, drawn.integers(CASES, size=count), -1)
    people = (RESIDENTS * drawn.random(count) ** 3).astype(int)
    microsecond = (np.arange(first, first + count) + drawn.random(count)) * (DAYS * 86_400e6 / size)
    moments = np.datetime_as_string(np.datetime64(BEGIN.replace(tzinfo=None), "us") + microsecond.astype("m8[us]"))
    rows, facts = [], []
    told = [COLUMNS.index(name) for name in TOLD[1:]]
    places = [COLUMNS.index(name) for name in ("at", "principal", "organisation", "case_id", "trace_id", "subjects")]
    drawn_lists = (each.tolist() for each in (which, who, cases, people, moments))
    for index, (kind, worker, case_number, resident, at) in enumerate(zip(*drawn_lists, strict=True), first):
        template = known[kind]
        principal, organisation = f"worker-{worker:05}", f"organisation-{worker % ORGANISATIONS:03}"
        case = f"c-{case_number:06x}" if case_number >= 0 else ""
        person, trace = person_of(resident), f"{index:032x}"
        body = (template.form % (at, case, organisation, principal, person, trace)).encode()
        cells = template.cells[:]
        for place, cell in zip(places, (at, principal, organisation, case, trace, person), strict=True):
            cells[place] = cell
        rows.append((index, leaf_hash(body), body, *cells))
        facts.append(facts_of([datetime.fromisoformat(at).replace(tzinfo=UTC), *(cells[place] for place in told)]))
    full = count == SIZES.large
    return Chunk(rows, build_segment(first, facts, SIZES.large) if full else None)


def _chunk(task: tuple[int, int, int, int]) -> Chunk:
    return chunk(*task)


def chunks(size: int) -> Iterator[Chunk]:
    """The whole log, made ahead by another process."""
    tasks = [
        (number, first, min(SIZES.large, size - first), size)
        for number, first in enumerate(range(0, size, SIZES.large))
    ]
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        yield from pool.imap(_chunk, tasks)


def segment_rows(segment: Segment) -> tuple[tuple[Any, ...], list[tuple[int, bytes, bytes]]]:
    """As the tables have them."""
    row = segment.row
    told = (row.id, row.first, row.size, row.earliest, row.latest, *segment.parts().values())
    return told, [(row.id, term, kept) for term, kept in segment.postings.items()]


_ENTRY = (
    f"INSERT INTO audit_entry (idx, leaf, body, {', '.join(COLUMNS)}) VALUES ({', '.join('?' * (len(COLUMNS) + 3))})"
)
_SEGMENT = (
    "INSERT INTO audit_segment (id, first, size, earliest, latest, hours, at, who, names) VALUES (?,?,?,?,?,?,?,?,?)"
)


def fill_sqlite(state: State, size: int) -> None:
    """Write the log into a new SQLite database."""
    state.engine.dispose()  # a connection that waits in its pool keeps the journal as it is
    with closing(sqlite3.connect(str(state.file), isolation_level=None)) as connection:
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-400000"):
            connection.execute(f"PRAGMA {pragma}")
        kept = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE type='index' AND sql IS NOT NULL AND tbl_name = 'audit_entry'"
        ).fetchall()
        for name, _ in kept:
            connection.execute(f"DROP INDEX {name}")
        connection.execute("BEGIN")
        for made in chunks(size):
            connection.executemany(_ENTRY, made.rows)
            if made.segment is not None:
                row, postings = segment_rows(made.segment)
                connection.executemany("INSERT INTO audit_posting VALUES (?,?,?)", postings)
                connection.execute(_SEGMENT, row)
        connection.execute("INSERT INTO audit_head VALUES (1, ?, ?, zeroblob(32), 1, zeroblob(1))", (ORIGIN, size))
        for _, statement in kept:
            connection.execute(statement)
        connection.execute("COMMIT")
        connection.execute("ANALYZE")
        connection.execute("PRAGMA journal_mode=WAL")


def fill_postgresql(url: str, size: int) -> None:
    """Write the log into a new PostgreSQL database."""
    tables = ("audit_entry", "audit_segment", "audit_posting")
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        kept = connection.execute(
            "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'audit_entry' AND indexname NOT LIKE '%key'"
        ).fetchall()
        for name, _ in kept:
            connection.execute(f"DROP INDEX {name}")
        for table in tables:
            connection.execute(f"ALTER TABLE {table} SET UNLOGGED")
        for made in chunks(size):
            rows = [(*row[:3], f"{row[3]}+00", *row[4:]) for row in made.rows]
            _copy(connection, f"audit_entry (idx, leaf, body, {', '.join(COLUMNS)})", rows)
            if made.segment is not None:
                row, postings = segment_rows(made.segment)
                _copy(connection, "audit_posting (segment, term, positions)", postings)
                names = "audit_segment (id, first, size, earliest, latest, hours, at, who, names)"
                _copy(connection, names, [row])
        connection.execute("INSERT INTO audit_head VALUES (1, %s, %s, '\\x00', 1, '\\x00')", (ORIGIN, size))
        for _, statement in kept:
            connection.execute(statement)
        connection.execute("VACUUM ANALYZE")


def _copy(connection: psycopg.Connection[Any], target: str, rows: Iterable[tuple[Any, ...]]) -> None:
    with connection.cursor() as cursor, cursor.copy(f"COPY {target} FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
