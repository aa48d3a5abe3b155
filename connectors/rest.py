"""rest: a paged JSON service -> rows, by httpx2.

Pushed down: equality on the columns that the settings map to a parameter; each row that comes back is held against
the question again, since services match loosely or ignore parameters they don't know. Pages are read until the total
or a short page; a row more or less than the total is rubbish, never a shorter answer. Only the configured host is
asked: no redirect is followed, no proxy of the environment is used. It does not promise one point in time across pages.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Self

import httpx2

from connectors._cells import NotPromised
from connectors._rest_options import Service, Table, read_service
from connectors._rest_pages import JsonObject, Page, parameter, passes, read_page, typed_row
from gateway.errors import Defect, SourceRubbish, SourceTimeout, SourceTooBroad, SourceUnavailable
from gateway.model.catalog import FieldType
from gateway.model.ids import SourceName
from gateway.model.plan import Fetch, SourceColumn
from gateway.model.predicate import AllOf, Comparator, Compare, OneOf, Predicate, Scalar
from gateway.model.rows import Batch, Row
from gateway.spi import Capabilities, TableDescription

HEALTH_SECONDS = 5.0
DESCRIBE_SECONDS = 30.0
BACKOFF_SECONDS = 0.1
MOST_VALUES = 200  # of one parameter: an address has its limits
_RETRIED = (502, 503)


class RestConnector:
    """One service. Options: see connectors/README.md."""

    def __init__(self, name: SourceName, service: Service) -> None:
        self._name = name
        self._service = service
        self._slots = asyncio.Semaphore(service.connections)
        self._client: httpx2.AsyncClient | None = None
        self._is_closed = False

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
        filters = known.filters if known is not None else {}
        predicates: set[type] = {AllOf, Compare} if filters else {AllOf}
        if known is not None and known.list_separator:
            predicates.add(OneOf)
        return Capabilities(
            predicates=frozenset(predicates),
            comparators=frozenset({Comparator.EQ}),
            columns=frozenset(filters),
            can_order=False,
            can_limit=True,
            aggregates=frozenset(),
            can_mask=False,
            list_values=MOST_VALUES,
        )

    async def fetch(self, fetch: Fetch) -> AsyncIterator[Batch]:
        """Rows in batches; raises SourceFailed."""
        table = self._service.tables.get(fetch.table)
        if table is None:
            raise SourceRubbish(dataset=fetch.dataset, operator="the settings have no such table")
        columns = _projected(fetch)
        compared = list(_compared(fetch.where, fetch))
        parameters = _parameters(table, compared)
        if parameters is None:
            return
        deadline = asyncio.get_running_loop().time() + fetch.time_limit_seconds
        try:
            async with asyncio.timeout_at(deadline):
                await self._slots.acquire()
        except TimeoutError:
            raise SourceTimeout(dataset=fetch.dataset, operator="every connection was busy") from None
        try:
            to_skip, to_give = fetch.offset, fetch.limit
            batch: list[Row] = []
            async with contextlib.aclosing(self._pages(fetch.dataset, table, parameters, deadline)) as pages:
                async for page in pages:
                    for row in _typed(fetch.dataset, page, columns, compared):
                        if to_give == 0:
                            break
                        if to_skip:
                            to_skip -= 1
                            continue
                        batch.append(row)
                        to_give = None if to_give is None else to_give - 1
                        if len(batch) == fetch.batch_rows:
                            yield batch
                            batch = []
                    if to_give == 0:
                        break
            if batch:
                yield batch
        finally:
            self._slots.release()

    async def describe(self) -> tuple[TableDescription, ...]:
        """The configured tables, with the columns and types of their first row."""
        deadline = asyncio.get_running_loop().time() + DESCRIBE_SECONDS
        found = []
        for name, table in sorted(self._service.tables.items()):
            page = await self._page(self._name, table, table.first_page, {}, deadline)
            columns = tuple((column, _field_type(cell)) for column, cell in page.rows[0].items()) if page.rows else ()
            found.append(TableDescription(table=name, columns=columns, key=()))
        return tuple(found)

    async def health(self) -> None:
        """The first page of the first table can be read."""
        deadline = asyncio.get_running_loop().time() + HEALTH_SECONDS
        table = next(iter(self._service.tables.values()))
        await self._page(self._name, table, table.first_page, {}, deadline)

    async def close(self) -> None:
        """Close every connection."""
        self._is_closed = True
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    # -------------------------------------------------------------- pages
    async def _pages(
        self, dataset: str, table: Table, parameters: Mapping[str, str], deadline: float
    ) -> AsyncGenerator[Sequence[JsonObject], None]:
        """All pages; raises SourceRubbish where they don't add up."""
        seen, number, total = 0, table.first_page, None
        last: Sequence[JsonObject] = ()
        while True:
            page = await self._page(dataset, table, number, parameters, deadline)
            fault = _fault(page, last, seen, total, table)
            if fault is not None:
                raise SourceRubbish(dataset=dataset, operator=fault)
            seen += len(page.rows)
            if seen > self._service.rows:
                raise SourceTooBroad(dataset=dataset, limit=self._service.rows)
            yield page.rows
            if (len(page.rows) < table.page_size) if page.total is None else (seen == page.total):
                return
            last, total, number = page.rows, page.total, number + 1

    async def _page(
        self, dataset: str, table: Table, number: int, parameters: Mapping[str, str], deadline: float
    ) -> Page:
        asked = {**parameters, table.page_param: str(number), table.size_param: str(table.page_size)}
        try:
            async with asyncio.timeout_at(deadline):
                body = await self._body(dataset, self._service.base_url + table.path, asked)
            return read_page(body, table.rows, table.total)
        except NotPromised as fault:
            raise SourceRubbish(dataset=dataset, operator=str(fault)) from None
        except (TimeoutError, httpx2.TimeoutException) as error:
            raise SourceTimeout(dataset=dataset, operator=type(error).__name__) from None
        except (httpx2.DecodingError, httpx2.InvalidURL) as error:
            raise SourceRubbish(dataset=dataset, operator=type(error).__name__) from None
        except (httpx2.HTTPError, RuntimeError, OSError) as error:
            raise SourceUnavailable(dataset=dataset, operator=type(error).__name__) from None

    async def _body(self, dataset: str, url: str, asked: Mapping[str, str]) -> bytes:
        """GET, once more where it could not be delivered: asking twice changes nothing there."""
        try:
            status, body = await self._get(url, asked)
        except httpx2.ConnectError:
            status, body = None, b""
        if status is None or status in _RETRIED:
            await asyncio.sleep(BACKOFF_SECONDS)
            status, body = await self._get(url, asked)
        if status != 200:
            raise SourceUnavailable(dataset=dataset, operator=f"HTTP status {status}")
        return body

    async def _get(self, url: str, asked: Mapping[str, str]) -> tuple[int, bytes]:
        body = bytearray()
        async with self._http().stream("GET", url, params=dict(asked), headers=self._credentials()) as response:
            if response.status_code != 200:
                return response.status_code, b""
            kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
            if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
                raise NotPromised("a page's content type is not JSON")
            if response.headers.get("content-encoding", "identity").lower() != "identity":
                raise NotPromised("a page is compressed, which was not asked for")
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > self._service.response_bytes:
                    raise NotPromised("a page is larger than `response_bytes`")
        return 200, bytes(body)

    def _credentials(self) -> dict[str, str]:
        if self._service.token is None:
            return {}
        token = self._service.token.read()
        if token is None or not token.isascii() or not token.isprintable():
            raise httpx2.LocalProtocolError("no usable token")
        return {"authorization": f"{self._service.token_scheme} {token}"}

    def _http(self) -> httpx2.AsyncClient:
        if self._is_closed:
            raise httpx2.LocalProtocolError("the connector is closed")
        if self._client is None:
            service = self._service
            self._client = httpx2.AsyncClient(
                follow_redirects=False,
                trust_env=False,
                timeout=httpx2.Timeout(service.read_seconds, connect=service.connect_seconds),
                limits=httpx2.Limits(max_connections=service.connections),
                headers={"accept": "application/json", "accept-encoding": "identity", "user-agent": "langqiao"},
            )
        return self._client


