"""soap: an operation of a SOAP 1.1 service -> rows, by lxml over the same client as `rest`.

The operation, its parameters and the place of the rows stand in the settings; the service's WSDL is never fetched, so
that nothing it imports can lead elsewhere. Equalities become parameters; each row is held against the question again.
A fault's text is never passed on. A call is repeated only where it was not delivered.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Self

from connectors._cells import NotPromised
from connectors._http import Ask, WebService, refusal
from connectors._http_auth import Credential
from connectors._paged import Question, Tally, batches, claims, parameters
from connectors._soap_message import READERS, Fault, Page, Unsayable, XmlRow, cells, read_envelope, write_envelope
from connectors._soap_options import Operation, Service, read_service
from connectors._web_diagnosis import diagnose_service
from gateway.errors import SourceBusy, SourceDeclined, SourceRubbish, SourceTooBroad, SourceUnavailable
from gateway.model.catalog import FieldType
from gateway.model.ids import SourceName
from gateway.model.plan import Fetch
from gateway.model.rows import Batch, Row
from gateway.spi import Capabilities, Finding, PromisedTable, TableDescription

HEALTH_SECONDS = 5.0
DESCRIBE_SECONDS = 30.0


class SoapConnector:
    """One service. Options: see connectors/README.md."""

    def __init__(self, name: SourceName, service: Service) -> None:
        self._name = name
        self._service = service
        self._slots = asyncio.Semaphore(service.reach.connections)
        self._web = WebService(name, service.reach)
        self._credential = Credential(service.sign_in, self._web)

    def __repr__(self) -> str:
        """Never address or secret."""
        return f"<SoapConnector {self._name}: {len(self._service.tables)} tables>"

    @classmethod
    def open(cls, name: SourceName, options: Mapping[str, object]) -> Self:
        """Build without connecting; raises SettingsInvalid naming the option."""
        return cls(name, read_service(name, options))

    def capabilities(self, table: str) -> Capabilities:
        """Equality on the mapped columns; pages only of an unordered answer."""
        known = self._service.tables.get(table)
        return claims({} if known is None else known.filters, "")

    async def fetch(self, fetch: Fetch) -> AsyncIterator[Batch]:
        """Rows in batches; raises SourceFailed."""
        operation = self._service.tables.get(fetch.table)
        if operation is None:
            raise SourceRubbish(dataset=fetch.dataset, operator="the settings have no such table")
        question = Question.of(fetch, cells(absent_is_null=operation.absent_is_null), READERS)
        asked = parameters(operation.filters, "", question.compared)
        if asked is None:
            return
        deadline = asyncio.get_running_loop().time() + fetch.time_limit_seconds
        try:
            async with asyncio.timeout_at(deadline):
                await self._slots.acquire()
        except TimeoutError:
            raise SourceBusy(dataset=fetch.dataset, operator="every connection was busy") from None
        try:
            pages = self._pages(fetch.dataset, operation, asked, question, deadline)
            async with contextlib.aclosing(batches(fetch, pages)) as given:  # type: ignore[type-var]  # a generator
                async for batch in given:
                    yield batch
        finally:
            self._slots.release()

    async def describe(self) -> tuple[TableDescription, ...]:
        """The configured tables, with the elements of their first row; a message tells no types: all are text."""
        deadline = asyncio.get_running_loop().time() + DESCRIBE_SECONDS
        found = []
        for name, operation in sorted(self._service.tables.items()):
            page = await self._page(self._name, operation, {}, operation.first_page, deadline)
            columns = tuple((column, FieldType.TEXT) for column in page.rows[0]) if page.rows else ()
            found.append(TableDescription(table=name, columns=columns, key=()))
        return tuple(found)

    async def health(self) -> None:
        """The first page of the first table can be read."""
        deadline = asyncio.get_running_loop().time() + HEALTH_SECONDS
        operation = next(iter(self._service.tables.values()))
        await self._page(self._name, operation, {}, operation.first_page, deadline)

    def diagnose(self, promised: Sequence[PromisedTable]) -> AsyncIterator[Finding]:
        """Name, port, TLS, clock and sign-in of the service."""
        del promised
        return diagnose_service(self._name, self._service.url, self._service.reach, self.health)

    async def close(self) -> None:
        """Close every connection."""
        await self._web.close()

    # -------------------------------------------------------------- pages
    async def _pages(
        self,
        dataset: str,
        operation: Operation,
        asked: Mapping[str, str],
        question: Question[XmlRow],
        deadline: float,
    ) -> AsyncIterator[list[Row]]:
        """The rows of all pages; raises SourceRubbish where they don't add up."""
        tally: Tally[XmlRow] = Tally(operation.page_size if operation.page_param else None)
        number, is_last = operation.first_page, False
        while not is_last:
            try:
                page = await self._page(dataset, operation, asked, number, deadline)
                tally.add(page.rows, page.total)
                if operation.page_param:
                    is_last = tally.is_last(page.rows)
                else:
                    tally.end()
                    is_last = True
            except Unsayable:
                return
            except NotPromised as fault:
                raise SourceRubbish(dataset=dataset, operator=str(fault)) from None
            if tally.seen > self._service.rows:
                raise SourceTooBroad(dataset=dataset, limit=self._service.rows)
            number += 1
            yield question.rows(page.rows, dataset)

    async def _page(
        self, dataset: str, operation: Operation, asked: Mapping[str, str], number: int, deadline: float
    ) -> Page:
        own = {**operation.fixed, **asked}
        if operation.page_param:
            own |= {operation.page_param: str(number), operation.size_param: str(operation.page_size)}
        encoding = self._service.encoding
        ask = Ask(
            method="POST",
            url=self._service.url,
            headers={
                "content-type": f"text/xml; charset={encoding}",
                "soapaction": f'"{operation.action}"',
                "accept": "text/xml",
            },
            content=write_envelope(operation, own, encoding),
            is_safe=False,
        )
        answer = await self._credential.ask(ask, dataset, deadline)
        if answer.status not in (200, 500):  # a fault comes with 500
            raise refusal(answer.status, dataset)
        try:
            page = read_envelope(answer.body, answer.headers.get("content-type", ""), operation)
        except Fault as fault:
            kind = SourceDeclined if fault.of_the_question else SourceUnavailable
            raise kind(dataset=dataset, operator=str(fault)) from None
        except NotPromised as fault:
            if answer.status == 500:
                raise refusal(500, dataset) from None
            raise SourceRubbish(dataset=dataset, operator=str(fault)) from None
        if answer.status == 500:
            raise refusal(500, dataset)
        return page
