"""Kernel = SQL form, at every engine that computes masks, on the same random Unicode values of every shape."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.mariadb import MariadbConnector
from connectors.postgresql import PostgresqlConnector
from connectors.testing import KNOWN, ROWS, Subject, collect, make_fetch
from gateway.model.ids import FieldName
from gateway.model.plan import FetchColumn
from tests.connectors.subjects import files_subject, mariadb_subject, postgresql_subject, sqlite_subject
from tests.properties.test_masks_sql_form import CONTEXT, FORMS, nearly_digits, of_a_shape, spoilt

NAME = KNOWN[FieldName("name")]
any_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00\r"), max_size=20)
kept = st.one_of(of_a_shape, spoilt(), nearly_digits, any_text).filter(
    lambda text: not any(char in "\x00\r" or "\ud800" <= char <= "\udfff" for char in text)
)


@pytest.fixture(scope="module", params=["sqlite", "postgresql", "mariadb", "csv"])
def subject(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Subject]:
    folder = tmp_path_factory.mktemp("masked")
    match request.param:
        case "sqlite":
            made = sqlite_subject(folder)
        case "postgresql":
            made = postgresql_subject(request.getfixturevalue("postgresql"), PostgresqlConnector)
        case "mariadb":
            made = mariadb_subject(request.getfixturevalue("mariadb"), MariadbConnector)
        case kind:  # DuckDB
            made = files_subject(folder, kind)
    with made as subject:
        yield subject


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(values=st.lists(kept | st.none(), min_size=20, max_size=60))
def test_the_source_masks_as_the_kernel_does(subject: Subject, values: list[str | None]) -> None:
    subject.lay([{**ROWS[0], "id": at, "name": value} for at, value in enumerate(values)])
    columns = [FetchColumn(source=NAME, form=form) for _, form in FORMS]
    fetch = make_fetch(table=subject.table, columns=columns, order=[("id", False, False)], batch_rows=100)
    found = subject.run(collect(subject.connector, fetch))
    assert len(found) == len(values)
    for at, (mask, _) in enumerate(FORMS):
        came = [row[at] for row in found]
        due = [None if value is None else mask.apply([value], CONTEXT)[0] for value in values]
        assert came == due, mask
