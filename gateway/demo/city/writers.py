"""Rows -> SQLite files, CSV files and Parquet files: the same bytes for the same rows, on one machine.

Another machine's SQLite or DuckDB may lay out other bytes; the rows are the same.
"""

import csv
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import IO

from gateway.demo.city.tables import ColumnType, StoredCell, StoredRow, TableSpec

_SQLITE_TYPES = {
    ColumnType.TEXT: "TEXT",
    ColumnType.INTEGER: "INTEGER",
    ColumnType.DECIMAL: "TEXT",  # SQLite has no exact decimals: kept as text
    ColumnType.DATE: "DATE",
    ColumnType.TIMESTAMP: "TIMESTAMP",
}
_PARQUET_TYPES = {
    ColumnType.TEXT: "VARCHAR",
    ColumnType.INTEGER: "BIGINT",
    ColumnType.DECIMAL: "DECIMAL(18, 2)",
    ColumnType.DATE: "DATE",
    ColumnType.TIMESTAMP: "TIMESTAMPTZ",
}
_PLAIN = (ColumnType.TEXT, ColumnType.INTEGER)


class SqliteWriter:
    """One database file; the key is the primary key, indexes are made at the end, when it is cheap."""

    def __init__(self, file: Path) -> None:
        file.unlink(missing_ok=True)
        self._database = sqlite3.connect(file, isolation_level=None)
        # a demo city that was interrupted is made again: no journal, no waiting for the disk
        self._database.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA page_size=4096; BEGIN")
        self._tables: dict[str, TableSpec] = {}

    def write(self, table: TableSpec, rows: Iterable[StoredRow]) -> None:
        """Append rows; the table is made with its first rows."""
        if table.name not in self._tables:
            columns = ", ".join(
                f'"{name}" {_SQLITE_TYPES[kind]}{" PRIMARY KEY NOT NULL" if name == table.key else ""}'
                for name, kind in table.columns.items()
            )
            self._database.execute(f'CREATE TABLE "{table.name}" ({columns})')
            self._tables[table.name] = table
        marks = ", ".join("?" * len(table.columns))
        # S608: table names are this package's constants, values are bound
        self._database.executemany(f'INSERT INTO "{table.name}" VALUES ({marks})', _textual(table, rows))  # noqa: S608

    def finish(self) -> None:
        """Make the indexes and close the file."""
        for table in self._tables.values():
            for column in table.indexes:
                self._database.execute(f'CREATE INDEX "ix_{table.name}_{column}" ON "{table.name}" ("{column}")')
        self._database.execute("COMMIT")
        self._database.execute("ANALYZE")
        self._database.close()

    def abandon(self) -> None:
        """Close without finishing."""
        self._database.close()


class FolderWriter:
    """A folder of files: a table's name is its file's name, `.csv` or `.parquet`. NULL is an empty CSV cell."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._open: dict[str, IO[str]] = {}
        self._tables: dict[str, TableSpec] = {}

    def write(self, table: TableSpec, rows: Iterable[StoredRow]) -> None:
        """Append rows as CSV, which Parquet files are made of at the end."""
        if table.name not in self._open:
            self._tables[table.name] = table
            self._open[table.name] = self._csv(table).open("w", encoding="utf-8", newline="")
            csv.writer(self._open[table.name], lineterminator="\n").writerow(table.columns)
        csv.writer(self._open[table.name], lineterminator="\n").writerows(_textual(table, rows))

    def finish(self) -> None:
        """Close the CSV files and make the Parquet ones."""
        self.abandon()
        for table in self._tables.values():
            rows = self._csv(table)
            if rows.name != table.name:
                _make_parquet(rows, table, self._folder / table.name)
                rows.unlink()

    def abandon(self) -> None:
        """Close every file."""
        for file in self._open.values():
            file.close()
        self._open.clear()

    def _csv(self, table: TableSpec) -> Path:
        return self._folder / (table.name if table.name.endswith(".csv") else f".{table.name}.making")


def _textual(table: TableSpec, rows: Iterable[StoredRow]) -> Iterable[StoredRow]:
    """Dates, times and decimals as text (ISO 8601, plain decimals); a table without any passes as it is."""
    places = tuple(place for place, kind in enumerate(table.columns.values()) if kind not in _PLAIN)
    return map(_converter(places), rows) if places else rows


def _converter(places: tuple[int, ...]) -> Callable[[StoredRow], StoredRow]:
    def convert(row: StoredRow) -> StoredRow:
        cells = list(row)
        for place in places:
            cells[place] = _text(cells[place])
        return tuple(cells)

    return convert


def _text(cell: StoredCell) -> StoredCell:
    if isinstance(cell, date | datetime):
        return cell.isoformat()
    return f"{cell:f}" if isinstance(cell, Decimal) else cell


def _make_parquet(rows: Path, table: TableSpec, target: Path) -> None:
    import duckdb  # the extra `files`: only the demo's archive needs it here

    columns = ", ".join(f"'{name}': '{_PARQUET_TYPES[kind]}'" for name, kind in table.columns.items())
    target.unlink(missing_ok=True)
    with closing(duckdb.connect(config={"threads": 1})) as database:
        # S608: names are this package's constants; paths are quoted (COPY takes no bound target)
        database.execute(
            f"COPY (SELECT * FROM read_csv({_quoted(rows)}, header=true, delim=',', quote='\"', nullstr='', "  # noqa: S608
            f"auto_detect=false, columns={{{columns}}})) TO {_quoted(target)} (FORMAT parquet, COMPRESSION zstd)"
        )


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
