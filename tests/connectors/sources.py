"""The reference rows laid down in real sources: a SQLite file, CSV and Parquet files, a REST service on loopback."""

import asyncio
import contextlib
import csv
import json
import socket
import sqlite3
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import duckdb
import uvicorn
import xlsxwriter
from psycopg import sql

from gateway.model.catalog import FieldType
from tests.connectors.kit import FIELDS, ROWS, TABLE
from tests.postgres_server import Server


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def stored_text(cell: Any) -> Any:
    """As a department would write it into text."""
    match cell:
        case bool():
            return int(cell)
        case Decimal():
            return format(cell, "f")
        case datetime():
            return cell.replace(tzinfo=None).isoformat(sep=" ")
        case date():
            return cell.isoformat()
        case _:
            return cell


def write_sqlite(file: Path, rows: Sequence[Mapping[str, Any]] = ROWS) -> None:
    kinds = {FieldType.INTEGER: "INTEGER", FieldType.BOOLEAN: "INTEGER"}
    columns = ", ".join(f"{quoted(column)} {kinds.get(kind, 'TEXT')}" for column, kind in FIELDS.values())
    with contextlib.closing(sqlite3.connect(file)) as database:
        database.execute(f"CREATE TABLE {quoted(TABLE)} ({columns}, PRIMARY KEY ({quoted('BH')}))")
        marks = ", ".join("?" for _ in FIELDS)
        database.executemany(
            f"INSERT INTO {quoted(TABLE)} VALUES ({marks})",
            [tuple(stored_text(row[field]) for field in FIELDS) for row in rows],
        )
        database.commit()


def csv_line(cells: Sequence[Any]) -> str:
    """NULL is nothing, a text is always quoted: so the empty text stays one."""
    return ",".join("" if cell is None else '"' + str(stored_text(cell)).replace('"', '""') + '"' for cell in cells)


def write_csv(file: Path, rows: Sequence[Mapping[str, Any]] = ROWS, fields: Sequence[str] = tuple(FIELDS)) -> None:
    lines = [csv_line([FIELDS[field][0] for field in fields])]
    lines += [csv_line([row[field] for field in fields]) for row in rows]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="")


