"""A source's trial on the real things: what works, what doesn't, the fix; never a row, an address or a secret."""

import os
import socket
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors._sql_diagnosis import tell_mariadb, writing_privileges
from connectors._told import clock_found
from connectors.files import FilesConnector
from connectors.mariadb import MariadbConnector
from connectors.postgresql import PostgresqlConnector
from connectors.rest import RestConnector
from connectors.sql import SqlConnector
from gateway.model.catalog import FieldType
from gateway.model.ids import FieldName, SourceName
from gateway.sources import try_source
from gateway.spi import Connector, Finding, Outcome, PromisedTable
from tests.connectors import kit
from tests.connectors.sources import Business, serving, write_csv, write_postgresql, write_sqlite
from tests.mariadb_server import mariadb_server
from tests.postgres_server import Server, postgres_server

NAME = SourceName("civil-db")
COLUMNS = tuple(kit.KNOWN[FieldName(field)] for field in ("id", "name", "amount", "seen"))
PROMISED = PromisedTable(dataset="civil.assistance", table=kit.TABLE, columns=COLUMNS)


async def tried(connector: Connector, *promised: PromisedTable) -> list[Finding]:
    try:
        found = [finding async for finding in try_source(connector, promised)]
    finally:
        await connector.close()
    told = str(found)
    assert not any(secret in told for secret in ("hunter2", "s3cret", "张三", "O'Brien", "127.0.0.1", "/tmp/"))
    for finding in found:
        assert all(finding.told)
        assert finding.outcome is Outcome.GOOD or all(finding.fix)
    return found


def steps(found: list[Finding]) -> list[tuple[str, str]]:
    return [(finding.step, finding.outcome.value) for finding in found]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with postgres_server() as server:
        yield server


async def test_a_postgresql_account_that_could_write_is_doubtful_and_a_reader_is_good(server: Server) -> None:
    url = write_postgresql(server)
    database = url.rpartition("/")[2]
    found = await tried(SqlConnector.open(NAME, {"url": url}), PROMISED)
    assert steps(found) == [
        ("dns", "good"), ("tcp", "good"), ("sign-in", "good"), ("read-only", "doubtful"), ("tls", "doubtful"),
        ("clock", "good"), ("table", "good"), ("push-down", "good"),
    ]  # fmt: skip
    assert "is a superuser" in found[3].told[0]
    assert "masks" in found[-1].told[0]
    with server.connect(database) as connection:
        connection.execute("CREATE ROLE reader LOGIN PASSWORD 'hunter2'")
        connection.execute(f"GRANT CONNECT ON DATABASE {database} TO reader")
        connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader")
    theirs = url.replace(f"tester:{server.password}", "reader:hunter2")
    found = await tried(SqlConnector.open(NAME, {"url": theirs}), PROMISED)
    assert ("read-only", "good") in steps(found)
    with server.connect(database) as connection:
        connection.execute("GRANT UPDATE ON ALL TABLES IN SCHEMA public TO reader")
    found = await tried(SqlConnector.open(NAME, {"url": theirs}), PROMISED)
    (doubt,) = [finding for finding in found if finding.step == "read-only"]
    assert doubt.told[0] == "the account may write to 1 tables"


async def test_the_asynchronous_kinds_tell_the_same_of_an_account(server: Server) -> None:
    url = write_postgresql(server)
    database = url.rpartition("/")[2]
    plain = url.replace("+psycopg", "")
    found = await tried(PostgresqlConnector.open(NAME, {"url": plain}), PROMISED)
    assert steps(found)[:6] == [
        ("dns", "good"), ("tcp", "good"), ("sign-in", "good"), ("read-only", "doubtful"), ("tls", "doubtful"),
        ("clock", "good"),
    ]  # fmt: skip
    assert "is a superuser" in found[3].told[0]
    with server.connect(database) as connection:
        connection.execute("CREATE ROLE only_reader LOGIN PASSWORD 'hunter2'")
        connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO only_reader")
    theirs = plain.replace(f"tester:{server.password}", "only_reader:hunter2")
    assert ("read-only", "good") in steps(await tried(PostgresqlConnector.open(NAME, {"url": theirs}), PROMISED))
    wrong = plain.replace(server.password, "s3cret")
    assert steps(await tried(PostgresqlConnector.open(NAME, {"url": wrong}), PROMISED)) == [
        ("dns", "good"), ("tcp", "good"), ("sign-in", "bad"),
    ]  # fmt: skip


