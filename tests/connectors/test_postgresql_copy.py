"""A long answer by COPY holds the cells that a cursor's would, however the text was cut on its way."""

import asyncio
import datetime as dt
from collections.abc import Iterator, Sequence
from contextlib import aclosing
from decimal import Decimal
from itertools import pairwise
from typing import Any

import asyncpg
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import Integer, String, bindparam, column, func, or_, select, table
from sqlalchemy.types import NullType

from connectors._cells import NotPromised
from connectors._postgresql_copy import (
    MOST_VALUES,
    Cutter,
    Kind,
    copied,
    copying_engine,
    kinds_of,
    settled,
    written_for_copy,
)
from connectors._sql_reading import Reading
from connectors._sql_text import Text
from connectors.postgresql import PostgresqlConnector
from connectors.testing import ROWS, collect, expected, make_fetch
from gateway.errors import SourceRubbish, SourceTimeout
from gateway.model.ids import SourceName
from tests.connectors.subjects import postgresql_subject
from tests.postgres_server import Server

TEXT: Kind = (str, str)
NOTHING_BOUND = Text("", (), Reading((), frozenset()), "SELECT set_config('statement_timeout', $1::text, true)")
ODD = [
    "",
    "\\",
    "\\N",
    "\\\\N",
    "a\tb",
    "a\nb",
    "a\r\nb",
    "\b\f\v",
    "\\t",
    "'; DROP TABLE x; --",
    "张三",
    "𠮷",
    "$1",
    "%s",
    ":x",
]
texts = st.none() | st.sampled_from(ODD) | st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]))
MARKS = {"\\": r"\\", "\b": r"\b", "\f": r"\f", "\n": r"\n", "\r": r"\r", "\t": r"\t", "\v": r"\v"}


def written(rows: Sequence[Sequence[str | None]]) -> bytes:
    """As the server's manual says of the text format."""
    lines = [
        "\t".join(r"\N" if cell is None else "".join(MARKS.get(one, one) for one in cell) for cell in row)
        for row in rows
    ]
    return "".join(line + "\n" for line in lines).encode()


# ---------------------------------------------------------------------- how text is cut
@given(
    rows=st.lists(st.tuples(texts, texts, texts), min_size=1, max_size=12),
    cuts=st.lists(st.integers(0, 200), max_size=6),
    taken=st.integers(1, 5),
)
@example(rows=[("张", None, "")], cuts=[1, 2], taken=1)  # within a character
def test_any_blocks_give_the_rows(rows: list[tuple[str | None, ...]], cuts: list[int], taken: int) -> None:
    whole = written(rows)
    ends = sorted({min(cut, len(whole)) for cut in cuts} | {0, len(whole)})
    cutter, found = Cutter([TEXT] * 3), []
    for start, end in pairwise(ends):
        cutter.add(whole[start:end])
        while cutter.rows >= taken:
            found += list(zip(*cutter.take(taken), strict=True))
    found += list(zip(*cutter.take(cutter.rows), strict=True))
    assert found == rows


@pytest.mark.parametrize(
    ("kind", "cell"),
    [
        ((int, int), b"x"),
        ((Decimal, Decimal), b"1,5"),
        ((dt.date, dt.date.fromisoformat), b"10000-01-01"),
        ((bool, {"t": True, "f": False}.__getitem__), b"x"),
    ],
)
def test_what_is_none_of_its_type_is_refused_without_being_told(kind: Kind, cell: bytes) -> None:
    cutter = Cutter([kind])
    cutter.add(cell + b"\n")
    with pytest.raises(NotPromised) as refused:
        cutter.take(1)
    assert cell.decode() not in str(refused.value)
    assert refused.value.__suppress_context__


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(NotPromised, match="no text"):
        Cutter([TEXT]).add(b"\xff\n")


# ---------------------------------------------------------------------- how the statement is written
def test_values_are_bound_to_settings_and_read_once() -> None:
    people = table("people", column("name", String()))
    asked = select(people.c.name).where(people.c.name == bindparam("v0", "张三", String()))
    made = written_for_copy(asked.limit(bindparam("v1", 7, Integer())), copying_engine())
    assert made.names == ("v0", "v1")
    assert "(SELECT current_setting('langqiao.p0')::VARCHAR)" in made.sql
    assert "(SELECT current_setting('langqiao.p1')::INTEGER)" in made.sql
    assert "set_config('langqiao.p0', $1::VARCHAR::text, true)" in made.before
    assert "set_config('statement_timeout', $3::text, true)" in made.before
    assert "张三" not in made.sql + made.before


