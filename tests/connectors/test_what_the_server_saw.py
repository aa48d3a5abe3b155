"""What really went over the wire and into the server's own log: raw values stay, and one question is one journey."""

import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from connectors.mariadb import MariadbConnector
from connectors.postgresql import PostgresqlConnector
from connectors.testing import FIELDS, KNOWN, ROWS, TABLE, collect, make_fetch
from gateway.masks import build_mask
from gateway.model.catalog import FieldType, MaskChoice
from gateway.model.ids import FieldName, SourceName
from gateway.model.plan import Fetch, FetchColumn, SourceColumn
from gateway.model.predicate import AllOf, Comparator, Compare, Like, OneOf
from gateway.model.query import AggregateFunction
from tests.connectors.subjects import mariadb_subject, postgresql_subject
from tests.mariadb_server import MariadbServer
from tests.postgres_server import Server
from tests.wire import Wire, listened_to

RAW = ("330106199003071234", "13812345678", "6222021234567890123")
MASKED = MaskChoice(kind="partial", parameters={"shape": "mobile"})
NAME, ID = FieldName("name"), FieldName("id")
ROWS_HERE = [{**ROWS[0], "id": at, "name": raw, "note": "public"} for at, raw in enumerate(RAW)]


@dataclass(frozen=True, slots=True)
class Watched:
    connector: PostgresqlConnector | MariadbConnector
    wire: Wire
    log: Path

    def logged(self) -> int:
        return self.log.stat().st_size

    def since(self, place: int) -> str:
        return self.log.read_bytes()[place:].decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Place:
    """A database with the rows above; the server logs every statement of it."""

    kind: str
    url: str
    port: int
    log: Path
    administer: Callable[[str], object]


@pytest.fixture(params=["postgresql", "mariadb"])
def place(request: pytest.FixtureRequest) -> Place:
    return _postgresql(request) if request.param == "postgresql" else _mariadb(request)


@pytest.fixture
def postgresql_place(request: pytest.FixtureRequest) -> Place:
    return _postgresql(request)


def _postgresql(request: pytest.FixtureRequest) -> Place:
    server: Server = request.getfixturevalue("postgresql")
    with postgresql_subject(server, PostgresqlConnector) as subject:
        subject.lay(ROWS_HERE)
        assert isinstance(subject.connector, PostgresqlConnector)
        url = subject.connector._address.read()
    name = url.rpartition("/")[2]

    def administer(statement: str) -> None:
        with server.connect(name) as admin:
            admin.execute(statement)

    administer(f"ALTER DATABASE {name} SET log_statement = 'all'")
    administer(f"ALTER DATABASE {name} SET log_min_duration_statement = 0")
    return Place("postgresql", url, server.port, server.log, administer)


def _mariadb(request: pytest.FixtureRequest) -> Place:
    server: MariadbServer = request.getfixturevalue("mariadb")
    with mariadb_subject(server, MariadbConnector) as subject:
        subject.lay(ROWS_HERE)
        assert isinstance(subject.connector, MariadbConnector)
        url = subject.connector._address.read()
    return Place(
        "mariadb", url.render_as_string(hide_password=False), server.port, server.general_log,
        lambda statement: server.run(statement, database=str(url.database)),
    )  # fmt: skip


@asynccontextmanager
async def watched(place: Place) -> AsyncIterator[Watched]:
    """A connector over a wire that is listened to."""
    async with listened_to(place.port) as wire:
        options = {"url": place.url.replace(str(place.port), str(wire.port)), "connections": 1}
        kind = PostgresqlConnector if place.kind == "postgresql" else MariadbConnector
        connector = kind.open(SourceName("wired"), options)
        yield Watched(connector, wire, place.log)
        await connector.close()


def masked_fetch(**more: object) -> Fetch:
    form = build_mask(MASKED).sql_form()
    assert form is not None
    return make_fetch(columns=["id", FetchColumn(source=KNOWN[NAME], form=form)], **more)  # type: ignore[arg-type]  # as given


ASKED: tuple[tuple[str, Fetch], ...] = (
    ("shown", masked_fetch(order=[("id", False, False)])),
    ("a page", masked_fetch(order=[("id", False, False)], limit=2, offset=1)),
    ("filtered by another field", masked_fetch(where=Compare(FieldName("note"), Comparator.EQ, "public"), limit=9)),
    ("filtered by itself", masked_fetch(where=Like(NAME, "138%", ignores_case=False))),
    ("key batch", masked_fetch(where=OneOf(ID, (0, 1, 2)), limit=9)),
    ("grouped", make_fetch(columns=[masked_fetch().columns[1]], aggregates=[(AggregateFunction.COUNT, None)])),
)


