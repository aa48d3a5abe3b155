"""One server of each kind for all tests of connectors; each test takes a database of its own."""

from collections.abc import Iterator

import pytest

from tests.mariadb_server import MariadbServer, mariadb_server
from tests.postgres_server import Server, postgres_server


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariadbServer]:
    with mariadb_server() as server:
        yield server
