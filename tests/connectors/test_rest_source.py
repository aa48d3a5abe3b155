"""rest: what a service may do wrong, and what each time is said; tokens and addresses stay ours."""

import asyncio
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.rest import RestConnector
from gateway.errors import (
    SettingsInvalid,
    SourceDeclined,
    SourceDenied,
    SourceFailed,
    SourceRubbish,
    SourceTimeout,
    SourceTooBroad,
    SourceUnavailable,
)
from gateway.model.catalog import FieldType
from gateway.model.ids import FieldName, SourceName
from gateway.model.predicate import AllOf, Comparator, Compare
from tests.connectors import kit
from tests.connectors.sources import Business, answer, serving

SOURCE = SourceName("market-api")
FILTERS = {"BH": "id", 'X"M': "name"}


def options(host: str, token: str, **others: object) -> dict[str, object]:
    table = {"path": "/e", "rows": "data.records", "total": "data.total", "page_size": 9, "filters": FILTERS}
    return {
        "base_url": f"http://{host}",
        "host_allow": [host],
        "token_file": token,
        "tables": {kit.TABLE: table},
        **others,
    }


@pytest.fixture
def token(tmp_path: Path) -> str:
    (tmp_path / "token").write_text("s3cret")
    return str(tmp_path / "token")


FIXED = {  # a service's one answer to everything
    "truncated": '{"data": {"records": [{"BH": 1',
    "no list": '{"data": {"records": {"BH": 1}, "total": 1}}',
    "no rows": '{"data": {"total": 0}}',
    "no total": '{"data": {"records": []}}',
    "no objects": '{"data": {"records": [1], "total": 1}}',
    "missing column": '{"data": {"records": [{"BH": 1}], "total": 1}}',
    "wrong type": '{"data": {"records": [{"BH": "1", "X\\"M": "x"}], "total": 1}}',
    "boolean for integer": '{"data": {"records": [{"BH": true, "X\\"M": "x"}], "total": 1}}',
    "nan": '{"data": {"records": [{"BH": NaN, "X\\"M": "x"}], "total": 1}}',
    "name twice": '{"data": {"records": [{"BH": 1, "BH": 2, "X\\"M": "x"}], "total": 1}}',
    "half a pair": '{"data": {"records": [{"BH": 1, "X\\"M": "\\ud800"}], "total": 1}}',
    "deep": "[" * 100_000,
    "huge number": '{"data": {"records": [{"BH": 1, "X\\"M": "x", "other": 1e999999999}], "total": 1}}',
    "tiny number": '{"data": {"records": [{"BH": 1, "X\\"M": "x", "other": 1e-999999999}], "total": 1}}',
    "long number": '{"data": {"records": [{"BH": 1, "X\\"M": "x", "other": ' + "9" * 10_000 + '}], "total": 1}}',
    "once 503": '{"data": {"records": [{"BH": 0, "X\\"M": "x"}], "total": 1}}',
}


def paged(how: str, page: int, size: int) -> dict[str, Any]:
    """A page of a service that can't count."""
    rows = [{"BH": (page - 1) * size + at, 'X"M': "x"} for at in range(size)]
    made: dict[str, dict[str, Any]] = {
        "same page": {"records": [{"BH": 1, 'X"M': "x"}] * size, "total": 90},
        "more than total": {"records": rows, "total": 12},
        "fewer than total": {"records": rows if page == 1 else [], "total": 12},
        "changing total": {"records": rows, "total": 50 + page},
        "too many a page": {"records": [*rows, {"BH": 99, 'X"M': "x"}], "total": 100},
        "endless": {"records": rows, "total": 10**9},
        "huge": {"records": rows, "total": 9, "pad": "x" * 100_000},
    }
    return {"data": made[how]}


