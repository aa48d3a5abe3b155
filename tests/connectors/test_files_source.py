"""files: shut in its folder, strict about headers, rows and cells, stopped in time, never writing."""

import asyncio
import time
from pathlib import Path

import duckdb
import pytest

from connectors._files_engine import read
from connectors.files import FilesConnector
from gateway.errors import SettingsInvalid, SourceBusy, SourceFailed, SourceRubbish, SourceTimeout, SourceUnavailable
from gateway.model.catalog import FieldType
from gateway.model.ids import FieldName, SourceName
from gateway.model.predicate import AnyOf, Comparator, Compare, Like, OneOf
from tests.connectors import kit
from tests.connectors.sources import write_csv, write_parquet

SOURCE = SourceName("env-files")


def opened(folder: Path, **options: object) -> FilesConnector:
    return FilesConnector.open(SOURCE, {"folder": str(folder), "settle_seconds": 0.001, **options})


async def ask(folder: Path, fetch: kit.Fetch, **options: object) -> list[kit.Row]:
    connector = opened(folder, **options)
    try:
        return await kit.collect(connector, fetch)
    finally:
        await connector.close()


async def refusal(folder: Path, fetch: kit.Fetch) -> SourceFailed:
    with pytest.raises(SourceFailed) as failed:
        await ask(folder, fetch)
    return failed.value


def put(folder: Path, text: str | bytes, name: str = "a.csv") -> kit.Fetch:
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return kit.make_fetch(table=name, columns=["id", "name"])


async def test_an_empty_cell_is_null_and_a_quoted_one_is_the_empty_text(tmp_path: Path) -> None:
    assert await ask(tmp_path, put(tmp_path, 'BH,"X""M"\n1,\n2,""\n3,NULL\n')) == [(1, None), (2, ""), (3, "NULL")]


async def test_columns_are_found_by_name_whatever_their_order(tmp_path: Path) -> None:
    assert await ask(tmp_path, put(tmp_path, '\ufeff"X""M",other,BH\r\n张三,x,7\r\n')) == [(7, "张三")]


async def test_another_delimiter_quote_and_null_can_be_set(tmp_path: Path) -> None:
    fetch = put(tmp_path, "BH;X\"M\n1;'a;b'\n2;-\n")
    assert await ask(tmp_path, fetch, delimiter=";", quote="'", null="-") == [(1, "a;b"), (2, None)]


@pytest.mark.parametrize(
    "text",
    [
        "BH\n1\n",
        'bh,"X""M"\n1,a\n',
        'BH,BH,"X""M"\n1,2,a\n',
        'BH,"X""M"\n1,a\n2\n',
        'BH,"X""M"\n1,a\n2,b,c\n',
        'BH,"X""M"\n1,"a\n2,b\n',
        'BH,"X""M"\nseven,a\n',
        'BH,"X""M"\n1.0,a\n',
        'BH,"X""M"\n 1,a\n',
        'BH,"X""M"\n99999999999999999999,a\n',
        b'BH,"X""M"\n1,\xff\xfe\n',
        'BH,"X""M"\n1,a\0b\n',
        b"\x89PNG\r\n\x1a\n\xff\xff",
        "",
    ],
    ids=[
        "lacks a column", "other case", "name twice", "short row", "long row", "open quote", "no integer", "decimal",
        "blank", "too large", "no utf-8", "nul", "binary", "empty",
    ],
)  # fmt: skip
async def test_a_file_that_is_not_as_promised_is_rubbish(tmp_path: Path, text: str | bytes) -> None:
    failed = await refusal(tmp_path, put(tmp_path, text))
    assert isinstance(failed, SourceRubbish)
    told = failed.message() + failed.operator
    assert str(tmp_path) not in told
    assert "seven" not in told


@pytest.mark.parametrize(
    ("field", "cell"),
    [
        ("amount", "1e3"),
        ("amount", "1.0000000000001"),
        ("active", "yes"),
        ("born", "2026-02-30"),
        ("born", "2026/02/03"),
        ("seen", "2026-01-01 00:00:00+08:00"),
        ("seen", "2026-01-01 24:00:00"),
    ],
)
async def test_a_cell_of_another_type_is_rubbish(tmp_path: Path, field: str, cell: str) -> None:
    put(tmp_path, f'"{kit.FIELDS[field][0]}"\n"{cell}"\n')
    assert isinstance(await refusal(tmp_path, kit.make_fetch(table="a.csv", columns=[field])), SourceRubbish)


