"""Any decision, written down and read again, is made again and is the same; a changed policy or entry shows."""

import hashlib
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.administration.redecide import Redecision, compare
from gateway.audit.encoding import encode_entry
from gateway.audit.entry import decode_entry
from gateway.audit.record import entry_of
from gateway.decision import PolicyEngine
from gateway.model.audit import AuditEntry, EntryKind
from gateway.model.caller import Caller
from gateway.model.case import CaseFacts
from gateway.model.ids import FieldName
from gateway.model.query import BoundQuery, FieldUse
from gateway.model.trail import Trail
from tests.audit_logs import document_of, of_version_2, seals_in_memory
from tests.unit.decision.small_city import NOW, SOMEBODY, caller, case_of, engine, line, question
from tests.unit.decision.worlds import DATASETS, World, build_engine, cells, requests, worlds

SEALS = seals_in_memory()
Request = tuple[Caller, CaseFacts | None, datetime]


def hash_subject(id_number: str) -> str:
    """As the key ring does it, under a key of the test's."""
    return hmac.new(b"key", id_number.strip().upper().encode(), hashlib.sha256).hexdigest()[:32]


def written(pdp: PolicyEngine, bound: BoundQuery, who: Caller, case: CaseFacts | None, now: datetime) -> bytes:
    """The entry's bytes of a decision made now."""
    trail = Trail(
        trace_id="0" * 32,
        started_at=now,
        policy_version=pdp.version,
        caller=who,
        purpose=bound.purpose,
        bound=bound,
        facts=case,
        decision=pdp.decide(bound, who, case, now),
        decided_at=now,
    )
    # the entry is written later than it was decided, perhaps over the edge of a time window
    later = now + timedelta(days=3)
    entry = entry_of(trail, hash_subject=hash_subject, now=later, kind=EntryKind.READ, outcome="released")
    return encode_entry(entry, SEALS).body


def again(pdp: PolicyEngine, body: bytes) -> Redecision:
    entry = decode_entry(body, SEALS.open)
    assert entry.decision is not None
    return compare(pdp, entry, entry.decision, 0, hash_subject)


@st.composite
def questions(draw: st.DrawFn, pdp: PolicyEngine, who: Caller, name: str) -> BoundQuery:
    """With or without `*`, some fields by name, some hidden behind an alias."""
    whole = question(pdp.catalog, who, name)
    fields = sorted(whole.dataset.fields)
    uses = st.tuples(st.sampled_from(fields), st.sampled_from(list(FieldUse)))
    named = draw(st.sets(uses, max_size=5))
    starred: set[FieldName] = set()
    if draw(st.booleans()):
        starred = set(fields) - draw(st.sets(st.sampled_from(fields), max_size=2))
    shown = {(field, FieldUse.SHOW) for field in starred}
    return replace(whole, uses=frozenset(named | shown), starred=frozenset(starred - {field for field, _ in named}))


@settings(max_examples=150, deadline=None)
@given(data=st.data(), world=worlds(), request=requests(), name=st.sampled_from(DATASETS))
def test_what_was_decided_is_decided_again_from_its_entry(
    data: st.DataObject, world: World, request: Request, name: str
) -> None:
    pdp = build_engine(world)
    who, case, now = request
    bound = data.draw(questions(pdp, who, name))
    body = written(pdp, bound, who, case, now)
    result = again(build_engine(world), body)
    assert result.is_same, result.lines()
    whole = document_of(body, SEALS.open)
    assert document_of(encode_entry(decode_entry(body, SEALS.open), SEALS).body, SEALS.open) == whole
    assert SOMEBODY.encode() not in body
    assert SOMEBODY not in str(whole)


@settings(max_examples=60, deadline=None)
@given(world=worlds(), request=requests(), name=st.sampled_from(DATASETS), rule=cells())
def test_another_policy_is_noticed_wherever_it_decides_otherwise(
    world: World, request: Request, name: str, rule: dict[str, str]
) -> None:
    pdp, other = build_engine(world), build_engine(replace(world, rules=(*world.rules, rule)))
    who, case, now = request
    bound = question(pdp.catalog, who, name)
    body = written(pdp, bound, who, case, now)
    decides_alike = pdp.decide(bound, who, case, now) == other.decide(bound, who, case, now)
    assert again(other, body).is_same == decides_alike


ROWS = {"act": "rows"}
SHOW = line("S", "allow", "ds:police.resident")


def _asked(pdp: PolicyEngine, **circumstances: object) -> bytes:
    case = circumstances.pop("facts", None)
    who = replace(caller(purpose="visit"), **circumstances)  # type: ignore[arg-type]
    assert case is None or isinstance(case, CaseFacts)
    return written(pdp, question(pdp.catalog, who), who, case, NOW)


