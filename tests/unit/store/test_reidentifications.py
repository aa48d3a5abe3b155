"""Requests to turn tokens back: kept as given, and each step made once, whoever acts at the same time."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.exc import SQLAlchemyError

from gateway.store import (
    ReidentificationRecord,
    State,
    insert_reidentification,
    move_reidentification,
    open_state,
    read_reidentification,
    read_reidentifications,
)
from tests.postgres_server import Server, postgres_server

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
RECORD = ReidentificationRecord(
    id="r-1", purpose="re-identification", case_id="c-1", app="admin-desk", state="pending", requested_by="a",
    requested_at=NOW, entry=2**40, dataset="d.s", field="id_number", seen_by="b", content=b"\x01sealed",
)  # fmt: skip


@pytest.fixture(scope="module")
def postgres() -> Iterator[Server]:
    with postgres_server() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def state(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[State]:
    url = f"sqlite:///{tmp_path / 'state.db'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres").fresh_database()
    opened = open_state(url)
    yield opened
    opened.close()


def test_a_request_is_kept_as_it_was_given_and_its_sealed_bytes_are_never_shown(state: State) -> None:
    insert_reidentification(state, RECORD)
    assert read_reidentification(state, "r-1") == RECORD
    assert read_reidentification(state, "r-2") is None
    assert "sealed" not in repr(RECORD)
    with pytest.raises(SQLAlchemyError):
        insert_reidentification(state, RECORD)


def test_of_many_who_decide_or_open_at_once_one_does(state: State) -> None:
    insert_reidentification(state, RECORD)
    people = [f"p{number}" for number in range(16)]
    with ThreadPoolExecutor(8) as at_once:

        def approve(person: str) -> bool:
            return move_reidentification(
                state, "r-1", "pending", {"state": "approved", "decided_by": person, "decided_at": NOW, "note": b"n"}
            )

        approved = list(at_once.map(approve, people))

        def open_(person: str) -> bool:
            del person
            return move_reidentification(state, "r-1", "approved", {"state": "opened", "opened_at": NOW})

        opened = list(at_once.map(open_, people))
    assert approved.count(True) == opened.count(True) == 1
    kept = read_reidentification(state, "r-1")
    winner = people[approved.index(True)]
    assert kept == replace(RECORD, state="opened", decided_by=winner, decided_at=NOW, note=b"n", opened_at=NOW)


def test_those_that_wait_are_listed_first_then_the_newest_of_the_purpose_alone(state: State) -> None:
    for number, step in enumerate(("opened", "pending", "refused", "pending")):
        made = replace(RECORD, id=f"r-{number}", state=step, requested_at=NOW + timedelta(minutes=number))
        insert_reidentification(state, made)
    insert_reidentification(state, replace(RECORD, id="r-9", purpose="another"))
    listed = read_reidentifications(state, purpose="re-identification", first="pending", limit=200)
    assert [one.id for one in listed] == ["r-3", "r-1", "r-2", "r-0"]
    assert len(read_reidentifications(state, purpose="re-identification", first="pending", limit=3)) == 3
