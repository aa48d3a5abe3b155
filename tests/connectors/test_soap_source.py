"""soap: the reference over a real service that zeep vouches for; faults without their text; what it may do wrong."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import zeep
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.soap import SoapConnector
from gateway.errors import (
    SettingsInvalid,
    SourceDeclined,
    SourceDenied,
    SourceFailed,
    SourceRubbish,
    SourceUnavailable,
)
from gateway.model.ids import FieldName, SourceName
from gateway.model.plan import FetchColumn
from gateway.model.predicate import AllOf, Comparator, Compare, Predicate
from tests.connectors import kit
from tests.connectors.soap_service import COLUMNS, FILTERS, NAMESPACE, ROWS, Old, envelope, fault
from tests.connectors.sources import serving

KNOWN = {name: replace(source, column=COLUMNS[name]) for name, source in kit.KNOWN.items()}


def table(**others: object) -> dict[str, object]:
    return {
        "operation": "Query",
        "namespace": NAMESPACE,
        "action": "urn:query",
        "rows": "QueryResponse/list/item",
        "total": "QueryResponse/total",
        "page_param": "page",
        "size_param": "size",
        "page_size": 9,
        "filters": {COLUMNS[field]: name for field, name in FILTERS.items()},
        **others,
    }


def opened(host: str, **options: Any) -> SoapConnector:
    tables = {kit.TABLE: options.pop("table", table())}
    return SoapConnector.open(
        SourceName("old"), {"url": f"http://{host}/ws", "host_allow": [host], "tables": tables, **options}
    )


def fetch(**how: Any) -> kit.Fetch:
    """A fetch of the kit, with column names that XML can have."""
    made = kit.make_fetch(**how)
    columns = tuple(FetchColumn(source=KNOWN[column.source.field]) for column in made.columns)
    return replace(made, known=KNOWN, columns=columns)


async def ask(connector: SoapConnector, asked: kit.Fetch) -> list[kit.Row]:
    try:
        return await kit.collect(connector, asked)
    finally:
        await connector.close()


@pytest.fixture(scope="module", params=["utf-8", "gbk"])
def old(request: pytest.FixtureRequest) -> Iterator[tuple[Old, str, str]]:
    service = Old(request.param)
    with serving(service) as host:
        yield service, host, request.param


@pytest.fixture
def service() -> Iterator[tuple[Old, str]]:
    made = Old()
    with serving(made) as host:
        yield made, host


equalities = kit.compares.filter(lambda compare: compare.comparator is Comparator.EQ)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    terms=st.lists(equalities, max_size=2),
    limit=st.none() | st.integers(0, 45),
    offset=st.integers(0, 20),
    columns=st.lists(st.sampled_from(sorted(kit.FIELDS)), min_size=1, max_size=4),
)
async def test_the_service_gives_the_reference(
    old: tuple[Old, str, str], terms: list[Predicate], limit: int | None, offset: int, columns: list[str]
) -> None:
    _, host, encoding = old
    asked = fetch(where=AllOf(tuple(terms)), limit=limit, offset=offset, columns=columns)
    found = await ask(opened(host, encoding=encoding), asked)
    kit.assert_same(found, kit.expected(asked, ROWS), ordered=True)


async def test_zeep_gets_the_same_from_the_same_service(service: tuple[Old, str]) -> None:
    """The peer is honest: a client that knows nothing of us calls it by its WSDL and finds the same rows."""
    old, host = service

    def call() -> list[Any]:
        transport = zeep.Transport(timeout=5)  # type: ignore[no-untyped-call]
        with transport.session:
            client = zeep.Client(f"http://{host}/ws?wsdl", transport=transport)  # type: ignore[no-untyped-call]
            answer = client.service.Query(page=1, size=100, xm="张三")
            return [(item["编号"], item["XM"], item["je"], item["CSRQ"]) for item in answer["list"]["item"]]

    theirs = await asyncio.to_thread(call)
    where = Compare(FieldName("name"), Comparator.EQ, "张三")
    ours = await ask(opened(host), fetch(columns=["id", "name", "amount", "born"], where=where))
    assert ours
    assert theirs == ours
    assert old.asked[0]["xm"] == old.asked[1]["xm"] == "张三"
    assert old.actions == ['"urn:query"', '"urn:query"']


@pytest.mark.parametrize("hostile", ["</op:xm><op:size>99</op:size>", "]]>", "&lt;&#x41;", "<!DOCTYPE a>", "' OR 1=1"])
async def test_a_hostile_value_stays_one_text(service: tuple[Old, str], hostile: str) -> None:
    old, host = service
    assert await ask(opened(host), fetch(where=Compare(FieldName("name"), Comparator.EQ, hostile))) == []
    assert old.asked == [{"xm": hostile, "page": "1", "size": "9"}]


async def test_a_value_that_xml_can_not_say_asks_nothing(service: tuple[Old, str]) -> None:
    old, host = service
    assert await ask(opened(host), fetch(where=Compare(FieldName("name"), Comparator.EQ, "a\x01\uffff"))) == []
    assert not old.bodies


async def test_an_absent_element_is_null_only_where_the_settings_say_so(service: tuple[Old, str]) -> None:
    old, host = service
    old.leaves_nulls_out = True
    asked = fetch(columns=["id", "name", "members"])
    with pytest.raises(SourceRubbish):
        await ask(opened(host), asked)
    assert await ask(opened(host, table=table(absent="null")), asked) == kit.expected(asked, ROWS)


@pytest.mark.parametrize(
    ("answer", "status", "wanted"),
    [
        (fault("Client"), 500, SourceDeclined),
        (fault("Client.Validation"), 500, SourceDeclined),
        (fault("Server"), 500, SourceUnavailable),
        (fault("Server"), 200, SourceUnavailable),
        (b"<html>Tomcat secret</html>", 500, SourceUnavailable),
        (b"", 401, SourceDenied),
        (b"", 404, SourceDeclined),
        (b"", 302, SourceDeclined),
        (b"", 503, SourceUnavailable),
        (b"<html>secret</html>", 200, SourceRubbish),
        (b"<a", 200, SourceRubbish),
        (b"", 200, SourceRubbish),
        (envelope(""), 200, SourceRubbish),
        (envelope("<OtherResponse/>"), 200, SourceRubbish),
        (envelope("<QueryResponse><list/></QueryResponse>"), 200, SourceRubbish),
        (envelope("<QueryResponse><total>x</total><list/></QueryResponse>"), 200, SourceRubbish),
        (envelope("<QueryResponse><total>1</total><list/></QueryResponse>"), 200, SourceRubbish),
        (envelope("<QueryResponse><total>0</total><list><item/></list></QueryResponse>"), 200, SourceRubbish),
        (
            envelope("<QueryResponse><total>1</total><list><item><编号>seven</编号></item></list></QueryResponse>"),
            200,
            SourceRubbish,
        ),
        (
            envelope(
                "<QueryResponse><total>1</total><list><item><编号>1</编号><编号>2</编号></item></list></QueryResponse>"
            ),
            200,
            SourceRubbish,
        ),
        (
            envelope("<QueryResponse><total>1</total><list><item><编号><x/></编号></item></list></QueryResponse>"),
            200,
            SourceRubbish,
        ),
    ],
)
async def test_each_fault_has_its_name_and_its_text_is_not_passed_on(
    service: tuple[Old, str], answer: bytes, status: int, wanted: type[SourceFailed]
) -> None:
    old, host = service
    old.answer, old.status = answer, status
    with pytest.raises(SourceFailed) as failed:
        await ask(opened(host), fetch(columns=["id"]))
    assert type(failed.value) is wanted
    told = failed.value.message() + failed.value.operator
    assert not any(word in told for word in ("secret", "ORA-", "10.0.0.7", "seven", host))
    assert len(old.bodies) == 1  # a call is not repeated


async def test_an_answer_says_in_which_encoding_it_is(service: tuple[Old, str]) -> None:
    old, host = service
    body = "<QueryResponse><total>1</total><list><item><XM>张</XM></item></list></QueryResponse>"
    for encoding, kind in (("gbk", "text/xml"), ("gb18030", 'text/xml; charset="GB2312"'), ("utf-8", "text/xml")):
        old.answer, old.kind = envelope(body, encoding), kind
        assert await ask(opened(host), fetch(columns=["name"])) == [("张",)]
    for encoding, kind in (
        ("utf-16", "text/xml; charset=utf-16"),
        ("gbk", "text/xml; charset=utf-8"),
        ("utf-8", "a/b"),
    ):
        old.answer, old.kind = envelope(body, encoding), kind
        with pytest.raises(SourceRubbish):
            await ask(opened(host), fetch(columns=["name"]))


async def test_health_and_description(service: tuple[Old, str]) -> None:
    old, host = service
    connector = opened(host)
    await connector.health()
    (described,) = await connector.describe()
    assert [column for column, _ in described.columns] == list(COLUMNS.values())
    assert [one.step async for one in connector.diagnose(())] == ["dns", "tcp", "tls", "clock", "sign-in"]
    await connector.close()
    assert old.asked[0] == {"page": "1", "size": "9"}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"operation": "a:hunter2"}, "tables.e.operation"),
        ({"operation": "x><hunter2"}, "tables.e.operation"),
        ({"namespace": "a hunter2"}, "tables.e.namespace"),
        ({"action": 'a"\r\nX: hunter2'}, "tables.e.action"),
        ({"rows": "a//hunter2"}, "tables.e.rows"),
        ({"filters": {"a": "x hunter2"}}, "tables.e.filters"),
        ({"filters": {"a": "page"}}, "tables.e.filters"),
        ({"absent": "hunter2"}, "tables.e.absent"),
        ({"qualified": "hunter2"}, "tables.e.qualified"),
        ({"wsdl": "http://hunter2"}, "tables.e.wsdl"),
    ],
)
def test_a_wrong_option_is_named_and_its_value_is_not(change: dict[str, object], named: str) -> None:
    with pytest.raises(SettingsInvalid) as refused:
        SoapConnector.open(
            SourceName("old"),
            {"url": "http://a.example", "host_allow": ["a.example:80"], "tables": {"e": table(**change)}},
        )
    assert f"`{named}`" in refused.value.message()
    assert "hunter2" not in refused.value.message()


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"url": "http://169.254.169.254/"}, "url"),
        ({"url": "http://b.example/"}, "url"),
        ({"encoding": "utf-7"}, "encoding"),
        ({"tables": {}}, "tables"),
    ],
)
def test_a_wrong_option_of_the_service_is_named(options: dict[str, object], named: str) -> None:
    given = {"url": "http://a.example", "host_allow": ["a.example:80"], "tables": {"e": table()}, **options}
    with pytest.raises(SettingsInvalid) as refused:
        SoapConnector.open(SourceName("old"), given)
    assert f"`{named}`" in refused.value.message()
