"""A column is read as its cells are, one by one: the same values, and the same refusals."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors._cells import (
    NotPromised,
    Reader,
    read_boolean,
    read_date,
    read_integer,
    read_numeric,
    read_text,
    read_timestamp,
    typed_rows,
)
from gateway.model.rows import Cell

CELLS: st.SearchStrategy[object] = st.sampled_from(
    [
        None, True, False, 0, 1, 2**70, 1.5, "", "a", "a\x00b", "2026-01-02", "2026-13-01", b"a",
        Decimal("1.50"), date(2026, 1, 2), datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 1, 2),  # noqa: DTZ001
    ]
)  # fmt: skip
READERS = (read_text, read_integer, read_boolean, read_date, read_numeric, read_timestamp)


def _one_by_one(cells: list[object], reader: Reader) -> list[tuple[Cell, ...]] | None:
    try:
        return [(None if cell is None else reader(cell),) for cell in cells]
    except NotPromised:
        return None


@given(st.sampled_from(READERS), st.lists(CELLS, max_size=4) | CELLS.map(lambda cell: [cell, None, cell]))
def test_a_column_is_read_as_its_cells(reader: Reader, cells: list[object]) -> None:
    expected = _one_by_one(cells, reader)
    rows = [(cell,) for cell in cells]
    if expected is None:
        with pytest.raises(NotPromised):
            typed_rows(rows, (reader,))
        return
    found = typed_rows(rows, (reader,))
    assert found == expected
    assert [type(row[0]) for row in found] == [type(row[0]) for row in expected]
