"""The bundle's catalogue names exactly the columns that the demo's departments have."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.administration.discovery.labelling.elements import ELEMENTS
from gateway.demo.city.build import REGISTERS
from gateway.demo.city.tables import ColumnType

_POLICIES = Path(__file__).parents[3] / "policies"
_FILES = sorted((_POLICIES / "catalog").glob("*.yaml"))
_TERMS: Mapping[str, Any] = yaml.safe_load((_POLICIES / "terms.yaml").read_text(encoding="utf-8"))
_DEPARTMENTS: Mapping[str, Any] = {file.stem: yaml.safe_load(file.read_text(encoding="utf-8")) for file in _FILES}
_DATASETS: Mapping[str, Any] = {
    f"{name}.{short}": {"source": department.get("source"), **dataset}
    for name, department in _DEPARTMENTS.items()
    for short, dataset in department["datasets"].items()
}
_STORED_AS = {
    ("text", "native"): {ColumnType.TEXT},
    ("integer", "native"): {ColumnType.INTEGER},
    ("numeric", "native"): {ColumnType.DECIMAL},
    ("numeric", "fen"): {ColumnType.INTEGER},
    ("boolean", "yn"): {ColumnType.TEXT},
    ("boolean", "01"): {ColumnType.TEXT},
    ("date", "native"): {ColumnType.DATE},
    ("date", "yyyymmdd"): {ColumnType.TEXT},
    ("timestamp", "native"): {ColumnType.TIMESTAMP},
}


def test_every_dataset_of_the_city_is_catalogued_and_no_other() -> None:
    made = {dataset: register.source for register in REGISTERS for dataset in register.tables}
    catalogued = {name: each["source"] for name, each in _DATASETS.items() if not name.startswith("langqiao.")}
    assert catalogued == made


@pytest.mark.parametrize("register", REGISTERS, ids=lambda register: register.source)
def test_the_catalogue_names_the_columns_that_the_tables_have(register: Any) -> None:
    for name, table in register.tables.items():
        dataset = _DATASETS[name]
        assert dataset["table"] == table.name
        assert [field["column"] for field in dataset["fields"].values()] == list(table.columns)
        assert [dataset["fields"][key]["column"] for key in dataset["key"]] == [table.key]
        for field in dataset["fields"].values():
            stored = _STORED_AS[field["type"], field.get("storage", "native")]
            assert table.columns[field["column"]] in stored, f"{name}.{field['column']}"


@pytest.mark.parametrize("name", sorted(_DATASETS))
def test_every_field_has_both_titles_a_class_and_a_known_term(name: str) -> None:
    dataset = _DATASETS[name]
    assert set(dataset["title"]) == {"zh", "en"}
    assert {dataset.get("subject"), dataset.get("region")} - {None} <= set(dataset["fields"])
    for field_name, field in dataset["fields"].items():
        assert re.fullmatch(r"[a-z][a-z_]*", field_name)
        assert set(field["title"]) == {"zh", "en"}
        assert all(isinstance(text, str) and text for text in field["title"].values())
        assert field["class"] in {"public", "internal", "sensitive", "core"}
        assert field.get("term") is None or field["term"] in _TERMS


@pytest.mark.parametrize("name", sorted(_DATASETS))
def test_every_link_leads_from_a_field_to_a_field_of_the_same_term(name: str) -> None:
    fields = _DATASETS[name]["fields"]
    for link in _DATASETS[name].get("links", {}).values():
        there = _DATASETS[link["to"]]
        for here_field, there_field in link["on"].items():
            assert fields[here_field]["term"] == there["fields"][there_field]["term"]
        keys = set(link["on"].values())
        unique = set(there["key"]) == keys or (keys == {"id_number"} and link["to"] == "public-security.resident")
        assert link["one"] is unique


def test_no_term_is_left_that_no_field_has() -> None:
    """But for those that discovery proposes: they wait for the departments that have such columns."""
    used = {field.get("term") for each in _DATASETS.values() for field in each["fields"].values()} - {None}
    assert used <= set(_TERMS)
    assert set(_TERMS) - used <= set(ELEMENTS)


def test_identity_numbers_phones_and_home_addresses_are_sensitive_everywhere() -> None:
    for name, dataset in _DATASETS.items():
        for field_name, field in dataset["fields"].items():
            if field.get("term") in {"person.id_number", "person.phone", "person.address"}:
                assert field["class"] == "sensitive", f"{name}.{field_name}"