def write_parquet(file: Path, rows: Sequence[Mapping[str, Any]] = ROWS) -> None:
    kinds = {
        FieldType.TEXT: "VARCHAR",
        FieldType.INTEGER: "BIGINT",
        FieldType.NUMERIC: "DECIMAL(38,12)",
        FieldType.BOOLEAN: "BOOLEAN",
        FieldType.DATE: "DATE",
        FieldType.TIMESTAMP: "TIMESTAMP",
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    database = duckdb.connect(":memory:")
    columns = ", ".join(f"{quoted(column)} {kinds[kind]}" for column, kind in FIELDS.values())
    database.execute(f"CREATE TABLE t ({columns})")
    marks = ", ".join("?" for _ in FIELDS)
    database.executemany(
        f"INSERT INTO t VALUES ({marks})",
        [[stored_text(row[field]) for field in FIELDS] for row in rows],
    )
    database.execute(f"COPY t TO '{file}' (FORMAT parquet)")
    database.close()


def without_what_excel_loses(rows: Sequence[Mapping[str, Any]] = ROWS) -> list[dict[str, Any]]:
    """The reference rows without the empty text (Excel knows no such cell) and what XML 1.0 can't hold."""

    def kept(cell: Any) -> Any:
        return (cell.replace("\uffff", "\ufffd") or None) if isinstance(cell, str) else cell

    return [{field: kept(cell) for field, cell in row.items()} for row in rows]


def write_excel(file: Path, rows: Sequence[Mapping[str, Any]], sheet: str = "Sheet1", header_row: int = 1) -> None:
    """As a person would: numbers as numbers and dates as dates where Excel keeps them, else as texts."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with xlsxwriter.Workbook(str(file), {"strings_to_numbers": False, "strings_to_formulas": False}) as book:
        dated = book.add_format({"num_format": "yyyy-mm-dd"})
        timed = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        book.add_worksheet("别的").write_string(0, 0, "nothing") if sheet != "Sheet1" else None
        page = book.add_worksheet(sheet)
        for across, (column, _) in enumerate(FIELDS.values()):
            page.write_string(header_row - 1, across, column)
        for at, row in enumerate(rows):
            for across, field in enumerate(FIELDS):
                cell, place = row[field], (header_row + at, across)
                if isinstance(cell, bool):
                    page.write_boolean(*place, cell)
                elif isinstance(cell, int | Decimal) and abs(Decimal(cell)) < 10**12 and len(str(cell)) < 15:
                    page.write_number(*place, float(cell))
                elif isinstance(cell, datetime) and not cell.microsecond and cell.year > 1900:
                    page.write_datetime(*place, cell.replace(tzinfo=None), timed)
                elif isinstance(cell, date) and not isinstance(cell, datetime) and cell.year > 1900:
                    page.write_datetime(*place, cell, dated)
                elif cell is not None:
                    page.write_string(*place, str(stored_text(cell)))


def write_postgresql(server: Server, rows: Sequence[Mapping[str, Any]] = ROWS) -> str:
    """A new database with the table; gives its URL."""
    kinds = {
        FieldType.TEXT: "text",
        FieldType.INTEGER: "bigint",
        FieldType.NUMERIC: "numeric",
        FieldType.BOOLEAN: "boolean",
        FieldType.DATE: "date",
        FieldType.TIMESTAMP: "timestamp",
    }
    url = server.fresh_database()
    columns = sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(column), sql.SQL(kinds[kind])) for column, kind in FIELDS.values()
    )
    marks = sql.SQL(", ").join([sql.Placeholder()] * len(FIELDS))
    with server.connect(url.rpartition("/")[2]) as connection, connection.cursor() as cursor:
        cursor.execute(sql.SQL("CREATE TABLE {} ({})").format(sql.Identifier(TABLE), columns))
        cursor.executemany(
            sql.SQL("INSERT INTO {} VALUES ({})").format(sql.Identifier(TABLE), marks),
            [
                tuple(
                    cell.replace(tzinfo=None) if isinstance(cell := row[field], datetime) else cell for field in FIELDS
                )
                for row in rows
            ],
        )
    return url


# ------------------------------------------------------------------ a REST service
Asgi = Callable[[Any, Any, Any], Awaitable[None]]


@contextlib.contextmanager
def serving(app: Asgi, **config: Any) -> Iterator[str]:
    """Run an ASGI application on a free port of the loopback; gives `host:port`."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(app, log_level="critical", lifespan="off", timeout_graceful_shutdown=1, **config)
    )
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()


def json_cell(cell: Any) -> Any:
    return stored_text(cell) if isinstance(cell, Decimal | date) else cell


async def answer(send: Any, body: bytes, status: int = 200, kind: str = "application/json; charset=utf-8") -> None:
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", kind.encode())]})
    await send({"type": "http.response.body", "body": body})


class Business:
    """A paged service over the reference rows; `token` is what it wants, `asked` what it was asked."""

    def __init__(self, filters: Mapping[str, str], token: str = "s3cret") -> None:
        self.filters = {parameter: column for column, parameter in filters.items()}
        self.token = token
        self.asked: list[dict[str, str]] = []
        self.rows = [{column: json_cell(row[field]) for field, (column, _) in FIELDS.items()} for row in ROWS]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        if headers.get("authorization") != f"Bearer {self.token}":
            await answer(send, b"{}", 401)
            return
        query = {name: values[0] for name, values in parse_qs(scope["query_string"].decode(), True).items()}
        self.asked.append(query)
        kept = [
            row
            for row in self.rows
            if all(
                self._text(row[column]) == query[parameter]
                for parameter, column in self.filters.items()
                if parameter in query
            )
        ]
        page, size = int(query["page"]), int(query["size"])
        records = kept[(page - 1) * size : page * size]
        await answer(send, json.dumps({"data": {"records": records, "total": len(kept)}}).encode())

    @staticmethod
    def _text(cell: Any) -> str | None:
        return None if cell is None else str(cell).lower() if isinstance(cell, bool) else str(cell)


__all__ = [
    "Business",
    "answer",
    "csv",
    "csv_line",
    "quoted",
    "serving",
    "without_what_excel_loses",
    "write_csv",
    "write_excel",
    "write_parquet",
    "write_postgresql",
    "write_sqlite",
]
