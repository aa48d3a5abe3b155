"""The quick look at whole batches and the look at each row find the very same, whatever was done to a log.

Whoever tampers here may write everything that is not signed: bodies with fitting leaf hashes, columns of any type,
people. What one road says of a part (leaf hashes, erased entries, the first bad entry and its fault) the other says.
"""

import asyncio
import base64
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from gateway.audit import verify_log
from gateway.audit.alike import Alike
from gateway.audit.batches import decode_all, look_at
from gateway.audit.entry import PRIVATE_COLUMNS, BodyMalformed, project_public
from gateway.audit.facts import FactsSeen
from gateway.audit.forms import Forms
from gateway.audit.merkle import leaf_hash
from gateway.audit.rows import Part, check_rows
from gateway.audit.sharing import Shares
from gateway.keys import RetentionOpener
from gateway.model.audit import EntryKind
from gateway.store import COLUMNS, State, open_state, open_state_read_only, reading_log
from tests.audit_logs import NOON, PEOPLE, House, entry, house, of_version_2, open_log, opener_of
from tests.postgres_server import postgres_server

SIZE = 48
PERSON_CHANGES = (
    "UPDATE audit_entry SET subjects = '' WHERE idx = :idx",
    "UPDATE audit_entry SET subjects = :who WHERE idx = :idx",
    "UPDATE audit_entry SET subjects = subjects || ' ' || :who WHERE idx = :idx",
)
ROW_CHANGES = (
    "DELETE FROM audit_entry WHERE idx = :idx",
    "UPDATE audit_entry SET idx = idx + 1000 WHERE idx = :idx",
)
TEXTS = ("", "x", "\x00", "日", "worker-1\x00", "Z", "a" * 600, " 1")


def logged(number: int) -> Any:
    """Entries of many forms."""
    match number % 8:
        case 0:
            return entry(number, subjects=PEOPLE, case=f"case-{number}", refers_to=number, rows=number)
        case 1:
            return entry(number, subjects=(), justification='said "so"\n', response_sha256="ab" * 32)
        case 2:
            return entry(number, kind=EntryKind.POLICY, detail="published", subjects=())
        case 3:
            return entry(number, organisation='a "quoted" \\ one', dataset="\x00" + "long" * 200)
        case 4:
            return entry(number, organisation="机构" * 300, needs_review=True)
        case 5:
            return entry(number, at=NOON.replace(microsecond=0), subjects=(PEOPLE[0], PEOPLE[0]))
        case 6:
            return entry(number, kind=EntryKind.ERASURE, detail="erased nothing", subjects=())
        case _:
            return entry(number, principal="人" * number, organisation=f"street-{number}", duration_us=number * 1000)


def fill(home: House) -> None:
    async def run() -> None:
        async with open_log(home) as log:
            await asyncio.gather(*(log.append(logged(number)) for number in range(SIZE)))

    asyncio.run(run())


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> House:
    home = house(tmp_path_factory.mktemp("log"))
    fill(home)
    return home


def both_roads(url: str, opener: RetentionOpener, few: int = 12, alike: Alike | None = None) -> tuple[Part, Part, int]:
    """What each says of the part, and of how many rows the quick one was sure.

    That looks at `few` that are alike as one; `alike`: what it has seen before.
    """
    state = open_state_read_only(url)
    sure = 0

    def counting(*asked: Any) -> Any:
        nonlocal sure
        found = look_at(*asked)
        sure = 0 if found is None else len(found.leaves) - len(found.unsure)
        return found

    try:
        with reading_log(state) as reader, pytest.MonkeyPatch.context() as patch:
            patch.setattr("gateway.audit.alike._FEW", few)
            patch.setattr("gateway.audit.rows._ALIKE", alike or Alike(Forms()))
            patch.setattr("gateway.audit.rows.look_at", counting)
            one = check_rows(reader, 0, SIZE, opener)
            patch.setattr("gateway.audit.rows.look_at", lambda *_: None)
            other = check_rows(reader, 0, SIZE, opener)
    finally:
        state.close()
    return one, other, sure


