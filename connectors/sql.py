"""sql: a department's database -> rows, by SQLAlchemy Core and whatever driver it has.

Everything is pushed down: filters, order, pages, aggregates and masks with a SQL form. Run in the tests on SQLite and
PostgreSQL; for Oracle, DM, SQL Server and Trino compiled only. It does not promise to know what the database's account
may do: give it one that may only read. Timestamps are UTC.
"""

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Self

from sqlalchemy import Connection, Engine, create_engine, literal_column, select
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql import DATERANGE, INT4RANGE, INT8RANGE, NUMRANGE, TSRANGE, TSTZRANGE
from sqlalchemy.engine import CursorResult, make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import QueuePool
from sqlalchemy.types import ARRAY, JSON, Boolean, Date, DateTime, Float, Integer, Numeric, TypeEngine

from connectors._cells import NotPromised
from connectors._options import Options
from connectors._postgresql import POSTGRESQL, ColumnTypes
from connectors._postgresql_schema import describe_postgresql
from connectors._sql_claims import EVERYTHING, ON_MSSQL, ON_POSTGRESQL
from connectors._sql_dialect import Dialect
from connectors._sql_kin import DM, MSSQL, ORACLE, TRINO
from connectors._sql_schema import describe_schema
from connectors._sql_statement import Statement
from connectors._sql_text import Statements
from connectors._sql_trial import diagnose_database
from connectors._sqlite import SQLITE, connect_read_only
from connectors._work import Call, Workers
from gateway.errors import Defect, GatewayError, SourceRubbish
from gateway.model.catalog import FieldType
from gateway.model.ids import SourceName
from gateway.model.plan import Fetch
from gateway.model.rows import Batch
from gateway.spi import Capabilities, Finding, PromisedTable, TableDescription

DIALECTS: dict[str, Dialect] = {
    "sqlite": SQLITE,
    "postgresql": POSTGRESQL,
    "oracle": ORACLE,
    "dm": DM,
    "mssql": MSSQL,
    "trino": TRINO,
}
Question = tuple[Statement, Mapping[str, object]]
CLAIMS: dict[str, Capabilities] = {"postgresql": ON_POSTGRESQL, "mssql": ON_MSSQL}
registry.register("dm", "connectors._dm", "DmDialect")  # loaded where somebody says dm://
HEALTH_SECONDS = 5.0
DESCRIBE_SECONDS = 30.0


class SqlConnector:
    """One database. Options: `folder` and `file` (SQLite), or `url`, `url_file`, `url_env`; `schema`; `connections`."""

    def __init__(self, name: SourceName, engine: Engine, schema: str | None, connections: int) -> None:
        self._name = name
        self._engine = engine
        self._schema = schema
        self._dialect = DIALECTS[engine.dialect.name]
        self._types = ColumnTypes()
        self._statements = Statements(self._dialect, schema)
        self._workers = Workers(name, connections)

    def __repr__(self) -> str:
        """Never the address."""
        return f"<SqlConnector {self._name} ({self._engine.dialect.name})>"

    @classmethod
    def open(cls, name: SourceName, options: Mapping[str, object]) -> Self:
        """Build without connecting; raises SettingsInvalid naming the option."""
        taken = Options(name, options)
        connections = taken.number("connections", 8)
        schema = taken.text("schema") if taken.has("schema") else None
        if taken.has("folder"):
            folder = taken.folder("folder")
            file = (folder / taken.text("file")).resolve()
            taken.done()
            if not file.is_relative_to(folder.resolve()):
                taken.refuse("file", "leads out of the folder")
            engine = create_engine(
                "sqlite://",
                creator=connect_read_only(file),
                poolclass=QueuePool,
                pool_size=connections,
                max_overflow=0,
                isolation_level="AUTOCOMMIT",
            )
            return cls(name, engine, schema, connections)
        secret = taken.secret("url")
        url = secret.read() if secret is not None else taken.text("url")
        taken.done()
        try:
            parsed = make_url(url or "")
            if parsed.get_backend_name() == "sqlite" or parsed.get_backend_name() not in DIALECTS:
                taken.refuse("url", "names no database of a kind that is served (for SQLite give `folder` and `file`)")
            engine = create_engine(
                parsed, pool_size=connections, max_overflow=0, pool_pre_ping=True, hide_parameters=True
            )
        except (SQLAlchemyError, ImportError, ValueError) as error:
            fault = "its driver is not installed" if isinstance(error, ImportError) else "can't be read as an address"
            taken.refuse("url", fault)
        return cls(name, engine, schema, connections)

    def capabilities(self, table: str) -> Capabilities:
        """The same for every table."""
        del table
        return CLAIMS.get(self._engine.dialect.name, EVERYTHING)

    def fetch(self, fetch: Fetch) -> AsyncIterator[Batch]:
        """Rows in batches; raises SourceFailed."""
        types = self._types if self._dialect.looks_at_columns else None
        # where nothing needs to be looked up, a misuse is told at once
        question = self._statements.of(fetch, {}) if types is None else None
        answer = _Answer(
            self._engine, self._dialect, self._schema, fetch,
            question=question, statements=self._statements, types=types,
        )  # fmt: skip
        return self._workers.stream(answer, fetch.time_limit_seconds)

    async def describe(self) -> tuple[TableDescription, ...]:
        """Tables and views with columns, keys and comments; of PostgreSQL all that a TableDescription can tell."""
        return await self._workers.run(Call(self._name, self._describe), DESCRIBE_SECONDS)

    async def health(self) -> None:
        """One connection and a SELECT 1."""
        await self._workers.run(Call(self._name, self._ping), HEALTH_SECONDS)

    async def diagnose(self, promised: Sequence[PromisedTable]) -> AsyncIterator[Finding]:
        """Port, session, whether it could write, TLS, clock."""
        del promised
        async for finding in diagnose_database(self._name, self._engine, self._workers, self.health):
            yield finding

    async def close(self) -> None:
        """Stop what runs and close every connection."""
        await self._workers.close()
        self._engine.dispose()

    def _ping(self) -> None:
        try:
            with self._engine.connect() as connection:
                connection.execute(select(literal_column("1"))).scalar_one()
        except Exception as error:  # noqa: BLE001  # drivers raise what they like; the cause may hold an address
            raise self._dialect.translate(error, self._name) from None

    def _describe(self) -> tuple[TableDescription, ...]:
        try:
            with self._engine.connect() as connection:
                if self._dialect is POSTGRESQL:
                    return describe_postgresql(connection, self._schema)
                return describe_schema(connection, self._schema, _field_type)
        except Exception as error:  # noqa: BLE001  # as above
            raise self._dialect.translate(error, self._name) from None


