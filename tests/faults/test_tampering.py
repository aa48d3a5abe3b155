"""Random logs and one random change each: always found, never named too late; and no alarm where nothing was changed.

On SQLite and PostgreSQL by `verify_log`, and over exports by `verify_export` and the program for outsiders. The first
entry named is never behind the first that was changed: everything before it may be relied on.
"""

import asyncio
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, text

from gateway.app import utc_now
from gateway.audit import Witnessing, export_log, verify_export, verify_log
from gateway.audit.checkpoint import sign_checkpoint
from gateway.audit.encoding import encode_entry
from gateway.audit.merkle import Frontier
from gateway.audit.witness import create_home
from gateway.keys import LogSigner, RetentionKeys
from gateway.settings import Audit, Witness
from gateway.store import State, newest_cosigned_size, open_state, open_state_read_only
from tests.audit_logs import House, entry, house, open_log
from tests.key_rings import ring_at
from tests.lone_verifier import run_verifier
from tests.postgres_server import Server, postgres_server
from tests.witnesses import NAME, listening

SIZES = (1, 2, 255, 256, 257, 530)
COLUMNS = (
    "kind", "principal", "app", "organisation", "purpose", "legal_basis", "case_id", "dataset", "fields", "outcome",
    "code", "trace_id", "sealed_by",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Change:
    """What was changed, and the first entry that it touches; an alarm for a later one would be too late."""

    what: str
    first: int


def fill(home: House, size: int, first: int = 0) -> None:
    async def run() -> None:
        async with open_log(home) as log:
            for begin in range(first, first + size, 97):  # so that checkpoints are kept at odd sizes
                end = min(begin + 97, first + size)
                await asyncio.gather(*(log.append(entry(number)) for number in range(begin, end)))

    asyncio.run(run())


def _bit(value: bytes, draw: st.DataObject) -> bytes:
    at, bit = draw.draw(st.integers(0, len(value) - 1)), draw.draw(st.integers(0, 7))
    return value[:at] + bytes([value[at] ^ 1 << bit]) + value[at + 1 :]


class Intruder:
    """Who may write the database, and here also holds other keys. Each method changes one thing and says what."""

    def __init__(
        self, connection: Connection, size: int, draw: st.DataObject, stranger: LogSigner, seals: RetentionKeys
    ) -> None:
        self._connection = connection
        self._seals = seals
        self._size = size
        self._draw = draw
        self._stranger = stranger

    def anything(self) -> Change:
        kinds = [self.body, self.leaf, self.column, self.time, self.note, self.root, self.delete, self.truncate,
                 self.insert, self.person, self.rewrite, self.resign]  # fmt: skip
        if self._size > 1:
            kinds.append(self.swap)
        if self._size >= 256:
            kinds.append(self.tile)
        return self._draw.draw(st.sampled_from(kinds))()

    def _index(self) -> int:
        return self._draw.draw(st.integers(0, self._size - 1))

    def _do(self, statement: str, **values: Any) -> None:
        assert self._connection.execute(text(statement), values).rowcount > 0, statement

    def _one(self, statement: str, **values: Any) -> Any:
        found = self._connection.execute(text(statement), values).scalar_one()
        return bytes(found) if isinstance(found, memoryview) else found

    def body(self) -> Change:
        idx = self._index()
        changed = _bit(self._one("SELECT body FROM audit_entry WHERE idx = :idx", idx=idx), self._draw)
        self._do("UPDATE audit_entry SET body = :body WHERE idx = :idx", body=changed, idx=idx)
        return Change("a bit of a body", idx)

    def leaf(self) -> Change:
        idx = self._index()
        changed = _bit(self._one("SELECT leaf FROM audit_entry WHERE idx = :idx", idx=idx), self._draw)
        self._do("UPDATE audit_entry SET leaf = :leaf WHERE idx = :idx", leaf=changed, idx=idx)
        return Change("a bit of a leaf", idx)

    def column(self) -> Change:
        idx, name = self._index(), self._draw.draw(st.sampled_from(COLUMNS))
        self._do(f"UPDATE audit_entry SET {name} = {name} || 'x' WHERE idx = :idx", idx=idx)
        return Change(f"the search column {name}", idx)

    def time(self) -> Change:
        idx = self._index()
        other = entry(1).at.replace(microsecond=self._draw.draw(st.integers(0, 123_455)))
        sqlite = self._connection.dialect.name == "sqlite"
        value: Any = other.replace(tzinfo=None).isoformat(timespec="microseconds") if sqlite else other
        self._do("UPDATE audit_entry SET at = :at WHERE idx = :idx", at=value, idx=idx)
        return Change("the time", idx)

    def note(self) -> Change:
        changed = _bit(self._one("SELECT note FROM audit_head"), self._draw)
        self._do("UPDATE audit_head SET note = :note", note=changed)
        return Change("a bit of the newest note", self._size)

    def root(self) -> Change:
        changed = _bit(self._one("SELECT root FROM audit_head"), self._draw)
        self._do("UPDATE audit_head SET root = :root", root=changed)
        return Change("a bit of the root", self._size)

    def tile(self) -> Change:
        n = self._draw.draw(st.integers(0, self._size // 256 - 1))
        before = self._one("SELECT data FROM audit_tile WHERE level = 0 AND n = :n", n=n)
        after = _bit(before, self._draw)
        self._do("UPDATE audit_tile SET data = :data WHERE level = 0 AND n = :n", data=after, n=n)
        at = next(at for at, (one, other) in enumerate(zip(before, after, strict=True)) if one != other)
        return Change("a bit of a tile", 256 * n + at // 32)

    def delete(self) -> Change:
        idx = self._index()
        self._do("DELETE FROM audit_entry WHERE idx = :idx", idx=idx)
        return Change("an entry deleted", idx)

    def truncate(self) -> Change:
        idx = self._index()
        self._do("DELETE FROM audit_entry WHERE idx >= :idx", idx=idx)
        return Change("the end cut off", idx)

    def _put(self, idx: int) -> None:
        forged = encode_entry(entry(7777), self._seals)
        body = forged.body
        columns: dict[str, Any] = {**forged.columns._asdict(), "leaf": forged.leaf, "body": body}
        if self._connection.dialect.name == "sqlite":
            columns["at"] = "2026-11-23T04:00:00.123456"
        names = ", ".join(columns)
        self._do(
            f"INSERT INTO audit_entry (idx, {names}) VALUES (:idx, {', '.join(f':{name}' for name in columns)})",
            idx=idx,
            **columns,
        )

    def insert(self) -> Change:
        """A whole entry in the midst; all behind it move up."""
        idx = self._index()
        self._do("UPDATE audit_entry SET idx = idx + 100000 WHERE idx >= :idx", idx=idx)
        self._do("UPDATE audit_entry SET idx = idx - 99999 WHERE idx >= 100000")
        self._put(idx)
        return Change("an entry inserted", idx)

    def swap(self) -> Change:
        one, other = sorted(self._draw.draw(st.sets(st.integers(0, self._size - 1), min_size=2, max_size=2)))
        for begin, end in ((one, 100_000), (other, one), (100_000, other)):
            self._do("UPDATE audit_entry SET idx = :end WHERE idx = :begin", begin=begin, end=end)
        return Change("two entries swapped whole", one)

    def person(self) -> Change:
        idx = self._index()
        self._do("UPDATE audit_entry SET subjects = :who WHERE idx = :idx", who="00" * 16, idx=idx)
        return Change("a person hidden from searches", idx)

    def rewrite(self) -> Change:
        """An entry replaced, and everything made to fit but what the log's key must sign."""
        idx = self._index()
        self._do("DELETE FROM audit_entry WHERE idx = :idx", idx=idx)
        self._put(idx)
        self._fit()
        return Change("an entry rewritten with its tree", idx)

    def resign(self) -> Change:
        """The same, signed anew by another key under the log's name."""
        change = self.rewrite()
        root = self._one("SELECT root FROM audit_head")
        self._do("UPDATE audit_head SET note = :note", note=sign_checkpoint(self._stranger, self._size, root).encode())
        return change

    def _fit(self) -> None:
        leaves = [bytes(row[0]) for row in self._connection.execute(text("SELECT leaf FROM audit_entry ORDER BY idx"))]
        frontier, tiles = Frontier().extended(leaves)
        for tile in tiles:
            self._do("UPDATE audit_tile SET data = :data WHERE level = :level AND n = :n",
                     data=tile.data, level=tile.level, n=tile.n)  # fmt: skip
        self._do("UPDATE audit_head SET root = :root", root=frontier.root())
        self._connection.execute(text("DELETE FROM audit_checkpoint"))  # they would tell closer where it is


def check_found(home: House, state: State, size: int, stranger: LogSigner, draw: st.DataObject) -> None:
    connection = state.engine.connect()
    try:
        if state.file is not None:
            connection.exec_driver_sql("PRAGMA ignore_check_constraints=ON")
            connection.commit()
        change = Intruder(connection, size, draw, stranger, home.seals(state)).anything()
        connection.commit()
    finally:
        connection.close()
    found = home.verify()
    assert not found.is_sound, change
    assert found.first_bad is not None, change
    assert found.first_bad <= change.first, (change, found)


# ------------------------------------------------------------------ SQLite
@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> dict[int, House]:
    made = {}
    for size in SIZES:
        home = house(tmp_path_factory.mktemp(f"log-{size}"))
        fill(home, size)
        made[size] = home
    return made


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory, logs: dict[int, House]) -> LogSigner:
    return ring_at(tmp_path_factory.mktemp("stranger")).log_signer(logs[1].signer.name)


@pytest.mark.parametrize("size", SIZES)
def test_a_sound_log_raises_no_alarm(logs: dict[int, House], size: int) -> None:
    found = logs[size].verify()
    assert (found.is_sound, found.size) == (True, size), found.text()


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(size=st.sampled_from(SIZES), draw=st.data())
def test_any_one_change_is_found_on_sqlite(
    logs: dict[int, House],
    stranger: LogSigner,
    tmp_path_factory: pytest.TempPathFactory,
    size: int,
    draw: st.DataObject,
) -> None:
    folder = tmp_path_factory.getbasetemp() / "copy"
    folder.mkdir(exist_ok=True)
    file = folder / "log.db"
    for path in folder.iterdir():
        path.unlink()
    shutil.copy(logs[size].file, file)
    home = House(folder=folder, url=f"sqlite:///{file}", signer=logs[size].signer, keys=logs[size].keys)
    state = open_state(home.url)
    try:
        check_found(home, state, size, stranger, draw)
    finally:
        state.close()


# ------------------------------------------------------------------ PostgreSQL
@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with postgres_server() as running:
        yield running


TABLES = ("audit_entry", "audit_tile", "audit_head", "audit_checkpoint")


@pytest.fixture(scope="module")
def kept(server: Server, tmp_path_factory: pytest.TempPathFactory) -> House:
    """A log of 300, with a copy of each of its tables beside it."""
    home = house(tmp_path_factory.mktemp("pg"), server.fresh_database())
    fill(home, 300)
    with server.connect(home.url.rpartition("/")[2]) as connection:
        for table in TABLES:
            connection.execute(f"CREATE TABLE sound_{table} AS SELECT * FROM {table}")
    return home


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(draw=st.data())
def test_any_one_change_is_found_on_postgresql(
    server: Server, kept: House, stranger: LogSigner, draw: st.DataObject
) -> None:
    with server.connect(kept.url.rpartition("/")[2]) as connection:
        for table in TABLES:
            connection.execute(f"TRUNCATE {table}")
            connection.execute(f"INSERT INTO {table} SELECT * FROM sound_{table}")
    assert kept.verify().is_sound
    state = open_state(kept.url)
    try:
        check_found(kept, state, 300, stranger, draw)
    finally:
        state.close()


def test_a_log_on_postgresql_is_witnessed_and_exported(
    server: Server, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("witnessed")
    home = house(folder, server.fresh_database())
    vkey = create_home(folder / "witness", NAME, [home.signer.vkey])

    async def ask(url: str) -> str:
        state = open_state(home.url)
        asker = Witnessing(state, Audit(witnesses=(Witness(url=url, vkey=vkey),)), utc_now)
        await asker.ask()
        state.close()
        return asker.standing[NAME]

    with listening(folder / "witness") as url:
        for first, size in ((0, 300), (300, 10)):
            fill(home, size, first)
            assert asyncio.run(ask(url)) == "ok"
    state = open_state_read_only(home.url)
    try:
        assert export_log(state, folder / "export") == 310
        assert newest_cosigned_size(state, NAME) == 310
    finally:
        state.close()
    ended = run_verifier("export", folder / "export", "--key", home.signer.vkey, "--witness", vkey)
    assert ended.status == 0, ended
    assert verify_export(folder / "export", home.signer.vkey).is_sound


# ------------------------------------------------------------------ exports, by both programs
@pytest.fixture(scope="module")
def exports(logs: dict[int, House], tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    made = {}
    for size, home in logs.items():
        made[size] = tmp_path_factory.mktemp("exports") / "export"
        state = open_state(home.url)
        export_log(state, made[size])
        state.close()
    return made


@pytest.mark.parametrize("size", SIZES)
def test_a_sound_export_raises_no_alarm(logs: dict[int, House], exports: dict[int, Path], size: int) -> None:
    assert verify_export(exports[size], logs[size].signer.vkey).is_sound
    assert run_verifier("export", exports[size], "--key", logs[size].signer.vkey).status == 0


def _first(path: str, at: int, before: bytes) -> int:
    """The first entry that byte `at` of an exported file is about."""
    parts = path.removesuffix(".new").split("/")
    if parts[0] != "tile":
        return 10**9
    begin = 256 * int(parts[2].split(".")[0])
    if parts[1] != "entries":
        return (begin + at // 32) << 8 * int(parts[1])
    index, place = begin, 0
    while (place := place + 2 + int.from_bytes(before[place : place + 2], "big")) <= at:
        index += 1
    return index


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(size=st.sampled_from(SIZES), draw=st.data())
def test_any_one_change_to_an_export_is_found_by_both_programs(
    logs: dict[int, House], exports: dict[int, Path], size: int, draw: st.DataObject
) -> None:
    folder, vkey = exports[size], logs[size].signer.vkey
    path = draw.draw(st.sampled_from(sorted(path for path in folder.rglob("*") if path.is_file())))
    before = path.read_bytes()
    at = draw.draw(st.integers(0, len(before) - 1))
    kind = draw.draw(st.sampled_from(["flip", "cut", "grow", "remove", "zeroes"]))
    first = _first(str(path.relative_to(folder)), at, before) if kind in {"flip", "cut"} else 10**9
    after = {
        "flip": before[:at] + bytes([before[at] ^ 1 << draw.draw(st.integers(0, 7))]) + before[at + 1 :],
        "cut": before[:at],
        "grow": before + b"\x00",
        "zeroes": bytes(len(before)),
    }
    try:
        if kind == "remove":
            path.unlink()
        else:
            path.write_bytes(after[kind])
        found = verify_export(folder, vkey)
        assert not found.is_sound
        assert found.first_bad is not None
        assert found.first_bad <= first
        alone = run_verifier("export", folder, "--key", vkey)
        assert alone.status in {1, 3, 4, 5, 6}, alone
        if alone.status in {4, 5, 6}:
            named = int(alone.fault.partition("entry ")[2].partition(":")[0])
            assert named <= first, alone
    finally:
        path.write_bytes(before)


def test_a_fork_and_a_shorter_log_show_against_a_checkpoint_that_was_kept(
    logs: dict[int, House], exports: dict[int, Path], tmp_path: Path
) -> None:
    """Sound each in itself: only what somebody kept tells them from the true log."""
    signer = logs[257].signer
    kept = tmp_path / "kept"
    kept.write_text(sign_checkpoint(signer, 257, _root(logs[257])), encoding="utf-8")
    for name, size, status in (("fork", 300, 8), ("short", 200, 8), ("grown", 43, 0)):
        file = tmp_path / f"{name}.db"
        home = House(folder=tmp_path / name, url=f"sqlite:///{file}", signer=signer, keys=logs[257].keys)
        if name == "grown":
            shutil.copy(logs[257].file, file)
        home.folder.mkdir()

        fill(home, size)
        state = open_state(home.url)
        export_log(state, home.folder / "export")
        state.close()
        assert run_verifier("export", home.folder / "export", "--key", signer.vkey).status == 0
        ended = run_verifier("export", home.folder / "export", "--key", signer.vkey, "--older", kept)
        assert ended.status == status, ended
        assert verify_log(home.url, signer.vkey, kept=[kept.read_text(encoding="utf-8")]).is_sound is (status == 0)


def _root(home: House) -> bytes:
    state = open_state(home.url)
    try:
        with state.reading() as connection:
            return bytes(connection.execute(text("SELECT root FROM audit_head")).scalar_one())
    finally:
        state.close()
