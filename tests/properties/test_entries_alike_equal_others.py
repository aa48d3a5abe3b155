"""An entry that is written by the form of one like it says what it would say without, to the byte but for its nonce."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from gateway.audit.encoding import encode_entry
from gateway.audit.entry import decode_entry
from gateway.model.amending import amended
from gateway.model.audit import AuditEntry
from tests.audit_logs import seals_in_memory
from tests.properties.test_entry_bytes_are_canonical import COUNT, DECISION, ENTRY, MOMENT, PEOPLE, TEXT

SEALS = seals_in_memory()
HEX = st.binary(min_size=16, max_size=16).map(bytes.hex)


@given(
    base=ENTRY,
    decision=DECISION,
    is_plain=st.booleans(),
    others=st.lists(
        st.fixed_dictionaries(
            {
                "at": MOMENT, "trace_id": HEX | TEXT, "rows": COUNT, "subjects": PEOPLE, "duration_us": COUNT,
                "response_sha256": HEX | TEXT, "refers_to": st.none() | COUNT,
            }
        ),
        min_size=2,
        max_size=4,
    ),
    moments=st.lists(MOMENT, min_size=4, max_size=4),
)  # fmt: skip
def test_it_says_the_same(
    base: AuditEntry, decision: Any, is_plain: bool, others: list[dict[str, Any]], moments: list[datetime]
) -> None:
    if is_plain:  # as most are, and as the quick way wants them
        base, decision = replace(base, case="", justification=""), replace(decision, case=None)
    base = amended(replace(base, decision=decision), like=object())
    for changes, decided_at in zip(others, moments, strict=False):
        one = amended(base, **changes, decision=amended(decision, decided_at=decided_at))
        assert one.like is base.like
        alone = replace(one)
        assert alone.like is None
        by_form, by_itself = encode_entry(one, SEALS), encode_entry(alone, SEALS)
        assert decode_entry(by_form.body, SEALS.open) == decode_entry(by_itself.body, SEALS.open)
        assert by_form.columns == by_itself.columns
        assert len(by_form.body) == len(by_itself.body)


@given(first=ENTRY, second=ENTRY, decision=DECISION)
def test_what_is_not_said_to_be_alike_has_no_form_of_another(
    first: AuditEntry, second: AuditEntry, decision: Any
) -> None:
    assume(first != second)
    for one in (first, second):
        marked = amended(replace(one, decision=decision), like=object())
        assert encode_entry(marked, SEALS).columns == encode_entry(replace(marked), SEALS).columns
