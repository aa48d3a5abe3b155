"""Options of a SOAP source -> the operations to call; hosts outside the list are refused here."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from connectors._http import Reach
from connectors._http_auth import SignIn, read_sign_in
from connectors._options import Options
from connectors._rest_options import read_reach, texts_of
from gateway.model.ids import SourceName

NAME: Final = re.compile(r"[^\W\d][\w.-]*")  # an XML name without a colon


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """How the rows of one table are asked for: one call a page. Elements are named without their namespace."""

    name: str
    namespace: str
    action: str  # of the header SOAPAction
    qualified: bool  # whether parameters are in the namespace (elementFormDefault)
    rows: tuple[str, ...]  # elements below the body that lead to the rows; the last is a row
    total: tuple[str, ...]
    page_param: str  # empty: there is one page
    size_param: str
    page_size: int
    first_page: int
    fixed: Mapping[str, str]
    filters: Mapping[str, str]
    absent_is_null: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One service. The repr shows no secret and no address."""

    url: str = field(repr=False)
    reach: Reach
    sign_in: SignIn
    encoding: str
    rows: int
    tables: Mapping[str, Operation] = field(repr=False)


def read_service(name: SourceName, options: Mapping[str, object]) -> Service:
    """Validate all; raises SettingsInvalid naming the option, never its value."""
    taken = Options(name, options)
    url = taken.text("url")
    sign_in = read_sign_in(taken)
    encoding = taken.text("encoding", "utf-8").lower()
    if encoding not in ("utf-8", "gbk", "gb18030"):
        taken.refuse("encoding", "must be `utf-8`, `gbk` or `gb18030`")
    service = Service(
        url=url,
        reach=read_reach(taken, {"url": url}, sign_in),
        sign_in=sign_in,
        encoding=encoding,
        rows=taken.number("rows", 200_000),
        tables={
            table: _operation(taken.inner(f"tables.{table}", value)) for table, value in taken.mapping("tables").items()
        },
    )
    taken.done()
    if not service.tables:
        taken.refuse("tables", "is missing")
    return service


def _operation(taken: Options) -> Operation:
    paged = taken.has("page_param")
    absent = taken.text("absent", "fault")
    if absent not in ("fault", "null"):
        taken.refuse("absent", "must be `fault` or `null`")
    operation = Operation(
        name=taken.text("operation"),
        namespace=taken.text("namespace"),
        action=taken.text("action", ""),
        qualified=taken.flag("qualified", default=True),
        rows=_path(taken, "rows"),
        total=_path(taken, "total") if taken.has("total") else (),
        page_param=taken.text("page_param") if paged else "",
        size_param=taken.text("size_param") if paged else "",
        page_size=taken.number("page_size", 100),
        first_page=taken.number("first_page", 1, least=0),
        fixed=texts_of(taken, "parameters"),
        filters=texts_of(taken, "filters"),
        absent_is_null=absent == "null",
    )
    taken.done()
    if any(not sign.isascii() or not sign.isprintable() or sign == '"' for sign in operation.action):
        taken.refuse("action", "must be printable ASCII without quotes")
    if not operation.namespace.isprintable() or " " in operation.namespace:
        taken.refuse("namespace", "must be a namespace's name")
    used = [operation.page_param, operation.size_param, *operation.fixed, *operation.filters.values()]
    used = [part for part in used if part]
    for option, names in (("operation", [operation.name]), ("filters", used)):
        if not all(NAME.fullmatch(one) for one in names):
            taken.refuse(option, "must hold names of elements, without a prefix")
    if len(set(used)) != len(used):
        taken.refuse("filters", "uses a parameter twice")
    return operation


def _path(taken: Options, option: str) -> tuple[str, ...]:
    path = tuple(taken.text(option).split("/"))
    if not all(NAME.fullmatch(name) for name in path):
        taken.refuse(option, "must be names of elements with `/` between them")
    return path
