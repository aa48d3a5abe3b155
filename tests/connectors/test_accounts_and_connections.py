"""The accounts of connectors/README.md, pasted as they stand; connections that the server closed; TLS to MariaDB."""

import asyncio
import re
import sys
import tempfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from connectors.mariadb import MariadbConnector
from connectors.postgresql import PostgresqlConnector
from connectors.testing import collect, make_fetch
from gateway.errors import SettingsInvalid, SourceFailed
from gateway.model.catalog import FieldType
from gateway.model.ids import FieldName, SourceName
from gateway.model.plan import Fetch, FetchColumn, SourceColumn
from gateway.sources import open_source
from gateway.spi import Connector
from tests.mariadb_server import MariadbServer, mariadb_server
from tests.postgres_server import Server

README = (Path(__file__).parents[2] / "connectors" / "README.md").read_text(encoding="utf-8")
NAME = SourceName("account")


def pasted(database: str) -> list[str]:
    """The statements that the page gives for a database, with a password in place of `…`."""
    blocks: dict[str, str] = dict(re.findall(r"^-- ([^\n]*)\n(.*?)(?=^-- |^```)", README, re.MULTILINE | re.DOTALL))
    text = re.sub(r"--[^\n]*", "", blocks[database]).replace("…", "p4ssw0rd")
    return [one.strip() for one in text.split(";") if one.strip()]


def column(table: str, name: str) -> Fetch:
    source = SourceColumn(field=FieldName("n"), column=name, type=FieldType.TEXT)
    asked = make_fetch(table=table, columns=[FetchColumn(source=source)], limit=5)
    return replace(asked, known={source.field: source})


async def asked(connector: Connector, *fetches: Fetch) -> list[object]:
    try:
        return [await collect(connector, fetch) for fetch in fetches]
    finally:
        await connector.close()


def test_the_account_for_postgresql_reads_what_it_was_granted(postgresql: Server) -> None:
    url = postgresql.fresh_database()
    database = url.rpartition("/")[2]
    with postgresql.connect(database) as admin:
        admin.execute("CREATE TABLE public.t_jzrk (xm text, sfzh text, dz text, mm text)")
        admin.execute("INSERT INTO t_jzrk VALUES ('张三', '1', '2', 'secret')")
        for statement in pasted("PostgreSQL"):
            admin.execute(statement.replace("hukou", database))
    own = f"postgresql://langqiao_reader:p4ssw0rd@127.0.0.1:{postgresql.port}/{database}"
    assert asyncio.run(asked(PostgresqlConnector.open(NAME, {"url": own}), column("t_jzrk", "xm"))) == [[("张三",)]]
    with pytest.raises(SourceFailed):
        asyncio.run(asked(PostgresqlConnector.open(NAME, {"url": own}), column("t_jzrk", "mm")))


def test_the_account_for_mariadb_reads_what_it_was_granted(tmp_path: Path) -> None:
    """It demands TLS, so the server has a certificate here, and the connector checks it."""
    authority = write_certificates(tmp_path)
    options = [f"--ssl-{name}={tmp_path}/{file}" for name, file in (("cert", "cert.pem"), ("key", "key.pem"))]
    shared = Path(tempfile.gettempdir()).resolve()
    for file in (tmp_path, *tmp_path.iterdir(), *(one for one in tmp_path.parents if shared in one.parents)):
        file.chmod(0o755)  # the server runs as somebody else
    with mariadb_server(*options) as server:
        server.run(
            "CREATE DATABASE minzheng CHARACTER SET utf8mb4", "CREATE TABLE minzheng.t_dibao (xm text)",
            "CREATE TABLE minzheng.t_hunyin (xm text, sfzh text, mm text)",
            "INSERT INTO minzheng.t_dibao VALUES ('李四')",
            "INSERT INTO minzheng.t_hunyin VALUES ('王五', '1', 'secret')",
            *(statement.replace("10.0.0.%", "127.0.0.%") for statement in pasted("MariaDB, MySQL")),
        )  # fmt: skip
        options_of = {
            "url": f"mysql://langqiao_reader:p4ssw0rd@127.0.0.1:{server.port}/minzheng", "tls_ca": str(authority),
        }  # fmt: skip
        found = asyncio.run(
            asked(MariadbConnector.open(NAME, options_of), column("t_dibao", "xm"), column("t_hunyin", "xm"))
        )
        assert found == [[("李四",)], [("王五",)]]
        for broken in (
            {**options_of, "tls_ca": str(write_certificates(tmp_path / "other"))},  # another authority
            {"url": options_of["url"], "tls": "disable"},  # which the account does not admit
        ):
            with pytest.raises(SourceFailed):
                asyncio.run(asked(MariadbConnector.open(NAME, broken), column("t_dibao", "xm")))
        with pytest.raises(SourceFailed):
            asyncio.run(asked(MariadbConnector.open(NAME, options_of), column("t_hunyin", "mm")))


