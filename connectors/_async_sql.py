"""A database through an asynchronous driver: what PostgreSQL and MariaDB have in common.

A short answer is one statement and one journey to the server: no transaction is opened, no session state is set. A
long one is read batch by batch, as fast as it is taken. Who leaves, or is out of time, stops the work at the server.
"""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from typing import ClassVar, Generic, Self, TypeVar

from sqlalchemy.engine import Dialect as Engine

from connectors._cells import NotPromised
from connectors._pool import Pool
from connectors._sql_diagnosis import Rows, not_let_in
from connectors._sql_dialect import Dialect
from connectors._sql_text import Text, Texts
from connectors._sql_trial import not_found_out, reached
from connectors._told import good
from gateway.errors import GatewayError, SourceFailed, SourceRubbish, SourceTimeout
from gateway.model.ids import SourceName
from gateway.model.plan import Fetch
from gateway.model.rows import Batch
from gateway.spi import Capabilities, Finding, Outcome, PromisedTable, TableDescription
from gateway.time_limit import TimeLimit

SHORT_ROWS = 2_000
HEALTH_SECONDS = 5.0
C = TypeVar("C")
T = TypeVar("T")
Raw = Sequence[Sequence[object]]


class AsyncSqlConnector(ABC, Generic[C]):
    """The road of a fetch; a kind of database says how to connect and how to ask."""

    claims: ClassVar[Capabilities]
    ends_in_time: ClassVar[bool] = True
    questions: ClassVar[Mapping[str, str]]  # of `diagnose`

    def __init__(self, name: SourceName, dialect: Dialect, engine: Engine, schema: str | None, count: int) -> None:
        self._name = name
        self._dialect = dialect
        self._schema = schema
        self._texts = Texts(dialect, engine, schema)
        self._stored: dict[str, Mapping[str, object]] = {}
        self._count = count
        self._kept: Pool[C] | None = None

    def __repr__(self) -> str:
        """Never the address."""
        return f"<{type(self).__name__} {self._name}>"

    @classmethod
    @abstractmethod
    def open(cls, name: SourceName, options: Mapping[str, object]) -> Self:
        """Build without connecting; raises SettingsInvalid naming the option."""

    # -------------------------------------------------------------- what a kind of database says
    @abstractmethod
    async def _connect(self) -> C:
        """A new connection: read-only, in UTC, with a time limit of its own at the server."""

    @abstractmethod
    def _is_open(self, connection: C) -> bool:
        """Whether the server has not hung up."""

    @abstractmethod
    async def _end(self, connection: C, is_busy: bool) -> None:  # as Pool calls it
        """Close; what still runs on it is stopped at the server."""

    @abstractmethod
    async def _columns(self, connection: C, table: str) -> Mapping[str, object]:
        """How the columns of a table are stored."""

    @abstractmethod
    def _all(self, connection: C, text: Text, bound: Sequence[object], seconds: float) -> Awaitable[Raw]:
        """The whole of a short answer, in one journey."""

    @abstractmethod
    def _batches(
        self, connection: C, text: Text, bound: Sequence[object], seconds: float, rows: int
    ) -> AsyncGenerator[Raw, None]:
        """A long answer; after the last batch the connection is as before."""

    @abstractmethod
    async def _describe(self) -> tuple[TableDescription, ...]:
        """Every table and view that the account may read."""

    @abstractmethod
    async def _ping(self, connection: C) -> None:
        """Ask for nothing."""

    @abstractmethod
    def _place(self) -> tuple[str | None, int | None]:
        """Host and port, as the address has them."""

    @abstractmethod
    async def _answers(self, connection: C, statement: str) -> Rows:
        """The rows of a statement of our own."""

    @abstractmethod
    def _tell(self, answers: dict[str, Rows], now: datetime) -> list[Finding]:
        """What the answers to `questions` mean."""

    # -------------------------------------------------------------- the SPI
    def capabilities(self, table: str) -> Capabilities:
        """The same for every table."""
        del table
        return self.claims

    async def fetch(self, fetch: Fetch) -> AsyncIterator[Batch]:
        """Rows in batches; raises SourceFailed."""
        rows = await self.fetch_at_once(fetch)
        if rows is not None:
            for at in range(0, len(rows), fetch.batch_rows):
                yield rows[at : at + fetch.batch_rows]
            return
        deadline = asyncio.get_running_loop().time() + fetch.time_limit_seconds
        connection = await self._acquired(fetch.dataset, deadline)
        is_sound = False
        try:
            stored = self._stored.get(fetch.table)
            if stored is None:
                stored = await self._looked_at(connection, fetch, deadline)
            async with aclosing(self._long(connection, fetch, stored, deadline)) as batches:
                async for batch in batches:
                    yield batch
            is_sound = True
        finally:
            self._pool().release(connection, is_sound=is_sound)

    async def fetch_at_once(self, fetch: Fetch) -> Batch | None:
        """A short answer in one journey; raises SourceFailed."""
        if not _is_short(fetch):
            return None
        deadline = asyncio.get_running_loop().time() + fetch.time_limit_seconds
        pool = self._pool()
        connection = pool.take_now()
        if connection is None:
            connection = await self._acquired(fetch.dataset, deadline)
        is_sound = False
        try:
            stored = self._stored.get(fetch.table)
            if stored is None:
                stored = await self._looked_at(connection, fetch, deadline)
            text, bound = self._text(self._texts, fetch, stored)
            try:
                with TimeLimit(deadline):
                    raw = await self._all(connection, text, bound, fetch.time_limit_seconds)
            except Exception as error:  # noqa: BLE001  # the cause may hold SQL and values
                raise self._failure(error, fetch.dataset) from None
            is_sound = True
            return self._read(text.reading.rows, raw, fetch)
        finally:
            pool.release(connection, is_sound=is_sound)

    async def describe(self) -> tuple[TableDescription, ...]:
        """Tables and views with their columns and keys."""
        try:
            return await self._describe()
        except GatewayError:
            raise
        except Exception as error:  # noqa: BLE001  # drivers raise what they like; the cause may hold an address
            raise self._dialect.translate(error, self._name) from None

    async def health(self) -> None:
        """A connection, and an answer on it."""
        deadline = asyncio.get_running_loop().time() + HEALTH_SECONDS
        connection = await self._acquired(self._name, deadline)
        is_sound = False
        try:
            async with asyncio.timeout_at(deadline):
                await self._ping(connection)
            is_sound = True
        except Exception as error:  # noqa: BLE001  # as above
            raise self._failure(error, self._name) from None
        finally:
            self._pool().release(connection, is_sound=is_sound)

    async def diagnose(self, promised: Sequence[PromisedTable]) -> AsyncIterator[Finding]:
        """Port, session, whether it could write, TLS, clock; ends after the first that bars the rest."""
        del promised
        try:
            host, port = self._place()
        except Exception:  # noqa: BLE001  # no address to be had; signing in says why
            host = port = None
        async for finding in reached(self._name, host, port):
            yield finding
            if finding.outcome is Outcome.BAD:
                return
        began = time.monotonic()
        try:
            await self.health()
        except SourceFailed as error:
            yield not_let_in(error.operator or error.code)
            return
        took = f"{(time.monotonic() - began) * 1000:.0f} ms"
        yield good("sign-in", f"a session was opened ({took})", f"会话已建立（{took}）")
        for finding in await self._told():
            yield finding

    async def _told(self) -> list[Finding]:
        try:
            async with asyncio.timeout(HEALTH_SECONDS):
                connection = await self._connect()
                try:
                    answers: dict[str, Rows] = {}
                    began = datetime.fromtimestamp(time.time(), UTC)
                    for question, statement in self.questions.items():
                        began = datetime.fromtimestamp(time.time(), UTC)
                        answers[question] = await self._answers(connection, statement)
                    middle = began + (datetime.fromtimestamp(time.time(), UTC) - began) / 2  # `clock` is asked last
                    return self._tell(answers, middle)
                finally:
                    await self._end(connection, is_busy=False)
        except Exception as error:  # noqa: BLE001  # as above
            return [not_found_out(error)]

    async def close(self) -> None:
        """Stop what runs and close every connection."""
        await self._pool().close()

    # -------------------------------------------------------------- parts
    async def _long(
        self, connection: C, fetch: Fetch, stored: Mapping[str, object], deadline: float
    ) -> AsyncGenerator[Batch, None]:
        """A long answer, batch by batch; raises SourceFailed."""
        text, bound = self._text(self._texts, fetch, stored)
        async with aclosing(
            self._batches(connection, text, bound, fetch.time_limit_seconds, fetch.batch_rows)
        ) as source:
            while (raw := await self._within(anext(source, None), fetch, deadline)) is not None:
                yield self._read(text.reading.rows, raw, fetch)

    def _pool(self) -> Pool[C]:
        if self._kept is None:
            self._kept = Pool(self._count, connect=self._connect, is_open=self._is_open, end=self._end)
        return self._kept

    async def _acquired(self, dataset: str, deadline: float) -> C:
        try:
            return await self._pool().acquire(dataset, deadline)
        except Exception as error:  # noqa: BLE001  # as above
            raise self._failure(error, dataset) from None

    async def _looked_at(self, connection: C, fetch: Fetch, deadline: float) -> Mapping[str, object]:
        stored = await self._within(self._columns(connection, fetch.table), fetch, deadline)
        self._stored[fetch.table] = stored
        return stored

    def _text(self, texts: Texts, fetch: Fetch, stored: Mapping[str, object]) -> tuple[Text, list[object]]:
        try:
            return texts.of(fetch, stored)
        except NotPromised as fault:
            raise self._failure(fault, fetch.dataset) from None

    async def _within(self, work: Awaitable[T], fetch: Fetch, deadline: float) -> T:
        try:
            with TimeLimit(deadline):
                return await work
        except Exception as error:  # noqa: BLE001  # the cause may hold SQL and values
            raise self._failure(error, fetch.dataset) from None

    def _read(self, read: Callable[[Raw], Batch], raw: Raw, fetch: Fetch) -> Batch:
        try:
            return read(raw)
        except NotPromised as fault:
            raise self._failure(fault, fetch.dataset) from None

    def _forget(self) -> None:
        """A table may have become another."""
        self._stored.clear()
        self._texts.forget()

    def _failure(self, error: Exception, dataset: str) -> GatewayError:
        if isinstance(error, GatewayError):
            return error
        if isinstance(error, TimeoutError):
            return SourceTimeout(dataset=dataset, operator="stopped at the time limit")
        self._forget()
        if isinstance(error, NotPromised):
            return SourceRubbish(dataset=dataset, operator=str(error))
        return self._dialect.translate(error, dataset)


def _is_short(fetch: Fetch) -> bool:
    """Whether the answer may be held as a whole."""
    if fetch.aggregates and not fetch.columns:
        return True  # one row
    return fetch.limit is not None and (fetch.limit <= SHORT_ROWS or fetch.limit <= fetch.batch_rows)
