"""A source's error must not tell of a row that doesn't exist for the asker: what could raise is kept from such rows."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest

from connectors.files import FilesConnector
from connectors.sql import SqlConnector
from gateway.errors import SourceRubbish
from gateway.model.catalog import FieldType
from gateway.model.ids import DatasetName, FieldName, SourceName
from gateway.model.plan import Fetch, FetchColumn, SourceColumn
from gateway.model.predicate import EVERYTHING, AllOf, Comparator, Compare, Under
from gateway.model.rows import Row
from tests.postgres_server import Server, postgres_server

COLUMNS = {
    FieldName(name): SourceColumn(field=FieldName(name), column=name, type=kind)
    for name, kind in (("id", FieldType.INTEGER), ("district", FieldType.TEXT), ("share", FieldType.NUMERIC))
}
# dear enough that a planner would rather begin with the asker's filter
VISIBLE = Under(FieldName("district"), tuple(f"3301{number:02}" for number in range(50)))
ASKED = Compare(FieldName("share"), Comparator.GT, Decimal(1))
FETCH = Fetch(
    dataset=DatasetName("d.t"),
    table="shares",
    columns=(FetchColumn(source=COLUMNS[FieldName("id")]),),
    aggregates=(),
    known=COLUMNS,
    where=AllOf((VISIBLE, ASKED)),
    order=(),
    limit=None,
    offset=0,
    time_limit_seconds=5.0,
    batch_rows=100,
    rows=VISIBLE,
)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with postgres_server() as found:
        yield found


async def _asked(source: SqlConnector, fetch: Fetch) -> list[Row]:
    try:
        return [row async for batch in source.fetch(fetch) for row in batch]
    finally:
        await source.close()


def _database(server: Server, divisor: int) -> SqlConnector:
    url = server.fresh_database()
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (id bigint PRIMARY KEY, district text, divisor bigint)")
        connection.execute("INSERT INTO kept VALUES (1, '330101', 5), (2, '999999', %s)", [divisor])
        connection.execute("CREATE VIEW shares AS SELECT id, district, 100 / divisor AS share FROM kept")
    return SqlConnector.open(SourceName("s"), {"url": url})


def _file(folder: Path, cell: str) -> SqlConnector:
    with closing(sqlite3.connect(folder / "s.db")) as database, database:
        database.execute("CREATE TABLE shares (id INTEGER, district TEXT, share)")
        database.executemany("INSERT INTO shares VALUES (?, ?, ?)", [(1, "330101", "20"), (2, "999999", cell)])
    return SqlConnector.open(SourceName("s"), {"folder": str(folder), "file": "s.db"})


@pytest.mark.parametrize("divisor", [0, 5])
async def test_a_view_that_fails_for_a_hidden_row_does_not_fail(server: Server, divisor: int) -> None:
    assert await _asked(_database(server, divisor), FETCH) == [(1,)]


async def test_it_would_without_that_care(server: Server) -> None:
    with pytest.raises(SourceRubbish) as refusal:
        await _asked(_database(server, 0), replace(FETCH, rows=EVERYTHING))
    assert "divi" not in refusal.value.message("en")


@pytest.mark.parametrize("cell", ["no number", "20"])
async def test_a_cell_of_another_type_in_a_hidden_row_does_not_fail(tmp_path: Path, cell: str) -> None:
    assert await _asked(_file(tmp_path, cell), FETCH) == [(1,)]


@pytest.mark.parametrize("cell", ["no number", "20"])
async def test_nor_does_one_in_a_file(tmp_path: Path, cell: str) -> None:
    (tmp_path / "shares.csv").write_text(f"id,district,share\n1,330101,20\n2,999999,{cell}\n", encoding="utf-8")
    source = FilesConnector.open(SourceName("s"), {"folder": str(tmp_path)})
    fetch = replace(FETCH, table="shares.csv")
    try:
        assert [row async for batch in source.fetch(fetch) for row in batch] == [(1,)]
    finally:
        await source.close()
