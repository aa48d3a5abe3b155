"""rest: a paged JSON service -> rows, by httpx2.

Pushed down: equality on the columns that the settings map to a parameter; each row that comes back is held against
the question again, since services match loosely or ignore parameters they don't know. Pages follow by number, offset,
cursor, Link header or an address in the body, which must stay at the service; a row more or less than the total is
rubbish, never a shorter answer. It does not promise one point in time across pages.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Self

import httpx2

from connectors._cells import NotPromised
from connectors._http import Answer, Ask, WebService, origin_of, refusal
from connectors._http_auth import Credential
from connectors._paged import Question, Tally, batches, claims, parameters
from connectors._rest_options import Paging, Service, Table, read_service
from connectors._rest_pages import READERS, JsonObject, Page, cell_of, read_next_link, read_page
from connectors._web_diagnosis import diagnose_service
from gateway.errors import SourceBusy, SourceRubbish, SourceTooBroad
from gateway.model.catalog import FieldType
from gateway.model.ids import SourceName
from gateway.model.plan import Fetch
from gateway.model.rows import Batch, Row
from gateway.spi import Capabilities, Finding, PromisedTable, TableDescription

HEALTH_SECONDS = 5.0
DESCRIBE_SECONDS = 30.0


@dataclass(frozen=True, slots=True, repr=False)
class _Next:
    """Where the next page is."""

    url: str
    parameters: Mapping[str, str]


class RestConnector:
    """One service. Options: see connectors/README.md."""

    def __init__(self, name: SourceName, service: Service) -> None:
        self._name = name
        self._service = service
        self._slots = asyncio.Semaphore(service.reach.connections)
        self._web = WebService(name, service.reach)
        self._credential = Credential(service.sign_in, self._web)

    def __repr__(self) -> str:
        """Never address or token."""
        return f"<RestConnector {self._name}: {len(self._service.tables)} tables>"

    @classmethod
    def open(cls, name: SourceName, options: Mapping[str, object]) -> Self:
        """Build without connecting; raises SettingsInvalid naming the option."""
        return cls(name, read_service(name, options))

    def capabilities(self, table: str) -> Capabilities:
        """Equality on the mapped columns, and lists where the service takes them; pages only of an unordered answer."""
        known = self._service.tables.get(table)
        return claims({}, "") if known is None else claims(known.filters, known.list_separator)

    async def fetch(self, fetch: Fetch) -> AsyncIterator[Batch]:
        """Rows in batches; raises SourceFailed."""
        table = self._service.tables.get(fetch.table)
        if table is None:
            raise SourceRubbish(dataset=fetch.dataset, operator="the settings have no such table")
        question = Question.of(fetch, cell_of, READERS)
        asked = parameters(table.filters, table.list_separator, question.compared)
        if asked is None:
            return
        deadline = asyncio.get_running_loop().time() + fetch.time_limit_seconds
        try:
            async with asyncio.timeout_at(deadline):
                await self._slots.acquire()
        except TimeoutError:
            raise SourceBusy(dataset=fetch.dataset, operator="every connection was busy") from None
        try:
            pages = self._pages(fetch.dataset, table, asked, question, deadline)
            async with contextlib.aclosing(batches(fetch, pages)) as given:  # type: ignore[type-var]  # a generator
                async for batch in given:
                    yield batch
        finally:
            self._slots.release()

    async def describe(self) -> tuple[TableDescription, ...]:
        """The configured tables, with the columns and types of their first row."""
        deadline = asyncio.get_running_loop().time() + DESCRIBE_SECONDS
        found = []
        for name, table in sorted(self._service.tables.items()):
            page, _ = await self._page(self._name, table, self._first(table, {}), deadline)
            columns = tuple((column, _field_type(cell)) for column, cell in page.rows[0].items()) if page.rows else ()
            found.append(TableDescription(table=name, columns=columns, key=()))
        return tuple(found)

    async def health(self) -> None:
        """The first page of the first table can be read."""
        deadline = asyncio.get_running_loop().time() + HEALTH_SECONDS
        table = next(iter(self._service.tables.values()))
        await self._page(self._name, table, self._first(table, {}), deadline)

    def diagnose(self, promised: Sequence[PromisedTable]) -> AsyncIterator[Finding]:
        """Name, port, TLS, clock and sign-in of the service."""
        del promised
        return diagnose_service(self._name, self._service.base_url, self._service.reach, self.health)

    async def close(self) -> None:
        """Close every connection."""
        await self._web.close()

    # -------------------------------------------------------------- pages
    async def _pages(
        self,
        dataset: str,
        table: Table,
        asked: Mapping[str, str],
        question: Question[JsonObject],
        deadline: float,
    ) -> AsyncIterator[list[Row]]:
        """The rows of all pages; raises SourceRubbish where they don't add up."""
        tally: Tally[JsonObject] = Tally(table.most_rows)
        where: _Next | None = self._first(table, asked)
        been: set[tuple[str, str]] = set()
        while where is not None:
            page, answer = await self._page(dataset, table, where, deadline)
            try:
                tally.add(page.rows, page.total)
                where = self._following(table, where, tally, page, answer)
                if where is not None:
                    mark = (where.url, where.parameters.get(table.page_param, ""))
                    if mark in been:
                        raise NotPromised("the service sends round in a circle")
                    been.add(mark)
            except NotPromised as fault:
                raise SourceRubbish(dataset=dataset, operator=str(fault)) from None
            if tally.seen > self._service.rows:
                raise SourceTooBroad(dataset=dataset, limit=self._service.rows)
            yield question.rows(page.rows, dataset)

    def _first(self, table: Table, asked: Mapping[str, str]) -> _Next:
        own = {**table.fixed, **asked}
        if table.paging in (Paging.PAGE, Paging.OFFSET):
            own[table.page_param] = str(table.first_page)
        if table.size_param:
            own[table.size_param] = str(table.page_size)
        return _Next(self._service.base_url + table.path, own)

    def _following(
        self, table: Table, where: _Next, tally: Tally[JsonObject], page: Page, answer: Answer
    ) -> _Next | None:
        following: str | None = None
        match table.paging:
            case Paging.NONE:
                pass
            case Paging.PAGE | Paging.OFFSET:
                if tally.is_last(page.rows):
                    return None
                step = 1 if table.paging is Paging.PAGE else len(page.rows)
                number = int(where.parameters[table.page_param]) + step
                return _Next(where.url, {**where.parameters, table.page_param: str(number)})
            case Paging.CURSOR:
                if page.following is not None:
                    return _Next(where.url, {**where.parameters, table.page_param: page.following})
            case Paging.NEXT:
                following = page.following
            case Paging.LINK:
                following = read_next_link(answer.headers.get("link", ""))
        if following is None:
            tally.end()
            return None
        return _Next(self._within(where.url, following), {})

    def _within(self, url: str, following: str) -> str:
        """The address of the next page, which must be the service's own: the token travels there."""
        try:
            joined = str(httpx2.URL(url).join(following))
            if origin_of(joined) == origin_of(self._service.base_url):
                return joined
        except (httpx2.InvalidURL, ValueError):
            pass
        raise NotPromised("the next page's address leads away from the service")

    async def _page(self, dataset: str, table: Table, where: _Next, deadline: float) -> tuple[Page, Answer]:
        ask = Ask(
            method="GET",
            url=where.url,
            parameters=where.parameters,
            headers={"accept": "application/json"},
            is_safe=True,
        )
        answer = await self._credential.ask(ask, dataset, deadline)
        if answer.status != 200:
            raise refusal(answer.status, dataset)
        try:
            kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
            if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
                raise NotPromised("a page's content type is not JSON")
            return read_page(answer.body, table.rows, table.total, table.following), answer
        except NotPromised as fault:
            raise SourceRubbish(dataset=dataset, operator=str(fault)) from None


def _field_type(cell: object) -> FieldType:
    for kind, field_type in ((bool, FieldType.BOOLEAN), (int, FieldType.INTEGER), (Decimal, FieldType.NUMERIC)):
        if isinstance(cell, kind):
            return field_type
    return FieldType.TEXT
