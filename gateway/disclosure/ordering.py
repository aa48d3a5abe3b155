"""Rows -> rows in order. Stable; text by code point; NULL where each term says. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from gateway.model.ids import FieldName
from gateway.model.query import BoundOrder
from gateway.model.rows import Row


def order_rows(rows: Sequence[Row], order: Sequence[BoundOrder], places: Mapping[FieldName, int]) -> list[Row]:
    """The rows, sorted by the first term, rows equal in it by the second, and so on."""
    ordered = list(rows)
    for term in reversed(order):
        ordered = _by(ordered, term, places[term.field])
    return ordered


def _by(rows: list[Row], term: BoundOrder, at: int) -> list[Row]:
    def cell(row: Row) -> Any:  # noqa: ANN401  # one column's cells have one type, and are not None here
        return row[at]

    nulls = [row for row in rows if row[at] is None]
    known = sorted((row for row in rows if row[at] is not None), key=cell, reverse=term.is_descending)
    return nulls + known if term.nulls_first else known + nulls