class Fault:
    """A service whose answer the test chooses: `how` names it."""

    def __init__(self) -> None:
        self.how = ""
        self.asked = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked += 1
        if self.how == "html":
            await answer(send, b"<html>please log in</html>", kind="text/html")
        elif self.how == "redirect":
            headers = [(b"location", b"http://169.254.169.254/latest/meta-data"), (b"content-length", b"0")]
            await send({"type": "http.response.start", "status": 302, "headers": headers})
            await send({"type": "http.response.body", "body": b""})
        elif self.how == "drip":
            headers = [(b"content-type", b"application/json")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            for _ in range(40):
                await send({"type": "http.response.body", "body": b" ", "more_body": True})
                await asyncio.sleep(0.05)
        elif self.how.isdigit():
            await answer(send, b"{}", int(self.how))
        elif self.how in FIXED:
            is_busy = self.how == "once 503" and self.asked == 1
            await answer(send, FIXED[self.how].encode(), 503 if is_busy else 200)
        else:
            query = dict(part.split("=") for part in scope["query_string"].decode().split("&"))
            body = paged(self.how, int(query["page"]), int(query["size"]))
            await answer(send, json.dumps(body).encode())


@pytest.fixture(scope="module")
def fault() -> Iterator[tuple[Fault, str]]:
    service = Fault()
    with serving(service) as host:
        yield service, host


async def ask(connector: RestConnector, fetch: kit.Fetch) -> list[kit.Row]:
    try:
        return await kit.collect(connector, fetch)
    finally:
        await connector.close()


@pytest.mark.parametrize(
    ("how", "wanted"),
    [
        *[
            (how, SourceRubbish)
            for how in (
                "html", "truncated", "no list", "no rows", "no total", "no objects", "missing column", "wrong type",
                "boolean for integer", "nan", "name twice", "half a pair", "deep",
                "huge number", "tiny number", "long number", "same page", "more than total",
                "fewer than total", "changing total", "too many a page", "huge",
            )
        ],
        *[(how, SourceUnavailable) for how in ("429", "500", "502", "503", "504")],
        *[(how, SourceDenied) for how in ("401", "403")],
        *[(how, SourceDeclined) for how in ("400", "404", "422", "redirect")],
        ("drip", SourceTimeout),
        ("endless", SourceTooBroad),
    ],
)  # fmt: skip
async def test_each_fault_of_a_service_has_its_name(
    fault: tuple[Fault, str], token: str, how: str, wanted: type[SourceFailed]
) -> None:
    service, host = fault
    service.how, service.asked = how, 0
    connector = RestConnector.open(SOURCE, options(host, token, response_bytes=50_000, rows=100))
    began = time.monotonic()
    with pytest.raises(SourceFailed) as failed:
        await ask(connector, kit.make_fetch(columns=["id", "name"], seconds=0.5 if how == "drip" else 5))
    assert type(failed.value) is wanted
    assert time.monotonic() - began < 4
    assert service.asked <= (2 if how in ("429", "502", "503", "504") else 1 if how.isdigit() else 13)
    told = failed.value.message() + failed.value.operator + repr(connector)
    assert not any(secret in told for secret in (host, "s3cret", "http://", "169.254"))


async def test_a_service_that_was_busy_once_is_asked_once_more(fault: tuple[Fault, str], token: str) -> None:
    service, host = fault
    service.how, service.asked = "once 503", 0
    connector = RestConnector.open(SOURCE, options(host, token))
    assert await ask(connector, kit.make_fetch(columns=["id"])) == [(0,)]
    assert service.asked == 2


async def test_a_service_that_is_down_is_unavailable(token: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{free.getsockname()[1]}"
        connector = RestConnector.open(SOURCE, options(host, token))
        with pytest.raises(SourceUnavailable):
            await connector.health()
        with pytest.raises(SourceUnavailable):
            await ask(connector, kit.make_fetch(columns=["id"]))


async def test_a_service_that_ignores_a_filter_still_gives_only_what_was_asked_for(token: str) -> None:
    service = Business({})  # knows no parameter
    where = Compare(FieldName("name"), Comparator.EQ, "张三")
    with serving(service) as host:
        fetch = kit.make_fetch(columns=["id", "name"], where=where)
        found = await ask(RestConnector.open(SOURCE, options(host, token)), fetch)
    assert found == kit.expected(fetch)
    assert service.asked[0]["name"] == "张三"


async def test_equalities_that_contradict_each_other_ask_nothing(token: str) -> None:
    service = Business(FILTERS)
    both = AllOf(tuple(Compare(FieldName("id"), Comparator.EQ, value) for value in (1, 2)))
    with serving(service) as host:
        assert await ask(RestConnector.open(SOURCE, options(host, token)), kit.make_fetch(where=both)) == []
    assert service.asked == []


async def test_a_limit_reads_no_more_pages_than_it_needs(token: str) -> None:
    service = Business(FILTERS)
    with serving(service) as host:
        fetch = kit.make_fetch(columns=["id"], limit=3)
        assert await ask(RestConnector.open(SOURCE, options(host, token)), fetch) == [(0,), (1,), (2,)]
    assert len(service.asked) == 1


@pytest.mark.parametrize("hostile", ["a&size=100000", "?#/../", "%00%26", "x\r\nHost: evil", "' OR 1=1"])
async def test_a_hostile_value_stays_one_parameter(token: str, hostile: str) -> None:
    service = Business(FILTERS)
    with serving(service) as host:
        where = Compare(FieldName("name"), Comparator.EQ, hostile)
        assert await ask(RestConnector.open(SOURCE, options(host, token)), kit.make_fetch(where=where)) == []
    assert service.asked == [{"name": hostile, "page": "1", "size": "9"}]


async def test_a_changed_token_file_counts_without_a_restart(token: str) -> None:
    service = Business(FILTERS)
    with serving(service) as host:
        connector = RestConnector.open(SOURCE, options(host, token))
        await connector.health()
        service.token = "another"
        with pytest.raises(SourceDenied):
            await connector.health()
        Path(token).write_text("another\n")  # one small file in a test
        await connector.health()
        (table,) = await connector.describe()
        await connector.close()
        with pytest.raises(SourceUnavailable):
            await connector.health()
    assert table.table == kit.TABLE
    assert ("BH", FieldType.INTEGER) in table.columns


async def test_leaving_half_way_closes_the_connection(token: str) -> None:
    with serving(Business(FILTERS)) as host:
        connector = RestConnector.open(SOURCE, options(host, token, connections=1))
        for _ in range(3):
            stream = connector.fetch(kit.make_fetch(columns=["id"], batch_rows=2))
            await anext(stream)
            await stream.aclose()  # type: ignore[attr-defined]  # it is an async generator
        assert len(await ask(connector, kit.make_fetch(columns=["id"]))) == len(kit.ROWS)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"base_url": "http://169.254.169.254"}, "base_url"),
        ({"base_url": "ftp://hunter2"}, "base_url"),
        ({"base_url": "http://u:hunter2@market.example:80"}, "base_url"),
        ({"host_allow": []}, "base_url"),
        ({"host_allow": "market.example:80"}, "host_allow"),
        ({"token_file": "/nowhere/hunter2"}, "token_file"),
        ({"token": "hunter2"}, "token"),
        ({"token_scheme": "Bearer\r\nX: hunter2"}, "token_scheme"),
        ({"tables": {}}, "tables"),
        ({"tables": {"e": {"path": "//evil/hunter2"}}}, "tables.e.path"),
        ({"tables": {"e": {"path": "/e?x=hunter2"}}}, "tables.e.path"),
        ({"tables": {"e": {"path": "/e", "sort": "hunter2"}}}, "tables.e.sort"),
        ({"tables": {"e": {"path": "/e", "filters": {"a": "page"}}}}, "tables.e.filters"),
        ({"read_seconds": -1}, "read_seconds"),
    ],
)
def test_a_wrong_option_is_named_and_its_value_is_not(token: str, change: dict[str, object], named: str) -> None:
    with pytest.raises(SettingsInvalid) as refused:
        RestConnector.open(SOURCE, options("market.example:80", token) | change)
    assert f"`{named}`" in refused.value.message()
    assert "hunter2" not in str(refused.value)
