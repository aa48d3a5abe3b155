"""A long answer holds a batch, not itself: in rows, in memory, and at the source."""

import tracemalloc
from collections.abc import AsyncIterator
from contextlib import aclosing
from functools import partial

import pytest

from gateway.disclosure import disclose_in_batches, writer_of
from gateway.model.plan import ReadPlan
from gateway.model.query import MediaType
from gateway.model.rows import Batch, RawRows, Row
from gateway.planning import plan_read
from gateway.spi import Capabilities
from tests.memory_connector import ALL, NONE
from tests.unit.query.small_town import LIMITS, bound
from tests.unit.query.whole_road import CONTEXT, decide

ROWS = 1_000
LONG = LIMITS.model_copy(update={"page_rows": ROWS, "stream_rows": 1_000_000, "source_rows": 5_000})


class Endless:
    """A source that makes its rows when they are asked for."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self.made = 0
        self.is_closed = False

    async def stream(self, width: int) -> AsyncIterator[Batch]:
        try:
            while self.made < self._rows:
                texts = ("x" * 20,) * (width - 1)
                batch: list[Row] = [(self.made + at, *texts) for at in range(500)]
                self.made += 500
                yield batch
        finally:
            self.is_closed = True


def _plan(text: str, claims: Capabilities, media_type: MediaType = MediaType.NDJSON) -> ReadPlan:
    asked = bound(text, headers={"accept": media_type.value})
    return plan_read(asked, decide(), claims, LONG, 5.0)


async def _length(
    rows: int, claims: Capabilities, text: str, media_type: MediaType = MediaType.NDJSON
) -> tuple[int, int]:
    """Bytes written, and the most memory that was held on the way."""
    plan = _plan(text, claims, media_type)
    source, writer, written = Endless(rows), writer_of(media_type, plan), 0
    width = len(plan.fetch.columns)
    raw = RawRows(batches=source.stream(width), width=width, counts=None)
    tracemalloc.start()
    try:
        async with aclosing(disclose_in_batches(lambda _: raw, plan, partial(map, str), CONTEXT, ROWS)) as parts:
            async for part in parts:
                written += len(writer.batch(part))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert source.is_closed
    return written + len(writer.end()), most


@pytest.mark.parametrize("media_type", [MediaType.NDJSON, MediaType.CSV, MediaType.ARROW])
@pytest.mark.parametrize(("claims", "text"), [(ALL, "select=no,name"), (NONE, "select=no,name&no=gte.0")])
async def test_memory_stays_flat(claims: Capabilities, text: str, media_type: MediaType) -> None:
    short, some = await _length(10_000, claims, text, media_type)
    long, most = await _length(100_000, claims, text, media_type)
    assert long > short * 9
    assert most < some * 1.5


async def test_nothing_is_read_that_nobody_waits_for() -> None:
    plan = _plan("select=no,name", ALL)
    source = Endless(100_000)
    raw = RawRows(batches=source.stream(2), width=2, counts=None)
    async with aclosing(disclose_in_batches(lambda _: raw, plan, partial(map, str), CONTEXT, ROWS)) as parts:
        first = await anext(parts)
        assert (len(first.rows), source.made) == (ROWS, ROWS)
        await anext(parts)
        assert source.made == 2 * ROWS
    assert source.is_closed


@pytest.mark.parametrize("claims", [ALL, NONE], ids=["pushed", "here"])
@pytest.mark.parametrize(
    ("page", "wanted"), [("limit=2500", 2500), ("limit=10", 10), ("offset=199999", 1), ("limit=0", 0)]
)
async def test_pages_are_cut_wherever_batches_end(page: str, wanted: int, claims: Capabilities) -> None:
    plan = _plan(f"select=no,name&no=gte.0&{page}", claims)
    if claims is ALL:  # the source itself skips and cuts
        assert plan.fetch.limit is not None
        return
    source = Endless(200_000)
    raw = RawRows(batches=source.stream(len(plan.fetch.columns)), width=len(plan.fetch.columns), counts=None)
    rows: list[object] = []
    async with aclosing(disclose_in_batches(lambda _: raw, plan, partial(map, str), CONTEXT, ROWS)) as parts:
        async for part in parts:
            rows += [row[0] for row in part.rows]
    assert len(rows) == wanted
    start = 199_999 if "offset" in page else 0
    assert rows == list(range(start, start + wanted))


def test_the_most_rows_of_a_stream_is_a_limit() -> None:
    assert _plan("select=no", ALL).fetch.limit == LONG.stream_rows
    assert _plan("select=no&limit=7", ALL).fetch.limit == 7
    cut = plan_read(bound("select=no", headers={"accept": "text/csv"}), decide(), NONE, LONG, 5.0)
    assert cut.residual.limit == LONG.stream_rows


@pytest.mark.parametrize(
    ("text", "accept", "claims", "is_stream"),
    [
        ("select=no,name", MediaType.CSV, ALL, True),
        ("select=no,name&limit=20000", MediaType.ARROW, ALL, True),
        ("select=no,name&limit=20", MediaType.CSV, ALL, False),
        ("select=no,name", MediaType.JSON, ALL, False),
        ("select=no,name&order=name", MediaType.CSV, NONE, False),  # the gateway sorts: it reads as fast as it can
    ],
)
def test_a_source_is_told_of_an_answer_that_may_take_its_time(
    text: str, accept: MediaType, claims: Capabilities, is_stream: bool
) -> None:
    assert _plan(text, claims, accept).fetch.is_stream is is_stream


@pytest.mark.parametrize(
    ("page_rows", "batch_rows"), [(1, 1), (40, 40), (1_000, 1_000), (1_001, 1_000), (50_000, 1_000)]
)
def test_however_long_a_page_may_be_an_entry_of_a_long_answer_names_no_more_than_a_thousand_people(
    page_rows: int, batch_rows: int
) -> None:
    limits = LONG.model_copy(update={"page_rows": page_rows})
    assert limits.batch_rows == batch_rows
    asked = bound("select=no", headers={"accept": MediaType.CSV.value})
    assert plan_read(asked, decide(), ALL, limits, 5.0).fetch.batch_rows == batch_rows