async def test_parquet_columns_of_another_type_are_rubbish(tmp_path: Path) -> None:
    duckdb.sql(f"COPY (SELECT 1.5::DOUBLE AS \"je%s\") TO '{tmp_path}/a.parquet' (FORMAT parquet)")
    assert isinstance(await refusal(tmp_path, kit.make_fetch(table="*.parquet", columns=["amount"])), SourceRubbish)
    (tmp_path / "b.parquet").write_bytes(b"PAR1 half a file")
    assert isinstance(await refusal(tmp_path, kit.make_fetch(table="b.parquet", columns=["id"])), SourceRubbish)


async def test_csv_and_parquet_of_one_table_are_read_together(tmp_path: Path) -> None:
    write_csv(tmp_path / "new.csv", kit.ROWS[:5])
    write_parquet(tmp_path / "old.parquet", kit.ROWS[5:])
    fetch = kit.make_fetch(table="*", order=[("id", False, False)])
    kit.assert_same(await ask(tmp_path, fetch), kit.expected(fetch), ordered=True)


async def test_half_written_and_hidden_files_are_not_read(tmp_path: Path) -> None:
    write_csv(tmp_path / "v" / "a.csv", kit.ROWS[:2])
    for name in ("b.csv.tmp", "c.csv.part", ".d.csv", "~$e.csv", "f.txt"):
        (tmp_path / "v" / name).write_text("rubbish")
    assert await ask(tmp_path, kit.make_fetch(table="v/*", columns=["id"])) == [(0,), (1,)]


@pytest.mark.parametrize("table", ["../*.csv", "/etc/*", "v/../../x.csv", "", "a\\b.csv", "v/**/../../*.csv"])
async def test_a_table_outside_the_folder_is_refused(tmp_path: Path, table: str) -> None:
    home = tmp_path / "home"
    write_csv(home / "v" / "a.csv")
    write_csv(tmp_path / "x.csv")
    failed = await refusal(home, kit.make_fetch(table=table, columns=["id"]))
    assert isinstance(failed, SourceRubbish)


async def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    write_csv(tmp_path / "outside" / "x.csv")
    home = tmp_path / "home"
    home.mkdir()
    (home / "x.csv").symlink_to(tmp_path / "outside" / "x.csv")
    (home / "d").symlink_to(tmp_path / "outside")
    for table in ("x.csv", "d/*.csv"):
        assert isinstance(await refusal(home, kit.make_fetch(table=table, columns=["id"])), SourceRubbish)


async def test_the_engine_itself_sees_nothing_but_the_folder_and_cannot_be_opened_up(tmp_path: Path) -> None:
    write_csv(tmp_path / "home" / "a.csv")
    write_csv(tmp_path / "x.csv")
    connector = opened(tmp_path / "home")
    cursor = connector._engine.cursor()
    for attempt in (
        f"SELECT * FROM read_csv('{tmp_path}/x.csv')",
        f"SELECT * FROM read_csv('{tmp_path}/home/../x.csv')",
        "SELECT * FROM read_text('/etc/hostname')",
        f"COPY (SELECT 1) TO '{tmp_path}/home/out.csv'",
        f"ATTACH '{tmp_path}/home/x.db'",
        "SET enable_external_access=true",
        "INSTALL httpfs",
        "SELECT 1; SELECT 2",
        "CREATE TABLE t (x INTEGER)",
    ):
        with pytest.raises(duckdb.Error):
            read(cursor, attempt, {})
    await connector.close()
    assert sorted(path.name for path in (tmp_path / "home").iterdir()) == ["a.csv"]


