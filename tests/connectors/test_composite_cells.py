"""JSON, arrays and ranges out of sources that only keep text, or JSON."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors._cells import NotPromised
from connectors._rest_pages import READERS
from connectors.files import FilesConnector
from connectors.sql import SqlConnector
from gateway.errors import SourceRubbish
from gateway.model.catalog import FieldType
from gateway.model.ids import FieldName, SourceName
from gateway.model.json_value import Json
from gateway.model.plan import Fetch, FetchColumn, SourceColumn
from gateway.model.predicate import Contains, IsNull, Not
from gateway.model.range_value import EMPTY, range_of
from gateway.spi import Connector
from tests.connectors import kit

CELLS = {
    "doc": (FieldType.JSON, '{"b":1.50,"a":[]}', Json('{"a":[],"b":1.50}')),
    "tags": (FieldType.TEXT_ARRAY, '{a,"b,c",NULL}', ("a", "b,c", None)),
    "days": (FieldType.DATE_ARRAY, "{2026-01-01}", (date(2026, 1, 1),)),
    "span": (FieldType.INTEGER_RANGE, "[1,5]", range_of(1, 6)),
    "open": (FieldType.TIMESTAMP_RANGE, "[2026-01-01 00:00:00,)", range_of(datetime(2026, 1, 1, tzinfo=UTC), None)),
    "none": (FieldType.DATE_RANGE, "empty", EMPTY),
}
KNOWN = {
    FieldName(name): SourceColumn(field=FieldName(name), column=name, type=kind) for name, (kind, *_) in CELLS.items()
}


def fetch(table: str) -> Fetch:
    asked = kit.make_fetch(table=table, columns=(), where=Not(IsNull(FieldName("doc"))))
    return replace(asked, known=KNOWN, columns=tuple(FetchColumn(source=source) for source in KNOWN.values()))


def laid_down(kind: str, folder: Path, texts: list[str]) -> tuple[Connector, str]:
    if kind == "csv":
        quoted = ",".join('"' + text.replace('"', '""') + '"' for text in texts)
        (folder / "a.csv").write_text(f"{','.join(CELLS)}\n{quoted}\n", encoding="utf-8")
        return FilesConnector.open(SourceName("kit"), {"folder": str(folder)}), "a.csv"
    with closing(sqlite3.connect(folder / "a.db")) as database:
        database.execute(f"CREATE TABLE t ({', '.join(f'{name} TEXT' for name in CELLS)})")
        database.execute(f"INSERT INTO t VALUES ({', '.join('?' for _ in CELLS)})", texts)
        database.commit()
    return SqlConnector.open(SourceName("kit"), {"folder": str(folder), "file": "a.db"}), "t"


@pytest.mark.parametrize("kind", ["sqlite", "csv"])
async def test_text_is_read_as_what_the_catalogue_says(kind: str, tmp_path: Path) -> None:
    connector, table = laid_down(kind, tmp_path, [text for _, text, _ in CELLS.values()])
    claimed = connector.capabilities(table)
    assert Contains not in claimed.predicates
    assert FieldType.JSON not in claimed.types
    assert repr(await kit.collect(connector, fetch(table))) == repr([tuple(cell for *_, cell in CELLS.values())])
    await connector.close()


@pytest.mark.parametrize("kind", ["sqlite", "csv"])
@pytest.mark.parametrize("at", range(len(CELLS)))
async def test_text_of_another_shape_is_rubbish(kind: str, at: int, tmp_path: Path) -> None:
    texts = [text for _, text, _ in CELLS.values()]
    connector, table = laid_down(kind, tmp_path, [*texts[:at], "geheim", *texts[at + 1 :]])
    with pytest.raises(SourceRubbish) as refused:
        await kit.collect(connector, fetch(table))
    assert "geheim" not in f"{refused.value.operator}{refused.value.message()}"
    await connector.close()


@pytest.mark.parametrize(
    ("kind", "parsed", "cell"),
    [
        (FieldType.JSON, {"b": [1, Decimal("1.50"), "x", None, True]}, Json('{"b":[1,1.50,"x",null,true]}')),
        (FieldType.JSON, "x", Json('"x"')),
        (FieldType.TEXT_ARRAY, ["a", None], ("a", None)),
        (FieldType.NUMERIC_ARRAY, [1, Decimal("0.5"), "2.50"], (Decimal(1), Decimal("0.5"), Decimal("2.50"))),
        (FieldType.INTEGER_RANGE, "(,3]", range_of(None, 4)),
    ],
)
def test_a_json_service_gives_lists_and_objects(kind: FieldType, parsed: Any, cell: Any) -> None:
    assert repr(READERS[kind](parsed)) == repr(cell)


@pytest.mark.parametrize(
    ("kind", "parsed"),
    [(FieldType.TEXT_ARRAY, [1]), (FieldType.TEXT_ARRAY, [["a"]]), (FieldType.INTEGER_RANGE, [1, 2]),
     (FieldType.BOOLEAN_ARRAY, [1]), (FieldType.INTEGER_RANGE, "[5,1]"), (FieldType.JSON, "\ud800")],
)  # fmt: skip
def test_what_is_of_another_kind_is_not_promised(kind: FieldType, parsed: Any) -> None:
    with pytest.raises(NotPromised):
        READERS[kind](parsed)
