"""`langqiao discover` on real sources: labels, drift and hostile schemas, and no value of a source anywhere."""

import csv
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

from gateway.catalog import load_catalog
from gateway.model.ids import DatasetName, FieldName
from tests.commands import Done, process, run
from tests.discovery.content import cells
from tests.postgres_server import Server, postgres_server

TABLE = """
    CREATE TABLE t_ry (
        bh integer PRIMARY KEY, sfzh text, xm text, lxdh text, yhkh text, zz text, bz text, je numeric(10, 2), csrq date
    );
    COMMENT ON TABLE t_ry IS '人员信息';
    COMMENT ON COLUMN t_ry.xm IS '姓名';
    CREATE TABLE t_zf (id integer PRIMARY KEY, ry integer REFERENCES t_ry (bh));
"""
CONTENT = {
    "sfzh": "id", "xm": "name", "lxdh": "mobile", "yhkh": "card", "zz": "address", "bz": "text_persons",
    "je": "amount", "csrq": "birth",
}  # fmt: skip


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="module")
def people(server: Server) -> str:
    """The address of a database with a table of made-up people. Nobody changes it."""
    return _peopled(server)


def _peopled(server: Server) -> str:
    url = server.fresh_database()
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(TABLE.encode())
        columns = [cells(kind, number) for number, kind in enumerate(CONTENT.values())]
        rows = [(number, *row) for number, row in enumerate(zip(*columns, strict=True))]
        with connection.cursor() as cursor:
            cursor.executemany("INSERT INTO t_ry VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)", rows)
        connection.execute(b"ANALYZE")
    return url


def _run(*words: str) -> Done:
    return run("discover", *words)


def _tables(*words: str) -> dict[str, dict[str, Any]]:
    done = _run(*words, "--json")
    assert done.returncode == 0, done.stderr
    return {table["table"]: table for table in map(json.loads, done.stdout.splitlines())}


def _terms(table: dict[str, Any]) -> dict[str, str]:
    return {column["name"]: column["term"] for column in table["columns"] if column["term"]}


# ------------------------------------------------------------------ what it tells
def test_a_postgresql_table_is_told_with_terms_and_classes(people: str) -> None:
    tables = _tables(people)
    assert _terms(tables["t_ry"]) == {
        "sfzh": "person.id_number",
        "xm": "person.name",
        "lxdh": "person.phone",
        "yhkh": "person.bank_card",
        "zz": "person.address",
        "je": "money.amount",
        "csrq": "person.birth_date",
    }
    classes = {column["name"]: column["class"] for column in tables["t_ry"]["columns"]}
    assert classes["bz"] == classes["sfzh"] == "sensitive"
    assert classes["bh"] == "internal"
    assert (tables["t_ry"]["rows"], tables["t_ry"]["rows_exact"]) == (120, True)
    assert tables["t_ry"]["comment"] == "人员信息"
    (key,) = tables["t_zf"]["foreign_keys"]
    assert (key["columns"], key["to"], key["to_columns"]) == (["ry"], "t_ry", ["bh"])


def test_row_estimates_come_from_the_server(people: str) -> None:
    tables = _tables(people, "--rows", "10")
    assert (tables["t_ry"]["rows"], tables["t_ry"]["rows_exact"], tables["t_ry"]["sampled"]) == (120, False, 10)


def test_the_proposal_grants_nothing_and_says_why(people: str, tmp_path: Path) -> None:
    done = _run(people, "--department", "ry", "--bundle", str(tmp_path / "b"))
    assert done.returncode == 0, done.stderr
    catalog = load_catalog(tmp_path / "b")
    dataset = catalog.datasets[DatasetName("ry.t_ry")]
    assert dataset.subject == "sfzh"
    assert dataset.fields[FieldName("xm")].title.zh == "姓名"
    assert "allow" not in (tmp_path / "b/rules/ry.csv").read_text(encoding="utf-8")
    assert "GB 11643" in (tmp_path / "b/catalog/ry.yaml").read_text(encoding="utf-8")
    shown = _run(people, "--department", "ry", "--yaml", "--language", "en").stdout
    assert yaml.safe_load(shown)["datasets"]["t_ry"]["fields"]["sfzh"]["term"] == "person.id_number"
    assert "pass the GB 11643 check" in shown


