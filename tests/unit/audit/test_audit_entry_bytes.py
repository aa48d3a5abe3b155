"""The hashed bytes of an entry, and what the database is searched by."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.audit.encoding import encode_entry
from gateway.audit.entry import LARGEST, BodyMalformed, decode_entry, project, project_public
from gateway.audit.merkle import leaf_hash
from gateway.errors import Defect, EntryTooLarge
from gateway.model.audit import AuditEntry, CaseTrace, DecisionTrace, EntryKind, FieldTrace, SearchColumns
from tests.audit_logs import NOON, PEOPLE, canonical, document_of, entry, of_version_2, seals_in_memory

SEALS = {algorithms: seals_in_memory(algorithms) for algorithms in ("international", "national")}


def encoded(written: AuditEntry, algorithms: str = "international") -> bytes:
    return encode_entry(written, SEALS[algorithms]).body


def decoded(body: bytes) -> AuditEntry:
    return decode_entry(body, SEALS["international"].open)


def projected(body: bytes) -> SearchColumns:
    projection, is_whole = project(body, SEALS["international"].open)
    assert is_whole
    return projection


def told(body: bytes) -> dict[str, Any]:
    return document_of(body, SEALS["international"].open)


UNSEALED = b'{"sealed":"","sealed_by":"*/2026-11","v":3}'
ANY_TEXT = st.text(st.characters(), max_size=40)  # lone surrogates, NUL and controls as well


def test_the_bytes_are_sorted_json_without_spaces_in_utf8() -> None:
    body = encoded(entry(3))
    document = json.loads(body)
    assert body == canonical(document)
    assert document["v"] == 3
    assert document["at"] == "2026-11-23T04:00:00.123456Z"
    assert "第三十四条".encode() in body


@given(principal=ANY_TEXT, detail=ANY_TEXT, dataset=ANY_TEXT)
def test_any_text_is_one_line_of_canonical_json_and_comes_back(principal: str, detail: str, dataset: str) -> None:
    written = entry(principal=principal, detail=detail, dataset=dataset)
    body = encoded(written)
    read = decoded(body)
    assert b"\n" not in body
    assert b"\x00" not in body
    assert body == canonical(json.loads(body))
    assert told(encoded(read)) == told(body)
    try:
        detail.encode()
    except UnicodeEncodeError:
        assert "\ufffd" in read.detail
    else:
        assert read.detail == detail
    columns = projected(body)
    assert not any("\x00" in value for value in columns if isinstance(value, str))
    assert json.dumps(list(map(str, columns))).encode()


@pytest.mark.parametrize("subject", ["330102199001011234", "AB" * 16, "ab" * 15, "ab" * 16 + "\n", ""])
def test_a_subject_that_is_no_keyed_hash_never_reaches_the_log(subject: str) -> None:
    with pytest.raises(Defect) as caught:
        encoded(entry(subjects=(subject,)))
    assert subject == "" or subject not in str(caught.value) + caught.value.operator


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(Defect):
        encoded(entry(at=datetime(2026, 11, 23)))  # noqa: DTZ001 - the fault that is tried


def test_the_largest_entry_fits_and_one_byte_more_does_not() -> None:
    room = LARGEST - len(encoded(entry(organisation="")))
    assert len(encoded(entry(organisation="x" * room))) == 65_535
    with pytest.raises(EntryTooLarge):
        encoded(entry(organisation="x" * (room + 1)))


def test_a_page_of_a_thousand_people_fits() -> None:
    people = tuple(f"{number:032x}" for number in range(1000))
    assert projected(encoded(entry(subjects=people))).subjects == " ".join(people)


def test_search_columns_join_what_is_many() -> None:
    fields = (
        FieldTrace(field="name", level="partial", uses=("show",)),
        FieldTrace(field="phone", level="denied", uses=("filter",)),
    )
    columns = projected(encoded(entry(fields=fields, legal_basis=("甲法 第一条", "乙法 第二条"))))
    assert columns.fields == "name:partial, phone:denied"
    assert columns.legal_basis == "甲法 第一条; 乙法 第二条"
    assert columns.at == NOON
    assert projected(encoded(entry(subjects=(PEOPLE[1], PEOPLE[0], PEOPLE[1])))).subjects == " ".join(PEOPLE[:2])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b'{"v":2}',
        b'{"v":1}',
        b'{"v":3}',
        b'{"sealed":"","sealed_by":"*/2026-11","v":3}',
        b"\xff",
        b'{"v":1,"fields":3}',
    ],
)
def test_other_bytes_are_no_entry(body: bytes) -> None:
    for read in (projected, decoded, project_public):
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
    assert decoded(encoded(wrote)) == wrote


@pytest.mark.parametrize("number", ["330102199001011234", "AB" * 16, "ab" * 15, "ab" * 16 + "\n", " "])
def test_a_person_in_a_decision_who_is_told_in_clear_never_reaches_the_log(number: str) -> None:
    for told in (replace(DECISION, id_number=number), replace(DECISION, case=replace(CASE, subjects=(number,)))):
        with pytest.raises(Defect) as caught:
            encoded(entry(decision=told))
        assert number == " " or number not in str(caught.value) + caught.value.operator


def test_entries_of_versions_1_and_2_are_read_as_before() -> None:
    second = of_version_2(entry(7, decision=DECISION))
    assert decoded(second) == entry(7, decision=DECISION)
    document = json.loads(of_version_2(entry(7))) | {"v": 1}
    del document["decision"]
    for field in document["fields"]:
        del field["granted"], field["ceiling"]
    first = canonical(document)
    assert decoded(first) == entry(7)
    new = projected(encoded(entry(7)))
    for body in (first, second):
        assert projected(body) == project_public(body) == new._replace(sealed_by="")


# ---------------------------------------------------------------------- what is sealed
@given(principal=ANY_TEXT, case=ANY_TEXT, detail=ANY_TEXT, kind=st.sampled_from(EntryKind), reason=ANY_TEXT)
def test_the_columns_of_the_entry_are_those_of_its_bytes(
    principal: str, case: str, detail: str, kind: EntryKind, reason: str
) -> None:
    written = entry(principal=principal, case=case, detail=detail, kind=kind, justification=reason, decision=DECISION)
    made = encode_entry(written, SEALS["international"])
    assert (made.leaf, made.columns) == (leaf_hash(made.body), projected(made.body))
    public = project_public(made.body)
    assert public == made.columns._replace(principal="", case_id="", trace_id="", subjects="")


@pytest.mark.parametrize("algorithms", ["international", "national"])
def test_what_is_about_people_is_nowhere_in_the_bytes(algorithms: str) -> None:
    written = entry(
        3, principal="zhang-san", case="case-of-li-si", filter_shape="name=eq.?", justification="王五 fell",
        decision=DECISION, roles=("a/role-of-one",), kind=EntryKind.CASE, detail="opened for zhao-liu",
    )  # fmt: skip
    body = encode_entry(written, SEALS[algorithms]).body
    for private in (
        "zhang-san", "case-of-li-si", "name=eq", "王五", "a/role-of-one", "zhao-liu", f"{3:032x}", *PEOPLE,
    ):  # fmt: skip
        assert private.encode() not in body
        assert private.encode().hex().encode() not in body
    assert decode_entry(body, SEALS[algorithms].open) == written


@given(place=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_a_sealed_part_belongs_to_its_public_part(place: int, bit: int) -> None:
    body = bytearray(encoded(entry(5)))
    body[place % len(body)] ^= 1 << bit
    try:
        decoded(bytes(body))
    except BodyMalformed:
        return
    pytest.fail("a changed entry was opened")


def test_bits_that_base64_has_to_spare_do_not_make_another_entry() -> None:
    changed = 0
    for length in range(3):
        body = encoded(entry(5, case="x" * length))
        for one, other in ((b"A", b"B"), (b"Q", b"R"), (b"g", b"h"), (b"w", b"x")):
            if (spare := body.replace(one + b'="', other + b'="').replace(one + b'=="', other + b'=="')) != body:
                changed += 1
                with pytest.raises(BodyMalformed):
                    decoded(spare)
    assert changed


def test_a_sealed_part_moved_into_another_entry_does_not_open() -> None:
    one, other = (json.loads(encoded(entry(number))) for number in (1, 2))
    with pytest.raises(BodyMalformed):
        decoded(canonical(one | {"sealed": other["sealed"], "rows": 7}))


def test_each_purpose_and_month_has_a_key_of_its_own() -> None:
    march = datetime(2027, 3, 31, 23, 59, 59, tzinfo=UTC)
    eastern = timezone(timedelta(hours=8))
    told_by = {
        json.loads(encoded(written))["sealed_by"]
        for written in (
            entry(), entry(purpose=""), entry(at=march), entry(at=march.astimezone(eastern)),
            entry(at=march + timedelta(seconds=1)),
        )
    }  # fmt: skip
    assert told_by == {"home-visit/2026-11", "*/2026-11", "home-visit/2027-03", "home-visit/2027-04"}


def test_the_widest_entry_that_the_limits_admit_fits() -> None:
    """A thousand people, two hundred fields that rules granted by name under a ceiling, a case of a hundred."""
    fields = tuple(
        FieldTrace(field=f"a_field_{number:03}", level="masked", uses=("match", "show"), granted=("match",))
        for number in range(200)
    )
    people = tuple(f"{number:032x}" for number in range(1000))
    wide = replace(DECISION, case=replace(CASE, subjects=people[:100]))
    assert len(encoded(entry(subjects=people, fields=fields, decision=wide))) < LARGEST