async def test_a_mariadb_account_that_could_write_is_doubtful_and_a_reader_is_good() -> None:
    with mariadb_server() as server:
        database = server.fresh_database()
        server.run(
            "CREATE TABLE t (id INT PRIMARY KEY)",
            "CREATE USER reader@'127.0.0.1' IDENTIFIED BY 'hunter2'",
            f"GRANT SELECT ON {database}.* TO reader@'127.0.0.1'",
            database=database,
        )
        url = server.url(database)
        found = await tried(MariadbConnector.open(NAME, {"url": url}))
        assert [step for step, _ in steps(found)][:6] == ["dns", "tcp", "sign-in", "read-only", "tls", "clock"]
        assert ("read-only", "doubtful") in steps(found)
        theirs = f"mariadb://reader:hunter2@127.0.0.1:{server.port}/{database}"
        found = await tried(MariadbConnector.open(NAME, {"url": theirs}))
        assert ("read-only", "good") in steps(found)
        assert ("clock", "good") in steps(found)


async def test_what_bars_the_rest_ends_the_trial(server: Server) -> None:
    url = write_postgresql(server)
    wrong = url.replace(server.password, "hunter2")
    assert steps(await tried(SqlConnector.open(NAME, {"url": wrong}), PROMISED)) == [
        ("dns", "good"), ("tcp", "good"), ("sign-in", "bad"),
    ]  # fmt: skip
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        closed = url.replace(f":{server.port}/", f":{free.getsockname()[1]}/")
        assert steps(await tried(SqlConnector.open(NAME, {"url": closed}), PROMISED)) == [
            ("dns", "good"), ("tcp", "bad"),
        ]  # fmt: skip
    nowhere = url.replace("127.0.0.1", "no-such-host.invalid")
    assert steps(await tried(SqlConnector.open(NAME, {"url": nowhere}), PROMISED)) == [("dns", "bad")]


async def test_columns_and_tables_that_are_not_as_promised_are_named(server: Server) -> None:
    url = write_postgresql(server)
    gone = replace(COLUMNS[0], column="no_such")
    found = await tried(SqlConnector.open(NAME, {"url": url}), replace(PROMISED, columns=(*COLUMNS, gone)))
    assert [one.told[0] for one in found if one.outcome is Outcome.BAD] == [
        "civil.assistance: the table has no column `no_such` (field `id`)"
    ]
    wrong = replace(COLUMNS[1], type=FieldType.INTEGER)
    found = await tried(SqlConnector.open(NAME, {"url": url}), replace(PROMISED, columns=(COLUMNS[0], wrong)))
    (bad,) = [one for one in found if one.outcome is Outcome.BAD]
    assert bad.told[0].startswith("civil.assistance: `X\"M` can't be read as integer")
    found = await tried(SqlConnector.open(NAME, {"url": url}), replace(PROMISED, table="no_such_table"))
    assert [one.step for one in found if one.outcome is Outcome.BAD][:1] == ["table"]


async def test_sqlite(tmp_path: Path) -> None:
    write_sqlite(tmp_path / "civil.db")
    options = {"folder": str(tmp_path), "file": "civil.db"}
    found = await tried(SqlConnector.open(NAME, options), PROMISED)
    (may_write,) = [one for one in found if one.step == "read-only"]
    assert may_write.outcome is (Outcome.DOUBTFUL if os.access(tmp_path / "civil.db", os.W_OK) else Outcome.GOOD)
    assert found[-1].step == "push-down"
    found = await tried(SqlConnector.open(NAME, {**options, "file": "gone.db"}), PROMISED)
    assert steps(found) == [("sign-in", "bad")]
    empty = tmp_path / "empty.db"
    write_sqlite(empty, [])
    found = await tried(SqlConnector.open(NAME, {**options, "file": "empty.db"}), PROMISED)
    assert ("table", "doubtful") in steps(found)