def test_no_value_of_the_source_is_told_or_kept(people: str, tmp_path: Path) -> None:
    said = []
    for words in ((), ("--json",), ("--yaml",)):
        done = _run(people, *words)
        assert done.returncode == 0
        said.append(done.stdout + done.stderr)
    for more in ((), ("--department", "ry", "--bundle", str(tmp_path / "b"))):
        loud = process("discover", people, *more, LANGQIAO_TELEMETRY__LOG_LEVEL="DEBUG", SQLALCHEMY_ECHO="1")
        assert loud.returncode == 0
        said.append(loud.stdout + loud.stderr)
    drift = _run(people, "--against", str(tmp_path / "b"), "--department", "ry")
    said.append(drift.stdout + drift.stderr)
    said += [path.read_text(encoding="utf-8") for path in (tmp_path / "b").rglob("*") if path.is_file()]
    everything = "\n".join(said)
    for number, (column, kind) in enumerate(CONTENT.items()):
        for cell in cells(kind, number):
            if cell is not None and len(str(cell)) > 1:
                assert str(cell) not in everything or column == "xm", column
    # a short name may be a word of the page by chance: those of three characters and more hardly are
    assert not [name for name in cells("name", 1) if len(str(name)) > 2 and str(name) in everything]


def test_without_samples_no_row_is_read(people: str) -> None:
    columns = {column["name"]: column for column in _tables(people, "--no-sample")["t_ry"]["columns"]}
    assert columns["sfzh"]["confidence"] < 0.9
    assert columns["bz"]["class"] == "internal"


