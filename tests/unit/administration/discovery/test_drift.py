"""A source as it is, against a catalogue that was right once."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.administration.discovery import DriftKind, Wanted, datasets_of, find_drift, write_bundle
from gateway.administration.discovery.labelling import Statistics, statistics_of
from gateway.administration.discovery.sampling import Sampled
from gateway.administration.discovery.survey import label
from gateway.app import utc_now
from gateway.catalog import load_catalog
from gateway.errors import Words
from gateway.model.catalog import FieldType
from gateway.spi import TableDescription
from tests.discovery.content import cells
from tests.discovery.labelled import places

PEOPLE = TableDescription(
    table="PEOPLE",
    columns=(("ID", FieldType.INTEGER), ("XM", FieldType.TEXT), ("NOTE", FieldType.TEXT), ("AT", FieldType.DATE)),
    key=("ID",),
)
Found = list[tuple[DriftKind, str | None]]


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    wanted = Wanted(department="d", source="s", role=None, now=utc_now())
    write_bundle(tmp_path / "b", [PEOPLE], wanted, {"PEOPLE": label(PEOPLE, Sampled()).proposals})
    return tmp_path / "b"


def _drift(
    bundle: Path,
    *tables: TableDescription,
    statistics: dict[str, Statistics] | None = None,
    ignored: Sequence[str] = (),
    is_typed: bool = True,
) -> Found:
    surveyed = [label(table, Sampled(columns=statistics or {})) for table in tables]
    datasets = datasets_of(load_catalog(bundle), "d", None)
    found = find_drift(surveyed, datasets, is_typed=is_typed, ignored=ignored)
    for one in found:
        words: Words = one.told
        assert all(words)
    return [(one.kind, one.column) for one in found]


def _with(**changed: FieldType | None) -> TableDescription:
    columns = dict(PEOPLE.columns)
    for name, kind in changed.items():
        if kind is None:
            del columns[name]
        else:
            columns[name] = kind
    return replace(PEOPLE, columns=tuple(columns.items()))


def test_what_has_not_changed_has_not_drifted(bundle: Path) -> None:
    assert _drift(bundle, PEOPLE) == []


def test_new_and_gone_tables_and_columns(bundle: Path) -> None:
    other = replace(PEOPLE, table="OTHER")
    assert _drift(bundle, PEOPLE, other) == [(DriftKind.TABLE_NEW, None)]
    assert _drift(bundle) == [(DriftKind.TABLE_GONE, None)]
    assert _drift(bundle, _with(SFZH=FieldType.TEXT)) == [(DriftKind.COLUMN_NEW, "SFZH")]
    assert _drift(bundle, _with(NOTE=None)) == [(DriftKind.COLUMN_GONE, "NOTE")]


def test_what_is_meant_to_stay_outside_is_ignored(bundle: Path) -> None:
    changed = _with(SFZH=FieldType.TEXT)
    assert _drift(bundle, changed, replace(PEOPLE, table="tmp_1"), ignored=["tmp_*", "PEOPLE.SFZH"]) == []


def test_a_changed_type(bundle: Path) -> None:
    assert _drift(bundle, _with(AT=FieldType.TEXT)) == [(DriftKind.TYPE_CHANGED, "AT")]
    assert _drift(bundle, _with(AT=FieldType.TEXT), is_typed=False) == []  # a CSV file tells text for anything


def test_a_changed_key(bundle: Path) -> None:
    assert _drift(bundle, replace(PEOPLE, key=("XM",))) == [(DriftKind.KEY_CHANGED, None)]
    assert _drift(bundle, replace(PEOPLE, key=("XM",), unique=(("ID",),))) == []
    assert _drift(bundle, replace(PEOPLE, key=())) == []  # the source doesn't tell


def test_content_that_now_looks_sensitive(bundle: Path) -> None:
    ids = {"NOTE": statistics_of(cells("id", 1), places())}
    assert _drift(bundle, PEOPLE, statistics=ids) == [(DriftKind.CLASS_TOO_LOW, "NOTE")]
    texts = {"NOTE": statistics_of(cells("text_persons", 1), places())}
    assert _drift(bundle, PEOPLE, statistics=texts) == [(DriftKind.CLASS_TOO_LOW, "NOTE")]
    harmless = {"NOTE": statistics_of(cells("words", 1), places())}
    assert _drift(bundle, PEOPLE, statistics=harmless) == []