def _fault(page: Page, last: Sequence[JsonObject], seen: int, total: int | None, table: Table) -> str | None:
    """Why a page can't follow those before it."""
    if len(page.rows) > table.page_size:
        return "a page has more rows than were asked for"
    if page.rows and page.rows == last:
        return "the service gives the same page again and again"
    if page.total is None:
        return None
    if total is not None and page.total != total:
        return "the total changed between pages"
    if seen + len(page.rows) > page.total:
        return "there are more rows than the total says"
    if not page.rows and seen < page.total:
        return "there are fewer rows than the total says"
    return None


def _projected(fetch: Fetch) -> tuple[SourceColumn, ...]:
    if fetch.aggregates or fetch.order or any(column.form is not None for column in fetch.columns):
        raise Defect(operator="a REST source was asked for more than it claims")
    return tuple(column.source for column in fetch.columns)


def _compared(predicate: Predicate, fetch: Fetch) -> Iterator[tuple[SourceColumn, Compare | OneOf]]:
    match predicate:
        case AllOf(terms):
            for term in terms:
                yield from _compared(term, fetch)
        case Compare(field) | OneOf(field) if field in fetch.known:
            yield fetch.known[field], predicate
        case _:
            raise Defect(operator="a REST source was asked for a filter that it does not claim")


def _parameters(table: Table, compared: Sequence[tuple[SourceColumn, Compare | OneOf]]) -> dict[str, str] | None:
    """Parameters for equalities and lists; None where they contradict each other (no row can be meant)."""
    values: dict[str, list[Scalar]] = {}
    for source, term in compared:
        if source.column not in table.filters:
            continue
        if isinstance(term, OneOf):
            wanted = list(term.values)
        elif term.comparator is Comparator.EQ:
            wanted = [term.value]
        else:
            continue
        name = table.filters[source.column]
        values[name] = [value for value in values.get(name, wanted) if value in wanted]
    if not all(values.values()):
        return None
    return {
        name: joined
        for name, wanted in values.items()
        if (joined := _joined([parameter(value) for value in wanted], table.list_separator)) is not None
    }


def _joined(values: Sequence[str], separator: str) -> str | None:
    """One parameter's text; None where the service can't be asked for these: then it is asked for all."""
    if len(values) == 1:
        return values[0]
    if not separator or len(values) > MOST_VALUES or any(separator in value for value in values):
        return None
    return separator.join(values)


def _typed(
    dataset: str,
    page: Sequence[JsonObject],
    columns: Sequence[SourceColumn],
    compared: Sequence[tuple[SourceColumn, Compare | OneOf]],
) -> list[Row]:
    try:
        return [typed_row(row, columns) for row in page if passes(row, compared)]
    except NotPromised as fault:
        raise SourceRubbish(dataset=dataset, operator=str(fault)) from None


def _field_type(cell: object) -> FieldType:
    for kind, field_type in ((bool, FieldType.BOOLEAN), (int, FieldType.INTEGER), (Decimal, FieldType.NUMERIC)):
        if isinstance(cell, kind):
            return field_type
    return FieldType.TEXT