def test_a_value_without_a_type_or_one_that_is_written_out_is_not_for_copy() -> None:
    people = table("people", column("name", String()))
    untyped = select(bindparam("v0", "a", NullType()))
    listed = select(people.c.name).where(people.c.name.in_(bindparam("v0", ["a"], String(), expanding=True)))
    assert written_for_copy(untyped, copying_engine()).sql == ""
    assert written_for_copy(listed, copying_engine()).sql == ""


def test_more_values_than_a_server_sets_at_once_are_not_for_copy() -> None:
    def asked(values: int) -> str:
        terms = (column("name", String()) == bindparam(f"v{at}", "a", String()) for at in range(values))
        return written_for_copy(select(or_(*terms)), copying_engine()).sql

    assert asked(MOST_VALUES)
    assert asked(MOST_VALUES + 1) == ""


async def test_as_many_values_as_are_for_copy_are_set_at_once(postgresql: Server) -> None:
    connection = await asyncpg.connect(dsn(postgresql))
    texts = [bindparam(f"v{at}", f"x{at}", String()) for at in range(MOST_VALUES)]
    asked: Any = select(func.concat(*texts[:50]), *texts[50:])
    made = written_for_copy(asked, copying_engine())
    text = Text(made.sql, (), Reading((), frozenset()), made.before)
    try:
        assert await settled(connection, text, [made.values[name] for name in made.names], seconds=10)
        (columns,) = [found async for found in copied(connection, made.sql, [TEXT] * (MOST_VALUES - 49), rows=9)]
    finally:
        await connection.close()
    assert [cell for (cell,) in columns[1:]] == [f"x{at}" for at in range(50, MOST_VALUES)]


# ---------------------------------------------------------------------- against the server
CELLS: dict[str, list[object]] = {
    "text": [None, *ODD],
    "varchar(40)": [None, *ODD],
    "char(4)": ["ab", "张", None],
    "smallint": [0, -32768, 32767, None],
    "integer": [-(2**31), 2**31 - 1],
    "bigint": [-(2**63), 2**63 - 1, None],
    "numeric": [Decimal("0.10"), Decimal("-1E+3"), Decimal("12345678901234567890.123456789"), Decimal("NaN"), None],
    "boolean": [True, False, None],
    "date": [dt.date(1, 1, 2), dt.date(9999, 12, 30), dt.date(2024, 2, 29), None],
    "timestamptz": [
        dt.datetime(1969, 12, 31, 23, 59, 59, 999999, dt.UTC),
        dt.datetime(2026, 1, 2, tzinfo=dt.UTC),
        None,
    ],
    "timestamp": [dt.datetime(2026, 1, 2, 3, 4, 5, 6), dt.datetime(2026, 1, 2), None],  # noqa: DTZ001  # it has none
}


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


def dsn(server: Server) -> str:
    return server.fresh_database().replace("+psycopg", "")


async def both(url: str, kind: str, cells: list[object]) -> tuple[list[Any], list[Any]]:
    connection = await asyncpg.connect(url, server_settings={"TimeZone": "UTC", "DateStyle": "ISO, YMD"})
    try:
        await connection.execute(f'CREATE TEMP TABLE "a$1"(number serial, "c$1 :x" {kind})')
        await connection.executemany('INSERT INTO "a$1"("c$1 :x") VALUES ($1)', [(cell,) for cell in cells])
        sql = 'SELECT "c$1 :x", 1 AS ok FROM "a$1" ORDER BY number'
        kinds = await kinds_of(connection, sql)
        assert kinds is not None
        assert await settled(connection, NOTHING_BOUND, (), seconds=10)
        found: list[Any] = []
        async for columns in copied(connection, sql, kinds, rows=2):
            assert 1 <= len(columns[0]) <= 2
            found += columns[0]
        return found, [row[0] for row in await connection.fetch(sql)]
    finally:
        await connection.close()


@pytest.mark.parametrize("kind", CELLS)
def test_cells_are_those_of_the_driver(postgresql: Server, runner: asyncio.Runner, kind: str) -> None:
    found, driven = runner.run(both(dsn(postgresql), kind, CELLS[kind]))
    assert list(map(repr, found)) == list(map(repr, driven))  # 1.50 is not 1.5, and NaN is itself


