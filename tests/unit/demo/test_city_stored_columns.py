"""What the written sources themselves say about their columns, held against the catalogue."""

import csv
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from gateway.demo.city import build_city

_POLICIES = Path(__file__).parents[3] / "policies"
_SQLITE = {"police-db": "police.db", "civil-db": "civil.db", "health-db": "health.db", "ledger-db": "ledger.db"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("columns")
    build_city(made, _POLICIES / "regions.csv", 1_000, 11, lambda *_: None)
    return made


def _datasets() -> list[tuple[str, dict[str, Any]]]:
    found = []
    for file in sorted((_POLICIES / "catalog").glob("*.yaml")):
        department = yaml.safe_load(file.read_text(encoding="utf-8"))
        found += [(department.get("source", ""), dataset) for dataset in department["datasets"].values()]
    return found


def test_sqlite_tables_have_the_catalogues_columns_keys_and_indexes(folder: Path) -> None:
    seen = 0
    for source, dataset in _datasets():
        if source not in _SQLITE:
            continue
        seen += 1
        table = dataset["table"]
        fields = dataset["fields"]
        with closing(sqlite3.connect(folder / _SQLITE[source])) as database:
            columns = database.execute(f"PRAGMA table_info({table})").fetchall()
            indexed = {
                database.execute(f"PRAGMA index_info({index[1]})").fetchone()[2]
                for index in database.execute(f"PRAGMA index_list({table})").fetchall()
            }
        assert [column[1] for column in columns] == [field["column"] for field in fields.values()]
        assert [column[1] for column in columns if column[5]] == [fields[key]["column"] for key in dataset["key"]]
        for name in (*dataset["key"], dataset["subject"], dataset["region"]):
            assert fields[name]["column"] in indexed
    assert seen == 7


def test_environment_files_have_the_catalogues_columns(folder: Path) -> None:
    seen = 0
    for source, dataset in _datasets():
        if source != "env-files":
            continue
        seen += 1
        file = folder / "environment" / dataset["table"]
        expected = [field["column"] for field in dataset["fields"].values()]
        if file.suffix == ".csv":
            with file.open(encoding="utf-8", newline="") as rows:
                assert next(csv.reader(rows)) == expected
        else:
            with closing(duckdb.connect()) as database:
                described = database.execute("DESCRIBE SELECT * FROM read_parquet(?)", [str(file)]).fetchall()
            assert [column[0] for column in described] == expected
            assert {column[0]: column[1] for column in described}["fkje"] == "DECIMAL(18,2)"
            assert {column[0]: column[1] for column in described}["fxrq"] == "DATE"
    assert seen == 3