BODY_CHANGES = (
    (rb'"at":"[^"]*"', b'"at":"2026-11-23T04:00:00.123456+00:00"'),
    (rb'"at":"[^"]*"', b'"at":"2026-02-30T04:00:00.123456Z"'),
    (rb'"at":"[^"]*"', b'"at":"0000-11-23T04:00:00.123456Z"'),
    (rb'"at":"[^"]*"', b'"at":"2026-11-23T24:00:00.000000Z"'),
    (rb'"at":"[^"]*"', b'"at":"2026-11-23T04:00:00,123456Z"'),
    (rb'"duration_us":[0-9]*', b'"duration_us":01'),
    (rb'"duration_us":[0-9]*', b'"duration_us":-1'),
    (rb'"duration_us":[0-9]*', b'"duration_us":"1"'),
    (rb'"duration_us":[0-9]*', b'"duration_us":\xc2\xb2'),
    (rb'"duration_us":[0-9]*', b'"duration_us":1,"duration_us":2'),
    (rb'"refers_to":[^,]*', b'"refers_to":nul'),
    (rb'"rows":[0-9]*', b'"rows":1e5'),
    (rb'"rows":[0-9]*', b'"rows":00'),
    (rb'"rows":[0-9]*', b'"rows":1,"sealed":""'),
    (rb'"organisation":"', b'"organisation":"\\u0061'),
    (rb'"organisation":"', b'"organisation":"\xff'),
    (rb'"organisation":"', b'"organisation":"\x01'),
    (rb'"organisation":"', b'"organisation":"", "x":"'),
    (rb'"sealed":"', b'"sealed":"='),
    (rb'"sealed":"[^"]*"', b'"sealed":""'),
    (rb'"sealed":"....', b'"sealed":"'),
    (rb'"sealed":"', b'"sealed":"\\'),
    (rb'=","sealed_by"', b'","sealed_by"'),
    (rb'"sealed_by":"[^"]*"', b'"sealed_by":"*/2020-01"'),
    (rb'"v":3', b'"v":4'),
    (rb'"kind":"read"', b'"kind":"probe"'),
    (rb'"app":"', b'"app":"at\\":\\"'),
    (rb'"fields":\[', b'"fields":[{"sealed":"x","field":"a","level":"b"},'),
    (rb"^", b" "),
    (rb"$", b"\n"),
    (rb"}$", b',"z":1}'),
)


def change_body(body: bytes, draw: st.DataObject) -> bytes:
    kind = draw.draw(st.sampled_from(["known", "bit", "version 2", "nothing"]))
    if kind == "known":
        pattern, into = draw.draw(st.sampled_from(BODY_CHANGES))
        return re.sub(pattern, lambda _: into, body, count=1)
    if kind == "bit":
        at, bit = draw.draw(st.integers(0, len(body) - 1)), draw.draw(st.integers(0, 7))
        return body[:at] + bytes([body[at] ^ 1 << bit]) + body[at + 1 :]
    return of_version_2(entry(3)) if kind == "version 2" else b""


def tamper(state: State, draw: st.DataObject) -> None:
    """One change; what a database refuses is none."""
    idx = draw.draw(st.integers(0, SIZE - 1))
    is_sqlite = state.file is not None
    what = draw.draw(st.sampled_from(["body", "column", "moment", "person", "row", "exchange", "shift"]))
    with state.engine.connect() as connection:
        if is_sqlite:
            connection.exec_driver_sql("PRAGMA ignore_check_constraints=ON")
        found = connection.execute(text("SELECT body FROM audit_entry WHERE idx = :idx"), {"idx": idx}).scalar()
        body = bytes(found) if isinstance(found, bytes | memoryview) else b""
        values: dict[str, Any] = {}
        match what:
            case "body" if body:
                values = {"body": (changed := change_body(body, draw)), "leaf": leaf_hash(changed)}
                if draw.draw(st.booleans()):  # as whoever rewrites an entry would
                    values |= columns_of(changed, is_sqlite=is_sqlite)
            case "column":
                name = draw.draw(st.sampled_from([name for name in (*COLUMNS, "leaf", "body") if name != "at"]))
                cells: list[Any] = [*TEXTS, *([b"x", 5, 1.0, 1.5] if is_sqlite else [])]
                cells = [True, False] if name == "needs_review" and not is_sqlite else cells
                values = {name: draw.draw(st.sampled_from(cells))}
            case "moment":
                cells = [NOON.replace(microsecond=1), datetime(1, 1, 1, tzinfo=UTC)]
                if is_sqlite:
                    cells = ["2026-11-23 04:00:00.123456", "2026-11-23T04:00:00.123456Z", "now", "", 5, b"x"]
                values = {"at": draw.draw(st.sampled_from(cells))}
            case "person":
                who = draw.draw(st.sampled_from([*PEOPLE, "", "AB" * 16, "00" * 16]))
                do = draw.draw(st.sampled_from(PERSON_CHANGES))
                connection.execute(text(do), {"idx": idx, "who": who} if ":who" in do else {"idx": idx})
            case "exchange":  # with an entry that is alike
                with_ = idx + 8 if idx + 8 < SIZE else idx - 8
                values = exchanged(connection, idx, with_, draw)
            case "shift":  # so that all of them, one behind the other, are the same bytes
                shift(connection, draw.draw(st.sampled_from(["leaf", "body"])), idx, idx + 8)
            case "row":
                do = draw.draw(st.sampled_from(ROW_CHANGES))
                connection.execute(text(do), {"idx": idx})
            case _:
                pass
        if values:
            told = ", ".join(f"{name} = :{name}" for name in values)
            connection.execute(text(f"UPDATE audit_entry SET {told} WHERE idx = :idx"), values | {"idx": idx})
        connection.commit()


