"""Old entries in Parquet: verified before their bytes leave the database, found wherever they are, and brought back."""

import asyncio
import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from gateway.administration import archiving
from gateway.app import utc_now
from gateway.audit import export_log, verify_log
from gateway.audit.archive import archived_bodies, read_manifest, verify_archive
from gateway.cli.commands import app as command
from gateway.errors import ArchiveRefused, EntryArchived
from gateway.model.audit import EntryKind
from gateway.settings import Audit, Settings
from gateway.store import open_state
from tests.audit_logs import ORIGIN, House, copy_of, entry, house, open_log

SIZE, CUT = 700, 600
OLD, NEW = datetime(2026, 1, 5, tzinfo=UTC), datetime(2026, 6, 5, tzinfo=UTC)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> House:
    home = house(tmp_path_factory.mktemp("archived"))

    async def fill() -> None:
        async with open_log(home) as log:
            for number in range(SIZE):
                kinds: dict[int, dict[str, Any]] = {3: {"kind": EntryKind.FLAG}, 4: {"needs_review": True}}
                changes = kinds.get(number, {})
                if number % 100 in {0, 99}:  # one by one at the ends: the order is known there
                    await log.append(entry(number, at=OLD if number < CUT else NEW, **changes))
                    continue
                if number % 100 == 1:
                    await asyncio.gather(*(
                        log.append(entry(each, at=OLD if each < CUT else NEW, **kinds.get(each, {})))
                        for each in range(number, number + 98)
                    ))  # fmt: skip

    asyncio.run(fill())
    return home


@pytest.fixture
def home(built: House, tmp_path: Path) -> House:
    """The log in a folder of its own, with its keys."""
    folder = tmp_path / "home"
    shutil.copytree(built.folder / "keys", folder / "keys")
    copy_of(built.file, folder / "log.db").close()
    # the ring lies beside the log in a real gateway
    with_ring = House(
        folder=folder, url=f"sqlite:///{folder / 'log.db'}", signer=built.signer,
        keys=built.keys.model_copy(update={"root_file": folder / "keys" / "root.key"}),
    )  # fmt: skip
    ring = copy_of(folder / "keys" / "ring.db", folder / "ring-copy.db")
    rows = ring.execute("SELECT * FROM data_key").fetchall()
    ring.close()
    log = copy_of(built.file, folder / "log.db")
    log.executemany(f"INSERT INTO data_key VALUES ({', '.join('?' * len(rows[0]))})", rows)
    log.execute("PRAGMA journal_mode=WAL")
    log.close()
    return with_ring


def settings_of(home: House) -> Settings:
    return Settings(state_url=home.url, keys=home.keys, high_water=home.high_water, audit=Audit(origin=ORIGIN))


def archived(home: House, folder: Path, *, removes: bool = True, before: int | datetime = CUT) -> archiving.Moved:
    return archiving.archive(settings_of(home), folder, before, utc_now, removes=removes)


def test_what_was_archived_verifies_on_its_own_and_the_log_without_it(home: House, tmp_path: Path) -> None:
    state = open_state(home.url)
    before = home.verify()
    moved = archived(home, tmp_path / "archive", before=datetime(2026, 3, 1, tzinfo=UTC))
    assert (moved.manifest.first, moved.manifest.end, moved.manifest.size) == (0, CUT, SIZE)
    assert verify_archive(tmp_path / "archive", home.signer.vkey) == moved.manifest
    found = home.verify()
    assert found.is_sound, found.text()
    # the flag's and the review's bytes stay, for the desk reads them
    assert (found.size, found.archived) == (before.size + 1, CUT - 2)
    assert f"{CUT - 2} of them archived" in found.text("en")
    seals = home.seals(state)
    whole = verify_log(
        home.url, home.signer.vkey, opener=seals.open, archived=archived_bodies(tmp_path / "archive", home.signer.vkey)
    )
    assert whole.is_sound
    assert whole.archived == 0

    async def read() -> None:
        async with open_log(home, state=state) as log:
            assert log.entry(CUT) == entry(CUT, at=NEW)
            assert log.entry(3).kind is EntryKind.FLAG
            assert log.entry(4).needs_review
            with pytest.raises(EntryArchived, match="entry 0 is in the archive 000000000000-000000000599"):
                log.entry(0)
            with pytest.raises(EntryArchived):
                log.entry(599)
            assert log.prove_receipt(0)["proof"]
            assert log.prove_consistency(10, 650)

    asyncio.run(read())
    with pytest.raises(EntryArchived):
        export_log(state, tmp_path / "export")
    state.close()


