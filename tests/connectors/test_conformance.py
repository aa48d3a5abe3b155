"""Every kind of source passes the conformance kit, on the real thing."""

from collections.abc import AsyncIterator, Iterator
from contextlib import nullcontext
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from connectors._conformance_checks import key_batches_find_every_row
from connectors.mariadb import MariadbConnector, MysqlConnector
from connectors.postgresql import PostgresqlConnector
from connectors.sql import SqlConnector
from connectors.testing import (
    CHECKS,
    FIELDS,
    ROWS,
    Check,
    NotConformant,
    Subject,
    assert_same,
    collect,
    expected,
    make_fetch,
)
from gateway.errors import Defect
from gateway.model.ids import FieldName
from gateway.model.plan import Fetch
from gateway.model.predicate import Comparator, Compare, Like
from gateway.model.rows import Batch
from tests.connectors.subjects import (
    REST_FILTERS,
    files_subject,
    mariadb_subject,
    postgresql_subject,
    rest_subject,
    sqlite_subject,
)

KINDS = [
    "sqlite", "postgresql", "postgresql by SQLAlchemy", "mariadb", "mysql", "csv", "gb18030", "xlsx", "parquet", "rest",
]  # fmt: skip


@pytest.fixture(scope="module", params=KINDS)
def subject(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Subject]:
    folder = tmp_path_factory.mktemp("source")
    match request.param:
        case "sqlite":
            made = sqlite_subject(folder)
        case "postgresql":
            made = postgresql_subject(request.getfixturevalue("postgresql"), PostgresqlConnector)
        case "postgresql by SQLAlchemy":
            made = postgresql_subject(request.getfixturevalue("postgresql"), SqlConnector)
        case "mariadb":
            made = mariadb_subject(request.getfixturevalue("mariadb"), MariadbConnector)
        case "mysql":
            made = mariadb_subject(request.getfixturevalue("mariadb"), MysqlConnector)
        case "rest":
            made = rest_subject(folder)
        case kind:
            made = files_subject(folder, kind)
    with made as subject:
        yield subject


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_conformance(check: Check, subject: Subject) -> None:
    check(subject)


def test_a_pattern_that_ignores_case_is_neither_claimed_nor_run(subject: Subject) -> None:
    assert not subject.connector.capabilities(subject.table).ignores_case
    subject.lay(ROWS)
    fetch = make_fetch(table=subject.table, where=Like(FieldName("name"), "a%", ignores_case=True))
    with pytest.raises(Defect):
        subject.run(collect(subject.connector, fetch))


def test_a_service_claims_equality_of_the_fields_that_it_has_parameters_for(tmp_path: Path) -> None:
    with rest_subject(tmp_path) as subject:
        claimed = subject.connector.capabilities(subject.table)
        assert claimed.comparators == {Comparator.EQ}
        assert claimed.columns == frozenset(REST_FILTERS)


def test_a_column_that_a_service_has_no_parameter_for_is_held_against_the_rows(tmp_path: Path) -> None:
    with rest_subject(tmp_path) as subject:
        fetch = make_fetch(table=subject.table, where=Compare(FieldName("amount"), Comparator.GT, Decimal(1)))
        assert_same(subject.run(collect(subject.connector, fetch)), expected(fetch), ordered=True)


class _Spoilt(SqlConnector):
    """A connector with one fault."""

    fault = ""

    async def fetch(self, fetch: Fetch) -> AsyncIterator[Batch]:
        turned = tuple(replace(by, is_descending=not by.is_descending) for by in fetch.order)
        asked = replace(fetch, order=turned) if self.fault == "order" else fetch
        async for batch in super().fetch(asked):
            match self.fault:
                case "type":
                    yield [tuple(int(cell) if cell is True else cell for cell in row) for row in batch]
                case "null":
                    yield [tuple("" if cell is None else cell for cell in row) for row in batch]
                case "case":
                    yield [tuple(cell.lower() if isinstance(cell, str) else cell for cell in row) for row in batch]
                case _:
                    yield batch


@pytest.mark.parametrize("fault", ["", "order", "type", "null", "case"])
def test_the_kit_finds_a_fault(tmp_path: Path, fault: str) -> None:
    with sqlite_subject(tmp_path, _Spoilt) as subject:
        assert isinstance(subject.connector, _Spoilt)
        subject.connector.fault = fault
        with pytest.raises(NotConformant) if fault else nullcontext():
            key_batches_find_every_row(subject)


def test_the_reference_has_what_the_kit_promises() -> None:
    assert {row["name"] for row in ROWS} >= {None, "", "abc", "ABC", "😀b", "e\u0301", "é"}
    assert len(FIELDS) == len({column for column, _ in FIELDS.values()})
