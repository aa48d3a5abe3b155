"""files: what is wrong is told by file and column, never by cell; half a file is never read; nor what Excel lost."""

import asyncio
import zipfile
from datetime import datetime, time
from pathlib import Path
from typing import Any

import duckdb
import pytest
import xlsxwriter

from connectors.files import FilesConnector
from gateway.errors import SourceFailed, SourceRubbish
from gateway.model.ids import FieldName, SourceName
from gateway.spi import Finding, Outcome, PromisedTable
from tests.connectors import kit
from tests.connectors.sources import write_csv, write_excel, write_parquet

IDS = ("id", "name")
HEADER = '"BH","X""M"'


def opened(folder: Path, **options: object) -> FilesConnector:
    return FilesConnector.open(SourceName("env"), {"folder": str(folder), "settle_seconds": 0.001, **options})


async def ask(folder: Path, table: str, columns: tuple[str, ...] = IDS, **options: object) -> list[kit.Row]:
    connector = opened(folder, **options)
    try:
        return await kit.collect(connector, kit.make_fetch(table=table, columns=columns))
    finally:
        await connector.close()


async def told(folder: Path, table: str, columns: tuple[str, ...] = IDS, **options: object) -> str:
    with pytest.raises(SourceFailed) as failed:
        await ask(folder, table, columns, **options)
    assert isinstance(failed.value, SourceRubbish)
    assert str(folder) not in failed.value.operator
    assert "secret" not in failed.value.operator + failed.value.message()
    return failed.value.operator


async def findings(folder: Path, table: str, columns: tuple[str, ...] = IDS, **options: object) -> list[Finding]:
    promised = PromisedTable(
        dataset="env.violation", table=table, columns=tuple(kit.KNOWN[FieldName(name)] for name in columns)
    )
    connector = opened(folder, **options)
    try:
        return [one async for one in connector.diagnose([promised])]
    finally:
        await connector.close()


def put(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text, encoding="utf-8")


async def test_a_missing_column_names_file_and_column(tmp_path: Path) -> None:
    put(tmp_path, "2025.csv", f"{HEADER}\n1,secret\n")
    put(tmp_path, "2026.csv", "BH,other\n2,secret\n")
    assert await told(tmp_path, "*.csv") == 'file `2026.csv`: it lacks the column `X"M`'


async def test_a_cell_of_another_type_names_file_and_column(tmp_path: Path) -> None:
    put(tmp_path, "2025.csv", f"{HEADER}\n1,a\n")
    put(tmp_path, "2026.csv", f"{HEADER}\n2,b\nsecret,c\n")
    assert await told(tmp_path, "*.csv") == "file `2026.csv`: a cell of the column `BH` is no integer"


async def test_a_retyped_parquet_column_names_file_and_column(tmp_path: Path) -> None:
    write_parquet(tmp_path / "a.parquet", kit.ROWS[:3])
    duckdb.sql(f"COPY (SELECT 'secret' AS \"BH\", 'x' AS \"X\"\"M\") TO '{tmp_path}/b.parquet' (FORMAT parquet)")
    told_it = await told(tmp_path, "*.parquet")
    assert told_it == "file `b.parquet`: a cell of the column `BH` is no integer"
    duckdb.sql(f'COPY (SELECT 1.5::DOUBLE AS "BH", \'x\' AS "X""M") TO \'{tmp_path}/b.parquet\' (FORMAT parquet)')
    assert await told(tmp_path, "*.parquet") == "file `b.parquet`: column `BH` is DOUBLE, in the catalogue integer"


async def test_a_row_too_short_names_the_file(tmp_path: Path) -> None:
    put(tmp_path, "a.csv", f"{HEADER}\n1,a\n")
    put(tmp_path, "b.csv", f"{HEADER}\n1,a\nsecret\n")
    assert await told(tmp_path, "*.csv") == "file `b.csv` can't be read to its end"


