"""rest: every way of paging gives the reference, whatever the page; and a service can't lead it elsewhere or round."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.rest import RestConnector
from gateway.errors import SettingsInvalid, SourceRubbish
from gateway.model.ids import SourceName
from tests.connectors import kit
from tests.connectors.sources import serving
from tests.connectors.web import Pages

HOW: dict[str, dict[str, object]] = {
    "offset": {"paging": "offset", "page_param": "skip", "size_param": "take", "page_size": 7},
    "cursor": {"paging": "cursor", "page_param": "after", "cursor": "meta.next"},
    "link": {"paging": "link"},
    "next": {"paging": "next", "next": "next"},
    "none": {"paging": "none"},
}


def opened(host: str, how: str, **others: object) -> RestConnector:
    table: dict[str, object] = {"path": f"/{how}", "rows": "items", **HOW[how]}
    options = {"base_url": f"http://{host}", "host_allow": [host], "tables": {kit.TABLE: table}, **others}
    return RestConnector.open(SourceName("pages"), options)


@pytest.fixture(scope="module")
def pages() -> Iterator[tuple[Pages, str]]:
    service = Pages()
    with serving(service) as host:
        yield service, host


@pytest.fixture(autouse=True)
def nothing_asked_yet(pages: tuple[Pages, str]) -> None:
    pages[0].asked.clear()
    pages[0].following = lambda address: address


async def ask(connector: RestConnector, fetch: kit.Fetch) -> list[kit.Row]:
    try:
        return await kit.collect(connector, fetch)
    finally:
        await connector.close()


@pytest.mark.parametrize("how", HOW)
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    limit=st.none() | st.integers(0, 45), offset=st.integers(0, 45), size=st.integers(5, 41), batch=st.integers(1, 50)
)
async def test_each_way_gives_the_reference(
    pages: tuple[Pages, str], how: str, limit: int | None, offset: int, size: int, batch: int
) -> None:
    service, host = pages
    service.size, service.following = (7 if how == "offset" else size), lambda address: address
    fetch = kit.make_fetch(limit=limit, offset=offset, batch_rows=batch)
    kit.assert_same(await ask(opened(host, how), fetch), kit.expected(fetch), ordered=True)


@pytest.mark.parametrize("how", ["link", "next"])
@pytest.mark.parametrize(
    "address",
    [
        "http://169.254.169.254/latest/meta-data", "//169.254.169.254/x", "http://127.0.0.1:1/", "https://{host}/link",
        "http://user:word@{host}/link", "file:///etc/passwd", "http://{host}@evil.example/", "http://evil.example:80/",
    ],
)  # fmt: skip
async def test_the_next_page_is_never_elsewhere(pages: tuple[Pages, str], how: str, address: str) -> None:
    service, host = pages
    service.size, service.following = 7, lambda _: address.replace("{host}", host)
    service.asked.clear()
    with pytest.raises(SourceRubbish) as refused:
        await ask(opened(host, how), kit.make_fetch(columns=["id"]))
    assert "leads away" in refused.value.operator
    assert len(service.asked) == 1
    assert "169.254" not in refused.value.operator + refused.value.message()


@pytest.mark.parametrize("how", ["link", "next", "cursor"])
async def test_a_service_that_leads_round_in_a_circle_is_left(pages: tuple[Pages, str], how: str) -> None:
    service, host = pages
    service.size = 7
    service.following = lambda address: "7" if address.isdigit() else f"/{how}?after=7"
    with pytest.raises(SourceRubbish):
        await ask(opened(host, how), kit.make_fetch(columns=["id"]))
    assert len(service.asked) < 20
    service.following = lambda address: address


async def test_a_limit_reads_no_more_pages_than_it_needs(pages: tuple[Pages, str]) -> None:
    service, host = pages
    service.size = 7
    service.asked.clear()
    await ask(opened(host, "cursor"), kit.make_fetch(columns=["id"], limit=8))
    assert [query for _, query in service.asked] == [{}, {"after": "7"}]


async def test_fixed_parameters_go_with_every_page_that_the_gateway_addresses(pages: tuple[Pages, str]) -> None:
    service, host = pages
    service.asked.clear()
    table: dict[str, object] = {"path": "/cursor", "rows": "items", "parameters": {"lang": "zh"}, **HOW["cursor"]}
    await ask(opened(host, "cursor", tables={kit.TABLE: table}), kit.make_fetch(columns=["id"]))
    assert all(query["lang"] == "zh" for _, query in service.asked)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"paging": "hunter2"}, "tables.e.paging"),
        ({"paging": "cursor"}, "tables.e.cursor"),
        ({"paging": "link", "page_param": "hunter2"}, "tables.e.page_param"),
        ({"size_param": ""}, "tables.e.size_param"),
        ({"parameters": {"page": "hunter2"}}, "tables.e.filters"),
        ({"parameters": {"page": 7}}, "tables.e.parameters"),
    ],
)
def test_a_wrong_option_of_paging_is_named(change: dict[str, object], named: str) -> None:
    options = {
        "base_url": "http://a.example",
        "host_allow": ["a.example:80"],
        "tables": {"e": {"path": "/e", **change}},
    }
    with pytest.raises(SettingsInvalid) as refused:
        RestConnector.open(SourceName("pages"), options)
    assert f"`{named}`" in refused.value.message()
    assert "hunter2" not in refused.value.message()
