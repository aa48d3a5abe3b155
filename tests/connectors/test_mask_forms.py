"""A mask's SQL form gives at the source exactly what it says, on any text; NULL stays NULL."""

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.files import FilesConnector
from connectors.sql import SqlConnector
from gateway.model.ids import FieldName, SourceName
from gateway.model.plan import FetchColumn
from gateway.model.sqlform import Column, Constant, IfShape, Shape, SqlForm
from gateway.spi import Connector
from tests.connectors import kit
from tests.connectors.sources import write_csv, write_sqlite

NAME = kit.KNOWN[FieldName("name")]
QUICK = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00\r"), min_size=3, max_size=6)
shaped = st.text(st.sampled_from("0123456789Xx]^-[*?\\az"), min_size=3, max_size=4)


def rows(values: list[str | None]) -> list[dict[str, object]]:
    return [{**kit.ROWS[0], "id": at, "name": value} for at, value in enumerate(values)]


async def ask(connector: Connector, table: str, form: SqlForm) -> list[kit.Row]:
    try:
        fetch = kit.make_fetch(
            table=table, columns=["id", FetchColumn(source=NAME, form=form)], order=[("id", False, False)]
        )
        return await kit.collect(connector, fetch)
    finally:
        await connector.close()


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as made:
        yield Path(made)


@pytest.mark.parametrize("kind", ["sqlite", "csv"])
@QUICK
@given(form=kit.forms(3), values=st.lists(texts | shaped | st.none(), min_size=1, max_size=8))
def test_a_form_is_the_same_at_the_source(kind: str, form: SqlForm, values: list[str | None]) -> None:
    with tempfile.TemporaryDirectory() as made:
        connector: Connector
        if kind == "sqlite":
            write_sqlite(Path(made) / "a.db", rows(values))
            connector, table = SqlConnector.open(SourceName("s"), {"folder": made, "file": "a.db"}), kit.TABLE
        else:
            write_csv(Path(made) / "a.csv", rows(values))
            connector, table = FilesConnector.open(SourceName("s"), {"folder": made, "settle_seconds": 0.001}), "a.csv"
        found = asyncio.run(ask(connector, table, form))
    assert found == [(at, None if value is None else kit.masked(form, value)) for at, value in enumerate(values)]


@pytest.mark.parametrize("positions", [(), ("",), ("]",), ("^",), ("-",), ("^-",), ("]^-",), ("]-",), ("*",), ("a-c",)])
def test_every_awkward_character_of_a_shape_is_only_itself(folder: Path, positions: tuple[str, ...]) -> None:
    values: list[str | None] = ["", "]", "^", "-", "*", "a", "b", "c", "x", "]]", "\\", "\n", "Ａ", None]
    form = IfShape((Shape(positions),), Column(), Constant("no"))
    write_sqlite(folder / "a.db", rows(values))
    write_csv(folder / "a.csv", rows(values))
    wanted = [(at, None if value is None else kit.masked(form, value)) for at, value in enumerate(values)]
    database = SqlConnector.open(SourceName("s"), {"folder": str(folder), "file": "a.db"})
    files = FilesConnector.open(SourceName("s"), {"folder": str(folder)})
    assert asyncio.run(ask(database, kit.TABLE, form)) == wanted
    assert asyncio.run(ask(files, "a.csv", form)) == wanted


def test_only_the_mask_leaves_the_source(folder: Path) -> None:
    """The raw column is not among what the statement selects."""
    write_sqlite(folder / "a.db", rows(["13812345678"]))
    connector = SqlConnector.open(SourceName("s"), {"folder": str(folder), "file": "a.db"})
    found = asyncio.run(ask(connector, kit.TABLE, Constant("***")))
    assert found == [(0, "***")]
