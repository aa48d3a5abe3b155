"""files: a folder of CSV, Excel and Parquet -> rows, by DuckDB.

A table is a pattern relative to the folder (`violations/*.csv`, `archive/*.parquet`). Everything is pushed down.
CSV is UTF-8 or GB18030 with a header; every cell is read as text and cast strictly; an empty unquoted cell is NULL, a
quoted one is the empty text. A sheet of Excel is read as the CSV that it would be. What is wrong is told by file and
column, never by a cell. DuckDB is shut in: it sees the folder and nothing else, loads no extension, and is only ever
given a SELECT. A file that changes while it is read ends the answer. It does not promise a snapshot across files.
"""

import contextlib
import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import duckdb

from connectors._cells import NotPromised, divided, typed_rows
from connectors._files_diagnosis import diagnose_files
from connectors._files_dialect import Dialect
from connectors._files_drift import asked_for, culprit
from connectors._files_engine import RUBBISH, Engine, read
from connectors._files_listing import KINDS, Listed, NoFiles, list_files, look_at, tables_in
from connectors._files_statement import Statement, compile_fetch
from connectors._options import Options
from connectors._told import SEE_CODE, bad
from connectors._work import Call, Workers
from gateway.errors import GatewayError, SourceFailed, SourceRubbish, SourceTimeout, SourceUnavailable
from gateway.model.catalog import FieldType
from gateway.model.ids import SourceName
from gateway.model.plan import Fetch
from gateway.model.predicate import AllOf, AnyOf, Compare, IsNull, IsTruth, Like, Not, OneOf, Under
from gateway.model.query import AggregateFunction
from gateway.model.rows import Batch
from gateway.spi import Capabilities, Finding, PromisedTable, TableDescription

HEALTH_SECONDS = 5.0
DESCRIBE_SECONDS = 30.0
DIAGNOSE_SECONDS = 300.0
EVERYTHING = Capabilities(
    predicates=frozenset({AllOf, AnyOf, Compare, IsNull, IsTruth, Like, Not, OneOf, Under}),
    columns=None,
    can_order=True,
    can_limit=True,
    aggregates=frozenset(AggregateFunction),
    can_mask=True,
)


class FilesConnector:
    """One folder. Options: see connectors/README.md."""

    def __init__(self, name: SourceName, folder: Path, dialect: Dialect, connections: int, memory: int) -> None:
        self._name = name
        self._engine = Engine(folder, memory, dialect)
        self._workers = Workers(name, connections)

    def __repr__(self) -> str:
        """The name only."""
        return f"<FilesConnector {self._name}>"

    @classmethod
    def open(cls, name: SourceName, options: Mapping[str, object]) -> Self:
        """Build without reading; raises SettingsInvalid naming the option."""
        taken = Options(name, options)
        folder = taken.folder("folder")
        dialect = Dialect(
            delimiter=taken.text("delimiter", ","),
            quote=taken.text("quote", '"'),
            null=taken.text("null", ""),
            encoding=taken.text("encoding", "utf-8").lower(),
            sheet=taken.text("sheet", ""),
            header_row=taken.number("header_row", 1),
            settle_seconds=taken.seconds("settle_seconds", 1.0),
        )
        connections, memory = taken.number("connections", 4), taken.number("memory", 512, least=64)
        taken.done()
        for option, text in (("delimiter", dialect.delimiter), ("quote", dialect.quote)):
            if len(text) != 1 or not text.isascii() or text in "\r\n\x00":
                taken.refuse(option, "must be one ASCII character")
        if dialect.delimiter == dialect.quote:
            taken.refuse("quote", "must differ from `delimiter`")
        if dialect.encoding not in ("utf-8", "gb18030"):
            taken.refuse("encoding", "must be `utf-8` or `gb18030`")
        return cls(name, folder, dialect, connections, memory)

    def capabilities(self, table: str) -> Capabilities:
        """The same for every table."""
        del table
        return EVERYTHING

    def fetch(self, fetch: Fetch) -> AsyncIterator[Batch]:
        """Rows in batches; raises SourceFailed."""
        return self._workers.stream(_Answer(self._engine, fetch), fetch.time_limit_seconds)

    async def describe(self) -> tuple[TableDescription, ...]:
        """A table for the files of one kind in a folder, or for each that differs; CSV and Excel columns are text."""
        return await self._workers.run(Call(self._name, self._describe), DESCRIBE_SECONDS)

    async def health(self) -> None:
        """The folder can be listed and the engine answers."""
        await self._workers.run(Call(self._name, self._ping), HEALTH_SECONDS)

    async def diagnose(self, promised: Sequence[PromisedTable]) -> AsyncIterator[Finding]:
        """The folder, and each table's files against the catalogue."""
        work = Call(self._name, lambda: diagnose_files(self._engine, promised))
        try:
            for finding in await self._workers.run(work, DIAGNOSE_SECONDS):
                yield finding
        except SourceFailed as error:
            yield bad("files", f"{error.code}: {error.operator}", f"{error.code}", *SEE_CODE)

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
        home, never = self._engine.folder.resolve(), threading.Event()
        found: dict[str, TableDescription] = {}
        try:
            cursor = self._engine.cursor()
            reading = self._engine.reading(cursor, never)
            for suffix in KINDS:
                for pattern, columns in tables_in(home, suffix, lambda path: look_at(home, path, reading).columns):
                    typed = tuple((column, _field_type(kind)) for column, kind in columns.items())
                    found[pattern] = TableDescription(table=pattern, columns=typed, key=())
            cursor.close()
        except Exception as error:  # noqa: BLE001  # as above
            raise _translate(error, self._name) from None
        return tuple(found[pattern] for pattern in sorted(found))


class _Answer:
    """The work of one fetch."""

    def __init__(self, engine: Engine, fetch: Fetch) -> None:
        self.dataset: str = fetch.dataset
        self._engine = engine
        self._stopped = threading.Event()
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
            raise self._told(_translate(error, self.dataset), error) from None
        if is_last:
            self.close()
        return rows, is_last

    def _next(self) -> tuple[Batch, bool]:
        if self._cursor is None:
            self._cursor = self._engine.cursor()
        cursor = self._cursor
        if self._statement is None:
            reading = self._engine.reading(cursor, self._stopped)
            self._files = list_files(self._engine.folder, self._fetch.table, reading)
            statement = compile_fetch(self._fetch, self._files, self._engine.dialect)
            self._engine.run(cursor, statement)
            self._statement = statement
        raw: list[Any] = cursor.fetchmany(self._fetch.batch_rows)
        if not all(file.is_unchanged() for file in self._files):
            raise NotPromised("a file changed while it was read")
        rows = typed_rows(raw, self._statement.readers)
        return divided(rows, self._statement.averages), len(raw) < self._fetch.batch_rows

    def _told(self, failed: SourceFailed, error: Exception) -> SourceFailed:
        """With the file and the column that are at fault, where that can be found within the time."""
        cursor = self._cursor
        if not isinstance(failed, SourceRubbish) or isinstance(error, NotPromised) or cursor is None:
            return failed
        with contextlib.suppress(Exception):  # time is up, or the file is another by now
            engine = self._engine
            told = culprit(self._files, asked_for(self._fetch), engine.dialect, lambda one: engine.runs(cursor, one))
            if told is not None:
                return SourceRubbish(dataset=self.dataset, operator=told)
        return failed

    def stop(self) -> None:
        """Interrupt the running statement."""
        self._stopped.set()
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
    if isinstance(error, RUBBISH) and not isinstance(error, duckdb.PermissionException):
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