# ------------------------------------------------------------------ drift
def test_drift_ends_with_three_and_none_with_zero(server: Server, tmp_path: Path) -> None:
    people, bundle = _peopled(server), str(tmp_path / "b")
    assert _run(people, "--department", "ry", "--bundle", bundle).returncode == 0
    against = ("--against", bundle, "--department", "ry", "--json")
    same = _run(people, *against)
    assert (same.returncode, json.loads(same.stdout)) == (0, {"drift": []}), same.stdout
    with psycopg.connect(people.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(
            b"ALTER TABLE t_ry ADD sjhm text; ALTER TABLE t_ry ALTER je TYPE text; CREATE TABLE xin (id int);"
            b"ALTER TABLE t_zf DROP CONSTRAINT t_zf_pkey; ALTER TABLE t_zf ADD PRIMARY KEY (ry)"
        )
    changed = _run(people, *against)
    assert changed.returncode == 3
    assert "GW761" in changed.stderr
    assert {(one["kind"], one["table"], one["column"]) for one in json.loads(changed.stdout)["drift"]} == {
        ("column-new", "t_ry", "sjhm"),
        ("type-changed", "t_ry", "je"),
        ("key-changed", "t_zf", None),
        ("table-new", "xin", None),
    }
    meant = ("--ignore", "xin", "--ignore", "t_ry.*", "--ignore", "t_zf")
    assert _run(people, *against, *meant).returncode == 0
    unknown = _run(people, "--against", bundle, "--department", "other")
    assert (unknown.returncode, "GW762" in unknown.stderr) == (1, True)


# ------------------------------------------------------------------ other kinds of source
def test_a_sqlite_file(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "a.db") as connection:
        connection.execute("CREATE TABLE qy (tyshxydm TEXT PRIMARY KEY, qymc TEXT, clrq DATE, js INTEGER)")
        connection.execute("CREATE TABLE xk (id INTEGER PRIMARY KEY, qy TEXT REFERENCES qy (tyshxydm))")
        # SQLite keeps what it is given: a column of days with none in it
        rows = zip(cells("uscc", 1), cells("organisation", 2), cells("words", 3), cells("count", 4), strict=True)
        connection.executemany("INSERT INTO qy VALUES (?, ?, ?, ?)", rows)
    tables = _tables(f"sqlite:///{tmp_path}/a.db")
    assert _terms(tables["qy"])["tyshxydm"] == "org.uscc"
    assert _terms(tables["qy"])["qymc"] == "org.name"
    assert "类型不符" in tables["qy"]["note"]
    assert tables["xk"]["foreign_keys"][0]["to"] == "qy"


def test_a_folder_of_files(tmp_path: Path) -> None:
    for number, name in enumerate(("2023.csv", "2024.csv")):
        with (tmp_path / name).open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["身份证号", "办理结果"])
            writer.writerows(zip(cells("id", number), cells("words", number), strict=True))
    tables = _tables(f"file://{tmp_path}")
    assert list(tables) == ["*.csv"]
    assert _terms(tables["*.csv"]) == {"身份证号": "person.id_number"}
    (tmp_path / "other.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    assert list(_tables(f"file://{tmp_path}")) == ["2023.csv", "2024.csv", "other.csv"]


# ------------------------------------------------------------------ hostile schemas
HOSTILE = r"""
    CREATE TABLE "a'b""c" ("x: {y}" text, "- z" text, "# no" text, "身份证号
下一行" text, "XM" text, "xm" text, id int PRIMARY KEY);
    COMMENT ON COLUMN "a'b""c"."XM" IS E'姓名\x1b[31m\x07"}]\n- evil: true';
    COMMENT ON TABLE "a'b""c" IS '[bold]{{x}} ''
      # not a comment';
    CREATE TABLE zz (id int PRIMARY KEY, k text);
    CREATE SEQUENCE touched;
    CREATE FUNCTION touch() RETURNS text LANGUAGE sql VOLATILE AS $$ SELECT nextval('touched')::text $$;
    CREATE VIEW v AS SELECT id, touch() AS t FROM zz;
    INSERT INTO zz VALUES (1, 'x');
"""


def test_hostile_names_and_comments_stay_data(server: Server, tmp_path: Path) -> None:
    url = server.fresh_database()
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(HOSTILE.encode())
        comment = ("长" * 10_000).encode()
        connection.execute(b"COMMENT ON COLUMN zz.k IS '" + comment + b"'")
        wide = ", ".join(f"c{number} text" for number in range(1000))
        connection.execute(f"CREATE TABLE wide (id int PRIMARY KEY, {wide})".encode())
        connection.execute(b"INSERT INTO wide (id) SELECT generate_series(1, 50)")
        connection.execute(
            b"CREATE TABLE guarded (id int, CHECK (id > 0)); ALTER TABLE guarded ENABLE ROW LEVEL SECURITY"
        )
    done = _run(url, "--department", "odd", "--bundle", str(tmp_path / "b"))
    assert done.returncode == 0, done.stderr
    assert "\x1b[31m" not in done.stdout
    assert "\x07" not in done.stdout + done.stderr
    catalog = load_catalog(tmp_path / "b")
    odd = next(dataset for dataset in catalog.datasets.values() if dataset.table == "a'b\"c")
    assert {field.column for field in odd.fields.values()} == {"x: {y}", "- z", "# no", "XM", "xm", "id"}
    assert len(odd.fields) == 6
    assert len(catalog.datasets[DatasetName("odd.wide")].fields) == 1001
    assert len(catalog.datasets[DatasetName("odd.zz")].fields[FieldName("k")].title.zh) <= 500
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        row = connection.execute("SELECT is_called FROM touched").fetchone()
    assert row == (False,)  # the view was not read, so its function did not run


def test_a_table_that_fails_is_said_and_the_others_are_told(server: Server) -> None:
    url = server.fresh_database()
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(
            b"CREATE TABLE good (id int PRIMARY KEY, sfzh text); CREATE TABLE bad (id int PRIMARY KEY, sfzh text);"
            b"INSERT INTO bad VALUES (1, 'x'); ALTER TABLE bad ENABLE ROW LEVEL SECURITY;"
            b"CREATE POLICY broken ON bad USING (1 / (id - 1) > 0);"
            b"DROP ROLE IF EXISTS looker; CREATE ROLE looker LOGIN PASSWORD 'looking';"
            b"GRANT SELECT ON good, bad TO looker"
        )
    tables = _tables(url.replace(f"tester:{server.password}", "looker:looking"))
    assert "未抽样" in tables["bad"]["note"]
    assert tables["good"]["note"] is None
    assert _terms(tables["bad"]) == {"sfzh": "person.id_number"}  # by its name
