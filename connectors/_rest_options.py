"""Options of a REST source -> where to ask and how; hosts outside the list are refused here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import httpx2

from connectors._addresses import is_own_host, literal, may_connect
from connectors._http import Reach, origin_of, trusted
from connectors._http_auth import ClientCredentials, SignIn, read_sign_in
from connectors._options import Options
from gateway.model.ids import SourceName


class Paging(StrEnum):
    """How the next page is asked for."""

    PAGE = "page"  # its number
    OFFSET = "offset"  # how many rows to skip
    CURSOR = "cursor"  # a word that the page before gave
    LINK = "link"  # the address in the header Link, rel="next" (RFC 8288)
    NEXT = "next"  # the address in the page before
    NONE = "none"  # there is one page


_COUNTED: Final = (Paging.PAGE, Paging.OFFSET)
_FOLLOWED: Final = (Paging.CURSOR, Paging.NEXT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """How the rows of one table are asked for."""

    path: str
    rows: str  # dotted place of the list of rows; "" is the whole body
    total: str | None  # dotted place of the count of all rows that match
    paging: Paging
    page_param: str  # of the number, the offset or the cursor
    size_param: str  # empty: the service decides
    page_size: int
    first_page: int
    following: str | None  # dotted place of the cursor or the address of the next page
    fixed: Mapping[str, str]  # parameters of every question
    filters: Mapping[str, str]  # column -> parameter that keeps the rows where the column equals the value
    list_separator: str  # between values of one parameter, where the service takes several; else empty

    @property
    def most_rows(self) -> int | None:
        """Of one page, where the service was told how many."""
        return self.page_size if self.size_param and self.paging is not Paging.NONE else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One service. The repr shows no secret and no address."""

    base_url: str = field(repr=False)
    reach: Reach
    sign_in: SignIn
    rows: int
    tables: Mapping[str, Table] = field(repr=False)


def read_service(name: SourceName, options: Mapping[str, object]) -> Service:
    """Validate all; raises SettingsInvalid naming the option, never its value."""
    taken = Options(name, options)
    base_url = taken.text("base_url").rstrip("/")
    sign_in = read_sign_in(taken)
    service = Service(
        base_url=base_url,
        reach=read_reach(taken, {"base_url": base_url}, sign_in),
        sign_in=sign_in,
        rows=taken.number("rows", 200_000),
        tables={
            table: _table(taken.inner(f"tables.{table}", value)) for table, value in taken.mapping("tables").items()
        },
    )
    taken.done()
    if not service.tables:
        taken.refuse("tables", "is missing")
    return service


def read_reach(taken: Options, addresses: Mapping[str, str], sign_in: SignIn) -> Reach:
    """Whom the source may ask; every address of the settings must be among them. Raises SettingsInvalid."""
    hosts = frozenset(taken.texts("host_allow"))
    if isinstance(sign_in, ClientCredentials):
        addresses = {**addresses, "oauth2.token_url": sign_in.token_url}
    reach = Reach(
        hosts=hosts,
        connect_seconds=taken.seconds("connect_seconds", 3.0),
        read_seconds=taken.seconds("read_seconds", 10.0),
        response_bytes=taken.number("response_bytes", 16 * 1024 * 1024),
        connections=taken.number("connections", 8),
        retries=taken.number("retries", 1, least=0),
        uses_tls=any(address.startswith("https:") for address in addresses.values()),
        ca_file=taken.text("ca_file") if taken.has("ca_file") else None,
    )
    for host in hosts:
        address = literal(host.rpartition(":")[0])
        if address is not None and not may_connect(address, is_own_host_meant=is_own_host(str(address))):
            taken.refuse("host_allow", "lists an address that is never asked")
    for option, address_text in addresses.items():
        try:
            _, origin = origin_of(address_text)
            url = httpx2.URL(address_text)
        except (httpx2.InvalidURL, ValueError):
            taken.refuse(option, "must be an http or https address of a host and a path only")
        if url.query or url.fragment:
            taken.refuse(option, "must hold a host and a path only")
        if origin not in hosts:
            taken.refuse(option, "names a host and port that `host_allow` does not list")
    if reach.retries > 5:
        taken.refuse("retries", "must be at most 5")
    try:
        if reach.ca_file is not None:
            trusted(reach.ca_file)
    except (OSError, ValueError):
        taken.refuse("ca_file", "is no readable file of certificates")
    return reach


def _table(taken: Options) -> Table:
    path = taken.text("path")
    if not path.startswith("/") or path.startswith("//") or ".." in path or set(path) & set("?#\\\r\n@"):
        taken.refuse("path", "must be a path that begins with `/`")
    paging = _paging(taken)
    table = Table(
        path=path,
        rows=taken.text("rows", ""),
        total=taken.text("total") if taken.has("total") else None,
        paging=paging,
        page_param=taken.text("page_param", str(paging)) if paging in (*_COUNTED, Paging.CURSOR) else "",
        size_param=taken.text("size_param", "size" if paging in _COUNTED else ""),
        page_size=taken.number("page_size", 100),
        first_page=taken.number("first_page", 1, least=0) if paging is Paging.PAGE else 0,
        following=taken.text(str(paging)) if paging in _FOLLOWED else None,
        fixed=texts_of(taken, "parameters"),
        filters=texts_of(taken, "filters"),
        list_separator=taken.text("list_separator", ""),
    )
    if len(table.list_separator) > 1 or table.list_separator.isalnum():
        taken.refuse("list_separator", "must be one character that is no letter or digit")
    taken.done()
    used = [part for part in (table.page_param, table.size_param, *table.fixed, *table.filters.values()) if part]
    if len(set(used)) != len(used):
        taken.refuse("filters", "uses a parameter twice")
    return table


def _paging(taken: Options) -> Paging:
    text = taken.text("paging", Paging.PAGE.value)
    try:
        return Paging(text)
    except ValueError:
        taken.refuse("paging", f"must be one of {', '.join(Paging)}")


def texts_of(taken: Options, name: str) -> dict[str, str]:
    """A table of texts."""
    found = taken.mapping(name)
    if not all(isinstance(value, str) and value for value in found.values()):
        taken.refuse(name, "must map names to texts")
    return {key: str(value) for key, value in found.items()}
