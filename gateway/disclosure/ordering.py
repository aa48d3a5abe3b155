"""Rows -> rows in order. Stable; text by code point; NULL where each term says. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from gateway.catalog.values import cell_at
from gateway.disclosure.comparing import sort_key
from gateway.model.ids import FieldName
from gateway.model.query import BoundOrder
from gateway.model.rows import Row


def order_rows(rows: Sequence[Row], order: Sequence[BoundOrder], places: Mapping[FieldName, int]) -> list[Row]:
    """The rows, sorted by the first term, rows equal in it by the second, and so on. No term may be an embed's."""
    ordered = list(rows)
    for term in reversed(order):
        ordered = _by(ordered, term, places[term.field])
    return ordered


def _by(rows: list[Row], term: BoundOrder, at: int) -> list[Row]:
    def key(keyed: tuple[Any, Row]) -> Any:  # noqa: ANN401  # one column's cells have one type, and are not None here
        return keyed[0]

    keyed = [(sort_key(cell_at(row[at], term.path)), row) for row in rows]
    nulls = [row for found, row in keyed if found is None]
    ordered = sorted((one for one in keyed if one[0] is not None), key=key, reverse=term.is_descending)
    known = [row for _, row in ordered]
    return nulls + known if term.nulls_first else known + nulls
