"""PostgreSQL reads stretches of the log by its index and by itself, whatever it guesses of a table that just grew."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest

from gateway.store import State, open_state, reading_index, reading_log
from tests.audit_logs import House, entry, house, open_log
from tests.postgres_server import Server, postgres_server

_STRETCH = "EXPLAIN SELECT idx, body FROM audit_entry WHERE idx >= 100 AND idx < 200 ORDER BY idx"
_COUNT = "EXPLAIN SELECT count(*) FROM audit_entry"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with postgres_server() as running:
        yield running


@pytest.fixture(scope="module")
def filled(server: Server, tmp_path_factory: pytest.TempPathFactory) -> House:
    """A log in a database whose server begins a process beside it for whatever allows that."""
    home = house(tmp_path_factory.mktemp("log"), server.fresh_database())
    with server.connect() as connection:
        connection.execute(f"ALTER DATABASE {_name(home)} SET debug_parallel_query = 'on'")

    async def fill() -> None:
        async with open_log(home) as log:
            await asyncio.gather(*(log.append(entry(number)) for number in range(300)))

    asyncio.run(fill())
    return home


@pytest.mark.parametrize("reading", [reading_log, reading_index])
def test_the_log_is_read_by_its_index_and_by_one_process(
    server: Server, filled: House, reading: Callable[[State], AbstractContextManager[Any]]
) -> None:
    with server.connect(_name(filled)) as connection:
        # so it would be: nothing is known of the table yet
        assert connection.execute("SELECT count(*) FROM pg_stats WHERE tablename = 'audit_entry'").fetchone() == (0,)
        assert "Sort" in _told(connection.execute(_STRETCH).fetchall())
        assert "Gather" in _told(connection.execute(_COUNT).fetchall())
    state = open_state(filled.url)
    try:
        for _ in range(2):  # and again on a connection that was given back
            with reading(state) as reader:
                stretch = _told(reader._connection.exec_driver_sql(_STRETCH).fetchall())
                assert "Index Scan using audit_entry_pkey" in stretch
                assert "Sort" not in stretch
                assert "Gather" not in _told(reader._connection.exec_driver_sql(_COUNT).fetchall())
        with state.engine.connect() as connection:  # others are not kept from it
            assert "Gather" in _told(connection.exec_driver_sql(_COUNT).fetchall())
    finally:
        state.close()


def _name(home: House) -> str:
    return home.url.rpartition("/")[2]


def _told(rows: Any) -> str:
    return "\n".join(row[0] for row in rows)