async def test_the_raw_value_of_a_masked_column_never_leaves_the_server(place: Place) -> None:
    async with watched(place) as source:
        for asked, fetch in ASKED:
            source.wire.forget()
            rows = await collect(source.connector, fetch)
            assert rows, asked
            sent = bytes(source.wire.to_client)
            for raw in RAW:
                assert raw.encode() not in sent, asked
            assert b"138****5678" in sent, asked  # the wire is really listened to
        source.wire.forget()
        await collect(source.connector, make_fetch(columns=["name"]))
        assert RAW[0].encode() in source.wire.to_client  # and would show a raw value


async def test_a_question_of_a_known_shape_is_one_journey_and_one_statement(place: Place) -> None:
    questions: Sequence[Fetch] = [
        make_fetch(where=AllOf((Compare(ID, Comparator.EQ, at), Compare(NAME, Comparator.NEQ, f"n{at}"))), limit=5)
        for at in range(12)
    ]
    async with watched(place) as source:
        await collect(source.connector, questions[0])  # connects, looks at the table, prepares
        source.wire.forget()
        start = source.logged()
        for question in questions:
            await collect(source.connector, question)
        assert source.wire.journeys == len(questions), source.since(start)
        log = source.since(start)
        if place.kind == "postgresql":
            said = re.findall(r"LOG:  (?:execute|statement)\b[^\n]*", log)
            assert not re.findall(r"duration: [\d.]+ ms  parse ", log)  # prepared once
        else:
            said = re.findall(r"\t *\d+ (?:Execute|Query|Prepare)\t[^\n]*", log)
        assert len(said) == len(questions), said
        assert all("SELECT" in line for line in said)


async def test_the_servers_log_shows_bound_values_apart_from_the_statement(postgresql_place: Place) -> None:
    hostile = "'; DROP TABLE x; --"
    async with watched(postgresql_place) as source:
        start = source.logged()
        await collect(
            source.connector, make_fetch(columns=["id"], where=Compare(NAME, Comparator.EQ, hostile), limit=5)
        )
        log = source.since(start)
    (statement,) = re.findall(r"LOG:  execute [^\n]*?: (SELECT t\..*?)(?=\n\d{4}-)", log, re.DOTALL)
    assert "DROP TABLE x" not in statement
    assert "''; DROP TABLE x; --" in log  # as DETAIL: the value of $1
    assert FIELDS["name"][0].replace('"', '""') in statement
    assert TABLE.replace('"', '""') in statement


async def test_a_long_answer_is_copied_with_its_values_bound_apart(postgresql_place: Place) -> None:
    hostile = "'; DROP TABLE x; --"
    async with watched(postgresql_place) as source:
        start = source.logged()
        asked = AllOf((Compare(NAME, Comparator.NEQ, hostile), Compare(ID, Comparator.LT, 2)))
        assert len(await collect(source.connector, make_fetch(columns=["id"], where=asked))) == 2
        log = source.since(start)
    (statement,) = re.findall(r"LOG:  statement: (COPY \(SELECT t\..*?\) TO STDOUT)", log, re.DOTALL)
    assert "DROP TABLE x" not in statement
    assert "''; DROP TABLE x; --" in log  # as DETAIL of what the settings are set with
    assert "set_config('langqiao.p0', $1::VARCHAR::text, true)" in log
    assert "ROLLBACK" in log


@pytest.mark.parametrize(
    "asked",
    [
        make_fetch(columns=["id"], where=OneOf(ID, (0, 1, 2))),
        make_fetch(columns=["note"], aggregates=[(AggregateFunction.COUNT, None)]),
        make_fetch(columns=["id"], limit=3),
    ],
    ids=["a list", "groups", "a short answer"],
)
async def test_what_copy_is_not_for_is_read_by_the_driver(postgresql_place: Place, asked: Fetch) -> None:
    async with watched(postgresql_place) as source:
        start = source.logged()
        assert await collect(source.connector, asked)
        assert "COPY" not in source.since(start)


async def test_a_long_answer_is_read_as_fast_as_it_is_taken(place: Place) -> None:
    """The server has far more to send than was taken: what was not asked for yet is not on its way."""
    place.administer(
        {
            "postgresql": "CREATE VIEW wide AS SELECT g AS \"BH\", repeat('x', 1000) AS name"
            " FROM generate_series(1, 60000) g",
            "mariadb": "CREATE VIEW wide AS SELECT seq AS `BH`, repeat('x', 1000) AS name FROM seq_1_to_60000",
        }[place.kind]
    )
    async with watched(place) as source:
        wide = SourceColumn(field=NAME, column="name", type=FieldType.TEXT)
        fetch = make_fetch(table="wide", columns=[FetchColumn(source=wide)], batch_rows=100)
        stream = source.connector.fetch(replace(fetch, known={NAME: wide}))
        assert len(await anext(stream)) == 100
        assert len(source.wire.to_client) < 30_000_000  # of 60 MB: no more than what the sockets hold
        await stream.aclose()  # type: ignore[attr-defined]  # it is an async generator
        assert await collect(source.connector, make_fetch(columns=["id"], limit=1))
