"""files: a folder of CSV and Parquet -> rows, by DuckDB.

A table is a pattern relative to the folder (`violations/*.csv`, `archive/*.parquet`). Everything is pushed down.
CSV is UTF-8 with a header; every cell is read as text and cast strictly; an empty unquoted cell is NULL, a quoted
one is the empty text. DuckDB is shut in: it sees the folder and nothing else, loads no extension, and is only ever
given a SELECT. A file that changes while it is read ends the answer. It does not promise a snapshot across files.
"""

import contextlib
import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import duckdb

from connectors._cells import NotPromised, divided, typed_rows
from connectors._files_listing import Dialect, Listed, NoFiles, csv_header, list_files, tables_in
from connectors._files_statement import Statement, compile_fetch
from connectors._options import Options
from connectors._work import Call, Workers
from gateway.errors import GatewayError, SourceFailed, SourceRubbish, SourceTimeout, SourceUnavailable
from gateway.model.catalog import FieldType
from gateway.model.ids import SourceName
from gateway.model.plan import Fetch
from gateway.model.predicate import AllOf, AnyOf, Compare, IsNull, IsTruth, Like, Not, OneOf, Under
from gateway.model.query import AggregateFunction
from gateway.model.rows import Batch, Row
from gateway.spi import Capabilities, TableDescription

HEALTH_SECONDS = 5.0
DESCRIBE_SECONDS = 30.0
EVERYTHING = Capabilities(
    predicates=frozenset({AllOf, AnyOf, Compare, IsNull, IsTruth, Like, Not, OneOf, Under}),
    columns=None,
    can_order=True,
    can_limit=True,
    aggregates=frozenset(AggregateFunction),
    can_mask=True,
)
_RUBBISH = (
    duckdb.DataError,
    duckdb.ProgrammingError,
    duckdb.IntegrityError,
    duckdb.InvalidInputException,
    duckdb.SerializationException,
    ValueError,
)


class FilesConnector:
    """One folder. Options: `folder`; `delimiter`, `quote`, `null` of its CSV; `connections`; `memory` in MiB."""

    def __init__(self, name: SourceName, folder: Path, dialect: Dialect, connections: int, memory: int) -> None:
        self._name = name
        self._engine = _Engine(folder, memory)
        self._dialect = dialect
        self._workers = Workers(name, connections)

    def __repr__(self) -> str:
        """The name only."""
        return f"<FilesConnector {self._name}>"

    @classmethod
    def open(cls, name: SourceName, options: Mapping[str, object]) -> Self:
        """Build without reading; raises SettingsInvalid naming the option."""
        taken = Options(name, options)
        folder = taken.folder("folder")
        dialect = Dialect(taken.text("delimiter", ","), taken.text("quote", '"'), taken.text("null", ""))
        connections, memory = taken.number("connections", 4), taken.number("memory", 512, least=64)
        taken.done()
        for option, text in (("delimiter", dialect.delimiter), ("quote", dialect.quote)):
            if len(text) != 1 or not text.isascii() or text in "\r\n\x00":
                taken.refuse(option, "must be one ASCII character")
        if dialect.delimiter == dialect.quote:
            taken.refuse("quote", "must differ from `delimiter`")
        return cls(name, folder, dialect, connections, memory)

    def capabilities(self, table: str) -> Capabilities:
        """The same for every table."""
        del table
        return EVERYTHING

    def fetch(self, fetch: Fetch) -> AsyncIterator[Batch]:
        """Rows in batches; raises SourceFailed."""
        return self._workers.stream(_Answer(self._engine, self._dialect, fetch), fetch.time_limit_seconds)

    async def describe(self) -> tuple[TableDescription, ...]:
        """A table for the files of one kind in a folder, or for each that differs; CSV columns are all text."""
        return await self._workers.run(Call(self._name, self._describe), DESCRIBE_SECONDS)

    async def health(self) -> None:
        """The folder can be listed and the engine answers."""
        await self._workers.run(Call(self._name, self._ping), HEALTH_SECONDS)

    async def close(self) -> None:
        """Stop what runs and close the engine."""
        await self._workers.close()
        self._engine.close()

    def _ping(self) -> None:
        try:
            next(self._engine.folder.iterdir(), None)
            cursor = self._engine.cursor()
            read(cursor, "SELECT 1", {}).fetchall()
            cursor.close()
        except Exception as error:  # noqa: BLE001  # the cause may hold a path
            raise _translate(error, self._name) from None

    def _describe(self) -> tuple[TableDescription, ...]:
        home = self._engine.folder.resolve()
        found: dict[str, TableDescription] = {}
        try:
            cursor = self._engine.cursor()
            for suffix in ("csv", "parquet"):
                for pattern, columns in tables_in(
                    home,
                    suffix,
                    lambda path: (
                        csv_header(path, self._dialect) if path.suffix == ".csv" else parquet_columns(cursor, path)
                    ),
                ):
                    typed = tuple((column, _field_type(kind)) for column, kind in columns.items())
                    found[pattern] = TableDescription(table=pattern, columns=typed, key=())
            cursor.close()
        except Exception as error:  # noqa: BLE001  # as above
            raise _translate(error, self._name) from None
        return tuple(found[pattern] for pattern in sorted(found))


