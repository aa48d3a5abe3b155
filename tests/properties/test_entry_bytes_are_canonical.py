"""The bytes of any entry are the canonical JSON of what it says, key by key, sealed part and public part."""

import base64
import json
import re
from dataclasses import asdict
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.audit.encoding import encode_entry
from gateway.audit.entry import PRIVATE_COLUMNS, decode_entry, project
from gateway.model.audit import AuditEntry, CaseTrace, DecisionTrace, EntryKind, FieldTrace
from gateway.store import COLUMNS
from gateway.store._tables import audit_entry
from tests.audit_logs import canonical, seals_in_memory

TEXT = st.text(st.characters(), max_size=30)  # lone surrogates, NUL, quotes and controls as well
TEXTS = st.lists(TEXT, max_size=3).map(tuple)
PERSON = st.binary(min_size=16, max_size=16).map(bytes.hex)
PEOPLE = st.lists(PERSON, max_size=4).map(tuple)
COUNT = st.integers(0, 2**53 - 1)
ZONES = st.integers(-14, 14).map(lambda hours: timezone(timedelta(hours=hours)) if hours else UTC)
MOMENT = st.builds(
    lambda moment, whole: moment.replace(microsecond=0) if whole else moment,
    st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=ZONES),  # noqa: DTZ001 - the zone is drawn
    st.booleans(),
)
FIELD = st.builds(FieldTrace, field=TEXT, level=TEXT, uses=TEXTS, granted=TEXTS, ceiling=TEXT)
CASE = st.builds(
    CaseTrace, purpose=TEXT, state=TEXT, app=TEXT, opened_by=TEXT, approved_by=st.none() | TEXT, expires_at=MOMENT,
    subjects=PEOPLE,
)  # fmt: skip
DECISION = st.builds(
    DecisionTrace, decided_at=MOMENT, regions=TEXTS, assurance=COUNT, network=TEXT,
    id_number=st.none() | PERSON | st.just(""), case=st.none() | CASE, starred=st.booleans(), not_shown=TEXTS,
    row_rules=TEXTS, obligations=TEXTS, sha256=TEXT,
)  # fmt: skip
ENTRY = st.builds(
    AuditEntry, kind=st.sampled_from(EntryKind), at=MOMENT, trace_id=TEXT, principal=TEXT, app=TEXT, organisation=TEXT,
    roles=TEXTS, purpose=st.sampled_from(["", "home-visit", '低保 "审核"']), legal_basis=TEXTS,
    case=TEXT | st.text("x\x00", max_size=600),
    dataset=TEXT, fields=st.lists(FIELD, max_size=3).map(tuple), filter_shape=TEXT, rows=COUNT, subjects=PEOPLE,
    outcome=TEXT, code=TEXT, stage=TEXT, rules=TEXTS, policy_version=TEXT, duration_us=COUNT, response_sha256=TEXT,
    justification=TEXT, needs_review=st.booleans(), refers_to=st.none() | COUNT, detail=TEXT,
    decision=st.none() | DECISION,
)  # fmt: skip
READABLE = {"archive", "erasure", "key", "not-made", "policy", "probe", "read", "start"}
OF_PEOPLE = {"trace_id", "principal", "roles", "case", "filter_shape", "subjects", "justification", "decision"}
SEALS = seals_in_memory()


def told(value: Any) -> Any:
    """As docs/audit-format.md writes it."""
    match value:
        case datetime():
            return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{value.astimezone(UTC).microsecond:06}Z"
        case str():
            return re.sub("[\ud800-\udfff]", "\ufffd", str(value))
        case FieldTrace():
            return {name: told(one) for name, one in value._asdict().items()}
        case list() | tuple():
            return [told(one) for one in value]
        case dict():
            return {name: told(one) for name, one in value.items()}
        case _:
            return value


def parts(entry: AuditEntry) -> tuple[dict[str, Any], dict[str, Any]]:
    """The public part with nothing sealed in it, and the private one."""
    whole = {name: told(value) for name, value in asdict(entry).items() if name not in {"fields", "like"}}
    whole["fields"] = [told(one) for one in entry.fields]
    private = {name: whole.pop(name) for name in OF_PEOPLE}
    private["subjects"] = base64.b64encode(bytes.fromhex("".join(entry.subjects))).decode()
    private["detail"] = "" if entry.kind.value in READABLE else whole["detail"]
    whole["detail"] = whole["detail"] if entry.kind.value in READABLE else ""
    key = SEALS.sealing(entry.purpose, entry.at).name
    return whole | {"v": 3, "sealed": "", "sealed_by": key}, private


@given(entry=ENTRY)
def test_the_bytes_are_the_canonical_json_of_what_the_entry_says(entry: AuditEntry) -> None:
    body = encode_entry(entry, SEALS).body
    public, private = parts(entry)
    document = json.loads(body)
    context = canonical(document | {"sealed": ""})
    assert body == canonical(document)
    assert context == canonical(public)
    sealed = base64.b64decode(document["sealed"])
    assert SEALS.open(document["sealed_by"], sealed, context) == canonical(private)


@given(entry=ENTRY)
def test_what_is_searched_by_is_what_the_bytes_say(entry: AuditEntry) -> None:
    made = encode_entry(entry, SEALS)
    projection, is_whole = project(made.body, SEALS.open)
    assert is_whole
    assert made.columns == projection
    assert encode_entry(decode_entry(made.body, SEALS.open), SEALS).columns == projection


def test_the_columns_are_the_table_s() -> None:
    assert tuple(column.name for column in audit_entry.c if column.name not in {"idx", "leaf", "body"}) == COLUMNS
    assert set(PRIVATE_COLUMNS) < set(COLUMNS)
