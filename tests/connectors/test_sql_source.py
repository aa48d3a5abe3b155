"""sql: read-only, stopped in time, strict, silent about addresses; hostile names and values are data."""

import asyncio
import contextlib
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.exc import DBAPIError

from connectors._mariadb import MARIADB, MYSQL
from connectors._postgresql import POSTGRESQL
from connectors._sql_dialect import Dialect
from connectors._sqlite import connect_read_only
from connectors.sql import SqlConnector
from gateway.errors import SettingsInvalid, SourceBusy, SourceFailed, SourceRubbish, SourceTimeout, SourceUnavailable
from gateway.model.catalog import FieldType
from gateway.model.ids import FieldName, SourceName
from gateway.model.plan import FetchColumn
from gateway.model.predicate import AllOf, Comparator, Compare, Like, Not, OneOf, Predicate, Under
from gateway.model.sqlform import Column, Concat, Constant, IfShape, Left, Right, Shape
from tests.connectors import kit
from tests.connectors.compiled import compile_fetch
from tests.connectors.sources import quoted, write_sqlite

SOURCE = SourceName("tried-db")  # no other source of the process has its name
ENDLESS = (
    "CREATE VIEW slow AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) "
    'SELECT x AS "BH" FROM n WHERE x < 0'
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    write_sqlite(tmp_path / "a.db")
    return tmp_path / "a.db"


def opened(file: Path, **options: object) -> SqlConnector:
    return SqlConnector.open(SOURCE, {"folder": str(file.parent), "file": file.name, **options})


def change(file: Path, statement: str, *values: Any) -> None:
    with contextlib.closing(sqlite3.connect(file)) as database:
        database.execute(statement, values)
        database.commit()


def threads_of_the_source() -> int:
    return sum(1 for thread in threading.enumerate() if thread.name.startswith(f"source-{SOURCE}"))


async def ended() -> bool:
    """Whether the source's threads end soon: they are not waited for when it closes."""
    for _ in range(100):
        if threads_of_the_source() == 0:
            return True
        await asyncio.sleep(0.05)
    return False


async def test_writing_by_the_connection_fails(file: Path) -> None:
    before = file.read_bytes()  # one small file in a test
    connector = opened(file)
    with connector._engine.connect() as connection:
        for attempt in (
            f"DELETE FROM {quoted(kit.TABLE)}",
            "CREATE TABLE x (y)",
            "ATTACH DATABASE ':memory:' AS other",
            "PRAGMA query_only = OFF",
            "PRAGMA writable_schema = ON",
            "VACUUM",
        ):
            with pytest.raises(DBAPIError):
                connection.exec_driver_sql(attempt)
    await connector.close()
    assert file.read_bytes() == before
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize("hostile", ["'; DROP TABLE x; --", '" OR 1=1 --', "%s ? :x $1", "\\", "') UNION SELECT 1 --"])
async def test_a_hostile_value_is_a_value(file: Path, hostile: str) -> None:
    name = FieldName("name")
    wheres: list[Predicate] = [
        Compare(name, Comparator.EQ, hostile),
        OneOf(name, (hostile,)),
        Like(name, hostile, ignores_case=False),
    ]
    change(file, f"UPDATE {quoted(kit.TABLE)} SET {quoted(kit.NAME_COLUMN)} = ? WHERE BH = 3", hostile)
    connector = opened(file)
    for where in wheres:
        assert await kit.collect(connector, kit.make_fetch(columns=["id"], where=where)) == [(3,)]
    masked = FetchColumn(source=kit.KNOWN[name], form=Constant(hostile))
    assert await kit.collect(connector, kit.make_fetch(columns=[masked], limit=1)) == [(hostile,)]
    await connector.close()


async def test_an_endless_query_ends_at_the_time_limit_and_frees_its_thread(file: Path) -> None:
    change(file, ENDLESS)
    connector = opened(file, connections=1)
    for _ in range(2):  # the second finds the only thread free again
        began = time.monotonic()
        with pytest.raises(SourceTimeout):
            await kit.collect(connector, kit.make_fetch(table="slow", columns=["id"], seconds=0.4))
        assert 0.3 < time.monotonic() - began < 2
    assert len(await kit.collect(connector, kit.make_fetch(seconds=2))) == len(kit.ROWS)
    await connector.close()
    assert await ended()


async def test_leaving_stops_the_work(file: Path) -> None:
    change(file, ENDLESS)
    connector = opened(file, connections=1)
    task = asyncio.create_task(kit.collect(connector, kit.make_fetch(table="slow", columns=["id"], seconds=60)))
    await asyncio.sleep(0.2)
    task.cancel()
    began = time.monotonic()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(await kit.collect(connector, kit.make_fetch())) == len(kit.ROWS)
    assert time.monotonic() - began < 2
    await connector.close()


async def test_closing_the_stream_half_way_gives_the_connection_back(file: Path) -> None:
    connector = opened(file, connections=1)
    for _ in range(3):
        stream = connector.fetch(kit.make_fetch(batch_rows=2))
        assert len(await anext(stream)) == 2
        await stream.aclose()  # type: ignore[attr-defined]  # it is an async generator
    assert connector._engine.pool.checkedout() == 0  # type: ignore[attr-defined]  # a queue pool
    await connector.close()


async def test_a_full_source_lets_others_wait_no_longer_than_their_limit(file: Path) -> None:
    connector = opened(file, connections=1)
    held = connector.fetch(kit.make_fetch(batch_rows=2))
    await anext(held)
    with pytest.raises(SourceBusy):  # not late: nothing of the source's is to blame
        await kit.collect(connector, kit.make_fetch(seconds=0.2))
    await held.aclose()  # type: ignore[attr-defined]  # it is an async generator
    assert await kit.collect(connector, kit.make_fetch(columns=["id"], limit=1))
    await connector.close()


@pytest.mark.parametrize(
    ("field", "rubbish"),
    [
        ("name", b"\xff"),
        ("name", "a\x00b"),
        ("members", "many"),
        ("members", 1.5),
        ("active", 2),
        ("active", "Y"),
        ("born", "1.2.2026"),
        ("born", "2026-02-30"),
        ("amount", "1e3"),
        ("amount", "12,5"),
        ("seen", "2026-01-01T00:00:00+08:00"),
        ("seen", 1_700_000_000),
    ],
)
async def test_a_cell_of_the_wrong_type_is_rubbish_shown_or_deciding(file: Path, field: str, rubbish: object) -> None:
    column = kit.FIELDS[field][0]
    change(file, f"UPDATE {quoted(kit.TABLE)} SET {quoted(column)} = ? WHERE BH = 1", rubbish)
    connector = opened(file)
    with pytest.raises(SourceRubbish) as shown:
        await kit.collect(connector, kit.make_fetch(columns=[field]))
    told = shown.value.message() + shown.value.operator + repr(shown.value)
    assert str(rubbish) not in told
    assert "kit.reference" in told
    some = next(row[field] for row in kit.ROWS if row[field] is not None and row["id"] != 1)
    if rubbish != "2026-02-30":  # has a date's shape; where it only decides, it sorts by that
        where = Not(Compare(FieldName(field), Comparator.EQ, some))
        with pytest.raises(SourceRubbish):
            await kit.collect(connector, kit.make_fetch(columns=["id"], where=where))
        with pytest.raises(SourceRubbish):
            await kit.collect(connector, kit.make_fetch(columns=["id"], order=[(field, False, False)]))
    await connector.close()


@pytest.mark.parametrize(("cell", "wanted"), [(1234.56, "1234.56"), (7, "7"), (1e-05, "0.00001"), (0.1 + 0.2, None)])
async def test_a_real_cell_is_the_decimal_that_was_written_or_refused(
    tmp_path: Path, cell: float, wanted: str | None
) -> None:
    change(tmp_path / "r.db", 'CREATE TABLE t (BH INTEGER, "je%s" DECIMAL(10, 2))')
    change(tmp_path / "r.db", "INSERT INTO t VALUES (1, ?)", cell)
    connector = opened(tmp_path / "r.db")
    where = Compare(FieldName("amount"), Comparator.EQ, kit.Decimal(wanted or 0))
    fetch = kit.make_fetch(table="t", columns=["amount"], where=where)
    if wanted is None:
        with pytest.raises(SourceRubbish):
            await kit.collect(connector, fetch)
    else:
        assert await kit.collect(connector, fetch) == [(kit.Decimal(wanted),)]
    await connector.close()


@pytest.mark.parametrize("sick", ["missing", "garbage", "no table", "no column", "utf-16"])
async def test_a_sick_database_names_the_dataset_only(tmp_path: Path, sick: str) -> None:
    file = tmp_path / "secret-place.db"
    match sick:
        case "missing":
            pass
        case "garbage":
            file.write_bytes(b"this is no database, but it is long enough to be looked at" * 40)
        case "no table":
            change(file, "CREATE TABLE other (x)")
        case "no column":
            change(file, f"CREATE TABLE {quoted(kit.TABLE)} (x)")
        case _:
            with contextlib.closing(sqlite3.connect(file)) as database:
                database.execute("PRAGMA encoding='UTF-16le'")
                database.execute("CREATE TABLE other (x)")
                database.commit()
    connector = opened(file)
    with pytest.raises(SourceFailed) as failed:
        await kit.collect(connector, kit.make_fetch())
    assert isinstance(failed.value, SourceUnavailable if sick == "missing" else SourceRubbish)
    told = failed.value.message() + failed.value.operator + repr(connector)
    assert "secret-place" not in told
    assert "SELECT" not in told
    if sick == "missing":
        assert not file.exists()
        with pytest.raises(SourceFailed):
            await connector.health()
    await connector.close()


async def test_health_and_description_are_real(file: Path) -> None:
    connector = opened(file)
    await connector.health()
    (table,) = await connector.describe()
    assert table.table == kit.TABLE
    assert table.key == ("BH",)
    assert ("区 划", FieldType.TEXT) in table.columns
    await connector.close()
    with pytest.raises(SourceUnavailable):
        await connector.health()


def test_the_region_filter_and_a_key_look_up_use_an_index(tmp_path: Path) -> None:
    change(tmp_path / "i.db", "CREATE TABLE t (a TEXT PRIMARY KEY) WITHOUT ROWID")
    known = {FieldName("region"): kit.SourceColumn(field=FieldName("region"), column="a", type=FieldType.TEXT)}
    connector = SqlConnector.open(SOURCE, {"folder": str(tmp_path), "file": "i.db"})
    for where in (
        Under(FieldName("region"), ("330102",)),
        Compare(FieldName("region"), Comparator.EQ, "330102"),
        OneOf(FieldName("region"), ("330102", "330103")),
    ):
        fetch = kit.replace(kit.make_fetch(table="t", columns=[], where=where), known=known)
        select = compile_fetch(fetch, connector._dialect, None).select
        compiled: Any = select.compile(bind=connector._engine, compile_kwargs={"render_postcompile": True})
        with contextlib.closing(connect_plainly(tmp_path / "i.db")) as database:
            values = [compiled.params[name] for name in compiled.positiontup or ()]
            plan = database.execute(f"EXPLAIN QUERY PLAN {compiled}", values).fetchall()
        assert "SEARCH" in str(plan)


def connect_plainly(file: Path) -> sqlite3.Connection:
    connection = connect_read_only(file)()
    connection.set_authorizer(None)  # EXPLAIN is not among what it admits
    return connection


@pytest.mark.parametrize(
    ("dialect", "engine"),
    [(POSTGRESQL, postgresql.dialect), (MARIADB, mysql.dialect), (MYSQL, mysql.dialect)],
    ids=["postgresql", "mariadb", "mysql"],
)
def test_the_same_fetch_compiles_for_other_engines(dialect: Dialect, engine: Any) -> None:
    hostile = "'; DROP TABLE x; --"
    where = AllOf(
        (
            Compare(FieldName("name"), Comparator.GT, hostile),
            Like(FieldName("name"), hostile, ignores_case=False),
            OneOf(FieldName("amount"), (kit.Decimal("1.5"), kit.Decimal(2))),
            Not(Under(FieldName("region"), ("330102",))),
        )
    )
    form = IfShape((Shape(("1", "35")),), Concat((Left(3), Constant(hostile), Right(4))), Column())
    masked = FetchColumn(source=kit.KNOWN[FieldName("name")], form=form)
    plain = kit.make_fetch(columns=["id", masked], where=where, order=[("name", True, False)], limit=3, offset=1)
    grouped = kit.make_fetch(columns=["name", masked], aggregates=tuple(kit.aggregates()), where=where)
    for fetch in (plain, grouped):
        statement = compile_fetch(fetch, dialect, "my schema")
        sql = str(statement.select.compile(dialect=engine(), compile_kwargs={"render_postcompile": True}))
        assert hostile not in sql
        assert "my schema" in sql
        assert dialect.collation in sql
        assert "ESCAPE" in sql


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({}, "url"),
        ({"folder": "/srv", "file": "a.db", "pasword": "hunter2"}, "pasword"),
        ({"folder": "/srv", "file": "../hunter2.db"}, "file"),
        ({"folder": "relative/hunter2", "file": "a.db"}, "folder"),
        ({"url": "sqlite:////hunter2.db"}, "url"),
        ({"url": "hunter2"}, "url"),
        ({"url": "oracle://u:hunter2@h/x"}, "url"),
        ({"url_env": "LANGQIAO_TEST_NOT_SET_hunter2"}, "url_env"),
        ({"url_file": "/nowhere/hunter2"}, "url_file"),
        ({"url_file": "/nowhere/hunter2", "url_env": "X"}, "url_file"),
        ({"folder": "/srv", "file": "a.db", "connections": "hunter2"}, "connections"),
    ],
)
def test_a_wrong_option_is_named_and_its_value_is_not(options: dict[str, object], named: str) -> None:
    with pytest.raises(SettingsInvalid) as refused:
        SqlConnector.open(SOURCE, options)
    assert f"`{named}`" in refused.value.message()
    assert "hunter2" not in str(refused.value) + repr(refused.value) + str(refused.value.__cause__)


def test_a_password_is_in_no_repr(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGQIAO_TEST_URL", "postgresql+psycopg://reader:hunter2@db.internal/civil")
    connector = SqlConnector.open(SOURCE, {"url_env": "LANGQIAO_TEST_URL", "schema": "public"})
    assert "hunter2" not in repr(connector) + repr(vars(connector))
    assert "db.internal" not in repr(connector)
