"""The market regulation bureau's own service: businesses as paged JSON, behind a bearer token.

It stands for a system of another authority: it shares no code with the gateway's stages, names its fields in its own
style, and answers in its own envelope `{"code": 0, "data": {...}}` (a code other than 0 is a refusal). Read-only.
"""

import hmac
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from gateway.demo.city.market import BUSINESS

ENTERPRISES_PATH = "/api/v2/enterprises"
MOST_ROWS = 500
_FILTERS = ("creditCode", "communityCode", "legalPersonIdNo")
_MOST_VALUES = 200
_PARAMETERS = frozenset({"page", "size", *_FILTERS})
_COLUMNS = tuple(BUSINESS.columns)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    page: int
    size: int
    filters: Mapping[str, Sequence[str]]


def create_market_app(data_file: Path, token: str) -> ASGIApp:
    """The service over the file that `build_city` wrote. Raises ValueError for an empty token.

    `GET /api/v2/enterprises?page=1&size=200&communityCode=&creditCode=&legalPersonIdNo=`: exact filters, of each at
    most 200 values with commas between them; rows in the order of the credit code, at most 500 a page; `regCapital` is
    decimal text in yuan, `establishDate` ISO 8601. 401 without the token, 400 for a parameter it does not know or can't
    read. The file is opened for each request.
    """
    if not token:
        raise ValueError("the market service needs a token")
    expected = f"Bearer {token}".encode()
    database = f"{data_file.resolve().as_uri()}?mode=ro"

    async def enterprises(request: Request) -> JSONResponse:
        given = request.headers.get("authorization", "").encode("latin-1")
        if not hmac.compare_digest(given, expected):
            return _refusal(401, "需要有效的访问令牌")
        try:
            question = _question(request.query_params)
        except ValueError as error:
            return _refusal(400, str(error))
        total, records = await run_in_threadpool(_look_up, database, question)
        return JSONResponse(
            {
                "code": 0,
                "message": "成功",
                "data": {"total": total, "page": question.page, "size": question.size, "records": records},
            }
        )

    return Starlette(routes=[Route(ENTERPRISES_PATH, enterprises, methods=["GET"])])


def _refusal(status: int, message: str) -> JSONResponse:
    return JSONResponse({"code": status * 100, "message": message, "data": None}, status_code=status)


def _question(parameters: QueryParams) -> _Question:
    """Raises ValueError with the refusal's text, which repeats no value."""
    names = [name for name, _ in parameters.multi_items()]
    if not _PARAMETERS.issuperset(names) or len(names) != len(set(names)):
        raise ValueError("存在未知或重复的参数")
    page = _number(parameters.get("page", "1"), "page", 1_000_000)
    size = _number(parameters.get("size", "200"), "size", MOST_ROWS)
    filters = {name: parameters[name].split(",") for name in _FILTERS if name in parameters}
    if any(len(values) > _MOST_VALUES for values in filters.values()):
        raise ValueError(f"参数的值不超过 {_MOST_VALUES} 个")
    return _Question(page=page, size=size, filters=filters)


def _number(text: str, name: str, most: int) -> int:
    if text.isascii() and text.isdigit() and len(text) <= 7 and 1 <= int(text) <= most:
        return int(text)
    raise ValueError(f"{name} 应为 1 至 {most} 的整数")


def _look_up(database: str, question: _Question) -> tuple[int, list[dict[str, str | None]]]:
    marks = {name: ", ".join("?" * len(values)) for name, values in question.filters.items()}
    where = " AND ".join(f'"{name}" IN ({marks[name]})' for name in question.filters) or "1"
    columns = ", ".join(f'"{name}"' for name in _COLUMNS)
    values = tuple(value for wanted in question.filters.values() for value in wanted)
    # S608: names are constants of this file, values are bound
    count = f'SELECT count(*) FROM "{BUSINESS.name}" WHERE {where}'  # noqa: S608
    page = f'SELECT {columns} FROM "{BUSINESS.name}" WHERE {where} ORDER BY "creditCode" LIMIT ? OFFSET ?'  # noqa: S608
    with closing(sqlite3.connect(database, uri=True)) as connection:
        total: int = connection.execute(count, values).fetchone()[0]
        rows = connection.execute(page, (*values, question.size, (question.page - 1) * question.size)).fetchall()
    return total, [dict(zip(_COLUMNS, row, strict=True)) for row in rows]
