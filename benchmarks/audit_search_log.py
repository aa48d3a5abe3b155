"""A large log, made quickly: rows of the tables and segments of the index, the same for the same seed.

What the entries say of people is sealed, as in a gateway's log, under keys that are made from their names. Two workers
make entries and their segments, 65,536 at a time, while the other process writes them. Nothing is signed: this log is
for searching only.
"""

import hashlib
import itertools
import multiprocessing
import random
import sqlite3
from binascii import b2a_base64
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
import psycopg

from gateway.audit.encoding import encode_entry
from gateway.audit.merkle import leaf_hash
from gateway.audit.probe import probe_entry
from gateway.audit.search_terms import facts_of
from gateway.audit.segments import SIZES, Segment, build_segment
from gateway.keys import RetentionOpener
from gateway.keys.retention import SealingKey
from gateway.model.audit import AuditEntry, DecisionTrace, EntryKind, FieldTrace
from gateway.store import COLUMNS, TOLD, State

PRINCIPALS, ORGANISATIONS, RESIDENTS, CASES = 5_000, 300, 300_000, 200_000
BEGIN, DAYS = datetime(2025, 11, 1, tzinfo=UTC), 365
APPS = ("community-desk", "street-desk", "environment-desk", "dispatch", "resident-portal", "admin-desk")
PURPOSES = tuple(f"purpose-{number:02}" for number in range(12))
DATASETS = tuple(f"department-{number}.dataset-{number}" for number in range(12))
FIELDS = ("name", "phone", "address", "id_number", "level", "monthly", "status", "birth_date")
LEVELS = ("clear", "partial", "redact")
ORIGIN = "langqiao.example/bench"
_ORGANISATION, _PRINCIPAL, _CASE, _TRACE, _SUBJECT = "MARK-ORG", "MARK-WHO", "MARK-CASE", "e" * 32, "f" * 32
_TOOK = 123_456_789
_MOMENT = datetime(2000, 1, 1, 0, 0, 0, 1, tzinfo=UTC)
_WRITTEN = "2000-01-01T00:00:00.000001"


class Template(NamedTuple):
    """An entry of one kind, with places for what differs."""

    public: str  # its readable part: `%s` for time, duration, organisation, what is sealed, and the key's name
    private: str  # what is sealed in it: `%s` for case, time, principal, people and trace
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
            for field in sorted(chosen.sample(FIELDS, chosen.randint(2, 4)))
        )
        base = replace(
            probe_entry(_MOMENT),
            kind=EntryKind.READ,
            organisation=_ORGANISATION,
            principal=_PRINCIPAL,
            case=_CASE,
            trace_id=_TRACE,
            app=app,
            roles=("community/grid-worker",),
            purpose=chosen.choice(PURPOSES),
            legal_basis=("中华人民共和国个人信息保护法 第三十四条",),
            dataset=dataset,
            fields=traces,
            filter_shape="id_number=eq.?",
            rows=1,
            subjects=(_SUBJECT,),
            outcome="released",
            duration_us=_TOOK,
            rules=("community/visits/grid-workers", "community/visits/own-community"),
            policy_version="2026-11-01",
            detail="",
            decision=DecisionTrace(
                decided_at=_MOMENT,
                regions=("330102001",),
                assurance=2,
                network="government",
                id_number=None,
                case=None,
                starred=False,
                not_shown=(),
                row_rules=("community/visits/own-community",),
                obligations=(),
                sha256=hashlib.sha256(b"decision").hexdigest(),
            ),
        )
        refused = replace(base, kind=EntryKind.REFUSAL, outcome="refused", code=f"GW40{chosen.randint(1, 5)}", rows=0)
        made += [_template(base), _template(refused)]
    return made


@dataclass(slots=True)
class _Parts:
    """Seals nothing, and keeps what was to be sealed: a sealer and its key."""

    name: str = "MARK-KEY/2000-01"
    private: str = ""
    public: str = ""

    def sealing(self, _purpose: str, _at: datetime) -> "_Parts":
        return self

    def seal(self, plaintext: bytes, context: bytes) -> bytes:
        self.private, self.public = plaintext.decode(), context.decode()
        return b""


def _template(entry: AuditEntry) -> Template:
    parts = _Parts()
    columns = encode_entry(entry, parts).columns
    whole = parts.public.replace('"sealed":""', '"sealed":"MARK-SEALED"')
    public = _form(whole, _WRITTEN, str(_TOOK), _ORGANISATION, "MARK-SEALED", parts.name)
    packed = b2a_base64(bytes.fromhex(_SUBJECT), newline=False).decode()
    private = _form(parts.private, _CASE, _WRITTEN, _PRINCIPAL, packed, _TRACE)
    return Template(public, private, list(columns))


def _form(text: str, *marks: str) -> str:
    """The text with `%s` for each of the marks, which come in this order."""
    form = text.replace("%", "%%")
    for mark in marks:
        form = form.replace(mark, "%s", 1)
    return form


def _retention(purpose: str, at: str) -> tuple[str, bytes]:
    """The name of the key of a purpose and a month, and the key: always the same."""
    name = f"{purpose}/{at[:7]}"
    return name, hashlib.sha256(name.encode()).digest()


def opener() -> RetentionOpener:
    """What opens the entries."""
    months = sorted({f"{BEGIN + timedelta(days=day):%Y-%m}" for day in range(DAYS + 1)})
    keys = dict(_retention(purpose, month) for purpose in PURPOSES for month in months)
    return RetentionOpener({name: (key, False) for name, key in keys.items()}, frozenset())


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
    took = drawn.integers(800, 9_000, size=count)
    rows, facts = [], []
    told = [COLUMNS.index(name) for name in TOLD[1:]]
    names = ("at", "principal", "organisation", "case_id", "trace_id", "subjects", "sealed_by")
    places, purpose = [COLUMNS.index(name) for name in names], COLUMNS.index("purpose")
    keys: dict[str, SealingKey] = {}
    drawn_lists = (each.tolist() for each in (which, who, cases, people, moments, took))
    for index, (kind, worker, case_number, resident, at, lasted) in enumerate(zip(*drawn_lists, strict=True), first):
        template = known[kind]
        principal, organisation = f"worker-{worker:05}", f"organisation-{worker % ORGANISATIONS:03}"
        case = f"c-{case_number:06x}" if case_number >= 0 else ""
        person, trace = person_of(resident), f"{index:032x}"
        name, key = _retention(str(template.cells[purpose]), at)
        if name not in keys:
            keys[name] = SealingKey(name, key, national=False)
        packed = b2a_base64(bytes.fromhex(person), newline=False).decode()
        context = template.public % (at, lasted, organisation, "", name)
        sealed = keys[name].seal((template.private % (case, at, principal, packed, trace)).encode(), context.encode())
        told_sealed = b2a_base64(sealed, newline=False).decode()
        body = (template.public % (at, lasted, organisation, told_sealed, name)).encode()
        cells = template.cells[:]
        for place, cell in zip(places, (at, principal, organisation, case, trace, person, name), strict=True):
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
