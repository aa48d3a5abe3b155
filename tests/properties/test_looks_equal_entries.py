"""Who looked, read from what differs in an entry, is what the whole entry says: whatever stands in it."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from gateway.audit.encoding import encode_entry
from gateway.audit.entry import BodyMalformed, decode_remaining
from gateway.audit.look_reading import LookReader
from gateway.audit.looking import Look, look_of, lookers_of
from gateway.model.audit import AuditEntry, CaseTrace, DecisionTrace, EntryKind, FieldTrace
from gateway.model.log_search import Looker
from tests.audit_logs import NOON, PEOPLE, entry, of_version_2, seals_in_memory

SEALS = seals_in_memory()
STRANGE = (
    "", "worker-1", "张三", 'a"b', "a\\b", "a\x00b", "\ud800", "x" * 600, ',"principal":"', '","sealed":"',
    '{"case":"', '"at":"', '"rows":', "é\u2028", "{}", "[",
)  # fmt: skip
texts = st.sampled_from(STRANGE)
moments = st.sampled_from((0, 1, 999_999, 86_400_000_000)).map(
    lambda us: NOON.replace(microsecond=0) + timedelta(microseconds=us)
)
decisions = st.builds(
    DecisionTrace,
    decided_at=moments,
    regions=st.lists(texts, max_size=2).map(tuple),
    assurance=st.integers(0, 3),
    network=texts,
    id_number=st.sampled_from((None, "", PEOPLE[0])),
    case=st.none()
    | st.builds(
        CaseTrace,
        app=texts,
        approved_by=texts,
        expires_at=moments,
        opened_by=texts,
        purpose=texts,
        state=texts,
        subjects=st.sampled_from(((), PEOPLE[:1], PEOPLE)),
    ),
    starred=st.booleans(),
    not_shown=st.lists(texts, max_size=2).map(tuple),
    row_rules=st.lists(texts, max_size=2).map(tuple),
    obligations=st.just(()),
    sha256=st.just("ab" * 32),
)
VALUES: dict[str, st.SearchStrategy[object]] = {
    "at": moments, "principal": texts, "case": texts, "organisation": texts, "app": texts, "dataset": texts,
    "outcome": texts, "code": texts, "detail": texts,
    "purpose": st.sampled_from(("home-visit", "own-data", "")), "policy_version": texts, "stage": texts,
    "rows": st.integers(0, 10**6), "duration_us": st.integers(0, 10**9), "refers_to": st.none() | st.integers(0, 9),
    "kind": st.sampled_from(EntryKind), "roles": st.lists(texts, max_size=3).map(tuple),
    "rules": st.lists(texts, max_size=2).map(tuple), "legal_basis": st.lists(texts, max_size=2).map(tuple),
    "subjects": st.lists(st.sampled_from(PEOPLE), max_size=3).map(tuple), "decision": st.none() | decisions,
    "justification": texts, "filter_shape": texts, "needs_review": st.booleans(), "trace_id": texts,
    "response_sha256": st.sampled_from(("", "ab" * 32)),
    "fields": st.lists(
        st.builds(FieldTrace, field=texts, level=texts, uses=st.just(("show",)), ceiling=texts), max_size=2
    ).map(tuple),
}  # fmt: skip
changes = st.fixed_dictionaries({}, optional=VALUES)
changed = st.sampled_from(sorted(VALUES)).flatmap(lambda name: VALUES[name].map(lambda value: {name: value}))


def said(look: Look) -> tuple[object, ...]:
    shown = look.shown
    return (
        *look[:-1], shown.kind, shown.app, shown.purpose, shown.dataset, shown.outcome, shown.code, shown.fields,
        shown.legal_basis, shown.told,
    )  # fmt: skip


@given(st.lists(changes, min_size=1, max_size=3), st.data())
def test_a_look_says_what_the_entry_says(different: list[dict[str, object]], data: st.DataObject) -> None:
    # each is read after others that differ from it in one thing, so that what they share is known
    written: list[AuditEntry] = []
    for change in different:
        base = entry(**change)  # type: ignore[arg-type]
        one, other = data.draw(changed), data.draw(changed)
        written += [base, replace(base, **one), replace(base, **(one | other)), base]  # type: ignore[arg-type]
    bodies = [encode_entry(one, SEALS).body for one in written]
    reader = LookReader(SEALS.open)
    for indices in (range(len(bodies)), range(0, len(bodies), 2)):
        some = [bodies[index] for index in indices]
        wanted = [look_of(index, decode_remaining(bodies[index], SEALS.open)[0]) for index in indices]
        assert list(map(said, reader.read(indices, some))) == list(map(said, wanted))


def test_what_is_erased_or_older_is_read_with_the_others() -> None:
    gone: set[str] = set()

    def opener(key: str, sealed: bytes, context: bytes) -> bytes | None:
        return None if key in gone else SEALS.open(key, sealed, context)

    written = [entry(number, purpose=purpose) for number, purpose in enumerate(("home-visit", "own-data") * 3)]
    bodies = [encode_entry(one, SEALS).body for one in written]
    bodies[3] = of_version_2(written[3])
    reader = LookReader(opener)
    looks = reader.read(range(6), bodies)
    assert [look.principal for look in looks] == [one.principal for one in written]
    gone.add(re.findall('"sealed_by":"([^"]*)"', bodies[0].decode())[0])
    looks = reader.read(range(6), bodies)
    erased = [look.principal == "" and look.subjects == () and look.case == "" for look in looks]
    assert erased == [True, False] * 3 or erased == [True] * 3 + [False] + [True] * 2


def test_nothing_is_told_of_an_entry_whose_bytes_were_changed() -> None:
    written = [entry(number, rows=3) for number in range(2)]
    first, second = (encode_entry(one, SEALS).body for one in written)
    reader = LookReader(SEALS.open)
    reader.read([0], [first])
    for old, new in ((b'"rows":3', b'"rows":4'), (b'"at":"2026', b'"at":"2025'), (b'"sealed":"', b'"sealed":"A')):
        assert old in second
        try:
            reader.read([1], [second.replace(old, new, 1)])
        except BodyMalformed:
            continue
        raise AssertionError(old)


def naive(looks: list[Look]) -> dict[tuple[str, ...], Looker]:
    found = dict[tuple[str, ...], Looker]()
    for who in {(one.principal, one.app, one.organisation, one.purpose, one.case) for one in looks}:
        these = [one for one in looks if (one.principal, one.app, one.organisation, one.purpose, one.case) == who]
        fields = {f"{one.dataset}.{each.field}" for one in these for each in one.fields}
        found[who] = Looker(
            *who,
            min(one.at for one in these),
            max(one.at for one in these),
            len(these),
            sum(one.rows for one in these),
            tuple(sorted({(x.outcome, sum(y.outcome == x.outcome for y in these)) for x in these})),
            tuple(
                (name, tuple(sorted({e.level for o in these for e in o.fields if f"{o.dataset}.{e.field}" == name})))
                for name in sorted(fields)
            ),
            tuple(dict.fromkeys(basis for one in these for basis in one.shown.legal_basis)),
        )
    return found


few = st.sampled_from(("a", "b"))
looks = st.lists(
    st.builds(
        lambda minutes, who, dataset, level, outcome, basis, rows: entry(
            principal=who, dataset=dataset, outcome=outcome, legal_basis=basis, rows=rows,
            fields=(FieldTrace(field="name", level=level, uses=()),), at=datetime(2026, 11, 1, 0, minutes, tzinfo=UTC),
        ),
        st.integers(0, 59), few, few, few, few, st.lists(few, max_size=2).map(tuple), st.integers(0, 3),
    )
)  # fmt: skip


@given(looks)
def test_looks_are_put_together_by_who_looked(written: list[AuditEntry]) -> None:
    shown = [look_of(0, one) for one in written]
    shared = {one.dataset + one.outcome: one.shown for one in shown if len(one.shown.legal_basis) == 0}
    seen = [one._replace(shown=shared.get(one.dataset + one.outcome, one.shown)) for one in shown]
    found = lookers_of(seen)
    assert {(one.principal, one.app, one.organisation, one.purpose, one.case): one for one in found} == naive(seen)
    assert [one.last for one in found] == sorted((one.last for one in found), reverse=True)
