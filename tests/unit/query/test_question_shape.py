"""The shape of a question: what shares one is the same question but for its literals."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import GatewayError
from gateway.model.caller import InboundRequest
from gateway.model.query import FilterGroup, FilterTerm, Operator, Query
from gateway.query import parse, shape_of
from gateway.query.shape import LONGEST, SPOKEN
from gateway.settings import Limits


def request(query_string: str, headers: Mapping[str, str] | None = None, path: str = "/data/a.b") -> InboundRequest:
    return InboundRequest(
        method="GET", path=path, query_string=query_string, headers=headers or {}, client_address="10.0.0.1",
        received_at=datetime(2026, 1, 1, tzinfo=UTC), trace_id="1" * 32,
    )  # fmt: skip


def parsed(query_string: str) -> Query | str:
    try:
        return parse(request(query_string), Limits())
    except GatewayError as error:
        return error.code


def without_literals(query: Query) -> Query:
    def blank(term: FilterTerm | FilterGroup) -> FilterTerm | FilterGroup:
        is_slot = isinstance(term, FilterTerm) and term.operator is Operator.EQ and not term.is_negated
        return replace(term, values=("",)) if is_slot and isinstance(term, FilterTerm) else term

    return replace(query, root=replace(query.root, where=tuple(map(blank, query.root.where))))


pieces = st.one_of(
    st.builds(
        lambda name, text: f"{name}=eq.{text}",
        st.sampled_from(["id_number", "a", "select", "limit", "and", "or", "not.and", "b.c", "A", "a->>b", ""]),
        st.text("0123456789abZ_-.*()+%,\"'=&~é", max_size=6),
    ),
    st.sampled_from(
        ["select=a,b", "select=*", "limit=5", "order=a", "a=gt.1", "a=in.(1,2)", "or=(a.eq.1,b.eq.2)", "a"]
    ),
)
queries = st.lists(pieces, max_size=4).map("&".join)


@given(queries, queries)
def test_one_shape_is_one_question(one: str, other: str) -> None:
    shapes = shape_of(request(one)), shape_of(request(other))
    assert shapes[0] is not None
    assert shapes[1] is not None
    if shapes[0].key != shapes[1].key:
        return
    left, right = parsed(one), parsed(other)
    if isinstance(left, str) or isinstance(right, str):
        assert left == right
    else:
        assert without_literals(left) == without_literals(right)


@given(queries, st.lists(st.text("09aZ_-", min_size=1, max_size=9), min_size=8, max_size=8))
def test_other_literals_make_the_same_shape_and_the_same_question(query: str, texts: list[str]) -> None:
    shape = shape_of(request(query))
    assert shape is not None
    filled, at = [], 0
    for piece in query.split("&"):
        if at < len(shape.literals) and piece == "{}=eq.{}".format(*shape.literals[at]):
            filled.append(f"{shape.literals[at][0]}=eq.{texts[at]}")
            at += 1
        else:
            filled.append(piece)
    again = shape_of(request("&".join(filled)))
    assert again is not None
    assert again.key == shape.key
    assert at == len(shape.literals)
    left, right = parsed(query), parsed("&".join(filled))
    if isinstance(left, str) or isinstance(right, str):
        assert left == right
    else:
        assert without_literals(left) == without_literals(right)


def test_the_literal_is_taken_out_and_nothing_else() -> None:
    shape = shape_of(request("select=a,b&id_number=eq.33010219900101123X&limit=5"))
    assert shape is not None
    assert shape.literals == (("id_number", "33010219900101123X"),)
    assert shape.key[-3:] == ("select=a,b", "id_number=eq.", "limit=5")


@pytest.mark.parametrize(
    "piece", ["a=eq.", "a=eq.%31", "a=eq.1+2", "a=eq.张", "a.b=eq.1", "a=not.eq.1", "a=eq(any).{1}", "select=eq.a"]
)
def test_what_needs_reading_stays_in_the_shape(piece: str) -> None:
    shape = shape_of(request(piece))
    assert shape is not None
    assert (shape.literals, shape.key[-1]) == ((), piece)


def test_what_is_too_long_has_no_shape() -> None:
    assert shape_of(request("a" * (LONGEST + 1))) is None
    assert shape_of(request("", {"accept": "a" * (LONGEST + 1)})) is None
    assert shape_of(request("", path="/data/" + "a" * LONGEST)) is None


class _Spoken(Mapping[str, str]):
    """Headers that note which of them were asked for."""

    def __init__(self) -> None:
        self.asked: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.asked.add(name)
        found = {"range": "0-9", "accept": "text/csv", "prefer": "count=exact", "accept-profile": "a"}
        return found[name]

    def __iter__(self) -> Iterator[str]:
        raise AssertionError("somebody reads every header")

    def __len__(self) -> int:
        return 4


def test_every_header_that_has_a_part_in_the_question_is_in_its_shape() -> None:
    headers = _Spoken()
    parse(request("", headers), Limits())
    assert headers.asked == set(SPOKEN)
    for name in SPOKEN:
        one, other = shape_of(request("", {name: "x"})), shape_of(request("", {name: "y"}))
        assert one is not None
        assert other is not None
        assert one.key != other.key