@pytest.mark.parametrize("hostile", ["'; DROP TABLE x; --", '"', "$p0", "%", "_", "\\", "') OR 1=1 --"])
async def test_a_hostile_value_is_a_value(tmp_path: Path, hostile: str) -> None:
    write_csv(tmp_path / "a.csv", [{**kit.ROWS[0], "name": hostile}, {**kit.ROWS[1], "name": "other"}])
    name = FieldName("name")
    for where in (Compare(name, Comparator.EQ, hostile), OneOf(name, (hostile,))):
        assert await ask(tmp_path, kit.make_fetch(table="a.csv", columns=["id"], where=where)) == [(0,)]
    fetch = kit.make_fetch(table="a.csv", columns=["name"], where=Like(name, hostile, ignores_case=False))
    rows = [{**kit.ROWS[0], "name": hostile}, {**kit.ROWS[1], "name": "other"}]
    assert await ask(tmp_path, fetch) == kit.expected(fetch, rows)


async def test_a_slow_question_ends_at_the_time_limit(tmp_path: Path) -> None:
    lines = '"X""M"\n' + "\n".join("ab" * 40 for _ in range(240_000)) + "\n"
    put(tmp_path, lines)
    pattern = "%a%b%a%b%c%a%b%c" * 20
    where = AnyOf(tuple(Like(FieldName("name"), f"%{at}{pattern}", ignores_case=False) for at in range(400)))
    connector = opened(tmp_path, connections=1)
    began = time.monotonic()
    with pytest.raises(SourceTimeout):
        await kit.collect(connector, kit.make_fetch(table="a.csv", columns=["name"], where=where, seconds=0.3))
    assert time.monotonic() - began < 3
    assert await kit.collect(connector, kit.make_fetch(table="a.csv", columns=["name"], limit=1))
    await connector.close()


async def test_a_folder_without_a_free_connection_is_busy_not_slow(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv")
    connector = opened(tmp_path, connections=1)
    held = connector.fetch(kit.make_fetch(table="a.csv", columns=["id"], batch_rows=3))
    await anext(held)
    with pytest.raises(SourceBusy):
        await kit.collect(connector, kit.make_fetch(table="a.csv", columns=["id"], seconds=0.1))
    await held.aclose()  # type: ignore[attr-defined]  # it is an async generator
    assert len(await kit.collect(connector, kit.make_fetch(table="a.csv", columns=["id"]))) == len(kit.ROWS)
    await connector.close()


async def test_a_file_that_changes_while_it_is_read_ends_the_answer(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv")
    connector = opened(tmp_path)
    stream = connector.fetch(kit.make_fetch(table="a.csv", columns=["id"], batch_rows=3))
    await anext(stream)
    await asyncio.to_thread(write_csv, tmp_path / "a.csv", kit.ROWS[:4], tuple(reversed(kit.FIELDS)))
    with pytest.raises(SourceRubbish):
        await anext(stream)
    await connector.close()


async def test_nothing_to_read_is_said_not_answered_with_no_rows(tmp_path: Path) -> None:
    assert isinstance(await refusal(tmp_path, kit.make_fetch(table="*.csv")), SourceRubbish)
    gone = opened(tmp_path / "gone")
    with pytest.raises(SourceUnavailable):
        await gone.health()
    await gone.close()


async def test_health_and_description_are_real(tmp_path: Path) -> None:
    write_csv(tmp_path / "v" / "a.csv")
    write_parquet(tmp_path / "old.parquet")
    connector = opened(tmp_path)
    await connector.health()
    parquet, csv = await connector.describe()
    assert (parquet.table, csv.table) == ("*.parquet", "v/*.csv")
    assert dict(parquet.columns)["je%s"] is FieldType.NUMERIC
    assert set(dict(csv.columns).values()) == {FieldType.TEXT}
    await connector.close()


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({}, "folder"),
        ({"folder": "hunter2"}, "folder"),
        ({"folder": "/srv", "delimiter": "hunter2"}, "delimiter"),
        ({"folder": "/srv", "quote": ","}, "quote"),
        ({"folder": "/srv", "secret": "hunter2"}, "secret"),
        ({"folder": "/srv", "encoding": "hunter2"}, "encoding"),
        ({"folder": "/srv", "header_row": 0}, "header_row"),
        ({"folder": "/srv", "settle_seconds": -1}, "settle_seconds"),
    ],
)
def test_a_wrong_option_is_named_and_its_value_is_not(options: dict[str, object], named: str) -> None:
    with pytest.raises(SettingsInvalid) as refused:
        FilesConnector.open(SOURCE, options)
    assert f"`{named}`" in refused.value.message()
    assert "hunter2" not in str(refused.value)