def test_no_byte_of_an_archived_entry_is_left_and_restoring_brings_all_back(home: House, tmp_path: Path) -> None:
    state = open_state(home.url)
    with state.reading() as connection:
        bodies = {row[0]: row[1] for row in connection.exec_driver_sql("SELECT idx, body FROM audit_entry")}
    state.close()
    archived(home, tmp_path / "archive")
    database = b"".join(path.read_bytes() for path in home.folder.glob("log.db*"))
    assert [index for index, body in bodies.items() if body in database] == [3, 4, *range(CUT, SIZE)]
    with pytest.raises(ArchiveRefused, match="nothing before that is left"):
        archived(home, tmp_path / "again")
    more = archived(home, tmp_path / "more", before=650)
    assert (more.manifest.first, more.manifest.end) == (CUT, 650)
    for folder in ("archive", "more"):
        assert "#" in archiving.restore(settings_of(home), tmp_path / folder, utc_now).receipt
    state = open_state(home.url)
    with state.reading() as connection:
        back = {row[0]: row[1] for row in connection.exec_driver_sql("SELECT idx, body FROM audit_entry")}
    state.close()
    assert {index: back[index] for index in bodies} == bodies
    found = home.verify()
    assert found.is_sound, found.text()
    assert found.archived == 0


def test_bytes_stay_until_they_are_asked_to_go_and_a_crash_is_taken_up(
    home: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "archive"
    assert archived(home, folder, removes=False).receipt == ""
    assert home.verify().archived == 0
    steps: list[int] = []

    def dies(*args: object) -> None:
        steps.append(1)
        raise MemoryError

    with monkeypatch.context() as crash:
        crash.setattr(archiving, "take_bodies_out", dies)
        with pytest.raises(MemoryError):
            archived(home, folder)
    assert steps
    assert home.verify().is_sound
    archived(home, folder)
    found = home.verify()
    assert found.is_sound, found.text()
    assert found.archived == CUT - 2


def test_bytes_that_go_without_an_entry_are_found(home: House, tmp_path: Path) -> None:
    archived(home, tmp_path / "archive")
    state = open_state(home.url)
    with state.writing() as connection:
        connection.exec_driver_sql("UPDATE audit_entry SET body = x'' WHERE idx BETWEEN 590 AND 610")
    state.close()
    found = home.verify()
    assert found.first_bad == CUT
    assert "no entry says that they were archived" in found.text("en")


def _edit(folder: Path, change: Callable[[list[dict[str, object]]], object]) -> None:
    """Rewrite the Parquet file with all that its keeper can make fit, the digests as well."""
    manifest = json.loads((folder / "archive.json").read_text())
    (name,) = manifest["files"]
    table = pq.read_table(folder / name)
    rows = table.to_pylist()
    change(rows)
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), folder / name)
    from gateway.audit.archive import _digest

    manifest["files"][name] = _digest(folder / name)
    (folder / "archive.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda rows: rows[5].update(body=rows[6]["body"]), "column of entry 5"),
        (lambda rows: rows[5].update(body=rows[6]["body"], leaf=rows[6]["leaf"]), "entry 5 is not the one"),
        (lambda rows: rows[5].update(app="another"), "column of entry 5"),
        (lambda rows: rows.pop(5), "entry 5 is not the one"),
        (lambda rows: rows.append(rows[5]), "more entries"),
        (lambda rows: rows.__setitem__(slice(5, 7), [rows[6], rows[5]]), "entry 5 is not the one"),
    ],
)
def test_whatever_is_changed_in_an_archive_is_found(
    home: House, tmp_path: Path, change: Callable[[list[dict[str, object]]], object], told: str
) -> None:
    folder = tmp_path / "archive"
    archived(home, folder, removes=False)
    _edit(folder, change)
    with pytest.raises(ArchiveRefused, match=told):
        archived(home, folder)
    assert home.verify().archived == 0, "nothing leaves the database for an archive that is not sound"


@pytest.mark.parametrize("tile", ["tile/0/001", "tile/0/002.p/188", "tile/1/000.p/2"])
def test_a_changed_tile_or_checkpoint_is_found(home: House, tmp_path: Path, tile: str) -> None:
    folder = tmp_path / "archive"
    archived(home, folder, removes=False)
    whole = (folder / tile).read_bytes()
    (folder / tile).write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    if tile.startswith("tile/0"):
        with pytest.raises(ArchiveRefused):
            verify_archive(folder, home.signer.vkey)
    (folder / tile).write_bytes(whole)
    note = (folder / "checkpoint").read_text()
    (folder / "checkpoint").write_text(note.replace(f"\n{SIZE}\n", f"\n{SIZE - 1}\n"))
    with pytest.raises(ArchiveRefused, match="not signed"):
        verify_archive(folder, home.signer.vkey)


def test_an_archive_tells_nobody_who_asked_and_the_command_verifies_it(home: House, tmp_path: Path) -> None:
    folder = tmp_path / "archive"
    archived(home, folder, removes=False)
    manifest = read_manifest(folder)
    (name,) = manifest.files
    names = pq.read_table(folder / name).schema.names
    assert not {"principal", "case_id", "trace_id"} & set(names)
    assert b"worker-1" not in b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    done = CliRunner().invoke(command, ["audit", "verify", "--archive", str(folder), "--key", home.signer.vkey])
    assert done.exit_code == 0, done.output
    assert "entries 0 to 599" in done.output
    (folder / name).write_bytes(b"PAR1")
    done = CliRunner().invoke(command, ["audit", "verify", "--archive", str(folder), "--key", home.signer.vkey])
    assert done.exit_code == 1
    assert "GW613" in done.output