class _Engine:
    """One DuckDB, made when first needed and then shut in."""

    def __init__(self, folder: Path, memory: int) -> None:
        self.folder = folder
        self._memory = memory
        self._lock = threading.Lock()
        self._database: duckdb.DuckDBPyConnection | None = None

    def cursor(self) -> duckdb.DuckDBPyConnection:
        with self._lock:
            if self._database is None:
                self._database = self._open()
            return self._database.cursor()

    def _open(self) -> duckdb.DuckDBPyConnection:
        database = duckdb.connect(":memory:")
        for setting in (
            f"memory_limit='{self._memory}MiB'",
            "temp_directory=''",  # departmental data is never spilled to a disk of ours
            "autoinstall_known_extensions=false",
            "autoload_known_extensions=false",
            "allow_community_extensions=false",
            "python_enable_replacements=false",
        ):
            database.execute(f"SET {setting}")
        # the order matters: what may be seen, then nothing else, then nobody changes it
        database.execute("SET allowed_directories=?", [[str(self.folder.resolve())]])
        database.execute("SET enable_external_access=false")
        database.execute("SET lock_configuration=true")
        return database

    def close(self) -> None:
        with self._lock:
            if self._database is not None:
                self._database.close()
                self._database = None


def read(cursor: duckdb.DuckDBPyConnection, sql: str, values: Mapping[str, object]) -> duckdb.DuckDBPyConnection:
    """Run one SELECT and nothing else: inside the allowed folder DuckDB itself would also write."""
    statements = cursor.extract_statements(sql)
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise duckdb.PermissionException("only a single SELECT is run")
    return cursor.execute(statements[0], dict(values))


def parquet_columns(cursor: duckdb.DuckDBPyConnection, path: Path) -> dict[str, str]:
    """Names and types of a Parquet file's columns, as DuckDB reads them."""
    found = read(cursor, "SELECT * FROM read_parquet($path, hive_partitioning=false) LIMIT 0", {"path": str(path)})
    return {str(column[0]): str(column[1]) for column in found.description or ()}


class _Answer:
    """The work of one fetch."""

    def __init__(self, engine: _Engine, dialect: Dialect, fetch: Fetch) -> None:
        self.dataset: str = fetch.dataset
        self._engine = engine
        self._dialect = dialect
        self._fetch = fetch
        self._cursor: duckdb.DuckDBPyConnection | None = None
        self._files: Sequence[Listed] = ()
        self._statement: Statement | None = None

    def step(self) -> tuple[Batch, bool]:
        """The next batch."""
        try:
            rows, is_last = self._next()
        except GatewayError:
            raise
        except Exception as error:  # noqa: BLE001  # DuckDB's texts quote lines of the file
            raise _translate(error, self.dataset) from None
        if is_last:
            self.close()
        return rows, is_last

    def _next(self) -> tuple[list[Row], bool]:
        if self._cursor is None:
            self._cursor = self._engine.cursor()
        cursor = self._cursor
        if self._statement is None:
            self._files = list_files(
                self._engine.folder, self._fetch.table, self._dialect, lambda path: parquet_columns(cursor, path)
            )
            statement = compile_fetch(self._fetch, self._files, self._dialect)
            read(cursor, statement.sql, statement.values)
            self._statement = statement
        raw: list[Any] = cursor.fetchmany(self._fetch.batch_rows)
        if not all(file.is_unchanged() for file in self._files):
            raise NotPromised("a file changed while it was read")
        rows = typed_rows(raw, self._statement.readers)
        return divided(rows, self._statement.averages), len(raw) < self._fetch.batch_rows

    def stop(self) -> None:
        """Interrupt the running statement."""
        cursor = self._cursor
        if cursor is not None:
            with contextlib.suppress(duckdb.Error):  # it ended by itself
                cursor.interrupt()

    def close(self) -> None:
        """Give the cursor back."""
        cursor, self._cursor = self._cursor, None
        if cursor is not None:
            cursor.close()


def _translate(error: Exception, dataset: str) -> SourceFailed:
    told = type(error).__name__
    if isinstance(error, NotPromised):
        return SourceRubbish(dataset=dataset, operator=str(error))
    if isinstance(error, NoFiles):
        return SourceUnavailable(dataset=dataset, operator=str(error))
    if isinstance(error, duckdb.InterruptException):
        return SourceTimeout(dataset=dataset, operator=told)
    if isinstance(error, _RUBBISH) and not isinstance(error, duckdb.PermissionException):
        return SourceRubbish(dataset=dataset, operator=told)
    return SourceUnavailable(dataset=dataset, operator=told)


def _field_type(stored: str) -> FieldType:
    if stored.startswith("TIMESTAMP"):
        return FieldType.TIMESTAMP
    if stored.startswith("DECIMAL"):
        return FieldType.NUMERIC
    if stored.endswith("INT") or stored == "INTEGER":
        return FieldType.INTEGER
    return {"BOOLEAN": FieldType.BOOLEAN, "DATE": FieldType.DATE}.get(stored, FieldType.TEXT)