@pytest.mark.parametrize(
    "where",
    [
        "id_number = subject.id_number",
        f"id_number = '{SOMEBODY}' or id_number = subject.id_number",
        f"id_number = subject.id_number and id_number in ('{SOMEBODY}', '330102194910010029')",
        f"id_number <> subject.id_number or (id_number = '{SOMEBODY}' and id_number = subject.id_number)",
        "id_number in case.subjects and not id_number = subject.id_number",
        "subject.id_number in case.subjects",
        "not subject.id_number in case.subjects",
    ],
)
@pytest.mark.parametrize("number", [SOMEBODY, "33010219491001001x", "33010219491001001X", "", None])
def test_a_row_filter_over_persons_is_the_same_with_stand_ins(tmp_path: Path, where: str, number: str | None) -> None:
    pdp = engine(tmp_path, SHOW, line("R", "allow", "ds:police.resident", act="rows", obl=f"where={where}"))
    people = (SOMEBODY, "33010219491001001X")
    for case in (None, case_of(*people, purpose="visit"), case_of(*people, "", purpose="visit")):
        body = _asked(pdp, id_number=number, case=case.id if case else None, facts=case)
        result = again(pdp, body)
        assert result.is_same, result.lines()
        assert SOMEBODY.encode() not in body
        assert b"33010219491001001" not in body


@pytest.mark.parametrize(
    "condition",
    [
        f"subject.id_number = '{SOMEBODY}'",
        f"not subject.id_number in ('{SOMEBODY}', '330102194910010029')",
        "subject.id_number like '330102%'",
        "subject.id_number >= '4'",
        "subject.principal = subject.id_number",
        "subject.principal in case.subjects",
        f"ctx.assurance >= 1 and (ctx.network = 'x' or not subject.id_number = '{SOMEBODY}')",
    ],
)
def test_a_rule_that_needs_the_number_itself_is_named_and_nothing_is_called_the_same(
    tmp_path: Path, condition: str
) -> None:
    lines = (SHOW, line("N", "allow", "field:police.resident.phone", cond=condition))
    facts = case_of(SOMEBODY, purpose="visit")
    pdp = engine(tmp_path / "cond", *lines)
    result = again(pdp, _asked(pdp, id_number=SOMEBODY, case=facts.id, facts=facts))
    assert (result.is_same, result.untried) == (False, ("N",))
    assert any("N" in said for said in result.lines("zh"))
    # who has no number met the rule as it will always be met
    assert again(pdp, _asked(pdp)).is_same

    rows = line("N", "allow", "ds:police.resident", act="rows", obl=f"where={condition}")
    pdp = engine(tmp_path / "rows", SHOW, rows)
    result = again(pdp, _asked(pdp, id_number=SOMEBODY, case=facts.id, facts=facts))
    assert result.untried == ("N",)
    elsewhere = line("N", "allow", "field:aid.allowance.monthly", cond=condition)
    pdp = engine(tmp_path / "elsewhere", SHOW, elsewhere)
    assert again(pdp, _asked(pdp, id_number=SOMEBODY)).is_same


def test_a_window_that_closed_after_the_decision_is_still_open_for_it(tmp_path: Path) -> None:
    edge = "2026-12-02T00:00:00Z"
    pdp = engine(tmp_path, line("W", "allow", "ds:police.resident", exp=edge))
    entry = decode_entry(_asked(pdp), SEALS.open)
    assert entry.at > datetime(2026, 12, 2, tzinfo=UTC)
    assert {one.level for one in entry.fields} == {"clear"}
    assert entry.decision is not None
    assert compare(pdp, entry, entry.decision, 0, hash_subject).is_same
    late = replace(entry.decision, decided_at=entry.at)
    assert not compare(pdp, entry, late, 0, hash_subject).is_same


def _changed(entry: AuditEntry, path: str, value: object) -> AuditEntry:
    document = json.loads(of_version_2(entry))
    *way, last = path.split(".")
    at = document
    for step in way:
        at = at[int(step)] if step.isdigit() else at[step]
    assert at[last] != value
    at[last] = value
    return decode_entry(json.dumps(document).encode(), SEALS.open)


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("fields.0.level", "dim", "level of age: was dim, now clear"),
        ("fields.0.granted", ["match"], "uses granted on age: was match, now -"),
        ("fields.0.ceiling", "app:desk", "ceiling on age: was app:desk, now -"),
        ("rules", ["S"], "rules: was S, now R S"),
        ("decision.row_rules", [], "rules on rows: was -, now R"),
        ("decision.obligations", [], "obligations: was -, now max_rows=7 @R"),
        ("decision.sha256", "0" * 64, "digest of the whole decision: was 000"),
        ("decision.regions", ["330106"], "digest of the whole decision"),
        ("roles", ["vendor"], "level of age: was clear, now denied"),
        ("decision.decided_at", "2030-01-01T00:00:00.000000Z", "level of age: was clear, now denied"),
    ],
)
def test_whatever_is_changed_in_an_entry_shows_as_a_difference(
    tmp_path: Path, path: str, value: object, told: str
) -> None:
    rows = line(
        "R", "allow", "ds:police.resident", act="rows", obl="where=community_code under subject.regions; max_rows=7"
    )
    pdp = engine(tmp_path, line("S", "allow", "ds:police.resident", sub="role:worker"), rows)
    entry = decode_entry(_asked(pdp), SEALS.open)
    assert entry.decision is not None
    assert compare(pdp, entry, entry.decision, 3, hash_subject).lines("en")[1:] == ("the same",)
    other = _changed(entry, path, value)
    assert other.decision is not None
    result = compare(pdp, other, other.decision, 3, hash_subject)
    assert not result.is_same
    assert any(said.startswith(told) for said in result.lines("en")), result.lines("en")
    assert len(result.lines("zh")) == len(result.lines("en"))
