"""What is done by columns is what was done by cells: CSV, Arrow, and which cells of a row are shown."""

import csv
import io
from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.disclosure.arrow import _PLAIN, _cell
from gateway.disclosure.masking import mask_columns
from gateway.disclosure.render import csv_column, csv_field
from gateway.disclosure.writing import _Table
from gateway.errors import Defect
from gateway.model.catalog import MaskChoice
from gateway.model.decision import Verdict
from gateway.model.ids import MaskName
from gateway.model.json_value import Json
from gateway.model.plan import PlannedColumn, PlannedMask
from gateway.model.range_value import range_of
from gateway.model.rows import ByColumns, Disclosure, Shown
from tests.unit.query.whole_road import CONTEXT

CELLS: st.SearchStrategy[Shown] = st.one_of(
    st.none(),
    st.text(max_size=6),
    st.sampled_from(["", '"', "a,b", "a\nb", "a\r", " x ", "=1+1", "张**", "\x00"]),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.decimals(allow_nan=False, allow_infinity=False, places=2),
    st.dates(),
    st.datetimes(timezones=st.just(UTC)),
    st.just(Json('{"a": [1, null]}')),
    st.just(range_of(1, 5, "[)")),
    st.lists(st.text(max_size=3), max_size=2).map(tuple),
    st.dictionaries(st.text(max_size=2), st.text(max_size=2), max_size=2),
)
UNIFORM = st.one_of(
    st.lists(st.text(max_size=6)), st.lists(st.dates()), st.lists(st.integers()), st.lists(st.none()),
    st.lists(st.one_of(st.none(), st.text(max_size=3))), st.lists(st.datetimes(timezones=st.just(UTC))),
)  # fmt: skip


@given(st.one_of(st.lists(CELLS, max_size=8), UNIFORM))
def test_a_column_of_csv_is_its_cells(cells: list[Shown]) -> None:
    assert list(csv_column(cells)) == [csv_field(cell) for cell in cells]


@given(st.integers(0, 4).flatmap(lambda width: st.lists(st.tuples(*[CELLS] * width), max_size=6)))
def test_a_table_is_its_rows(rows: list[tuple[Shown, ...]]) -> None:
    width = len(rows[0]) if rows else 2
    names = tuple(f"c{at}" for at in range(width))
    plain = io.StringIO()
    writer = csv.writer(plain, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([csv_field(cell) for cell in row] for row in rows)
    table = _Table()
    parts = (tuple(rows[:2]), ByColumns(list(zip(*rows[2:], strict=True)), len(rows[2:])))
    found = b"".join(
        table.batch(Disclosure(columns=names, rows=part, offset=0, total=None, subjects=(), notices=()))
        for part in parts
    )
    assert found == plain.getvalue().encode("utf-8", "surrogatepass")


@pytest.mark.parametrize(
    ("kind", "cells"),
    [
        (pa.string(), ["a", None, "张**"]),
        (pa.int64(), [1, None, -(2**63)]),
        (pa.bool_(), [True, None]),
        (pa.decimal128(38, 12), [Decimal("1.5"), None]),
        (pa.date32(), [date(2026, 1, 2), None]),
        (pa.timestamp("us", tz="UTC"), [datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC), None]),
    ],
)
def test_what_arrow_takes_as_it_is_is_what_it_takes_by_cells(kind: pa.DataType, cells: list[Shown]) -> None:
    assert _PLAIN.issuperset(map(type, cells))
    assert pa.array(cells, type=kind) == pa.array([_cell(cell) for cell in cells], type=kind)


PHONE = PlannedColumn(
    name="phone",
    field=None,
    raw_index=0,
    aggregate=None,
    verdict=Verdict.MASK,
    mask=PlannedMask(
        name=MaskName("dim"), choice=MaskChoice(kind="partial", parameters={"shape": "mobile"}), at_source=False
    ),
)


@given(st.lists(st.none() | st.text(max_size=12) | st.from_regex(r"1[0-9]{10}", fullmatch=True), max_size=40))
def test_a_masked_column_is_its_masked_cells(cells: list[str | None]) -> None:
    (masked,) = mask_columns([cells], [PHONE], CONTEXT)
    assert list(masked) == [mask_columns([[cell]], [PHONE], CONTEXT)[0][0] for cell in cells]
    assert [cell is None for cell in masked] == [cell is None for cell in cells]


def test_columns_that_are_not_the_plans_are_not_masked() -> None:
    with pytest.raises(Defect):
        mask_columns([["1"], ["2"]], [PHONE], CONTEXT)
