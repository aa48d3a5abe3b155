"""docs/audit-format.md against the entry's bytes: every key that is written is told, and none that isn't."""

import json
import re
from dataclasses import fields
from pathlib import Path

from gateway.audit.encoding import encode_entry
from gateway.audit.entry import VERSION
from gateway.model.audit import CaseTrace, DecisionTrace, EntryKind, FieldTrace
from tests.audit_logs import NOON, PEOPLE, document_of, entry, seals_in_memory

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "audit-format.md").read_text(encoding="utf-8")
CASE = CaseTrace(
    purpose="p", state="approved", app="a", opened_by="x", approved_by=None, expires_at=NOON, subjects=PEOPLE
)
DECISION = DecisionTrace(
    decided_at=NOON, regions=("33",), assurance=1, network="", id_number=PEOPLE[0], case=CASE, starred=True,
    not_shown=("n",), row_rules=("R",), obligations=("o @R",), sha256="0" * 64,
)  # fmt: skip


def _told(table: str) -> set[str]:
    """The keys of the first column of the table that follows a text."""
    rows = TEXT.partition(table)[2].partition("| --- | --- |\n")[2].partition("\n\n")[0]
    return {key for row in rows.splitlines() for key in re.findall(r"`(\w+)`", row.split("|")[1])}


def test_every_key_of_an_entry_is_told() -> None:
    seals = seals_in_memory()
    body = encode_entry(entry(decision=DECISION), seals).body
    public, whole = json.loads(body), document_of(body, seals.open)
    assert _told("All keys are always there.") == set(public)
    assert _told("**What is sealed**") == set(whole) - (set(public) - {"detail"})
    assert f"| `v` | `{VERSION}`, this version" in TEXT
    assert _told("**`decision`** holds") == set(whole["decision"]) == {each.name for each in fields(DecisionTrace)}


def test_the_keys_of_fields_and_of_the_case_are_told() -> None:
    for names in (FieldTrace._fields, tuple(each.name for each in fields(CaseTrace))):
        keys = ", ".join(f'"{name}"' for name in names)
        assert f"{{{keys}}}" in TEXT


def test_every_kind_is_told() -> None:
    row = next(line for line in TEXT.splitlines() if line.startswith("| `kind` |"))
    assert set(re.findall(r"`([a-z-]+)`", row)) - {"kind"} == {kind.value for kind in EntryKind}
