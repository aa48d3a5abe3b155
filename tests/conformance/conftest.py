"""What the clients are tried on: a discovered schema, served; the city is the shared town."""

from collections.abc import Iterator

import pytest

from tests.conformance.staging import SCHEMA, Staging, served_schema
from tests.postgres_server import postgres_server


@pytest.fixture(scope="session")
def staging_gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Staging]:
    """The cinema's schema, discovered and served."""
    with (
        postgres_server() as server,
        served_schema(server, tmp_path_factory.mktemp("staging"), SCHEMA.read_text(encoding="utf-8")) as staging,
    ):
        yield staging
