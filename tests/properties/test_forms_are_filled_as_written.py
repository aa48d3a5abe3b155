"""An entry that is written by filling a form has the bytes and the columns that the long way gives it."""

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.audit.encoding import _encoded
from gateway.audit.form_filling import FormFiller
from gateway.model.audit import AuditEntry, EntryKind
from tests.properties.test_entry_bytes_are_canonical import COUNT, DECISION, ENTRY, MOMENT, PEOPLE, TEXT, TEXTS

HEX = st.text("0123456789abcdef", min_size=1, max_size=64)


class Bare:
    """Seals nothing, so that what is sealed can be compared with its context."""

    name = "home-visit/2026-11"

    def seal(self, plaintext: bytes, context: bytes) -> bytes:
        return plaintext + b"|" + context


SAID_OF_A_QUESTION = st.builds(replace, DECISION, case=st.none())
ONE = st.builds(replace, ENTRY, case=st.just(""), justification=st.just(""), decision=SAID_OF_A_QUESTION, trace_id=HEX)
VARIED = st.fixed_dictionaries(
    {
        "at": MOMENT, "trace_id": HEX | TEXT, "principal": TEXT | st.text("x", max_size=600), "roles": TEXTS,
        "rows": COUNT, "subjects": PEOPLE, "duration_us": COUNT, "response_sha256": HEX | st.just("") | TEXT,
        "refers_to": st.none() | COUNT,
    }
)  # fmt: skip


@settings(max_examples=300)
@given(one=ONE, varied=st.lists(st.tuples(VARIED, MOMENT), max_size=3), names_nobody=st.booleans())
def test_whatever_is_filled_in_comes_out_as_it_is_written(
    one: AuditEntry, varied: list[tuple[dict[str, Any], Any]], names_nobody: bool
) -> None:
    one = replace(one, kind=EntryKind.READ if names_nobody else EntryKind.NOT_RELEASED)
    forms = FormFiller()
    assert one.decision is not None
    others = [replace(one, **told, decision=replace(one.decision, decided_at=at)) for told, at in varied]
    for entry in (one, *others, one):
        try:
            wanted = _encoded(entry, Bare())
        except TypeError:
            wanted = None  # lone surrogates: for neither way
        try:
            filled = forms.fill(entry, Bare(), names_nobody=names_nobody)
        except TypeError:
            filled = None
        assert filled in {None, wanted}


@given(one=ONE)
def test_an_entry_like_one_before_is_filled_in(one: AuditEntry) -> None:
    """The way is taken, and by the forms that are there."""
    assert one.decision is not None
    decision = replace(one.decision, regions=(), network="n", not_shown=(), row_rules=(), obligations=(), sha256="cd")
    one = replace(
        one, app="a", organisation="o", dataset="d", outcome="released", code="", stage="", principal="w", purpose="p",
        kind=EntryKind.READ, legal_basis=("law",), rules=("r",), fields=(), roles=(), filter_shape="", detail="",
        policy_version="p", response_sha256="ab", decision=decision,
    )  # fmt: skip
    forms = FormFiller()
    for number in range(3):
        entry = replace(one, trace_id=f"{number:032x}")
        assert forms.fill(entry, Bare(), names_nobody=True) == _encoded(entry, Bare())
    assert (len(forms._public), len(forms._private)) == (1, 1)