async def test_a_files_name_stays_one_short_line(tmp_path: Path) -> None:
    put(tmp_path, "a\nb" + "x" * 100 + ".csv", "BH\n1\n")
    operator = await told(tmp_path, "*.csv")
    assert "\n" not in operator
    assert len(operator) < 150


async def test_the_trial_tells_every_difference_at_once(tmp_path: Path) -> None:
    put(tmp_path, "a.csv", f"{HEADER}\n1,a\n")
    put(tmp_path, "b.csv", "BH,extra\nsecret,a\n")
    found = await findings(tmp_path, "*.csv")
    texts = {one.told[0]: one.outcome for one in found if one.step == "files"}
    assert texts == {
        'env.violation: file `b.csv` lacks the column `X"M`': Outcome.BAD,
        "env.violation: file `b.csv` has a column `extra` that others lack": Outcome.DOUBTFUL,
        "env.violation: file `b.csv`: a cell of the column `BH` is no integer": Outcome.BAD,
    }
    assert all(one.told[1] and one.fix[1] for one in found if one.outcome is not Outcome.GOOD)
    assert "secret" not in str(found)


async def test_the_trial_of_good_files_is_good(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv")
    found = await findings(tmp_path, "*.csv", tuple(kit.FIELDS))
    assert [one.outcome for one in found if one.step == "files"] == [Outcome.GOOD]
    gone = await findings(tmp_path / "gone", "*.csv")
    assert [(one.step, one.outcome) for one in gone] == [("folder", Outcome.BAD)]
    none = await findings(tmp_path, "*.parquet")
    assert none[-1].outcome is Outcome.BAD


# ------------------------------------------------------------------ half a file
@pytest.mark.parametrize("name", ["a.parquet", "a.xlsx"])
@pytest.mark.parametrize("kept", [0.3, 0.9, 0.999])
async def test_a_file_without_its_end_is_not_read(tmp_path: Path, name: str, kept: float) -> None:
    write = write_parquet if name.endswith("parquet") else write_excel
    write(tmp_path / name, kit.ROWS)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: int(len(whole) * kept)])
    assert "cut short" in await told(tmp_path, name)


async def test_a_file_that_is_still_being_written_is_waited_for_and_then_refused(tmp_path: Path) -> None:
    put(tmp_path, "a.csv", f"{HEADER}\n1,a\n")
    connector = opened(tmp_path, settle_seconds=2)
    asking = asyncio.create_task(kit.collect(connector, kit.make_fetch(table="a.csv", columns=IDS)))
    await asyncio.sleep(0.3)
    put(tmp_path, "a.csv", f"{HEADER}\n1,a\n2,secret\n")
    with pytest.raises(SourceRubbish) as failed:
        await asking
    assert failed.value.operator == "file `a.csv`: it is still being written"
    await connector.close()


async def test_waiting_for_a_file_ends_with_the_question(tmp_path: Path) -> None:
    put(tmp_path, "a.csv", f"{HEADER}\n1,a\n")
    connector = opened(tmp_path, settle_seconds=60)
    with pytest.raises(SourceFailed):
        await kit.collect(connector, kit.make_fetch(table="a.csv", columns=IDS, seconds=0.2))
    await connector.close()


@pytest.mark.parametrize("name", ["b.csv.tmp", "b.csv.part", ".b.csv", "~$b.xlsx", "b.csv.crdownload"])
async def test_what_is_not_finished_is_no_part_of_the_table(tmp_path: Path, name: str) -> None:
    put(tmp_path, "a.csv", f"{HEADER}\n1,a\n")
    put(tmp_path, name, "half")
    assert await ask(tmp_path, "*") == [(1, "a")]


