"""`langqiao discover` on a real MariaDB: keys, comments, estimates, labels by content; and no value of it anywhere."""

from collections.abc import Iterator

import pytest
import yaml

from tests.commands import run
from tests.discovery.content import cells
from tests.mariadb_server import MariadbServer, mariadb_server

CONTENT = {"sfzh": "id", "xm": "name", "lxdh": "mobile", "zz": "address"}


@pytest.fixture(scope="module")
def server() -> Iterator[MariadbServer]:
    with mariadb_server() as running:
        yield running


@pytest.mark.parametrize("scheme", ["mariadb", "mysql"])
def test_a_department_is_proposed(server: MariadbServer, scheme: str) -> None:
    database = server.fresh_database()
    columns = [cells(kind, number) for number, kind in enumerate(CONTENT.values())]
    rows = [(number, *row) for number, row in enumerate(zip(*columns, strict=True))]
    server.run(
        "CREATE TABLE t_hj (bh int PRIMARY KEY, sfzh varchar(30), xm varchar(50) COMMENT '姓名', lxdh varchar(30),"
        " zz varchar(200)) COMMENT '户籍人员'",
        "CREATE TABLE t_bg (id int PRIMARY KEY, bh int, FOREIGN KEY (bh) REFERENCES t_hj (bh))",
        ("INSERT INTO t_hj VALUES (%s, %s, %s, %s, %s)", rows),
        database=database,
    )
    address = server.url(database).replace("mysql://", f"{scheme}://")
    ran = run("discover", address, "--department", "housing", "--yaml")
    assert ran.returncode == 0, ran.stderr
    datasets = yaml.safe_load(ran.stdout)["datasets"]
    people = next(one for one in datasets.values() if one["table"] == "t_hj")
    assert people["title"]["zh"] == "户籍人员"
    told = {field.get("column", name): field for name, field in people["fields"].items()}
    terms = {column: told[column].get("term") for column in CONTENT}
    assert terms == {
        "sfzh": "person.id_number", "xm": "person.name", "lxdh": "person.phone", "zz": "person.address",
    }  # fmt: skip
    assert people["key"] == [name for name, field in people["fields"].items() if field.get("column", name) == "bh"]
    changes = next(one for one in datasets.values() if one["table"] == "t_bg")
    assert "links" in changes
    for value in columns[0][:20]:
        assert str(value) not in ran.stdout + ran.stderr
    assert server.password not in ran.stdout + ran.stderr
