"""Cases, app keys and counters, on SQLite and on a real PostgreSQL."""

import sqlite3
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.errors import SettingsInvalid
from gateway.store import (
    CaseRecord,
    State,
    charge,
    find_key,
    insert_case,
    insert_key,
    move_case,
    open_state,
    read_case,
    revoke_key,
)
from tests.postgres_server import Server, postgres_server

NOW = datetime(2026, 11, 23, 8, 0, 0, 5, tzinfo=UTC)
CASE = CaseRecord(
    id="C-1", purpose="vaccination-transport", state="opened", subjects=b"\x00sealed\xff", app="dispatch",
    opened_by="worker", approved_by=None, opened_at=NOW, expires_at=NOW + timedelta(hours=8),
)  # fmt: skip


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with postgres_server() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'state.db'}"
    running: Server = request.getfixturevalue("server")
    return running.fresh_database()


@pytest.fixture
def state(url: str) -> Iterator[State]:
    opened = open_state(url)
    yield opened
    opened.close()


def test_a_case_comes_back_as_it_was_kept(state: State) -> None:
    insert_case(state, CASE)
    assert read_case(state, "C-1") == CASE
    assert read_case(state, "C-2") is None
    assert "sealed" not in repr(CASE)


def test_a_case_moves_only_from_the_state_it_is_in(state: State) -> None:
    insert_case(state, CASE)
    assert move_case(state, "C-1", "opened", "approved", approved_by="officer")
    assert not move_case(state, "C-1", "opened", "approved", approved_by="somebody")
    assert move_case(state, "C-1", "approved", "closed", approved_by=None)
    found = read_case(state, "C-1")
    assert found is not None
    assert (found.state, found.approved_by) == ("closed", "officer")
    assert not move_case(state, "C-9", "opened", "closed", approved_by=None)


def test_a_revoked_key_is_as_unknown(state: State) -> None:
    insert_key(state, key_id="k1", app="community-desk", digest="d" * 64, now=NOW)
    found = find_key(state, "k1")
    assert found is not None
    assert (found.app, found.digest) == ("community-desk", "d" * 64)
    assert revoke_key(state, "k1", NOW)
    assert find_key(state, "k1") is None
    assert not revoke_key(state, "k1", NOW)
    assert find_key(state, "k2") is None


def _charge(state: State, amount: int, limit: int = 10, *, principal: str = "w", day: str = "2026-11-23") -> bool:
    return charge(state, principal=principal, purpose="home-visit", day=day, what="match", amount=amount, limit=limit)


def test_what_would_go_over_the_limit_is_refused_and_not_counted(state: State) -> None:
    assert _charge(state, 6)
    assert not _charge(state, 5)
    assert _charge(state, 4)
    assert not _charge(state, 1)
    assert _charge(state, 10, principal="other")
    assert _charge(state, 10, day="2026-11-24")
    assert not _charge(state, 11, day="2026-11-25")
    with pytest.raises(ValueError, match="at least 1"):
        _charge(state, 0)


def test_many_replicas_together_stay_within_the_limit(url: str) -> None:
    replicas = [open_state(url) for _ in range(3)]
    granted: list[bool] = []

    def spend(replica: State) -> None:
        granted.extend(_charge(replica, 1, limit=25) for _ in range(20))

    threads = [threading.Thread(target=spend, args=(replica,)) for replica in replicas]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for replica in replicas:
        replica.close()
    assert (len(granted), sum(granted)) == (60, 25)


def test_opening_again_keeps_what_is_there(url: str) -> None:
    first = open_state(url)
    insert_case(first, CASE)
    first.close()
    again = open_state(url)
    assert read_case(again, "C-1") == CASE
    again.close()


def test_several_replicas_may_make_the_tables_at_once(url: str) -> None:
    faults: list[BaseException] = []

    def make() -> None:
        try:
            open_state(url).close()
        except BaseException as error:  # noqa: BLE001 - told below
            faults.append(error)

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []


def test_a_database_file_is_for_the_gateway_alone_and_durable(tmp_path: Path) -> None:
    opened = open_state(f"sqlite:///{tmp_path / 'state.db'}")
    assert (tmp_path / "state.db").stat().st_mode & 0o777 == 0o600
    with opened.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert connection.exec_driver_sql("PRAGMA secure_delete").scalar() == 1, "what is deleted is gone"
    opened.close()


def test_a_database_of_a_newer_gateway_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'state.db'}"
    open_state(url).close()
    with sqlite3.connect(tmp_path / "state.db") as beside:
        beside.execute("UPDATE schema_version SET version = 99")
    with pytest.raises(SettingsInvalid, match="schema 99"):
        open_state(url)


@pytest.mark.parametrize(
    "url",
    ["", "no url", "mysql://h/d", "sqlite://", "sqlite:///:memory:", "postgresql+psycopg://u:geheim@127.0.0.1:1/d"],
)
def test_an_address_that_cannot_serve_is_refused_without_its_secret(url: str) -> None:
    with pytest.raises(SettingsInvalid) as caught:
        open_state(url)
    assert "geheim" not in caught.value.message() + caught.value.operator


def test_a_server_that_may_forget_is_refused(server: Server) -> None:
    url = server.fresh_database()
    name = url.rpartition("/")[2]
    with server.connect() as connection:
        connection.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
    with pytest.raises(SettingsInvalid, match="synchronous_commit=off"):
        open_state(url)
