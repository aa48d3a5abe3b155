"""JSON, arrays and ranges in the gateway: taken at a path, written, sorted, and embeds asked for."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import orjson
import pytest

from gateway.catalog.values import cell_at, json_of, read_cast, text_of
from gateway.disclosure.ordering import order_rows
from gateway.disclosure.residual import compile_predicate
from gateway.errors import Defect
from gateway.model.catalog import FieldType
from gateway.model.ids import FieldName
from gateway.model.json_value import Json, JsonStep
from gateway.model.predicate import AllOf, Exists, Not
from gateway.model.query import BoundOrder
from gateway.model.range_value import EMPTY, range_of
from gateway.model.rows import Cell, Row

DOC = Json('{"a": {"b": [1.50, "x", null]}, "c": "是"}')


def path(*keys: str | int, as_text: bool = False) -> tuple[JsonStep, ...]:
    return tuple(JsonStep(key=key, as_text=as_text and at == len(keys) - 1) for at, key in enumerate(keys))


@pytest.mark.parametrize(
    ("steps", "cell"),
    [
        ((), DOC),
        (path("a", "b", 0), Json("1.50")),
        (path("a", "b", 0, as_text=True), "1.50"),
        (path("a", "b", -2, as_text=True), "x"),
        (path("a", "b", 2), Json("null")),
        (path("a", "b", 2, as_text=True), None),
        (path("a", "b", 3), None),
        (path("a", "b", "0"), None),
        (path("a", 0), None),
        (path("c", as_text=True), "是"),
        (path("c"), Json('"是"')),
        (path("a", as_text=True), '{"b": [1.50, "x", null]}'),
        (path("z", "b"), None),
    ],
)
def test_a_path_leads_to_a_value_or_to_nothing(steps: tuple[JsonStep, ...], cell: Cell) -> None:
    assert repr(cell_at(DOC, steps)) == repr(cell)


@pytest.mark.parametrize(
    ("cell", "text", "told"),
    [
        (None, "", None),
        (True, "t", True),
        (Decimal("1.50"), "1.50", 1.5),
        (2**64, str(2**64), None),
        (DOC, DOC.text, {"a": {"b": [1.5, "x", None]}, "c": "是"}),
        (Json("null"), "null", None),
        (("a", None, "b,c"), '{a,NULL,"b,c"}', ["a", None, "b,c"]),
        ((Decimal("0.10"), True), "{0.10,t}", [0.1, True]),
        ((datetime(2026, 1, 1, tzinfo=UTC),), "{2026-01-01T00:00:00Z}", ["2026-01-01T00:00:00Z"]),
        ((date(2026, 1, 2), None), "{2026-01-02,NULL}", ["2026-01-02", None]),
        (range_of(1, 5, "[]"), "[1,6)", "[1,6)"),
        (range_of(None, date(2026, 1, 1), "[]"), "(,2026-01-02)", "(,2026-01-02)"),
        (EMPTY, "empty", "empty"),
    ],
)  # fmt: skip
def test_a_cell_has_one_text_and_one_json(cell: Cell, text: str, told: Any) -> None:
    assert text_of(cell) == text
    written = orjson.dumps(json_of(cell), option=orjson.OPT_UTC_Z)
    assert (orjson.loads(written) == told) if cell != 2**64 else (written == str(2**64).encode())


def test_casts_go_by_their_names() -> None:
    names = {"int": FieldType.INTEGER, "double precision": FieldType.NUMERIC, "timestamptz": FieldType.TIMESTAMP}
    assert {name: read_cast(name) for name in names} == names
    assert read_cast("regclass") is None


def test_rows_are_sorted_by_what_is_at_a_path_and_values_as_postgresql_sorts_them() -> None:
    place = {FieldName("f"): 0}

    def sorted_by(cells: list[Cell], *steps: JsonStep) -> list[Cell]:
        term = BoundOrder(field=FieldName("f"), is_descending=False, nulls_first=False, path=steps)
        return [row[0] for row in order_rows([(cell,) for cell in cells], (term,), place)]

    ordered: list[Cell] = [Json('{"a": 2}'), Json('{"a": 10}'), Json('{"a": [1]}'), Json("{}")]
    assert sorted_by(list(reversed(ordered)), *path("a")) == ordered
    by_text: list[Cell] = [ordered[1], ordered[0], ordered[2], ordered[3]]
    assert sorted_by(list(reversed(ordered)), *path("a", as_text=True)) == by_text
    assert sorted_by([("b",), ("a", None), ("a",), None, ()]) == [(), ("a",), ("a", None), ("b",), None]
    ranges: list[Cell] = [EMPTY, range_of(None, 5), range_of(1, 3), range_of(1, None), range_of(2, 3)]
    assert sorted_by(list(reversed(ranges))) == ranges


def test_an_embed_is_there_or_is_not() -> None:
    def has_pets(row: Row) -> bool:
        return row[0] == "cat"

    test = compile_predicate(AllOf((Exists("pets"), Not(Not(Exists("pets"))))), {}, {"pets": has_pets})
    assert [test(("cat",)), test((None,))] == [True, False]
    with pytest.raises(Defect):
        compile_predicate(Exists("pets"), {})