@pytest.mark.parametrize("kind", ["float8", "jsonb", "text[]", "int4range", "inet", "uuid", "bytea"])
def test_a_type_of_which_the_text_does_not_say_all_is_not_copied(
    postgresql: Server, runner: asyncio.Runner, kind: str
) -> None:
    async def kinds() -> object:
        connection = await asyncpg.connect(dsn(postgresql))
        try:
            return await kinds_of(connection, f"SELECT NULL::{kind}")  # a type of the list above
        finally:
            await connection.close()

    assert runner.run(kinds()) is None


@pytest.mark.parametrize("rows", [3, 1_000_000])
async def test_what_is_left_does_not_keep_its_connection_waiting(postgresql: Server, rows: int) -> None:
    """The driver, told to cancel what had ended, waits for good."""
    connection = await asyncpg.connect(dsn(postgresql))
    assert await settled(connection, NOTHING_BOUND, (), seconds=10)
    sql = f"SELECT repeat('x', 1000) FROM generate_series(1, {rows})"
    async with asyncio.timeout(60):
        async with aclosing(copied(connection, sql, [TEXT], rows=1)) as answer:
            assert await anext(answer) == [["x" * 1000]]
        await connection.close()


@pytest.fixture
def strict(postgresql: Server) -> str:
    """The address of an account that may set nothing."""
    with postgresql_subject(postgresql, PostgresqlConnector) as subject:
        subject.lay(ROWS)
        assert isinstance(subject.connector, PostgresqlConnector)
        name = subject.connector._address.read().rpartition("/")[2]
    with postgresql.connect(name) as admin:
        admin.execute("REVOKE EXECUTE ON FUNCTION pg_catalog.set_config(text, text, boolean) FROM PUBLIC")
        admin.execute("CREATE ROLE strict_reader LOGIN PASSWORD 'x'")
        admin.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO strict_reader")
    return f"postgresql://strict_reader:x@127.0.0.1:{postgresql.port}/{name}"


async def test_a_server_that_takes_no_settings_is_read_by_a_cursor(strict: str) -> None:
    connector = PostgresqlConnector.open(SourceName("kit"), {"url": strict})
    asked = make_fetch(columns=["id"], order=[("id", False, False)])
    try:
        assert await collect(connector, asked) == expected(asked) == await collect(connector, asked)
        assert not connector._takes_settings
    finally:
        await connector.close()


@pytest.fixture
def laid(postgresql: Server) -> tuple[str, Server, str]:
    """A database with the rows of the kit."""
    with postgresql_subject(postgresql, PostgresqlConnector) as subject:
        subject.lay(ROWS)
        assert isinstance(subject.connector, PostgresqlConnector)
        url = subject.connector._address.read()
    return url, postgresql, url.rpartition("/")[2]


async def test_a_copy_may_take_as_long_as_its_question(laid: tuple[str, Server, str]) -> None:
    """Though it is one statement, and each statement of the connection has a second."""
    url, server, name = laid
    with server.connect(name) as admin:
        admin.execute(
            'CREATE VIEW slowly AS SELECT g::bigint AS "BH" FROM generate_series(1, 20) g, pg_sleep(0.1 + 0 * g)'
        )
    connector = PostgresqlConnector.open(SourceName("kit"), {"url": url, "statement_seconds": 1})
    try:
        assert len(await collect(connector, make_fetch(table="slowly", columns=["id"], seconds=60.0))) == 20
        with pytest.raises(SourceTimeout):
            await collect(connector, make_fetch(table="slowly", columns=["id"], seconds=0.5))
    finally:
        await connector.close()


async def test_what_fails_on_its_way_tells_no_value(laid: tuple[str, Server, str]) -> None:
    url, server, name = laid
    with server.connect(name) as admin:
        admin.execute("CREATE TABLE held(cell text)")
        admin.execute("INSERT INTO held SELECT '7' FROM generate_series(1, 50000)")
        admin.execute("INSERT INTO held VALUES ('4711-secret')")
        admin.execute('CREATE VIEW failing AS SELECT cell::bigint AS "BH" FROM held')
    connector = PostgresqlConnector.open(SourceName("kit"), {"url": url})
    begun: list[int] = []

    async def read() -> None:
        async for batch in connector.fetch(make_fetch(table="failing", columns=["id"], batch_rows=1_000)):
            begun.append(len(batch))  # noqa: PERF401  # what came before it failed counts

    try:
        with pytest.raises(SourceRubbish) as failed:
            await read()
    finally:
        await connector.close()
    assert begun
    assert "4711" not in f"{failed.value} {failed.value.operator}"
    assert failed.value.__cause__ is None