def write_certificates(folder: Path) -> Path:
    """An authority of its own and a server's certificate; gives the authority's file."""
    folder.mkdir(exist_ok=True)
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in ("authority", "127.0.0.1")]
    now = datetime.now(UTC)  # noqa: TID251  # a certificate is judged by the machine's clock
    for at, file in enumerate(("ca.pem", "cert.pem")):
        made = (
            x509.CertificateBuilder()
            .subject_name(names[at])
            .issuer_name(names[0])
            .public_key(keys[at].public_key())
            .serial_number(at + 1)
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=at == 0, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(keys[at].public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(keys[0].public_key()), critical=False)
            .sign(keys[0], hashes.SHA256())
        )
        (folder / file).write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        keys[1].private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return folder / "ca.pem"


async def test_a_connection_that_the_server_closed_is_not_used_again(postgresql: Server) -> None:
    url = postgresql.fresh_database()
    database = url.rpartition("/")[2]
    with postgresql.connect(database) as admin:
        admin.execute("CREATE TABLE t AS SELECT '张三'::text AS xm")
        connector = PostgresqlConnector.open(NAME, {"url": url, "connections": 1})
        for _ in range(3):
            assert await collect(connector, column("t", "xm")) == [("张三",)]
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                " AND pid <> pg_backend_pid()"
            )
            (connection,) = connector._pool()._idle
            async with asyncio.timeout(10):
                while not connection.is_closed():
                    await asyncio.sleep(0.01)
        await connector.close()


async def test_a_changed_password_counts_for_the_next_connection(postgresql: Server, tmp_path: Path) -> None:
    url = postgresql.fresh_database()
    database = url.rpartition("/")[2]
    secret = tmp_path / "url"
    with postgresql.connect(database) as admin:
        admin.execute("DROP ROLE IF EXISTS turned")
        admin.execute("CREATE ROLE turned LOGIN PASSWORD 'old'")
        secret.write_text(f"postgresql://turned:old@127.0.0.1:{postgresql.port}/{database}\n")
        connector = PostgresqlConnector.open(NAME, {"url_file": str(secret), "connections": 1})
        await connector.health()
        admin.execute("ALTER ROLE turned PASSWORD 'new'")
        connector._pool()._idle.pop().terminate()
        with pytest.raises(SourceFailed) as refused:
            await connector.health()
        assert "old" not in refused.value.message() + str(refused.value.operator)
        secret.write_text(f"postgresql://turned:new@127.0.0.1:{postgresql.port}/{database}\n")
        await connector.health()
        await connector.close()


async def test_more_questions_than_connections_wait_for_their_turn(mariadb: MariadbServer, postgresql: Server) -> None:
    database = mariadb.fresh_database()
    mariadb.run("CREATE TABLE t AS SELECT 'x' AS xm", database=database)
    url = postgresql.fresh_database()
    with postgresql.connect(url.rpartition("/")[2]) as admin:
        admin.execute("CREATE TABLE t AS SELECT 'x'::text AS xm")
    for connector in (
        MariadbConnector.open(NAME, {"url": mariadb.url(database), "connections": 2}),
        PostgresqlConnector.open(NAME, {"url": url, "connections": 2}),
    ):
        found = await asyncio.gather(*(collect(connector, column("t", "xm")) for _ in range(40)))
        assert found == [[("x",)]] * 40
        assert connector._pool().busy == 0
        assert 1 <= len(connector._pool()._idle) <= 2
        await connector.close()
        with pytest.raises(SourceFailed):
            await collect(connector, column("t", "xm"))


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({}, "url"),
        ({"url": "hunter2"}, "url"),
        ({"url": "mysql://u:hunter2@h/d"}, "url"),
        ({"url": "postgresql://h/d", "tls": "hunter2"}, "tls"),
        ({"url": "postgresql://h/d", "tls_key": "/x/hunter2"}, "tls_key"),
        ({"url": "postgresql://h/d", "statement_seconds": "hunter2"}, "statement_seconds"),
        ({"url": "postgresql://h/d", "pasword": "hunter2"}, "pasword"),
        ({"url_env": "LANGQIAO_TEST_NOT_SET_hunter2"}, "url_env"),
    ],
)
def test_a_wrong_option_is_named_and_its_value_is_not(options: dict[str, object], named: str) -> None:
    with pytest.raises(SettingsInvalid) as refused:
        PostgresqlConnector.open(NAME, options)
    assert f"`{named}`" in refused.value.message()
    assert "hunter2" not in str(refused.value) + repr(refused.value) + str(refused.value.__cause__)


def test_a_kind_whose_driver_is_not_installed_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "connectors.postgresql")
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    with pytest.raises(SettingsInvalid) as refused:
        open_source(NAME, "postgresql", {"url": "postgresql://h/d"})
    assert "libraries" in refused.value.message()


def test_a_password_is_in_no_repr() -> None:
    for kind, scheme in ((PostgresqlConnector, "postgresql"), (MariadbConnector, "mysql")):
        connector = kind.open(NAME, {"url": f"{scheme}://reader:hunter2@db.internal/civil"})
        assert "hunter2" not in repr(connector) + repr(vars(connector))
        assert "db.internal" not in repr(connector)