def shift(connection: Connection, name: str, idx: int, to: int) -> None:
    """Takes the last byte from the one, and gives it to the other as its first."""
    query = text(f"SELECT {name} FROM audit_entry WHERE idx = :idx")
    mine, other = (connection.execute(query, {"idx": one}).scalar_one_or_none() for one in (idx, to))
    if isinstance(mine, bytes) and isinstance(other, bytes):
        for one, cell in ((idx, mine[:-1]), (to, mine[-1:] + other)):
            connection.execute(
                text(f"UPDATE audit_entry SET {name} = :cell WHERE idx = :idx"), {"cell": cell, "idx": one}
            )


def exchanged(connection: Connection, idx: int, with_: int, draw: st.DataObject) -> dict[str, Any]:
    """Gives some cells to the other entry, and what that had to this one."""
    names = draw.draw(st.lists(st.sampled_from([*COLUMNS, "leaf", "body"]), min_size=1, max_size=3, unique=True))
    names = [*names, "leaf"] if "body" in names and "leaf" not in names else names
    query = text(f"SELECT {', '.join(names)} FROM audit_entry WHERE idx = :idx")
    mine, other = (connection.execute(query, {"idx": one}).one_or_none() for one in (idx, with_))
    if mine is None or other is None:
        return {}
    told = ", ".join(f"{name} = :{name}" for name in names)
    values = dict(zip(names, mine, strict=True)) | {"idx": with_}
    connection.execute(text(f"UPDATE audit_entry SET {told} WHERE idx = :idx"), values)
    return dict(zip(names, other, strict=True))


def columns_of(body: bytes, *, is_sqlite: bool) -> dict[str, Any]:
    try:
        told = project_public(body)._asdict()
    except BodyMalformed:
        return {}
    at = told["at"].astimezone(UTC)
    kept = at.replace(tzinfo=None).isoformat(timespec="microseconds") if is_sqlite else at
    return {name: cell for name, cell in told.items() if name not in PRIVATE_COLUMNS} | {"at": kept}


def try_to_tamper(state: State, draw: st.DataObject) -> None:
    for _ in range(draw.draw(st.integers(1, 2))):
        try:
            tamper(state, draw)
        except (DBAPIError, ValueError, OverflowError):
            continue


@pytest.mark.parametrize("few", [1, 2, 12])
def test_a_sound_log_is_seen_by_the_quick_look_alone(sound: House, few: int) -> None:
    one, other, sure = both_roads(sound.url, opener_of(sound), few)
    assert one == other
    assert one.bad is None
    assert sure == SIZE - 3 * SIZE // 8, "but for erasures, and organisations that are escaped or cut"


