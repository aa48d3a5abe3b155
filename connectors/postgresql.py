"""postgresql: a department's PostgreSQL -> rows, by asyncpg.

Everything is pushed down. A statement is prepared once for each connection and shape of question; a short answer is
then one journey. A long one is copied (`_postgresql_copy`). Each connection is read-only, in UTC, and ends by itself
what takes longer than `statement_seconds`, a copy what takes longer than its question may, whatever becomes of the
gateway. It does not promise to know what the account may do: give it one that may only read.
"""

import math
from collections.abc import AsyncGenerator, Awaitable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Self

import asyncpg
from sqlalchemy.dialects.postgresql.asyncpg import dialect as asyncpg_dialect
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import NullPool

from connectors._async_sql import AsyncSqlConnector, Raw
from connectors._options import Options, Secret
from connectors._postgresql import COLUMNS_OF_TABLE, POSTGRESQL, StoredColumn, regclass
from connectors._postgresql_copy import Kind, copied, copying_engine, kinds_of, settled, written_for_copy
from connectors._postgresql_schema import describe_postgresql
from connectors._sql_claims import ON_POSTGRESQL
from connectors._sql_diagnosis import POSTGRESQL_QUESTIONS, Rows, tell_postgresql
from connectors._sql_text import MOST_SHAPES, Text, Texts
from connectors._tls import Tls, take_tls
from gateway.model.ids import SourceName
from gateway.model.plan import Fetch
from gateway.model.rows import Batch
from gateway.spi import Capabilities, Finding, TableDescription

CONNECT_SECONDS = 5.0
STATEMENTS = 256  # prepared on one connection
_KIN = frozenset({"postgresql", "postgres"})


@dataclass(frozen=True, slots=True, repr=False)
class Address:
    """Where the database is; read anew for each connection, so that a changed secret counts without a restart."""

    url: str | None
    secret: Secret | None

    def read(self) -> str:
        """The URL for the driver; raises ValueError."""
        url = self.url if self.secret is None else self.secret.read()
        scheme, mark, rest = (url or "").partition("://")
        if not mark or scheme.partition("+")[0] not in _KIN:
            raise ValueError("no address of a PostgreSQL database")
        return f"postgresql://{rest}"


