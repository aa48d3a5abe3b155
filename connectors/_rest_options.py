"""Options of a REST source -> where to ask and how; hosts outside the list are refused here."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx2

from connectors._options import Options, Secret
from gateway.model.ids import SourceName


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """How the rows of one table are asked for."""

    path: str
    rows: str  # dotted place of the list of rows; "" is the whole body
    total: str | None  # dotted place of the count of all rows that match; None: a short page is the last
    page_param: str
    size_param: str
    page_size: int
    first_page: int
    filters: Mapping[str, str]  # column -> parameter that keeps the rows where the column equals the value
    list_separator: str  # between values of one parameter, where the service takes several; else empty


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One service. The repr shows no secret and no address."""

    base_url: str = field(repr=False)
    token: Secret | None
    token_scheme: str
    connect_seconds: float
    read_seconds: float
    response_bytes: int
    rows: int
    connections: int
    tables: Mapping[str, Table] = field(repr=False)


def read_service(name: SourceName, options: Mapping[str, object]) -> Service:
    """Validate all; raises SettingsInvalid naming the option, never its value."""
    taken = Options(name, options)
    base_url = taken.text("base_url").rstrip("/")
    hosts = taken.texts("host_allow")
    service = Service(
        base_url=base_url,
        token=taken.secret("token"),
        token_scheme=taken.text("token_scheme", "Bearer"),
        connect_seconds=taken.seconds("connect_seconds", 3.0),
        read_seconds=taken.seconds("read_seconds", 10.0),
        response_bytes=taken.number("response_bytes", 16 * 1024 * 1024),
        rows=taken.number("rows", 200_000),
        connections=taken.number("connections", 8),
        tables={
            table: _table(taken.inner(f"tables.{table}", value)) for table, value in taken.mapping("tables").items()
        },
    )
    taken.done()
    try:
        url = httpx2.URL(base_url)
        port = url.port or {"http": 80, "https": 443}[url.scheme]
    except (httpx2.InvalidURL, KeyError, ValueError):
        taken.refuse("base_url", "must be an http or https address")
    if not url.host or url.userinfo or url.query or url.fragment:
        taken.refuse("base_url", "must hold a host and a path only")
    if f"{url.host}:{port}" not in hosts:
        taken.refuse("base_url", "names a host and port that `host_allow` does not list")
    if not service.token_scheme.isascii() or not service.token_scheme.replace("-", "").isalnum():
        taken.refuse("token_scheme", "must be one word")
    if not service.tables:
        taken.refuse("tables", "is missing")
    return service


def _table(taken: Options) -> Table:
    path = taken.text("path")
    if not path.startswith("/") or path.startswith("//") or ".." in path or set(path) & set("?#\\\r\n@"):
        taken.refuse("path", "must be a path that begins with `/`")
    filters = taken.mapping("filters")
    if not all(isinstance(parameter, str) and parameter for parameter in filters.values()):
        taken.refuse("filters", "must map columns to parameters")
    table = Table(
        path=path,
        rows=taken.text("rows", ""),
        total=taken.text("total") if taken.has("total") else None,
        page_param=taken.text("page_param", "page"),
        size_param=taken.text("size_param", "size"),
        page_size=taken.number("page_size", 100),
        first_page=taken.number("first_page", 1, least=0),
        filters={column: str(parameter) for column, parameter in filters.items()},
        list_separator=taken.text("list_separator", ""),
    )
    if len(table.list_separator) > 1 or table.list_separator.isalnum():
        taken.refuse("list_separator", "must be one character that is no letter or digit")
    taken.done()
    parameters = [table.page_param, table.size_param, *table.filters.values()]
    if len(set(parameters)) != len(parameters):
        taken.refuse("filters", "uses a parameter twice")
    return table