class _Answer:
    """The work of one fetch: one connection, one statement, one cursor."""

    def __init__(
        self,
        engine: Engine,
        dialect: Dialect,
        schema: str | None,
        fetch: Fetch,
        *,
        question: Question | None,
        statements: Statements,
        types: ColumnTypes | None,
    ) -> None:
        self.dataset: str = fetch.dataset
        self._engine = engine
        self._dialect = dialect
        self._schema = schema
        self._question = question
        self._statements = statements
        self._types = types
        self._fetch = fetch
        self._seconds = fetch.time_limit_seconds
        self._batch_rows = fetch.batch_rows
        self._connection: Connection | None = None
        self._driver: Any = None
        self._result: CursorResult[Any] | None = None

    def step(self) -> tuple[Batch, bool]:
        """The next batch."""
        try:
            result, statement = self._open()
            raw = result.fetchmany(self._batch_rows)
            batch = statement.reading.rows(raw)
        except NotPromised as fault:
            raise SourceRubbish(dataset=self.dataset, operator=str(fault)) from None
        except GatewayError:
            raise
        except Exception as error:  # noqa: BLE001  # drivers raise what they like; the cause may hold SQL and values
            if self._types is not None:
                self._types.forget()  # the table may have become another
                self._statements.forget()
            raise self._dialect.translate(error, self.dataset) from None
        is_last = len(raw) < self._batch_rows
        if is_last:
            self._end(is_sound=True)
        return batch, is_last

    def _open(self) -> tuple[CursorResult[Any], Statement]:
        if self._result is None or self._question is None:
            connection = self._engine.connect()
            self._connection = connection
            self._driver = connection.connection.driver_connection
            self._dialect.begin(connection, self._seconds)
            if self._types is not None:
                stored = self._types.of(connection, self._schema, self._fetch.table)
                self._question = self._statements.of(self._fetch, stored)
            if self._question is None:
                raise Defect(operator="a fetch without a statement")
            statement, bound = self._question
            streaming = connection.execution_options(stream_results=True, max_row_buffer=self._batch_rows)
            self._result = streaming.execute(statement.select, bound)
        return self._result, self._question[0]

    def stop(self) -> None:
        """Interrupt the running statement."""
        driver = self._driver
        if driver is not None:
            with contextlib.suppress(Exception):  # it ended by itself
                self._dialect.stop(driver)

    def close(self) -> None:
        """Give the connection up: what was stopped half-way is not used again."""
        self._end(is_sound=False)

    def _end(self, *, is_sound: bool) -> None:
        connection, self._connection, self._driver = self._connection, None, None
        result, self._result = self._result, None
        if connection is not None:
            try:
                if not is_sound:
                    connection.invalidate()
                if result is not None:
                    result.close()  # a cursor at the server, which the pool's rollback would not close here
                connection.close()
            except Exception as error:  # noqa: BLE001  # as above
                raise self._dialect.translate(error, self.dataset) from None


def _field_type(declared: TypeEngine[Any]) -> FieldType:
    for kind, field_type in (
        (Boolean, FieldType.BOOLEAN),
        (Integer, FieldType.INTEGER),
        (Numeric, FieldType.NUMERIC),
        (Float, FieldType.NUMERIC),
        (DateTime, FieldType.TIMESTAMP),
        (Date, FieldType.DATE),
        (JSON, FieldType.JSON),
        (INT4RANGE, FieldType.INTEGER_RANGE),
        (INT8RANGE, FieldType.INTEGER_RANGE),
        (NUMRANGE, FieldType.NUMERIC_RANGE),
        (DATERANGE, FieldType.DATE_RANGE),
        (TSRANGE, FieldType.TIMESTAMP_RANGE),
        (TSTZRANGE, FieldType.TIMESTAMP_RANGE),
    ):
        if isinstance(declared, kind):
            return field_type
    if isinstance(declared, ARRAY):
        element = _field_type(declared.item_type)
        return FieldType(f"{element.value}[]") if element.is_scalar else FieldType.TEXT_ARRAY
    return FieldType.TEXT