async def test_files_and_a_source_without_datasets(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv")
    found = await tried(FilesConnector.open(NAME, {"folder": str(tmp_path)}), replace(PROMISED, table="*.csv"))
    assert {outcome for step, outcome in steps(found) if step != "read-only"} == {"good"}
    found = await tried(FilesConnector.open(NAME, {"folder": str(tmp_path)}))
    assert steps(found)[-1] == ("table", "doubtful")


def rest(host: str, token: Path, **others: Any) -> RestConnector:
    token.write_text("s3cret")
    table = {"path": "/e", "rows": "data.records", "total": "data.total", "page_size": 9, "filters": {"BH": "id"}}
    options = {"base_url": f"http://{host}", "host_allow": [host], "token_file": str(token), **others}
    return RestConnector.open(NAME, {**options, "tables": {kit.TABLE: table}})


async def test_a_service(tmp_path: Path) -> None:
    service = Business({"BH": "id"})
    with serving(service) as host:
        found = await tried(rest(host, tmp_path / "token"), PROMISED)
        assert steps(found) == [
            ("dns", "good"), ("tcp", "good"), ("tls", "doubtful"), ("clock", "good"), ("sign-in", "good"),
            ("table", "good"), ("push-down", "good"),
        ]  # fmt: skip
        assert found[-1].told[0] == "civil.assistance: done at the source: filters on BH, pages"
        service.token = "another"
        found = await tried(rest(host, tmp_path / "token"), PROMISED)
        assert steps(found)[-1] == ("sign-in", "bad")
        assert "not let in" in found[-1].told[0]
        service.token = "s3cret"
        wrong = replace(PROMISED, columns=(COLUMNS[0], replace(COLUMNS[1], type=FieldType.DATE)))
        found = await tried(rest(host, tmp_path / "token"), wrong)
        assert [one.told[0] for one in found if one.outcome is Outcome.BAD] == [
            'civil.assistance: `X"M` can\'t be read as date: column `X"M`: a cell is no date'
        ]


async def test_a_certificate_that_nobody_vouches_for_is_told(tmp_path: Path) -> None:
    """A plain port is no TLS; the words come from the handshake itself."""
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        host = f"127.0.0.1:{listener.getsockname()[1]}"
        connector = RestConnector.open(
            NAME,
            {
                "base_url": f"https://{host}",
                "host_allow": [host],
                "connect_seconds": 0.3,
                "tables": {kit.TABLE: {"path": "/e"}},
            },
        )
        assert steps(await tried(connector, PROMISED)) == [("dns", "good"), ("tcp", "good"), ("tls", "bad")]


def test_a_clock_that_is_off_is_doubtful() -> None:
    assert clock_found(4.9, 0.0).outcome is Outcome.GOOD
    assert clock_found(-400, 1.0).outcome is Outcome.DOUBTFUL


@pytest.mark.parametrize(
    ("grants", "more"),
    [
        (["GRANT USAGE ON *.* TO `r`@`%` IDENTIFIED BY PASSWORD '*0'", "GRANT SELECT, SHOW VIEW ON `d`.* TO `r`"], []),
        (["GRANT ALL PRIVILEGES ON *.* TO `root`@`%` WITH GRANT OPTION"], ["ALL PRIVILEGES", "GRANT OPTION"]),
        (["GRANT SELECT (`a`, `b`), UPDATE (`c`, `d`) ON `d`.`t` TO `r`@`%`"], ["UPDATE"]),
        (["GRANT `readers` TO `r`@`%`", "SET DEFAULT ROLE `readers` FOR `r`@`%`"], []),
        (["GRANT SELECT, INSERT, DROP ON `d`.* TO `r`@`%`"], ["DROP", "INSERT"]),
        (["GRANT PROXY ON ''@'%' TO 'root'@'localhost' WITH GRANT OPTION"], ["GRANT OPTION", "PROXY"]),
        (["REVOKE x ON y"], ["something that can't be read"]),
        (["GRANT `ro` TO `r`@`%`", "GRANT USAGE ON *.* TO `ro`", "GRANT SELECT, INSERT ON `d`.* TO `ro`"], ["INSERT"]),
        (
            [
                "GRANT SELECT, INSERT, CREATE TEMPORARY TABLES, DELETE HISTORY ON `test`.* TO PUBLIC",
                "GRANT SELECT, INSERT, CREATE TEMPORARY TABLES, DELETE HISTORY ON `test\\\\_%`.* TO PUBLIC",
            ],
            [],
        ),
        (["GRANT SELECT, INSERT ON `civil`.* TO PUBLIC"], ["INSERT"]),
    ],
)  # fmt: skip
def test_what_mariadb_grants_beyond_reading(grants: list[str], more: list[str]) -> None:
    """Lines as MariaDB 10.11 writes them."""
    assert writing_privileges(grants) == more


def test_mariadb_is_told_like_the_others() -> None:
    answers: dict[str, Any] = {
        "grants": [("GRANT SELECT ON `d`.* TO `r`@`%`",)],
        "tls": [("Ssl_cipher", "")],
        "clock": [(datetime.fromisoformat("2026-01-01T08:00:00"),)],
    }
    found = tell_mariadb(answers, datetime(2026, 1, 1, tzinfo=UTC))
    assert steps(found) == [("read-only", "good"), ("tls", "doubtful"), ("clock", "doubtful")]
