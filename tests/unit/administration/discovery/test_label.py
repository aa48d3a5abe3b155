"""Evidence together: content beats names where digits speak, conflicts lower the confidence, classes err high."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.administration.discovery.labelling import (
    ELEMENTS,
    ColumnFacts,
    Notice,
    Proposal,
    label_column,
    label_table,
    statistics_of,
)
from gateway.administration.discovery.labelling.detectors import DETECTORS, kinds_of
from gateway.model.catalog import Classification, FieldType
from tests.discovery.content import KINDS, cells
from tests.discovery.labelled import places


def _label(name: str, kind: str, comment: str = "", type_: FieldType = FieldType.TEXT) -> Proposal:
    values = statistics_of(cells(kind, 3), places())
    return label_column(ColumnFacts(name=name, type=type_, comment=comment, statistics=values))


def test_check_digits_beat_a_name_that_says_something_else() -> None:
    said = _label("XM", "id")
    assert said.term == "person.id_number"
    assert said.is_checked
    assert Notice.CONFLICT in said.notices
    assert said.confidence < _label("SFZH", "id").confidence


def test_a_name_whose_content_is_something_else_is_doubted() -> None:
    assert _label("SFZH", "uuid").term == "person.id_number"  # hashed: nobody can tell
    assert _label("SFZH", "drug").term is None
    assert _label("LXDH", "amount_text").term is None


@pytest.mark.parametrize("kind", ["order_16", "order_19", "serial_18", "serial_18_dated", "uuid", "place_name", "drug"])
def test_what_only_looks_like_a_number_of_somebody_is_not_taken_for_one(kind: str) -> None:
    assert _label("c1", kind).term is None


@pytest.mark.parametrize(
    ("kind", "term"),
    [
        ("id", "person.id_number"), ("id_dirty", "person.id_number"), ("id_15", "person.id_number"),
        ("uscc", "org.uscc"), ("mobile", "person.phone"), ("landline", "person.phone"), ("card", "person.bank_card"),
        ("plate", "vehicle.plate"), ("email", "person.email"), ("passport", "person.passport"),
        ("name", "person.name"), ("address", "person.address"), ("organisation", "org.name"),
        ("ethnic_word", "person.ethnicity"), ("sex_word", "person.sex"), ("region_12", "region.community"),
        ("region_9", "region.street"), ("region_6", "region.county"), ("empty", None),
    ],
)  # fmt: skip
def test_content_alone_tells(kind: str, term: str | None) -> None:
    said = _label("c1", kind)
    assert said.term == term
    if term is not None and ELEMENTS[term].classification is Classification.SENSITIVE:
        assert said.classification is Classification.SENSITIVE


def test_what_is_unknown_has_no_term_and_is_internal() -> None:
    said = _label("zzz_q", "words")
    assert (said.term, said.classification) == (None, Classification.INTERNAL)


def test_free_text_is_called_out_and_persons_in_it_raise_the_class() -> None:
    plain, names = _label("BZ", "text"), _label("BZ", "text_persons")
    assert Notice.FREE_TEXT in plain.notices
    assert (names.term, names.classification) == (None, Classification.SENSITIVE)
    assert Notice.PERSONS_INSIDE in names.notices
    structured = label_column(ColumnFacts(name="extra", type=FieldType.JSON))
    assert Notice.BINARY in structured.notices


def test_a_type_that_cannot_hold_it_is_no_such_column() -> None:
    assert label_column(ColumnFacts(name="sfzh", type=FieldType.BOOLEAN)).term is None
    assert label_column(ColumnFacts(name="phone", type=FieldType.DATE)).term is None


def test_the_table_tells_whose_a_plain_name_is() -> None:
    names = ColumnFacts(name="name", type=FieldType.TEXT), ColumnFacts(name="phone", type=FieldType.TEXT)
    of_firm, phone_of_firm = label_table("company", "", names)
    assert (of_firm.term, phone_of_firm.term) == ("org.name", "org.phone")
    of_patient, phone_of_patient = label_table("patient", "", names)
    assert (of_patient.term, phone_of_patient.term) == ("person.name", "person.phone")


def test_an_uncertain_sensitive_column_is_classed_high_all_the_same() -> None:
    said = _label("ZJHM", "letters_no")
    assert said.term is None
    assert said.classification is Classification.INTERNAL or said.likely == "person.id_number"
    unsampled = label_column(ColumnFacts(name="dh", type=FieldType.TEXT))
    assert unsampled.classification is Classification.SENSITIVE


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_leaving_out_detectors_by_letters_loses_nothing(kind: str) -> None:
    for cell in cells(kind, 5)[:20]:
        text = str(cell) if isinstance(cell, (str, int)) else ""
        everything = {name for name, fits in DETECTORS.items() if fits(text)}
        assert everything - kinds_of(text, places()) <= {"hidden", "opaque"} if text else True


VALUES = st.lists(
    st.one_of(st.none(), st.text(max_size=40), st.integers(), st.booleans(), st.decimals(allow_nan=False), st.dates()),
    max_size=30,
)


@settings(deadline=None)
@given(st.text(max_size=20), st.text(max_size=40), st.sampled_from(FieldType), VALUES)
def test_every_column_gets_a_sound_proposal(
    name: str, comment: str, type_: FieldType, values: Sequence[object]
) -> None:
    column = ColumnFacts(name=name, type=type_, comment=comment, statistics=statistics_of(values, places()))
    said = label_column(column)
    assert 0 <= said.confidence <= 1
    assert said.term is None or (said.term in ELEMENTS and said.confidence >= 0.5)
    assert said.classification is not Classification.PUBLIC or said.term is not None
    assert label_column(column) == said
    shown = repr(column.statistics) + repr(said)
    for value in values:  # statistics are numbers: nothing of a value is in them
        if isinstance(value, str) and len(value) > 12 and value.isalnum():
            assert value not in shown
