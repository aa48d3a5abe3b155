"""Any text gives a Query or a RequestInvalid, in time linear in its length."""

import time
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import RequestInvalid
from gateway.model.query import FilterTerm, Operator, Query
from gateway.settings import Limits
from tests.unit.query.small_town import read

_SCRAPS = st.sampled_from(
    ["select=", "order=", "or=(", "and(", "not.", "eq.", "in.(", "is.null", "name", ")", "(", ",", '"', "\\", "&", "=",
     "*", ":", "::", "->", ".", "%22", "%", "%C3", "+", " ", "count()", "monthly.sum()", "limit=", "offset=", "9", "。",
     "e(", "e()", "e.", "e=", "!", "!inner", "...", "->>", "cs.", "{", "}", "[", "fts(x).", "eq(any).", "or=", "data"]
)  # fmt: skip
_LIKELY = st.lists(_SCRAPS, max_size=25).map("".join)
_ANY = st.text(max_size=60)


@given(text=_LIKELY | _ANY, accept=st.none() | _ANY, range_=st.none() | _ANY, path=_ANY)
def test_any_text_is_a_question_or_is_refused(text: str, accept: str | None, range_: str | None, path: str) -> None:
    headers = {name: value for name, value in (("accept", accept), ("range", range_)) if value is not None}
    for where in (f"/data/{path}", "/data/aid.person"):
        answer = _read(text, path=where, headers=headers)
        if not isinstance(answer, Query):
            assert answer.message("en")
            assert answer.hint("zh")


@given(st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=30))
def test_every_value_can_be_asked_for(value: str) -> None:
    quoted = '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    top = read("name=eq." + quote(value)).root.where
    listed = read("name=in.(" + quote(quoted) + ",x)").root.where
    (tree,) = read("or=(name.eq." + quote(quoted) + ")").root.where
    assert top == (FilterTerm(field="name", operator=Operator.EQ, is_negated=False, values=(value,)),)
    assert listed == (FilterTerm(field="name", operator=Operator.IN, is_negated=False, values=(value, "x")),)
    assert not isinstance(tree, FilterTerm)
    assert tree.terms == top


@pytest.mark.parametrize(
    "scrap",
    [
        "a.",
        "(",
        '"',
        "\\",
        "*",
        ",",
        "%",
        "not.",
        "a=eq.1&",
        "or(",
        "%25",
        "a=like.%25*&",
        " ",
        "-",
        "->",
        "->>a",
        "e(),",
        "e(",
        "!x",
        "::",
        "...",
        "{",
        "[",
        "e.",
        "cs.{",
        '"a"',
    ],
)
@pytest.mark.parametrize(
    "start", ["a=eq.", "select=", "or=(", "order=", "a=in.(", 'a=in.("', "", "or=(a.cs.", "select=e(a)&e."]
)
def test_reading_takes_time_linear_in_the_text(start: str, scrap: str) -> None:
    limits = Limits(
        url_bytes=10_000_000,
        filter_terms=1_000_000,
        in_values=1_000_000,
        select_items=1_000_000,
        order_terms=1_000_000,
        embeds=1_000_000,
        embed_depth=20,
    )
    began = time.process_time()
    _read(start + scrap * 20_000, limits=limits)
    assert time.process_time() - began < 3  # milliseconds where it is linear, minutes where it is quadratic


def _read(text: str, **how: Any) -> Query | RequestInvalid:
    try:
        return read(text, **how)
    except RequestInvalid as refusal:
        return refusal
