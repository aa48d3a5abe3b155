"""MariaDB's traps: collations that fold and pad, zero dates, flags, unsigned and wide numbers, enums, charsets."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from connectors.mariadb import MariadbConnector, MysqlConnector
from connectors.testing import collect, make_fetch
from gateway.errors import SettingsInvalid, SourceFailed, SourceRubbish
from gateway.model.catalog import FieldType
from gateway.model.ids import FieldName, SourceName
from gateway.model.json_value import Json
from gateway.model.plan import Fetch, FetchColumn, SourceColumn
from gateway.model.predicate import EVERYTHING, Comparator, Compare, IsNull, IsTruth, Like, Not, OneOf, Predicate, Under
from gateway.model.rows import Row
from tests.mariadb_server import MariadbServer

BOTH = pytest.mark.parametrize("kind", [MariadbConnector, MysqlConnector], ids=["mariadb", "mysql"])
N = FieldName("n")
MORNING = datetime(2026, 1, 1, 8, 0, 0, 500000, UTC)


@dataclass(frozen=True, slots=True)
class Place:
    server: MariadbServer
    database: str
    runner: asyncio.Runner

    def ask(self, fetch: Fetch, kind: type[MariadbConnector] = MariadbConnector, **options: object) -> list[Row]:
        async def asked() -> list[Row]:
            url = self.server.url(self.database)
            connector = kind.open(SourceName("traps"), {"url": url, "connections": 1, **options})
            try:
                return await collect(connector, fetch)
            finally:
                await connector.close()

        return self.runner.run(asked())

    def table(self, column: str, *cells: str) -> None:
        values = ", ".join(f"({at}, {cell})" for at, cell in enumerate(cells))
        self.server.run(
            "DROP TABLE IF EXISTS t",
            f"CREATE TABLE t (id bigint PRIMARY KEY, n {column})",
            "SET SESSION sql_mode = ''",
            f"INSERT INTO t VALUES {values}",
            database=self.database,
        )


@pytest.fixture(scope="module")
def place(mariadb: MariadbServer) -> Iterator[Place]:
    with asyncio.Runner() as runner:
        yield Place(mariadb, mariadb.fresh_database(), runner)


def fetch(kind: FieldType, where: Predicate = EVERYTHING, *, order: bool = False, shows: bool = True) -> Fetch:
    identity = SourceColumn(field=FieldName("id"), column="id", type=FieldType.INTEGER)
    source = SourceColumn(field=N, column="n", type=kind)
    columns = (FetchColumn(source=source if shows else identity),)
    by = [("n", False, False)] if order else [("id", False, False)]
    asked = make_fetch(table="t", columns=(), where=where, order=by)
    return replace(asked, columns=columns, known={N: source, FieldName("id"): identity})


def cells(rows: list[Row]) -> list[Any]:
    return [row[0] for row in rows]


@BOTH
@pytest.mark.parametrize(
    "column",
    [
        "varchar(20) COLLATE utf8mb4_general_ci", "varchar(20) COLLATE utf8mb4_unicode_ci", "text COLLATE utf8mb4_bin",
        "varchar(20) COLLATE utf8mb4_nopad_bin", "varchar(20) CHARACTER SET utf8mb3", "varchar(20) CHARACTER SET gbk",
    ],
)  # fmt: skip
def test_a_collation_changes_no_meaning(place: Place, kind: type[MariadbConnector], column: str) -> None:
    place.table(column, "'abc'", "'ABC'", "'abc '", "'Abc'", "'张三'", "''", "' '", "NULL")
    shown = ["abc", "ABC", "abc ", "Abc", "张三", "", " ", None]
    text = FieldType.TEXT

    def ids(where: Predicate) -> list[Any]:
        return cells(place.ask(fetch(text, where, shows=False), kind))

    assert cells(place.ask(fetch(text), kind)) == shown
    for at, value in enumerate(shown[:-1]):
        assert ids(Compare(N, Comparator.EQ, str(value))) == [at]
        assert ids(OneOf(N, (str(value), "nobody"))) == [at]
        assert ids(Not(Compare(N, Comparator.EQ, str(value)))) == [other for other in range(7) if other != at]
    assert ids(Like(N, "abc%", ignores_case=False)) == [0, 2]
    assert cells(place.ask(fetch(text, order=True), kind)) == [
        "", " ", "ABC", "Abc", "abc", "abc ", "张三", None,
    ]  # fmt: skip


@BOTH
def test_keys_and_regions_use_an_index_under_a_folding_collation(place: Place, kind: type[MariadbConnector]) -> None:
    place.table("varchar(20) COLLATE utf8mb4_general_ci, KEY (n)", *(f"'33010{at:04}'" for at in range(400)))
    place.server.run("ANALYZE TABLE t", database=place.database)

    async def plan(where: Predicate) -> str:
        connector = kind.open(SourceName("traps"), {"url": place.server.url(place.database)})
        connection = await connector._connect()
        try:
            stored = await connector._columns(connection, "t")
            text, bound = connector._texts.of(fetch(FieldType.TEXT, where, shows=False), stored)
            cursor = connection.cursor()
            given = [tuple(one) if isinstance(one, list) else one for one in bound]
            await cursor.execute(f"EXPLAIN {text.sql}", given)
            return str(await cursor.fetchall())
        finally:
            connection.close()
            await connector.close()

    for where in (
        Compare(N, Comparator.EQ, "330100007"), OneOf(N, ("330100007", "330100009")), Under(N, ("33010000",)),
    ):  # fmt: skip
        assert "'n'" in place.runner.run(plan(where)), where


def test_a_zero_date_is_refused_or_null_as_the_source_says(place: Place) -> None:
    for column, kind in (("date NOT NULL", FieldType.DATE), ("datetime NOT NULL", FieldType.TIMESTAMP)):
        place.table(column, "'2026-01-31'", "'0000-00-00'", "'0999-12-31'")
        with pytest.raises(SourceRubbish):
            place.ask(fetch(kind))
        with pytest.raises(SourceRubbish):
            place.ask(fetch(kind, order=True, shows=False))
        known = place.ask(fetch(kind), zero_dates="null")
        assert [cell is None for cell in cells(known)] == [False, True, False]
        assert cells(place.ask(fetch(kind, IsNull(N), shows=False), zero_dates="null")) == [1]
        assert cells(place.ask(fetch(kind, Not(IsNull(N)), shows=False), zero_dates="null")) == [0, 2]
    place.table("date", "'2026-00-15'")
    with pytest.raises(SourceRubbish):
        place.ask(fetch(FieldType.DATE), zero_dates="null")


def test_a_date_that_is_not_null_is_not_null(place: Place) -> None:
    """`IS NULL` of a NOT NULL date finds zero dates on this engine."""
    place.table("date NOT NULL", "'2026-01-31'", "'0000-00-00'")
    assert cells(place.ask(fetch(FieldType.DATE, IsNull(N), shows=False))) == []


@pytest.mark.parametrize(
    ("column", "kind", "stored", "due"),
    [
        ("tinyint(1)", FieldType.BOOLEAN, ("0", "1", "NULL"), [False, True, None]),
        ("bit(1)", FieldType.BOOLEAN, ("b'0'", "b'1'", "NULL"), [False, True, None]),
        ("tinyint(1)", FieldType.INTEGER, ("-7", "7"), [-7, 7]),
        ("bit(12)", FieldType.INTEGER, ("b'101'", "b'111111111111'"), [5, 4095]),
        ("bigint unsigned", FieldType.NUMERIC, ("18446744073709551615", "0"), [Decimal(2**64 - 1), Decimal(0)]),
        ("bigint unsigned", FieldType.INTEGER, ("9223372036854775807", "0"), [2**63 - 1, 0]),
        ("decimal(20,0)", FieldType.INTEGER, ("-5", "12345678901"), [-5, 12345678901]),
        ("decimal(10,2)", FieldType.NUMERIC, ("1.50", "-0.10"), [Decimal("1.50"), Decimal("-0.10")]),
        ("double", FieldType.NUMERIC, ("0.1", "-2"), [Decimal("0.1"), Decimal(-2)]),
        ("float", FieldType.NUMERIC, ("0.1", "3"), [Decimal("0.1"), Decimal(3)]),
        ("enum('low','high')", FieldType.TEXT, ("'low'", "'high'"), ["low", "high"]),
        ("set('a','b')", FieldType.TEXT, ("'a,b'", "''"), ["a,b", ""]),
        ("int", FieldType.TEXT, ("7", "-1"), ["7", "-1"]),
        ("time", FieldType.TEXT, ("'12:00'", "'-100:30:15'"), ["12:00:00", "-100:30:15"]),
        ("year", FieldType.INTEGER, ("2026", "1999"), [2026, 1999]),
        ("char(6)", FieldType.TEXT, ("'ab'", "'abcdef'"), ["ab", "abcdef"]),
        ("json", FieldType.JSON, ('\'{"a": [1, "是"]}\'',), [Json('{"a":[1,"是"]}')]),
        ("datetime(6)", FieldType.TIMESTAMP, ("'2026-01-01 08:00:00.5'",), [MORNING]),
        ("date", FieldType.DATE, ("'9999-12-31'",), [date.max]),
    ],
)  # fmt: skip
def test_every_kind_of_column_is_read_and_compared_exactly(
    place: Place, column: str, kind: FieldType, stored: tuple[str, ...], due: list[Any]
) -> None:
    place.table(column, *stored)
    found = cells(place.ask(fetch(kind)))
    assert [(type(cell), cell) for cell in found] == [(type(cell), cell) for cell in due]
    if kind is FieldType.JSON:
        return
    for at, value in enumerate(due):
        if value is not None:
            assert cells(place.ask(fetch(kind, Compare(N, Comparator.EQ, value), shows=False))) == [at]
            if kind is FieldType.BOOLEAN:
                assert cells(place.ask(fetch(kind, IsTruth(N, value), shows=False))) == [at]
    ordered = cells(place.ask(fetch(kind, order=True)))
    assert [cell for cell in ordered if cell is not None] == sorted(cell for cell in due if cell is not None)


def test_moments_are_utc_whatever_zone_the_server_is_in(place: Place) -> None:
    place.server.run("SET GLOBAL time_zone = '+08:00'", database=place.database)
    try:
        place.server.run(
            "DROP TABLE IF EXISTS t", "CREATE TABLE t (id bigint, n timestamp NULL)",
            "INSERT INTO t VALUES (0, '2026-01-01 08:00:00')", database=place.database,
        )  # fmt: skip
        moment = datetime(2026, 1, 1, tzinfo=UTC)
        assert cells(place.ask(fetch(FieldType.TIMESTAMP, Compare(N, Comparator.EQ, moment)))) == [moment]
    finally:
        place.server.run("SET GLOBAL time_zone = 'SYSTEM'", database=place.database)


@pytest.mark.parametrize(
    ("column", "kind", "cell"),
    [
        ("tinyint(1)", FieldType.BOOLEAN, "2"),
        ("bigint unsigned", FieldType.INTEGER, "18446744073709551615"),
        ("double", FieldType.NUMERIC, "1e30"),
        ("varchar(9)", FieldType.INTEGER, "'7'"),
        ("varchar(10)", FieldType.DATE, "'2026-01-31'"),
        ("datetime", FieldType.DATE, "'2026-01-31'"),
        ("decimal(5,1)", FieldType.INTEGER, "1.5"),
        ("varbinary(9)", FieldType.TEXT, "'abc'"),
    ],
)
def test_what_is_not_of_the_promised_type_is_rubbish_shown_or_deciding(
    place: Place, column: str, kind: FieldType, cell: str
) -> None:
    place.table(column, cell)
    with pytest.raises(SourceRubbish) as refused:
        place.ask(fetch(kind))
    assert cell.strip("'") not in str(refused.value.operator)
    with pytest.raises(SourceRubbish):
        place.ask(fetch(kind, order=True, shows=False))


def test_a_server_that_would_read_escapes_otherwise_is_told_not_to(place: Place) -> None:
    place.server.run("SET GLOBAL sql_mode = 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES,PIPES_AS_CONCAT'")
    try:
        place.table("varchar(40)", "'x'")
        hostile = "\\' OR 1=1 -- "
        for where in (
            Compare(N, Comparator.EQ, hostile),
            OneOf(N, (hostile, "y")),
            Like(N, hostile, ignores_case=False),
        ):
            assert place.ask(fetch(FieldType.TEXT, where)) == []
    finally:
        place.server.run("SET GLOBAL sql_mode = DEFAULT")


def test_the_description_has_types_keys_and_comments(place: Place) -> None:
    place.server.run(
        "DROP TABLE IF EXISTS child, parent",
        "CREATE TABLE parent (id int PRIMARY KEY, code varchar(9) NOT NULL UNIQUE COMMENT '代码') COMMENT '户'",
        "CREATE TABLE child (a int, b tinyint(1), parent int, FOREIGN KEY f (parent) REFERENCES parent (id))",
        database=place.database,
    )

    async def described() -> dict[str, Any]:
        connector = MariadbConnector.open(SourceName("traps"), {"url": place.server.url(place.database)})
        try:
            return {table.table: table for table in await connector.describe()}
        finally:
            await connector.close()

    tables = place.runner.run(described())
    parent, child = tables["parent"], tables["child"]
    assert (parent.key, parent.unique, parent.comment) == (("id",), (("code",),), "户")
    assert parent.comments == (("code", "代码"),)
    assert parent.nullable == frozenset()
    (key,) = child.foreign_keys
    assert (key.columns, key.to, key.to_columns) == (("parent",), "parent", ("id",))
    assert dict(child.columns)["b"] is FieldType.BOOLEAN


@BOTH
@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({}, "url"),
        ({"url": "postgresql://u:hunter2@h/d"}, "url"),
        ({"url": "mysql://u:hunter2@h"}, "url"),
        ({"url": "mysql://u:hunter2@h/d?local_infile=1"}, "url"),
        ({"url": "mysql://u:hunter2@h/d", "zero_dates": "hunter2"}, "zero_dates"),
        ({"url": "mysql://u:hunter2@h/d", "tls": "hunter2"}, "tls"),
        ({"url": "mysql://u:hunter2@h/d", "tls_ca": "/nowhere/hunter2"}, "tls_ca"),
        ({"url": "mysql://u:hunter2@h/d", "tls": "disable", "tls_ca": "/x/hunter2"}, "tls_ca"),
        ({"url": "mysql://u:hunter2@h/d", "pasword": "hunter2"}, "pasword"),
    ],
)
def test_a_wrong_option_is_named_and_its_value_is_not(
    kind: type[MariadbConnector], options: dict[str, object], named: str
) -> None:
    with pytest.raises(SettingsInvalid) as refused:
        kind.open(SourceName("s"), options)
    assert f"`{named}`" in refused.value.message()
    assert "hunter2" not in str(refused.value) + repr(refused.value) + str(refused.value.__cause__)


def test_without_encryption_only_to_the_machine_itself(place: Place) -> None:
    """This server offers no TLS: who demands it gets no answer."""
    place.table("int", "1")
    assert place.ask(fetch(FieldType.INTEGER)) == [(1,)]
    with pytest.raises(SourceFailed):
        place.ask(fetch(FieldType.INTEGER), tls="verify-full")
