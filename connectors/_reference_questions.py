"""What the conformance kit asks: hypothesis strategies over the reference fields."""

from collections.abc import Iterator
from datetime import UTC
from typing import Any

from hypothesis import strategies as st

from connectors._reference import FIELDS, ROWS
from gateway.model.catalog import FieldType
from gateway.model.ids import FieldName
from gateway.model.predicate import (
    AllOf,
    AnyOf,
    Comparator,
    Compare,
    IsNull,
    IsTruth,
    Like,
    Not,
    OneOf,
    Predicate,
    Under,
)
from gateway.model.query import AggregateFunction
from gateway.model.sqlform import Column, Concat, Constant, IfShape, Left, Right, Shape, SqlForm


def _values(field: str) -> st.SearchStrategy[Any]:
    known = st.sampled_from([row[field] for row in ROWS if row[field] is not None])
    match FIELDS[field][1]:
        case FieldType.TEXT:
            return known | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=4)
        case FieldType.INTEGER:
            return known | st.integers(-(2**65), 2**65)
        case FieldType.NUMERIC:
            return known | st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**28), max_value=10**28)
        case FieldType.BOOLEAN:
            return st.booleans()
        case FieldType.DATE:
            return known | st.dates()
        case FieldType.TIMESTAMP:
            return known | st.datetimes(timezones=st.just(UTC))
        case _:
            return known


fields = st.sampled_from(sorted(FIELDS))
text_fields = st.sampled_from(["name", "note", "region"])
patterns = st.text(st.sampled_from("%_ab*?[]^\\三😀e\u0301'\n"), max_size=5) | st.sampled_from(
    ["%", "_", "", "%%", "a%", "%b", "\\%", "*", "?", "[x]", "%[%", "__", "😀_", "%\u0301"]
)
compares = fields.flatmap(
    lambda field: st.builds(Compare, st.just(FieldName(field)), st.sampled_from(Comparator), _values(field))
)
leaves: st.SearchStrategy[Predicate] = st.one_of(
    compares,
    fields.flatmap(
        lambda field: st.builds(OneOf, st.just(FieldName(field)), st.lists(_values(field), max_size=4).map(tuple))
    ),
    st.builds(Like, text_fields.map(FieldName), patterns, st.just(False)),
    st.builds(IsNull, fields.map(FieldName)),
    st.builds(IsTruth, st.just(FieldName("active")), st.booleans()),
    st.builds(
        Under,
        st.just(FieldName("region")),
        st.lists(st.sampled_from(["3", "33", "330102", "330102001001", "9", "39"]), max_size=3).map(tuple),
    ),
)
predicates: st.SearchStrategy[Predicate] = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(AllOf, st.lists(inner, max_size=3).map(tuple)),
        st.builds(AnyOf, st.lists(inner, max_size=3).map(tuple)),
        st.builds(Not, inner),
    ),
    max_leaves=6,
)
orders = st.lists(st.tuples(fields, st.booleans(), st.booleans()), max_size=3, unique_by=lambda term: term[0])
_SETS = ("0123456789", "1", "3456789", "Xx", "]^-", "^", "-", "]", "[*?", "\\", "a-z")
shapes = st.lists(st.sampled_from(_SETS), max_size=4).map(lambda positions: Shape(tuple(positions)))


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00\r"), min_size=3, max_size=6)
shaped_texts = st.text(st.sampled_from("0123456789Xx]^-[*?\\az"), min_size=3, max_size=4)


def forms(least: int) -> st.SearchStrategy[SqlForm]:
    """SQL forms whose Right takes at most `least` characters (the column is known to be that long)."""
    constants = st.text(st.sampled_from("*'%?ab三😀"), max_size=3) | st.none()
    return st.recursive(
        st.one_of(
            st.just(Column()),
            st.builds(Constant, constants),
            st.builds(Left, st.integers(0, 5)),
            st.builds(Right, st.integers(0, least)),
        ),
        lambda inner: st.one_of(
            st.builds(Concat, st.lists(inner, max_size=3).map(tuple)),
            st.builds(IfShape, st.lists(shapes, max_size=2).map(tuple), inner, inner),
        ),
        max_leaves=5,
    )


def aggregates() -> Iterator[tuple[AggregateFunction, str | None]]:
    """Every aggregate that has a meaning here."""
    yield AggregateFunction.COUNT, None
    for field, (_, field_type) in FIELDS.items():
        yield AggregateFunction.COUNT, field
        if field_type is not FieldType.BOOLEAN:
            yield AggregateFunction.MIN, field
            yield AggregateFunction.MAX, field
    for field in ("id", "amount"):
        yield AggregateFunction.SUM, field
        yield AggregateFunction.AVG, field