class PostgresqlConnector(AsyncSqlConnector["asyncpg.Connection[Any]"]):
    """One database. Options: `url`, `url_file` or `url_env`; `schema`; `connections`; `statement_seconds`; `tls`."""

    claims: ClassVar[Capabilities] = ON_POSTGRESQL
    questions: ClassVar[Mapping[str, str]] = POSTGRESQL_QUESTIONS

    def __init__(
        self, name: SourceName, address: Address, tls: Tls, *, schema: str | None, connections: int, seconds: int
    ) -> None:
        engine = asyncpg_dialect()  # type: ignore[no-untyped-call]  # untyped in the library
        super().__init__(name, POSTGRESQL, engine, schema, connections)
        self._address = address
        self._tls = tls
        self._seconds = seconds
        self._copies = Texts(POSTGRESQL, copying_engine(), schema, written_for_copy)
        self._kinds: dict[str, tuple[Kind, ...] | None] = {}
        self._takes_settings = True  # until the server has refused some

    @classmethod
    def open(cls, name: SourceName, options: Mapping[str, object]) -> Self:
        """Build without connecting; raises SettingsInvalid naming the option."""
        taken = Options(name, options)
        connections = taken.number("connections", 8)
        seconds = taken.number("statement_seconds", 60)
        schema = taken.text("schema") if taken.has("schema") else None
        tls = take_tls(taken)
        secret = taken.secret("url")
        address = Address(None if secret is not None else taken.text("url"), secret)
        taken.done()
        try:
            make_url(address.read())
        except (ArgumentError, ValueError):
            taken.refuse("url", "is no address of a PostgreSQL database")
        return cls(name, address, tls, schema=schema, connections=connections, seconds=seconds)

    async def _connect(self) -> "asyncpg.Connection[Any]":
        dsn = self._address.read()
        url = make_url(dsn)
        encryption: dict[str, Any] = {}
        if self._tls.mode is not None or "sslmode" not in url.query:
            encryption["ssl"] = self._tls.towards(url.host) or False
        return await asyncpg.connect(
            dsn,
            timeout=CONNECT_SECONDS,
            statement_cache_size=STATEMENTS,
            server_settings={
                "application_name": "langqiao",
                "default_transaction_read_only": "on",
                "statement_timeout": f"{self._seconds}s",
                "idle_in_transaction_session_timeout": f"{self._seconds}s",
                "TimeZone": "UTC",
                "DateStyle": "ISO, YMD",
                "IntervalStyle": "postgres",
            },
            **encryption,
        )

    def _is_open(self, connection: "asyncpg.Connection[Any]") -> bool:
        return not connection.is_closed()

    async def _end(self, connection: "asyncpg.Connection[Any]", is_busy: bool) -> None:
        del is_busy  # the driver knows, and cancels
        try:
            await connection.close(timeout=2)
        except BaseException:
            connection.terminate()
            raise

    async def _columns(self, connection: "asyncpg.Connection[Any]", table: str) -> Mapping[str, object]:
        rows = await connection.fetch(COLUMNS_OF_TABLE.replace(":named", "$1::text"), regclass(self._schema, table))
        return {name: StoredColumn(kind, exact, computed) for name, kind, exact, computed in rows}

    def _all(
        self, connection: "asyncpg.Connection[Any]", text: Text, bound: Sequence[object], seconds: float
    ) -> Awaitable[Raw]:
        del seconds  # the caller's: what is cancelled is stopped at the server
        found: Awaitable[Raw] = connection.fetch(text.sql, *bound)
        return found

    async def _batches(
        self, connection: "asyncpg.Connection[Any]", text: Text, bound: Sequence[object], seconds: float, rows: int
    ) -> AsyncGenerator[Raw, None]:
        del seconds  # as above
        transaction = connection.transaction()
        await transaction.start()
        cursor = await connection.cursor(text.sql, *bound)
        while True:
            batch = await cursor.fetch(rows)
            if batch:
                yield batch
            if len(batch) < rows:
                break
        await transaction.rollback()

    async def _long(
        self, connection: "asyncpg.Connection[Any]", fetch: Fetch, stored: Mapping[str, object], deadline: float
    ) -> AsyncGenerator[Batch, None]:
        """By COPY where that can be, else by a cursor."""
        copy = await self._copy_of(connection, fetch, stored, deadline)
        if copy is None:
            async with aclosing(super()._long(connection, fetch, stored, deadline)) as batches:
                async for batch in batches:
                    yield batch
            return
        text, kinds = copy
        types = [kind for kind, _ in kinds]
        async with aclosing(copied(connection, text.sql, kinds, rows=fetch.batch_rows)) as source:
            while (raw := await self._within(anext(source, None), fetch, deadline)) is not None:
                yield self._read(lambda columns: text.reading.columns(columns, types), raw, fetch)

    async def _copy_of(
        self, connection: "asyncpg.Connection[Any]", fetch: Fetch, stored: Mapping[str, object], deadline: float
    ) -> tuple[Text, tuple[Kind, ...]] | None:
        """The copy of a fetch, with its transaction begun; None for groups, which are few, and what COPY can't do."""
        if fetch.aggregates or not self._takes_settings:
            return None
        text, bound = self._text(self._copies, fetch, stored)
        if not text.sql or any(value is None or isinstance(value, list) for value in bound):
            return None
        kinds = await self._within(self._kinds_of(connection, text), fetch, deadline)
        if kinds is None:
            return None
        seconds = max(self._seconds, math.ceil(fetch.time_limit_seconds))
        begun = settled(connection, text, bound, seconds=seconds)
        self._takes_settings = await self._within(begun, fetch, deadline)
        return (text, kinds) if self._takes_settings else None

    async def _kinds_of(self, connection: "asyncpg.Connection[Any]", text: Text) -> tuple[Kind, ...] | None:
        if text.sql not in self._kinds:
            if len(self._kinds) >= MOST_SHAPES:
                self._kinds.clear()
            self._kinds[text.sql] = await kinds_of(connection, text.sql)
        return self._kinds[text.sql]

    def _forget(self) -> None:
        """A table may have become another."""
        super()._forget()
        self._copies.forget()
        self._kinds.clear()

    def _place(self) -> tuple[str | None, int | None]:
        url = make_url(self._address.read())
        return url.host, url.port or 5432

    async def _answers(self, connection: "asyncpg.Connection[Any]", statement: str) -> Rows:
        return [tuple(row) for row in await connection.fetch(statement)]

    def _tell(self, answers: dict[str, Rows], now: datetime) -> list[Finding]:
        return tell_postgresql(answers, now)

    async def _ping(self, connection: "asyncpg.Connection[Any]") -> None:
        await connection.fetchval("SELECT 1")

    async def _describe(self) -> tuple[TableDescription, ...]:
        from sqlalchemy.ext.asyncio import create_async_engine  # brings the whole ORM: not for a gateway's start

        engine = create_async_engine(
            "postgresql+asyncpg://", async_creator=self._connect, poolclass=NullPool, hide_parameters=True
        )
        try:
            async with engine.connect() as connection:
                return await connection.run_sync(lambda plain: describe_postgresql(plain, self._schema))
        finally:
            await engine.dispose()
