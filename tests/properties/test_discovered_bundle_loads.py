"""Whatever a source calls its tables and columns, and however they hang together: what is discovered, loads."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.administration.discovery import Wanted, write_bundle
from gateway.administration.discovery.names import spell
from gateway.administration.discovery.sampling import Sampled
from gateway.administration.discovery.survey import label
from gateway.app import utc_now
from gateway.catalog import load_catalog
from gateway.catalog.spelling import LONGEST_NAME, fits_field
from gateway.errors import SettingsInvalid
from gateway.model.catalog import FieldType
from gateway.spi import ColumnOrigin, ForeignKey, TableDescription

NAMES = st.one_of(
    st.sampled_from(
        ["id", "ID", "Id", "select", "order", "and", "null", "on", "居民", "a b", "a-b", "1", "_", " ", "x" * 63]
    ),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20),
)
TYPES = st.sampled_from(list(FieldType))
COMMENTS = st.one_of(st.sampled_from(["", "身份证号", "姓名}\n- x: 1", "# 电话", "备注"]), st.text(max_size=60))


@st.composite
def schemas(draw: st.DrawFn) -> tuple[TableDescription, ...]:
    names = draw(st.lists(NAMES, min_size=1, max_size=5, unique=True))
    columns = {name: draw(st.dictionaries(NAMES, TYPES, max_size=5)) for name in names}
    return tuple(
        TableDescription(
            table=name,
            columns=tuple(columns[name].items()),
            key=tuple(draw(st.lists(st.sampled_from(sorted(columns[name])), max_size=2, unique=True)))
            if columns[name]
            else (),
            foreign_keys=tuple(draw(st.lists(_foreign_keys(name, columns), max_size=3))) if columns[name] else (),
            is_view=draw(st.booleans()),
            is_plain=draw(st.booleans()),
            origins=tuple(draw(st.lists(_origins(name, columns), max_size=3))) if columns[name] else (),
            comment=draw(st.text(max_size=600)),
            comments=tuple((column, draw(COMMENTS)) for column in columns[name]),
        )
        for name in names
    )


def _foreign_keys(name: str, columns: dict[str, dict[str, FieldType]]) -> st.SearchStrategy[ForeignKey]:
    filled = [other for other, parts in columns.items() if parts]
    return st.sampled_from(filled).flatmap(
        lambda to: st.builds(
            ForeignKey,
            name=NAMES,
            columns=st.tuples(st.sampled_from(sorted(columns[name]))),
            to=st.just(to),
            to_columns=st.tuples(st.sampled_from(sorted(columns[to]))),
        )
    )


def _origins(name: str, columns: dict[str, dict[str, FieldType]]) -> st.SearchStrategy[ColumnOrigin]:
    filled = [other for other, parts in columns.items() if parts]
    return st.sampled_from(filled).flatmap(
        lambda table: st.builds(
            ColumnOrigin,
            column=st.sampled_from(sorted(columns[name])),
            table=st.just(table),
            of=st.sampled_from(sorted(columns[table])),
        )
    )


@settings(max_examples=60, deadline=None)
@given(schemas(), st.booleans(), st.sampled_from(["zh", "en"]))
def test_what_is_discovered_loads(
    tables: Sequence[TableDescription], is_granted: bool, language: Literal["zh", "en"]
) -> None:
    role = "staging/reader" if is_granted else None
    labels = {table.table: label(table, Sampled()).proposals for table in tables}
    with tempfile.TemporaryDirectory() as folder:
        bundle = Path(folder) / "bundle"
        try:
            wanted = Wanted(department="d", source="d", role=role, now=utc_now(), language=language)
            found = write_bundle(bundle, tables, wanted, labels)
        except SettingsInvalid:
            assert not bundle.exists()  # nothing to serve, nothing written
            return
        catalog = load_catalog(bundle)
    by_name = {table.table: table for table in tables}
    assert len(catalog.datasets) == found.datasets
    for dataset in catalog.datasets.values():
        described = dict(by_name[dataset.table].columns)
        for field in dataset.fields.values():
            assert field.type is described[field.column]
            proposal = labels[dataset.table][field.column]
            assert (field.term, field.classification) == (proposal.term, proposal.classification)


@given(st.lists(NAMES, unique=True, max_size=30), st.frozensets(NAMES.filter(fits_field)))
def test_names_are_all_different_and_all_fit(names: list[str], taken: frozenset[str]) -> None:
    spelled = spell(names, fits_field, "field", taken)
    assert list(spelled) == names
    assert len(set(spelled.values())) == len(names)
    for name, ours in spelled.items():
        assert len(ours) <= LONGEST_NAME
        assert fits_field(ours)
        assert ours not in taken
        assert ours == name or not fits_field(name) or name in taken
