"""mariadb, mysql: a department's MariaDB, MySQL or OceanBase (in its MySQL mode) -> rows, by asyncmy.

Everything is pushed down. A short answer is a prepared statement and one journey; a list of keys and a long answer
are sent as one text, in which the driver has written the values. Each connection is read-only, in UTC and utf8mb4.
On MariaDB each statement carries its time limit; on the others the connection has one, and what is left is killed.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, ClassVar, Self

from asyncmy.connection import Connection
from asyncmy.cursors import SSCursor
from sqlalchemy.dialects.mysql.asyncmy import dialect as asyncmy_dialect
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from connectors._async_sql import AsyncSqlConnector, Raw
from connectors._mariadb import MARIADB, MYSQL, MariadbDialect, StoredColumn
from connectors._mariadb_schema import COLUMNS_OF_TABLE, describe_mariadb
from connectors._options import Options, Secret
from connectors._sql_claims import EVERYTHING
from connectors._sql_diagnosis import MARIADB_QUESTIONS, Rows, tell_mariadb
from connectors._sql_text import Text
from connectors._tls import Tls, take_tls
from gateway.model.ids import SourceName
from gateway.spi import Capabilities, Finding, TableDescription

CONNECT_SECONDS = 5
STATEMENTS = 128  # prepared on one connection
_KIN = frozenset({"mariadb", "mysql", "oceanbase"})
# what would change the meaning of a statement is said here, whatever the server's own setting
_SESSION = "SET SESSION sql_mode = 'STRICT_TRANS_TABLES', time_zone = '+00:00', "


@dataclass(frozen=True, slots=True, repr=False)
class Address:
    """Where the database is; read anew for each connection, so that a changed secret counts without a restart."""

    url: str | None
    secret: Secret | None

    def read(self) -> URL:
        """The parsed URL; raises ValueError."""
        text = self.url if self.secret is None else self.secret.read()
        try:
            url = make_url(text or "")
        except ArgumentError:
            raise ValueError("no address") from None
        if url.get_backend_name() not in _KIN or not url.database or set(url.query) - {"unix_socket"}:
            raise ValueError("no address of a MariaDB or MySQL database")
        return url


class MariadbConnector(AsyncSqlConnector[Connection]):
    """One database. Options: `url`…, `schema`, `connections`, `statement_seconds`, `zero_dates`, `tls`…."""

    claims: ClassVar[Capabilities] = EVERYTHING
    questions: ClassVar[Mapping[str, str]] = MARIADB_QUESTIONS
    _limited: ClassVar[str] = "SET STATEMENT max_statement_time={seconds} FOR "
    _way: ClassVar[MariadbDialect] = MARIADB

    def __init__(
        self,
        name: SourceName,
        address: Address,
        tls: Tls,
        *,
        schema: str | None,
        connections: int,
        seconds: int,
        zero_is_null: bool,
    ) -> None:
        way = replace(self._way, zero_is_null=zero_is_null)
        super().__init__(name, way, asyncmy_dialect(), schema, connections)
        self._address = address
        self._tls = tls
        self._seconds = seconds

    @classmethod
    def open(cls, name: SourceName, options: Mapping[str, object]) -> Self:
        """Build without connecting; raises SettingsInvalid naming the option."""
        taken = Options(name, options)
        connections = taken.number("connections", 8)
        seconds = taken.number("statement_seconds", 60)
        schema = taken.text("schema") if taken.has("schema") else None
        zero_dates = taken.text("zero_dates", "refuse")
        if zero_dates not in {"refuse", "null"}:
            taken.refuse("zero_dates", "must be `refuse` or `null`")
        tls = take_tls(taken)
        secret = taken.secret("url")
        address = Address(None if secret is not None else taken.text("url"), secret)
        taken.done()
        try:
            address.read()
        except ValueError:
            taken.refuse("url", "is no address of a MariaDB or MySQL database (mysql://user:password@host/database)")
        return cls(
            name, address, tls,
            schema=schema, connections=connections, seconds=seconds, zero_is_null=zero_dates == "null",
        )  # fmt: skip

    async def _connect(self) -> Connection:
        url = self._address.read()
        where: dict[str, Any] = {"host": url.host or "localhost", "port": url.port or 3306}
        if "unix_socket" in url.query:
            where = {"unix_socket": url.query["unix_socket"]}
        connection: Connection = Connection(  # type: ignore[no-untyped-call]  # untyped in the library
            **where,
            user=url.username,
            password=url.password or "",
            database=url.database,
            charset="utf8mb4",
            autocommit=True,
            connect_timeout=CONNECT_SECONDS,
            program_name="langqiao",
            stmt_cache_size=STATEMENTS,
            ssl=self._tls.towards(url.host if "host" in where else None),
        )
        try:
            await connection.connect()
            cursor = connection.cursor()
            await cursor.execute(_SESSION + _limit(str(connection.get_server_info()), self._seconds))
            await cursor.execute("SET SESSION TRANSACTION READ ONLY")
        except BaseException:
            connection.close()
            raise
        return connection

    def _is_open(self, connection: Connection) -> bool:
        return bool(connection.connected)

    async def _end(self, connection: Connection, is_busy: bool) -> None:
        if not is_busy:
            await connection.ensure_closed()
            return
        number = connection.thread_id()
        connection.close()
        other = await self._connect()
        try:
            await other.cursor().execute(f"KILL QUERY {int(number)}")
        finally:
            await other.ensure_closed()

    async def _columns(self, connection: Connection, table: str) -> Mapping[str, object]:
        cursor = connection.cursor()
        await cursor.execute(COLUMNS_OF_TABLE, (self._schema, table))
        return {
            str(name): StoredColumn(str(kind), " unsigned" in str(whole), None if collation is None else str(collation))
            for name, kind, whole, collation in await cursor.fetchall()
        }

    async def _all(self, connection: Connection, text: Text, bound: Sequence[object], seconds: float) -> Raw:
        has_list = any(isinstance(value, list) for value in bound)  # which is no parameter of a prepared statement
        cursor = connection.cursor(SSCursor) if has_list else connection.cursor()
        await cursor.execute(self._said(text, seconds), _given(bound))
        found: Raw = await cursor.fetchall()
        return found

    async def _batches(
        self, connection: Connection, text: Text, bound: Sequence[object], seconds: float, rows: int
    ) -> AsyncGenerator[Raw, None]:
        cursor = connection.cursor(SSCursor)
        await cursor.execute(self._said(text, seconds), _given(bound))
        while True:
            batch = await cursor.fetchmany(rows)
            if batch:
                yield batch
            if len(batch) < rows:
                break
        await cursor.close()

    def _said(self, text: Text, seconds: float) -> str:
        return self._limited.format(seconds=f"{seconds:.1f}") + text.sql

    def _place(self) -> tuple[str | None, int | None]:
        url = self._address.read()
        return (None, None) if "unix_socket" in url.query else (url.host or "localhost", url.port or 3306)

    async def _answers(self, connection: Connection, statement: str) -> Rows:
        cursor = connection.cursor()
        await cursor.execute(statement)
        return [tuple(row) for row in await cursor.fetchall() or ()]

    def _tell(self, answers: dict[str, Rows], now: datetime) -> list[Finding]:
        return tell_mariadb(answers, now)

    async def _ping(self, connection: Connection) -> None:
        await connection.ping(reconnect=False)

    async def _describe(self) -> tuple[TableDescription, ...]:
        connection = await asyncio.wait_for(self._connect(), CONNECT_SECONDS)
        try:
            return await describe_mariadb(connection.cursor(), self._schema)
        finally:
            connection.close()


class MysqlConnector(MariadbConnector):
    """The same for MySQL and OceanBase, whose time limit is the connection's."""

    _limited = ""
    _way = MYSQL


def _given(bound: Sequence[object]) -> tuple[object, ...]:
    """A list as the driver writes one: `(1,2)`."""
    return tuple(tuple(value) if isinstance(value, list) else value for value in bound)


def _limit(version: str, seconds: int) -> str:
    """The server's own time limit, in the words of who it is."""
    if "MariaDB" in version:
        return f"max_statement_time = {seconds}"
    if "OceanBase" in version:
        return f"ob_query_timeout = {seconds * 1_000_000}"
    return f"max_execution_time = {seconds * 1_000}"
