"""charge_release: rows and people a day, on both databases and from many at once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gateway.store import State, charge_release, open_state
from tests.postgres_server import Server, postgres_server

DAY = "2026-11-23"


@pytest.fixture(scope="module")
def postgres() -> Iterator[Server]:
    with postgres_server() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def urls(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'state.db'}"
    server: Server = request.getfixturevalue("postgres")
    return server.fresh_database()


def _charge(
    state: State,
    *,
    rows: int = 1,
    subjects: tuple[str, ...] = (),
    rows_limit: int | None = None,
    subjects_limit: int | None = None,
    day: str = DAY,
) -> str | None:
    return charge_release(
        state,
        principal="p",
        purpose="u",
        day=day,
        rows=rows,
        rows_limit=rows_limit,
        subjects=subjects,
        subjects_limit=subjects_limit,
    )


def test_a_refused_answer_counts_nothing_and_a_new_day_begins_at_nought(urls: str) -> None:
    state = open_state(urls)
    assert _charge(state, rows=8, rows_limit=10) is None
    assert _charge(state, rows=3, rows_limit=10) == "rows"
    assert _charge(state, rows=2, rows_limit=10) is None
    assert _charge(state, rows=1, rows_limit=10) == "rows"
    assert _charge(state, rows=10, rows_limit=10, day="2026-11-24") is None
    state.close()


def test_a_person_counts_once_a_day_and_a_refusal_takes_the_rows_back(urls: str) -> None:
    state = open_state(urls)
    assert _charge(state, subjects=("a", "b"), subjects_limit=3) is None
    assert _charge(state, subjects=("a", "b", "c"), subjects_limit=3) is None
    assert _charge(state, rows=5, rows_limit=5, subjects=("d",), subjects_limit=3) == "subjects"
    assert _charge(state, rows=5, rows_limit=5, subjects=("a",), subjects_limit=3) is None
    state.close()


def test_two_replicas_at_once_never_pass_a_limit(urls: str) -> None:
    replicas = [open_state(urls), open_state(urls)]

    def one(number: int) -> str | None:
        return _charge(replicas[number % 2], rows=1, rows_limit=100, subjects=(f"s{number}", "all"), subjects_limit=9)

    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(one, range(24)))
    assert outcomes.count(None) == 8
    assert outcomes.count("subjects") == 16
    for replica in replicas:
        replica.close()
