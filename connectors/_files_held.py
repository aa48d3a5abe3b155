"""Files that DuckDB can't read by itself -> a table of texts: Excel sheets, and CSV in GB18030.

Every cell becomes the text that a CSV file would hold, and then the same rules decide what it is. In Excel an empty
cell is NULL. What Excel itself has lost is refused, never guessed at: a number of more than 15 digits (an ID number
typed as a number), a formula's error, a time without a day. Such a file is held in memory while it is asked.
"""

import csv
import io
import re
import zipfile
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Final
from xml.etree.ElementTree import ParseError, fromstring

import pyarrow as pa
import pyarrow.csv
from python_calamine import CalamineError, CalamineWorkbook

from connectors._cells import NotPromised
from connectors._files_dialect import Dialect

MOST_EXACT: Final = 10**15
_ERROR_CELL: Final = re.compile(rb"<c\b[^>]*\bt=[\"']e[\"']")
_PLACES: Final = {
    "sheet": "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}sheet",
    "id": "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id",
}


def read_sheet(path: Path, dialect: Dialect, most_bytes: int) -> tuple[list[str], pa.Table]:
    """The names of a sheet's columns, and its cells as texts under `c0`, `c1`, ...; raises NotPromised, OSError."""
    try:
        with zipfile.ZipFile(path) as packed:
            if sum(part.file_size for part in packed.infolist()) > most_bytes:
                raise NotPromised("it is larger than `memory` allows")
            part = _part_of(packed, dialect.sheet)
            if part is not None and _ERROR_CELL.search(packed.read(part)):
                raise NotPromised("a cell of the sheet is a formula's error")
        with CalamineWorkbook.from_path(path) as book:
            name = dialect.sheet or book.sheet_names[0]
            cells = book.get_sheet_by_name(name).to_python(skip_empty_area=False)
    except (zipfile.BadZipFile, EOFError):
        raise NotPromised("it is cut short, or no Excel workbook") from None
    except (CalamineError, KeyError, IndexError, ParseError, ValueError, NotImplementedError):
        raise NotPromised("it has no such sheet, or is no Excel workbook") from None
    rows = [[_text(cell) for cell in row] for row in cells[dialect.header_row - 1 :]]
    names = rows[0] if rows else []
    while names and names[-1] is None and all(row[len(names) - 1] is None for row in rows):
        names = names[:-1]  # formatted, but empty
    kept = [row[: len(names)] for row in rows[1:] if any(cell is not None for cell in row)]
    return checked([name or "" for name in names]), _table(kept, len(names))


def read_gb18030(path: Path, dialect: Dialect, most_bytes: int) -> tuple[list[str], pa.Table]:
    """The same of a CSV file in GB18030."""
    if path.stat().st_size > most_bytes:
        raise NotPromised("it is larger than `memory` allows")
    try:
        text = path.read_bytes().decode("gb18030")
    except UnicodeDecodeError:
        raise NotPromised("it is not in GB18030") from None
    if text.count(dialect.quote) % 2:
        raise NotPromised("a quote is never closed")
    names = header_of(text.splitlines(keepends=True), dialect)
    columns = [f"c{at}" for at in range(len(names))]
    try:
        table = pyarrow.csv.read_csv(
            io.BytesIO(text.encode()),
            read_options=pyarrow.csv.ReadOptions(column_names=columns, use_threads=False),
            parse_options=pyarrow.csv.ParseOptions(
                delimiter=dialect.delimiter, quote_char=dialect.quote, newlines_in_values=True
            ),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(columns, pa.string()),
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
                null_values=[dialect.null],
            ),
        )
    except pa.ArrowInvalid:
        raise NotPromised("its rows have not all as many cells as its header") from None
    return names, table.slice(1)


def header_of(lines: Sequence[str] | Iterator[str], dialect: Dialect) -> list[str]:
    """The first row's cells; raises NotPromised."""
    try:
        return checked(next(csv.reader(lines, delimiter=dialect.delimiter, quotechar=dialect.quote, strict=True), []))
    except csv.Error:
        raise NotPromised("its header can't be read as CSV") from None


def checked(names: list[str]) -> list[str]:
    """Names of columns, each once; raises NotPromised."""
    if not names or len(set(names)) != len(names):
        raise NotPromised("it has no header, or one with a name twice")
    return names


def _text(cell: object) -> str | None:
    """One cell of Excel as CSV would have it."""
    match cell:
        case bool():
            return "true" if cell else "false"
        case float() | int():
            if abs(cell) >= MOST_EXACT:
                raise NotPromised("a number has more than 15 digits, which Excel does not keep: store it as text")
            return str(int(cell)) if cell == int(cell) else _decimal(cell)
        case datetime():
            return cell.isoformat(sep=" ")
        case date():
            return cell.isoformat()
        case str():
            return cell or None
        case _:
            raise NotPromised("a cell is a time without a day")


def _decimal(cell: float) -> str:
    return format(Decimal(format(cell, ".15g")), "f")  # what Excel shows at most: 0.1 + 0.2 is 0.3


def _table(rows: list[list[str | None]], width: int) -> pa.Table:
    columns = list(zip(*rows, strict=True)) if rows else [()] * width
    return pa.table({f"c{at}": pa.array(column, pa.string()) for at, column in enumerate(columns)})


def _part_of(packed: zipfile.ZipFile, sheet: str) -> str | None:
    """The member that holds the sheet (the first one where none is named)."""
    for one in fromstring(packed.read("xl/workbook.xml")).iter(_PLACES["sheet"]):  # noqa: S314  # expat expands nothing large
        if not sheet or one.get("name") == sheet:
            wanted = one.get(_PLACES["id"])
            for relation in fromstring(packed.read("xl/_rels/workbook.xml.rels")):  # noqa: S314  # as above
                if relation.get("Id") == wanted:
                    target = relation.get("Target", "")
                    return target.lstrip("/") if target.startswith("/") else f"xl/{target}"
    return None
