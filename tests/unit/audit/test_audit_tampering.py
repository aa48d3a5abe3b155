"""Every way to tamper with a log is found, the first bad entry is named, and a sound log raises no alarm."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.audit import Verification, export_log, verify_export, verify_log
from gateway.audit.entry import project_public
from gateway.audit.merkle import Frontier, leaf_hash
from gateway.errors import SettingsInvalid
from gateway.store import open_state, open_state_read_only
from tests.audit_logs import ORIGIN, House, copy_of, entry, house, of_version_2, open_log
from tests.key_rings import ring_at

SIZE = 600  # two full tiles and a part
COLUMNS = (
    "at", "kind", "principal", "app", "organisation", "purpose", "legal_basis", "case_id", "dataset", "fields",
    "outcome", "code", "needs_review", "trace_id", "sealed_by",
)  # fmt: skip


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> House:
    home = house(tmp_path_factory.mktemp("log"))

    async def fill() -> None:
        async with open_log(home) as log:
            for begin in range(0, SIZE, 100):
                await asyncio.gather(*(log.append(entry(number)) for number in range(begin, begin + 100)))

    asyncio.run(fill())
    return home


@pytest.fixture(scope="module")
def copy(sound: House, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, sqlite3.Connection]]:
    path = tmp_path_factory.mktemp("copy") / "copy.db"
    connection = copy_of(sound.file, path)
    connection.execute("PRAGMA journal_mode=DELETE")
    connection.execute("PRAGMA ignore_check_constraints=ON")
    yield path, connection
    connection.close()


Tamper = Callable[[sqlite3.Connection], object]


@pytest.fixture
def found_after(sound: House, copy: tuple[Path, sqlite3.Connection]) -> Callable[..., Verification]:
    """Tamper with a copy, verify it, and bring it back."""
    path, connection = copy
    keys = open_state_read_only(sound.url)
    opener = sound.seals(keys).open

    def after(*tampers: Tamper) -> Verification:
        before = path.read_bytes()
        try:
            for tamper in tampers:
                tamper(connection)
            return verify_log(f"sqlite:///{path}", sound.signer.vkey, opener=opener)
        finally:
            path.write_bytes(before)
            connection.execute("PRAGMA schema_version")

    return after


def flip(table: str, column: str, where: str, bit: int) -> Tamper:
    def tamper(connection: sqlite3.Connection) -> None:
        value = bytearray(connection.execute(f"SELECT {column} FROM {table} WHERE {where}").fetchone()[0])
        value[bit // 8 % len(value)] ^= 1 << bit % 8
        connection.execute(f"UPDATE {table} SET {column} = ? WHERE {where}", (bytes(value),))

    return tamper


def run(statement: str) -> Tamper:
    return lambda connection: connection.execute(statement)


def test_a_sound_log_raises_no_alarm(sound: House, found_after: Callable[..., Verification]) -> None:
    for found in (sound.verify(), found_after()):
        assert found.is_sound, found.text()
        assert (found.size, found.first_bad, found.origin) == (SIZE, None, ORIGIN)
        assert str(SIZE) in found.text("zh")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(index=st.integers(0, SIZE - 1), bit=st.integers(0, 8 * 900), column=st.sampled_from(["body", "leaf"]))
def test_any_bit_of_body_or_leaf_is_found_at_its_entry(
    found_after: Callable[..., Verification], index: int, bit: int, column: str
) -> None:
    found = found_after(flip("audit_entry", column, f"idx = {index}", bit))
    assert found.first_bad == index
    assert str(index) in found.text("zh")


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(n=st.integers(0, 1), bit=st.integers(0, 8 * 8192 - 1))
def test_any_bit_of_a_tile_is_found_at_its_entry(found_after: Callable[..., Verification], n: int, bit: int) -> None:
    found = found_after(flip("audit_tile", "data", f"level = 0 AND n = {n}", bit))
    assert found.first_bad == n * 256 + bit // 8 // 32


@pytest.mark.parametrize("bit", [0, 77, 255])
@pytest.mark.parametrize(("table", "column"), [("audit_head", "root"), ("audit_checkpoint", "root")])
def test_any_bit_of_a_root_is_found(
    found_after: Callable[..., Verification], table: str, column: str, bit: int
) -> None:
    where = "1=1" if table == "audit_head" else "size = (SELECT min(size) FROM audit_checkpoint)"
    assert not found_after(flip(table, column, where, bit)).is_sound


@pytest.mark.parametrize("table", ["audit_head", "audit_checkpoint"])
def test_every_byte_of_a_signed_note_counts(sound: House, found_after: Callable[..., Verification], table: str) -> None:
    where = "1=1" if table == "audit_head" else "size = (SELECT max(size) FROM audit_checkpoint)"
    with sqlite3.connect(sound.file) as beside:
        length = len(beside.execute(f"SELECT note FROM {table} WHERE {where}").fetchone()[0])
    for at in range(0, length, 3):
        assert not found_after(flip(table, "note", where, 8 * at)).is_sound, at


@pytest.mark.parametrize("index", [0, 255, 256, 599])
@pytest.mark.parametrize("column", COLUMNS)
def test_every_search_column_is_held_against_the_bytes(
    found_after: Callable[..., Verification], column: str, index: int
) -> None:
    value = "1 - needs_review" if column == "needs_review" else "'2026-11-23T04:00:00.123457'"
    found = found_after(run(f"UPDATE audit_entry SET {column} = {value} WHERE idx = {index}"))
    assert found.first_bad == index
    assert found.fault is not None
    assert column in found.fault[0]
    assert not found_after(run(f"UPDATE audit_entry SET {column} = x'00' WHERE idx = {index}")).is_sound


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        ("UPDATE audit_entry SET subjects = '' WHERE idx = 300", 300),
        (f"UPDATE audit_entry SET subjects = '{'00' * 16}' WHERE idx = 0", 0),
        (f"UPDATE audit_entry SET subjects = subjects || ' {'ff' * 16}' WHERE idx = 599", 599),
        ("UPDATE audit_entry SET subjects = subjects || ' ' || subjects WHERE idx = 599", 599),
        ("UPDATE audit_entry SET subjects = subjects || ' ' WHERE idx = 17", 17),
        ("DELETE FROM audit_entry WHERE idx = 0", 0),
        ("DELETE FROM audit_entry WHERE idx = 300", 300),
        ("DELETE FROM audit_entry WHERE idx = 599", 599),
        ("DELETE FROM audit_entry WHERE idx >= 512", 512),
        ("UPDATE audit_entry SET idx = 5000 WHERE idx = 17", 17),
        ("UPDATE audit_entry SET idx = -1 WHERE idx = 17", 0),
        ("DELETE FROM audit_tile WHERE n = 1", 256),
        ("INSERT INTO audit_tile (level, n, data) VALUES (3, 9, zeroblob(8192))", 600),
        ("UPDATE audit_entry SET body = CAST(body AS TEXT) WHERE idx = 4", 4),
    ],
)
def test_what_is_deleted_moved_or_added_is_found_at_its_entry(
    found_after: Callable[..., Verification], statement: str, index: int
) -> None:
    assert found_after(run(statement)).first_bad == index


COPIED = "at, kind, principal, app, organisation, purpose, legal_basis, case_id, dataset, fields, outcome, code, needs_review, trace_id, sealed_by, subjects, leaf, body"  # noqa: E501


def swap(one: int, other: int) -> Tamper:
    def tamper(connection: sqlite3.Connection) -> None:
        for begin, end in ((one, 10_000), (other, one), (10_000, other)):
            connection.execute("UPDATE audit_entry SET idx = ? WHERE idx = ?", (end, begin))

    return tamper


def test_entries_swapped_whole_are_found_by_their_tile(found_after: Callable[..., Verification]) -> None:
    assert found_after(swap(10, 400)).first_bad == 10


def test_entries_swapped_where_no_tile_is_full_yet_are_found_by_the_checkpoint(
    found_after: Callable[..., Verification],
) -> None:
    found = found_after(swap(530, 540))
    assert not found.is_sound
    assert found.first_bad is not None
    assert found.first_bad <= 530


@pytest.mark.parametrize("fill", ["zero", "copy"])
def test_an_entry_added_after_the_end_is_found(found_after: Callable[..., Verification], fill: str) -> None:
    body = "body" if fill == "copy" else "x'7b7d'"
    statement = f"INSERT INTO audit_entry (idx, {COPIED}) SELECT 600, {COPIED.replace('body', body)} FROM audit_entry WHERE idx = 5"  # noqa: E501
    assert found_after(run(statement)).first_bad == 600


def rewritten(index: int, signer: "object | None" = None) -> Tamper:
    """Another entry with all that a database administrator can make fit: leaf, columns, people, tiles, head."""

    def tamper(connection: sqlite3.Connection) -> None:
        body = of_version_2(entry(1234))
        columns = {
            **project_public(body)._asdict(),
            "at": "2026-11-23T04:00:00.123456",
            "leaf": leaf_hash(body),
            "body": body,
        }
        sets = ", ".join(f"{name} = :{name}" for name in columns)
        connection.execute(f"UPDATE audit_entry SET {sets} WHERE idx = {index}", columns)
        leaves = [row[0] for row in connection.execute("SELECT leaf FROM audit_entry ORDER BY idx")]
        frontier, tiles = Frontier().extended(leaves)
        for tile in tiles:
            connection.execute("UPDATE audit_tile SET data = ? WHERE level = ? AND n = ?",
                               (tile.data, tile.level, tile.n))  # fmt: skip
        connection.execute("UPDATE audit_head SET root = ?", (frontier.root(),))

    return tamper


@pytest.mark.parametrize("index", [0, 255, 511, 599])
def test_an_entry_rewritten_with_everything_but_the_signature_is_found(
    found_after: Callable[..., Verification], index: int
) -> None:
    found = found_after(rewritten(index))
    assert not found.is_sound
    assert found.first_bad is not None
    assert found.first_bad <= index


def test_a_log_signed_with_another_key_is_found(sound: House, tmp_path: Path) -> None:
    other = ring_at(tmp_path / "keys").log_signer(ORIGIN)
    found = verify_log(sound.url, other.vkey)
    assert not found.is_sound
    assert found.first_bad == 0


def test_a_fork_signed_with_the_logs_own_key_shows_against_what_others_hold(sound: House, tmp_path: Path) -> None:
    with sqlite3.connect(sound.file) as beside:
        kept = beside.execute("SELECT note FROM audit_head").fetchone()[0].decode()
    fork = House(folder=tmp_path, url=f"sqlite:///{tmp_path / 'log.db'}", signer=sound.signer, keys=sound.keys)

    async def fill() -> None:
        async with open_log(fork) as log:
            await asyncio.gather(*(log.append(entry(9)) for _ in range(SIZE + 5)))

    asyncio.run(fill())
    assert fork.verify().is_sound, "alone it can't be told from the true log"
    assert not verify_log(fork.url, sound.signer.vkey, kept=(kept,)).is_sound
    assert not verify_log(fork.url, sound.signer.vkey, high_water=sound.high_water).is_sound
    assert verify_log(sound.url, sound.signer.vkey, kept=(kept,), high_water=sound.high_water).is_sound


def test_a_log_that_was_cut_short_shows_against_the_high_water_mark(sound: House, tmp_path: Path) -> None:
    short = House(folder=tmp_path, url=f"sqlite:///{tmp_path / 'log.db'}", signer=sound.signer, keys=sound.keys)

    async def fill() -> None:
        async with open_log(short) as log:
            for number in range(40):
                await log.append(entry(number))

    asyncio.run(fill())
    found = verify_log(short.url, short.signer.vkey, high_water=sound.high_water)
    assert not found.is_sound
    assert found.first_bad is not None


@pytest.mark.parametrize("entry_hit", [None, 200, 400])
def test_a_damaged_database_file_is_no_sound_log(
    sound: House, copy: tuple[Path, sqlite3.Connection], tmp_path: Path, entry_hit: int | None
) -> None:
    damaged = bytearray(copy[0].read_bytes())
    at = 0
    if entry_hit is not None:
        (leaf,) = copy[1].execute("SELECT leaf FROM audit_entry WHERE idx = ?", (entry_hit,)).fetchone()
        at = damaged.index(leaf)
    damaged[at + 20 : at + 20_000] = b"\xaa" * 19_980
    path = tmp_path / "damaged.db"
    path.write_bytes(damaged)
    found = verify_log(f"sqlite:///{path}", sound.signer.vkey)
    assert not found.is_sound
    assert "sqlite" not in found.text().lower().replace("sqlite_", "")


def test_what_cannot_be_verified_at_all_says_so(sound: House, tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid):
        verify_log(f"sqlite:///{tmp_path / 'none.db'}", sound.signer.vkey)
    with pytest.raises(SettingsInvalid):
        verify_log(sound.url, "no key")
    assert not (tmp_path / "none.db").exists()


# ------------------------------------------------------------------ the export
@pytest.fixture(scope="module")
def exported(sound: House, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export")
    state = open_state(sound.url)
    assert export_log(state, folder) == SIZE
    state.close()
    return folder


def test_an_export_is_in_the_tiles_layout_and_verifies(sound: House, exported: Path) -> None:
    names = {str(path.relative_to(exported)) for path in exported.rglob("*") if path.is_file()}
    assert names == {
        "checkpoint", "tile/0/000", "tile/0/001", "tile/0/002.p/88", "tile/1/000.p/2",
        "tile/entries/000", "tile/entries/001", "tile/entries/002.p/88",
    }  # fmt: skip
    found = verify_export(exported, sound.signer.vkey)
    assert found.is_sound, found.text()
    assert found.size == SIZE
    other = ring_at(exported.parent / "other-keys").log_signer(ORIGIN)
    assert not verify_export(exported, other.vkey).is_sound


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_byte_of_any_exported_file_counts(sound: House, exported: Path, data: st.DataObject) -> None:
    files = sorted(path for path in exported.rglob("*") if path.is_file())
    path = data.draw(st.sampled_from(files))
    before = path.read_bytes()
    at = data.draw(st.integers(0, len(before) - 1))
    kind = data.draw(st.sampled_from(["flip", "cut", "grow", "remove"]))
    changed = {
        "flip": before[:at] + bytes([before[at] ^ 1 << data.draw(st.integers(0, 7))]) + before[at + 1 :],
        "cut": before[:at],
        "grow": before + b"\x00",
    }
    try:
        if kind == "remove":
            path.unlink()
        else:
            path.write_bytes(changed[kind])
        found = verify_export(exported, sound.signer.vkey)
        assert not found.is_sound
        assert found.first_bad is not None
    finally:
        path.write_bytes(before)
    assert verify_export(exported, sound.signer.vkey).is_sound


def test_a_search_view_that_hides_an_entry_is_found(sound: House, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    with sqlite3.connect(sound.file) as source, sqlite3.connect(copy) as target:
        source.backup(target)
        view = target.execute("SELECT sql FROM sqlite_master WHERE name = 'access_log'").fetchone()[0]
        target.execute("DROP VIEW access_log")
        target.execute(f"{view.rstrip().rstrip(';')} WHERE e.idx <> 77")
    found = sound.verify(f"sqlite:///{copy}")
    assert found.first_bad == 77


def test_a_moment_written_in_another_form_is_found(sound: House, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    with sqlite3.connect(sound.file) as source, sqlite3.connect(copy) as target:
        source.backup(target)
        target.execute("UPDATE audit_entry SET at = replace(at, 'T', ' ') WHERE idx = 5")
    assert sound.verify(f"sqlite:///{copy}").first_bad == 5
