"""The type that a cast or a JSON path makes of a field."""

from dataclasses import replace

from gateway.catalog.values import field_at, read_cast
from gateway.errors import Words
from gateway.model.catalog import Field, FieldType
from gateway.model.query import JsonStep
from gateway.query._faults import malformed

_FIX: Words = (
    "use one of text, integer, numeric, boolean, date, timestamp, json",
    "请使用 text、integer、numeric、boolean、date、timestamp 或 json",
)


def cast_of(text: str | None) -> FieldType | None:
    """The type; None where there is no cast. Raises QueryMalformed for what is no type."""
    if text is None:
        return None
    found = read_cast(text)
    if found is None:
        raise malformed(text, ("a cast to a type that isn't offered", "不支持转换为该类型"), _FIX)
    return found


def computed(field: Field, path: tuple[JsonStep, ...], cast: FieldType | None) -> Field:
    """The field as it would be if its values were what the path and the cast make of them."""
    there = field_at(field, path)
    return there if cast is None else replace(there, type=cast)
