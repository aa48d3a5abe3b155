"""Every kind of source as a subject of the conformance kit, on the real thing."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from sqlite3 import connect
from typing import Any

from psycopg import sql

from connectors.files import FilesConnector
from connectors.mariadb import MariadbConnector
from connectors.postgresql import PostgresqlConnector
from connectors.rest import RestConnector
from connectors.sql import SqlConnector
from connectors.testing import FIELDS, TABLE, Subject
from gateway.model.catalog import FieldType
from gateway.model.ids import SourceName
from tests.connectors.sources import (
    Business,
    json_cell,
    serving,
    without_what_excel_loses,
    write_csv,
    write_excel,
    write_parquet,
    write_sqlite,
)
from tests.mariadb_server import MariadbServer
from tests.postgres_server import Server

Rows = Sequence[Mapping[str, Any]]
NAME = SourceName("kit")
ENDLESS_SQLITE = (
    "CREATE VIEW slow AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) "
    'SELECT x AS "BH" FROM n WHERE x < 0'
)
_POSTGRESQL = {
    FieldType.TEXT: "text",
    FieldType.INTEGER: "bigint",
    FieldType.NUMERIC: "numeric",
    FieldType.BOOLEAN: "boolean",
    FieldType.DATE: "date",
    FieldType.TIMESTAMP: "timestamp",
}
_MARIADB = {
    **_POSTGRESQL,
    FieldType.NUMERIC: "decimal(38,12)",
    FieldType.BOOLEAN: "tinyint(1)",
    FieldType.TIMESTAMP: "datetime(6)",
}


def naive(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """A row as a driver takes it: moments in UTC without a zone."""
    return tuple(cell.replace(tzinfo=None) if isinstance(cell := row[field], datetime) else cell for field in FIELDS)


# ------------------------------------------------------------------ SQLite and files
@contextmanager
def sqlite_subject(folder: Path, kind: type[SqlConnector] = SqlConnector) -> Iterator[Subject]:
    file = folder / "it's; 库.db"

    def lay(rows: Rows) -> None:
        file.unlink(missing_ok=True)
        write_sqlite(file, rows)
        with closing(connect(file)) as database:
            database.execute(ENDLESS_SQLITE)
            database.commit()

    with asyncio.Runner() as runner:
        connector = kind.open(NAME, {"folder": str(folder), "file": file.name, "connections": 2})

        def lay_anew(rows: Rows) -> None:
            lay(rows)
            connector._engine.dispose()  # what is open on a file that was replaced stays there

        async def write() -> None:
            with connector._engine.connect() as connection:
                connection.exec_driver_sql("CREATE TABLE x (y)")

        yield Subject(
            connector=connector, table=TABLE, run=runner.run, lay=lay_anew, endless="slow",
            stored=file.read_bytes, writes=(write,), secrets=(str(folder),),
        )  # fmt: skip
        runner.run(connector.close())


_FILES: dict[str, dict[str, object]] = {
    "gb18030": {"encoding": "gb18030"},
    "xlsx": {"sheet": "台账 1", "header_row": 3},
}


@contextmanager
def files_subject(folder: Path, kind: str) -> Iterator[Subject]:
    def lay(rows: Rows) -> None:
        home = folder / "表"
        if kind == "parquet":
            write_parquet(home / "one.parquet", rows)
        elif kind == "xlsx":
            kept = without_what_excel_loses(rows)
            write_excel(home / "一月.xlsx", kept[:15], sheet="台账 1", header_row=3)
            write_excel(home / "二月.xlsx", kept[15:], sheet="台账 1", header_row=3)
            (home / "~$二月.xlsx").write_bytes(b"somebody has it open")
        else:
            for name, part, fields in (("a'1.csv", rows[:15], FIELDS), ("b;2.csv", rows[15:], reversed(FIELDS))):
                write_csv(home / name, part, tuple(fields))
                if kind == "gb18030":
                    text = (home / name).read_text(encoding="utf-8")
                    (home / name).write_text(text, encoding="gb18030", newline="")

    def stored() -> list[bytes]:
        return [file.read_bytes() for file in sorted(folder.rglob("*.*"))]

    with asyncio.Runner() as runner:
        connector = FilesConnector.open(NAME, {"folder": str(folder), "settle_seconds": 0.001} | _FILES.get(kind, {}))
        yield Subject(
            connector=connector, table=f"表/*.{'csv' if kind == 'gb18030' else kind}", run=runner.run, lay=lay,
            stored=stored, secrets=(str(folder),),
            keeps=without_what_excel_loses if kind == "xlsx" else lambda rows: rows,
        )  # fmt: skip
        runner.run(connector.close())


# ------------------------------------------------------------------ a service
REST_FILTERS = {FIELDS[field][0]: f"q_{field}" for field in ("id", "name", "region", "members", "active", "born")}


@contextmanager
def rest_subject(folder: Path) -> Iterator[Subject]:
    """A service that filters by equality only."""
    (folder / "token").write_text("s3cret\n", encoding="utf-8")
    service = Business(REST_FILTERS)

    def lay(rows: Rows) -> None:
        service.rows = [{column: json_cell(row[field]) for field, (column, _) in FIELDS.items()} for row in rows]

    table = {"path": "/v1/enterprises", "rows": "data.records", "total": "data.total", "page_size": 9}
    with serving(service) as host, asyncio.Runner() as runner:
        connector = RestConnector.open(
            NAME,
            {
                "base_url": f"http://{host}/",
                "host_allow": [host],
                "token_file": str(folder / "token"),
                "tables": {TABLE: {**table, "filters": REST_FILTERS}},
            },
        )
        yield Subject(
            connector=connector, table=TABLE, run=runner.run, lay=lay, stored=lambda: repr(service.rows),
            secrets=(host, "s3cret\n"),
        )  # fmt: skip
        runner.run(connector.close())


# ------------------------------------------------------------------ PostgreSQL
@contextmanager
def postgresql_subject(server: Server, kind: type[PostgresqlConnector | SqlConnector]) -> Iterator[Subject]:
    url = server.fresh_database()
    columns = sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(column), sql.SQL(_POSTGRESQL[field]))
        for column, field in FIELDS.values()
    )
    marks = sql.SQL(", ").join([sql.Placeholder()] * len(FIELDS))
    table = sql.Identifier(TABLE)
    with asyncio.Runner() as runner, server.connect(url.rpartition("/")[2]) as admin:
        admin.execute(sql.SQL("CREATE TABLE {} ({})").format(table, columns))
        admin.execute('CREATE VIEW slow AS SELECT g AS "BH" FROM generate_series(1, 1000000000000) g WHERE g < 0')

        def lay(rows: Rows) -> None:
            with admin.transaction(), admin.cursor() as cursor:
                cursor.execute(sql.SQL("TRUNCATE {}").format(table))
                cursor.executemany(sql.SQL("INSERT INTO {} VALUES ({})").format(table, marks), list(map(naive, rows)))

        def stored() -> object:
            rows = admin.execute(sql.SQL("SELECT * FROM {}").format(table)).fetchall()
            return sorted(map(repr, rows)), admin.execute("SELECT relname FROM pg_class").fetchall()

        connector = kind.open(NAME, {"url": url, "connections": 2})

        async def write(statement: str) -> None:
            if isinstance(connector, PostgresqlConnector):
                connection = await connector._connect()
                try:
                    await connection.execute(statement)
                finally:
                    await connection.close()
            else:
                with connector._engine.connect() as opened:
                    connector._dialect.begin(opened, 5)
                    opened.exec_driver_sql(statement)

        yield Subject(
            connector=connector, table=TABLE, run=runner.run, lay=lay, endless="slow", stored=stored,
            writes=tuple(_writing(write, one) for one in ("CREATE TABLE x (y int)", "CREATE TEMP SEQUENCE y")),
            secrets=(server.password, str(server.port)),
        )  # fmt: skip
        runner.run(connector.close())


def _writing(write: Callable[[str], Awaitable[None]], statement: str) -> Callable[[], Awaitable[None]]:
    return lambda: write(statement)


# ------------------------------------------------------------------ MariaDB
def backticked(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


@contextmanager
def mariadb_subject(server: MariadbServer, kind: type[MariadbConnector]) -> Iterator[Subject]:
    database = server.fresh_database()
    columns = ", ".join(f"{backticked(column)} {_MARIADB[field]}" for column, field in FIELDS.values())
    table = backticked(TABLE)
    # where the server pads and folds, and none of it may be seen
    server.run(f"CREATE TABLE {table} ({columns}) COLLATE utf8mb4_general_ci", database=database)
    server.run(
        "CREATE VIEW slow AS SELECT a.seq AS `BH` FROM seq_1_to_1000000 a, seq_1_to_1000000 b WHERE a.seq + b.seq < 0",
        database=database,
    )
    insert = f"INSERT INTO {table} VALUES ({', '.join(['%s'] * len(FIELDS))})"

    def lay(rows: Rows) -> None:
        server.run(f"TRUNCATE {table}", (insert, list(map(naive, rows))), database=database)

    def stored() -> object:
        return server.run(f"SELECT * FROM {table} ORDER BY BH", database=database), server.run(
            "SELECT TABLE_SCHEMA, TABLE_NAME FROM information_schema.TABLES"
        )

    with asyncio.Runner() as runner:
        connector = kind.open(NAME, {"url": server.url(database), "connections": 2})

        async def write(statement: str) -> None:
            connection = await connector._connect()
            try:
                await connection.cursor().execute(statement)
            finally:
                connection.close()

        yield Subject(
            connector=connector, table=TABLE, run=runner.run, lay=lay, endless="slow", stored=stored,
            writes=tuple(_writing(write, one) for one in ("CREATE TABLE x (y int)", f"DELETE FROM {table}")),
            secrets=(server.password, str(server.port)),
        )  # fmt: skip
        runner.run(connector.close())
