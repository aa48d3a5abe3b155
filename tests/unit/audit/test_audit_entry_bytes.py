"""The hashed bytes of an entry, and what the database is searched by."""

import json
from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.audit.entry import LARGEST, BodyMalformed, decode_entry, encode_entry, project
from gateway.errors import Defect, EntryTooLarge
from gateway.model.audit import CaseTrace, DecisionTrace, FieldTrace
from tests.audit_logs import NOON, PEOPLE, entry

ANY_TEXT = st.text(st.characters(), max_size=40)  # lone surrogates, NUL and controls as well


def test_the_bytes_are_sorted_json_without_spaces_in_utf8() -> None:
    body = encode_entry(entry(3))
    document = json.loads(body)
    assert body == json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert document["v"] == 2
    assert document["at"] == "2026-11-23T04:00:00.123456Z"
    assert "第三十四条".encode() in body


@given(principal=ANY_TEXT, detail=ANY_TEXT, dataset=ANY_TEXT)
def test_any_text_is_one_line_of_canonical_json_and_comes_back(principal: str, detail: str, dataset: str) -> None:
    written = entry(principal=principal, detail=detail, dataset=dataset)
    body = encode_entry(written)
    read = decode_entry(body)
    assert b"\n" not in body
    assert b"\x00" not in body
    assert body == json.dumps(json.loads(body), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert encode_entry(read) == body
    try:
        detail.encode()
    except UnicodeEncodeError:
        assert "\ufffd" in read.detail
    else:
        assert read.detail == detail
    columns = project(body).columns
    assert not any("\x00" in value for value in columns.values() if isinstance(value, str))
    assert json.dumps(list(map(str, columns.values()))).encode()


@pytest.mark.parametrize("subject", ["330102199001011234", "AB" * 16, "ab" * 15, "ab" * 16 + "\n", ""])
def test_a_subject_that_is_no_keyed_hash_never_reaches_the_log(subject: str) -> None:
    with pytest.raises(Defect) as caught:
        encode_entry(entry(subjects=(subject,)))
    assert subject == "" or subject not in str(caught.value) + caught.value.operator


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(Defect):
        encode_entry(entry(at=datetime(2026, 11, 23)))  # noqa: DTZ001 - the fault that is tried


def test_the_largest_entry_fits_and_one_byte_more_does_not() -> None:
    room = LARGEST - len(encode_entry(entry(detail="")))
    assert len(encode_entry(entry(detail="x" * room))) == 65_535
    with pytest.raises(EntryTooLarge):
        encode_entry(entry(detail="x" * (room + 1)))


def test_a_page_of_a_thousand_people_fits() -> None:
    people = tuple(f"{number:032x}" for number in range(1000))
    assert project(encode_entry(entry(subjects=people))).subjects == people


def test_search_columns_join_what_is_many() -> None:
    fields = (
        FieldTrace(field="name", level="partial", uses=("show",)),
        FieldTrace(field="phone", level="denied", uses=("filter",)),
    )
    columns = project(encode_entry(entry(fields=fields, legal_basis=("甲法 第一条", "乙法 第二条")))).columns
    assert columns["fields"] == "name:partial, phone:denied"
    assert columns["legal_basis"] == "甲法 第一条; 乙法 第二条"
    assert columns["at"] == NOON
    assert project(encode_entry(entry(subjects=(PEOPLE[1], PEOPLE[0], PEOPLE[1])))).subjects == PEOPLE[:2]


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"v":2}', b'{"v":1}', b"\xff", b'{"v":1,"fields":3}'])
def test_other_bytes_are_no_entry(body: bytes) -> None:
    for read in (project, decode_entry):
        with pytest.raises(BodyMalformed):
            read(body)


# ---------------------------------------------------------------------- what decided
CASE = CaseTrace(
    purpose="pickup", state="approved", app="", opened_by="a", approved_by="b", expires_at=NOON, subjects=PEOPLE[:1]
)
DECISION = DecisionTrace(
    decided_at=NOON, regions=("330102",), assurance=2, network="vpn", id_number=PEOPLE[1], case=CASE, starred=True,
    not_shown=("phone",), row_rules=("R1",), obligations=("max_rows=5 @R1",), sha256="0" * 64,
)  # fmt: skip


@pytest.mark.parametrize("decision", [DECISION, replace(DECISION, case=None, id_number=None), None])
def test_what_a_decision_rested_on_comes_back(decision: DecisionTrace | None) -> None:
    traced = FieldTrace(field="name", level="dim", uses=("match", "show"), granted=("match",), ceiling="app:desk")
    wrote = entry(decision=decision, fields=(traced,))
    assert decode_entry(encode_entry(wrote)) == wrote


@pytest.mark.parametrize("number", ["330102199001011234", "AB" * 16, "ab" * 15, "ab" * 16 + "\n", " "])
def test_a_person_in_a_decision_who_is_told_in_clear_never_reaches_the_log(number: str) -> None:
    for told in (replace(DECISION, id_number=number), replace(DECISION, case=replace(CASE, subjects=(number,)))):
        with pytest.raises(Defect) as caught:
            encode_entry(entry(decision=told))
        assert number == " " or number not in str(caught.value) + caught.value.operator


def test_an_entry_of_version_1_is_read_as_before() -> None:
    document = json.loads(encode_entry(entry(7)))
    document["v"] = 1
    del document["decision"]
    for field in document["fields"]:
        del field["granted"], field["ceiling"]
    body = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert decode_entry(body) == entry(7)
    assert project(body) == project(encode_entry(entry(7)))


def test_the_widest_entry_that_the_limits_admit_fits() -> None:
    """A thousand people, two hundred fields that rules granted by name under a ceiling, a case of a hundred."""
    fields = tuple(
        FieldTrace(field=f"a_field_{number:03}", level="masked", uses=("match", "show"), granted=("match",))
        for number in range(200)
    )
    people = tuple(f"{number:032x}" for number in range(1000))
    wide = replace(DECISION, case=replace(CASE, subjects=people[:100]))
    assert len(encode_entry(entry(subjects=people, fields=fields, decision=wide))) < LARGEST