@settings(max_examples=250, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(draw=st.data())
def test_both_roads_find_the_same_on_sqlite(
    sound: House, tmp_path_factory: pytest.TempPathFactory, draw: st.DataObject
) -> None:
    folder = tmp_path_factory.getbasetemp() / "quick-copy"
    folder.mkdir(exist_ok=True)
    for path in folder.iterdir():
        path.unlink()
    shutil.copy(sound.file, folder / "log.db")
    url = f"sqlite:///{folder / 'log.db'}"
    state = open_state(url)
    try:
        try_to_tamper(state, draw)
    finally:
        state.close()
    few, alike, opener = draw.draw(st.sampled_from([1, 1, 2, 12])), Alike(Forms()), opener_of(sound)
    if draw.draw(st.booleans()):
        assert both_roads(sound.url, opener, few, alike)[0].bad is None
    one, other, _ = both_roads(url, opener, few, alike)
    assert one == other


ALIKE = 40


@pytest.fixture(scope="module")
def alike(tmp_path_factory: pytest.TempPathFactory) -> House:
    """As most logs are: entries that differ in who asked, when and of whom."""
    home = house(tmp_path_factory.mktemp("alike"))

    async def run() -> None:
        async with open_log(home) as log:
            await asyncio.gather(
                *(log.append(entry(number, at=NOON + timedelta(milliseconds=number))) for number in range(ALIKE))
            )

    asyncio.run(run())
    return home


def test_entries_that_are_alike_are_looked_at_as_one(alike: House) -> None:
    state = open_state_read_only(alike.url)
    try:
        with reading_log(state) as reader:
            batch, seen = reader.batch(0, ALIKE), FactsSeen(ALIKE)
            assert batch is not None
            assert Alike(Forms()).look(batch, opener_of(alike), seen) == ([], {})
            assert seen.columns().unknown() == []
    finally:
        state.close()


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE audit_entry SET {0} = (SELECT {0} FROM audit_entry WHERE idx = 4) WHERE idx = 21",
        "UPDATE audit_entry SET {0} = upper({0}) || 'x' WHERE idx = 21",
        "UPDATE audit_entry SET {0} = CAST({0} AS BLOB) WHERE idx = 21",
        "UPDATE audit_entry SET {0} = {0} || char(0) WHERE idx = 21",
        "UPDATE audit_entry SET {0} = '\"' || {0} WHERE idx = 21",
        "UPDATE audit_entry SET {0} = {0} || '\",\"' WHERE idx = 21",
        "UPDATE audit_entry SET {0} = 1 WHERE idx = 21",
    ],
)
@pytest.mark.parametrize("name", [*COLUMNS, "leaf", "body"])
def test_one_cell_among_many_that_are_alike_is_found(alike: House, tmp_path: Path, change: str, name: str) -> None:
    path = tmp_path / "copy.db"
    shutil.copy(alike.file, path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA ignore_check_constraints=ON")
        query = f"SELECT typeof({name}), CAST({name} AS BLOB) FROM audit_entry WHERE idx = 21"
        before = connection.execute(query).fetchone()
        connection.execute(change.format(name))
        after = connection.execute(query).fetchone()
    found = verify_log(f"sqlite:///{path}", alike.signer.vkey, opener=opener_of(alike), shares=Shares())
    if before == after:
        assert found.is_sound, found.text()
    else:  # bytes that became a text which is none can't even be read
        assert (found.is_sound, found.first_bad) == (False, 21 if name in COLUMNS else found.first_bad), found.text()
        assert found.first_bad is not None
        assert found.first_bad <= 21


@pytest.mark.parametrize("name", ["kind", "subjects"])
def test_what_only_looks_like_a_table_is_read_cell_by_cell(alike: House, tmp_path: Path, name: str) -> None:
    """A view whose cell is JSON already: it would stand in a list of JSON without quotes of its own."""
    path = tmp_path / "copy.db"
    shutil.copy(alike.file, path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DROP VIEW access_log")
        connection.execute("ALTER TABLE audit_entry RENAME TO hidden")
        told = ", ".join(
            one if one != name else f"json_quote({name}) AS {name}" for one in ("idx", *COLUMNS, "leaf", "body")
        )
        connection.execute(f"CREATE VIEW audit_entry AS SELECT {told} FROM hidden")
    found = verify_log(f"sqlite:///{path}", alike.signer.vkey, opener=opener_of(alike))
    assert (found.is_sound, found.first_bad) == (False, 0), found.text()


@pytest.mark.parametrize("name", ["leaf", "body"])
def test_bytes_that_moved_to_the_next_entry_are_found(sound: House, tmp_path: Path, name: str) -> None:
    path = tmp_path / "copy.db"
    shutil.copy(sound.file, path)
    state = open_state(f"sqlite:///{path}")
    with state.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA ignore_check_constraints=ON")
        shift(connection, name, 24, 32)
        connection.commit()
    state.close()
    one, other, sure = both_roads(f"sqlite:///{path}", opener_of(sound), 1)
    assert (one, one.bad, sure) == (other, 24, 0)


SEVERAL = Shares(part=5, worth=0, processes=3)


@pytest.mark.parametrize("forks", [False, True])
def test_a_log_read_in_several_processes_has_the_same_first_fault(sound: House, tmp_path: Path, *, forks: bool) -> None:
    path = tmp_path / "copy.db"
    shutil.copy(sound.file, path)
    url, opener, shares = f"sqlite:///{path}", opener_of(sound), replace(SEVERAL, forks=forks)
    found = verify_log(url, sound.signer.vkey, opener=opener, shares=shares)
    assert (found.is_sound, found.size) == (True, SIZE), found.text()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE audit_entry SET app = 'other' WHERE idx IN (31, 44)")
    found = verify_log(url, sound.signer.vkey, opener=opener, shares=shares)
    assert found == verify_log(url, sound.signer.vkey, opener=opener)
    assert found.first_bad == 31


TABLES = ("audit_entry",)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[House, State]]:
    with postgres_server() as server:
        home = house(tmp_path_factory.mktemp("pg"), server.fresh_database())
        fill(home)
        state = open_state(home.url)
        with state.writing() as connection:
            for table in TABLES:
                connection.execute(text(f"CREATE TABLE sound_{table} AS SELECT * FROM {table}"))
            for name in ("leaf_is_sha256", "body_fits_a_bundle"):
                connection.execute(text(f"ALTER TABLE audit_entry DROP CONSTRAINT {name}"))
        yield home, state
        state.close()


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(draw=st.data())
def test_both_roads_find_the_same_on_postgresql(served: tuple[House, State], draw: st.DataObject) -> None:
    home, state = served
    with state.writing() as connection:
        for table in TABLES:
            connection.execute(text(f"DELETE FROM {table}"))
            connection.execute(text(f"INSERT INTO {table} SELECT * FROM sound_{table}"))
    opener = opener_of(home)
    few, alike = draw.draw(st.sampled_from([1, 1, 2, 12])), Alike(Forms())
    one, other, sure = both_roads(home.url, opener, few, alike)
    assert (one, one.bad, sure) == (other, None, SIZE - 3 * SIZE // 8)
    try_to_tamper(state, draw)
    one, other, _ = both_roads(home.url, opener, few, alike)
    assert one == other


@pytest.mark.parametrize("is_told", [True, False])
def test_both_roads_find_the_same_where_keys_are_gone(sound: House, tmp_path: Path, *, is_told: bool) -> None:
    path = tmp_path / "copy.db"
    with sqlite3.connect(sound.file) as source, sqlite3.connect(path) as target:
        source.backup(target)
        names = {row[0] for row in target.execute("SELECT DISTINCT sealed_by FROM audit_entry")}
        if is_told:
            target.execute("UPDATE audit_entry SET principal = '', case_id = '', trace_id = '', subjects = ''")
    one, other, sure = both_roads(f"sqlite:///{path}", RetentionOpener({}, frozenset(names)))
    assert one == other
    assert (one.bad is None, len(one.erased) == SIZE, sure > 0) == (is_told,) * 3


def test_a_form_is_learned_from_its_own_encoding_alone(sound: House) -> None:
    state = open_state_read_only(sound.url)
    with reading_log(state) as reader:
        body = next(body for body in reader.bodies(7, 8))
    state.close()
    assert Forms().cut(body) is not None
    for pattern, into in BODY_CHANGES:
        changed = re.sub(pattern, into.replace(b"\\", b"\\\\"), body, count=1)
        cut = Forms().cut(changed)
        if cut is not None:  # then what it says is what JSON says
            told = project_public(changed)
            assert (told.organisation, told.sealed_by, told.needs_review) == (cut[2], cut[0][0], cut[0][1][0])


@settings(max_examples=300)
@given(
    st.lists(
        st.one_of(st.binary(max_size=40), st.text('AQZaz059+/=-_\\"\n ', max_size=12).map(str.encode)),
        min_size=1,
        max_size=4,
    )
)
def test_base64_is_read_in_its_one_form_only(texts: list[bytes]) -> None:
    def alone(one: bytes) -> bytes | None:
        try:
            data = base64.b64decode(one, validate=True)
        except ValueError:
            return None
        return data if base64.b64encode(data) == one else None

    for given_texts in (texts, list(map(base64.b64encode, texts))):
        wanted = list(map(alone, given_texts))
        try:
            found: list[bytes] | None = decode_all(given_texts)
        except ValueError:
            found = None
        assert found == (None if None in wanted else wanted)