# ------------------------------------------------------------------ Excel
def sheet(path: Path, *cells: Any) -> None:
    with xlsxwriter.Workbook(str(path)) as book:
        page = book.add_worksheet()
        page.write_row(0, 0, ["BH", 'X"M'])
        for at, cell in enumerate(cells):
            page.write_number(at + 1, 0, at)
            if isinstance(cell, str) and cell.startswith("="):
                page.write_formula(at + 1, 1, cell, None, "#DIV/0!")
            elif isinstance(cell, datetime | time):
                page.write_datetime(at + 1, 1, cell, book.add_format({"num_format": "hh:mm"}))
            else:
                page.write(at + 1, 1, cell)


async def test_numbers_in_a_text_column_keep_their_digits(tmp_path: Path) -> None:
    sheet(tmp_path / "a.xlsx", 13800138000, "013800138000", 0.1 + 0.2, -5, 1e-7)
    assert [row[1] for row in await ask(tmp_path, "a.xlsx")] == [
        "13800138000",
        "013800138000",
        "0.3",
        "-5",
        "0.0000001",
    ]


@pytest.mark.parametrize(
    ("cell", "why"),
    [(330102199001011234, "15 digits"), ("=1/0", "formula's error"), (time(8, 30), "time without a day")],
)
async def test_what_excel_has_lost_is_refused(tmp_path: Path, cell: Any, why: str) -> None:
    sheet(tmp_path / "a.xlsx", "fine", cell)
    assert why in await told(tmp_path, "a.xlsx")


async def test_an_error_on_another_sheet_is_no_concern(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(str(tmp_path / "a.xlsx")) as book:
        book.add_worksheet("notes").write_formula(0, 0, "=1/0", None, "#DIV/0!")
        page = book.add_worksheet("data")
        page.write_row(0, 0, ["BH", 'X"M'])
        page.write_row(1, 0, [1, "a"])
    assert await ask(tmp_path, "a.xlsx", sheet="data") == [(1, "a")]
    assert "formula's error" in await told(tmp_path, "a.xlsx", sheet="notes")
    assert "no such sheet" in await told(tmp_path, "a.xlsx", sheet="gone")


async def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    write_excel(tmp_path / "a.xlsx", kit.ROWS[:2])
    with zipfile.ZipFile(tmp_path / "a.xlsx", "a", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/media/bomb.bin", b"\0" * (65 * 1024 * 1024))
    assert (tmp_path / "a.xlsx").stat().st_size < 200_000
    assert "larger than" in await told(tmp_path, "a.xlsx", memory=64)


async def test_formatted_but_empty_cells_are_no_columns_and_no_rows(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(str(tmp_path / "a.xlsx")) as book:
        page, red = book.add_worksheet(), book.add_format({"bg_color": "red"})
        page.write_row(0, 0, ["BH", 'X"M'])
        page.write_row(1, 0, [1, "a"])
        for row in range(20):
            page.write_blank(row, 7, None, red)
            page.write_blank(row + 20, 0, None, red)
    assert await ask(tmp_path, "a.xlsx") == [(1, "a")]


# ------------------------------------------------------------------ GB18030
async def test_gb18030_is_read_as_declared_and_never_guessed(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(f'{HEADER}\r\n1,张㐀𠮷\r\n2,\r\n3,""\r\n'.encode("gb18030"))
    assert await ask(tmp_path, "a.csv", encoding="GB18030") == [(1, "张㐀𠮷"), (2, None), (3, "")]
    await told(tmp_path, "a.csv")
    (tmp_path / "a.csv").write_bytes(b'BH,"X""M"\n1,\xff\xff\n')
    assert "GB18030" in await told(tmp_path, "a.csv", encoding="gb18030")


@pytest.mark.parametrize("rows", ["1,a\n2\n", "1,a,b\n", '1,"a\n2,b\n'])
async def test_gb18030_is_as_strict_as_utf8(tmp_path: Path, rows: str) -> None:
    put(tmp_path, "a.csv", f"{HEADER}\n{rows}")
    await told(tmp_path, "a.csv", encoding="gb18030")
    await told(tmp_path, "a.csv")
