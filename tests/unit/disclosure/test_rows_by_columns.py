"""Rows that are held by columns are rows to everybody; no source passes with columns of another number or length."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.disclosure.collect import columns_of, readers_of
from gateway.errors import SourceRubbish
from gateway.model.rows import ByColumns, columns_of_rows
from gateway.planning import plan_read
from tests.memory_connector import ALL
from tests.unit.query.small_town import LIMITS, bound
from tests.unit.query.whole_road import decide

Rows = list[tuple[int, ...]]
rows_of_one_width = st.integers(0, 3).flatmap(lambda width: st.lists(st.tuples(*[st.integers()] * width), max_size=6))


def held(rows: Rows) -> ByColumns[int]:
    return ByColumns([list(column) for column in zip(*rows, strict=True)], len(rows))


@given(rows_of_one_width, st.integers(-7, 7), st.slices(6))
def test_they_are_the_rows(rows: Rows, at: int, cut: slice) -> None:
    found = held(rows)
    assert list(found) == rows == found
    assert len(found) == len(rows)
    assert bool(found) == bool(rows)
    assert list(found[cut]) == rows[cut]
    assert columns_of_rows(found) == columns_of_rows(held(list(found))) == [list(one) for one in columns_of_rows(rows)]
    if -len(rows) <= at < len(rows):
        assert found[at] == rows[at]
    else:
        with pytest.raises(IndexError):
            _ = found[at]


def test_they_tell_counts_only() -> None:
    assert repr(held([(4711, 4712)])) == "<ByColumns of 1 rows, 2 columns>"


@pytest.mark.parametrize("columns", [[[1]], [[1], ["a"], ["b"]], [[1, 2], ["a"]], [[1], []], []])
def test_columns_of_another_number_or_length_are_rubbish(columns: list[list[object]]) -> None:
    plan = plan_read(bound("select=no,name"), decide(), ALL, LIMITS, 5.0)
    assert len(plan.raw_fields) == 2
    with pytest.raises(SourceRubbish):
        columns_of(ByColumns(columns, 1), plan, readers_of(plan))  # type: ignore[arg-type]  # as a source might
