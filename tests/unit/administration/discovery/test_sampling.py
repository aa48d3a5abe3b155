"""What a sample asks of a source, and what it gives back: never a value."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

from gateway.administration.discovery.labelling import Places
from gateway.administration.discovery.sampling import Limits, Sampled, sample_table
from gateway.administration.discovery.survey import Surveyed, survey
from gateway.errors import SourceRubbish, SourceTimeout
from gateway.model.catalog import FieldType
from gateway.model.plan import Fetch
from gateway.model.rows import Batch
from gateway.spi import TableDescription
from tests.memory_connector import NONE, MemoryConnector

NOWHERE = Places(codes=frozenset(), names=frozenset())
MARK = "Zx81-only-here"
TABLE = TableDescription(table="t", columns=(("a", FieldType.TEXT), ("n", FieldType.INTEGER)), key=())
ROWS = [{"c0": f"{MARK}-{number}", "c1": number} for number in range(50)]


class _Failing(MemoryConnector):
    """Fails as a source does: on everything, or only where a number is asked for."""

    def __init__(self, *, always: bool) -> None:
        super().__init__(ROWS)
        self._always = always

    async def fetch(self, fetch: Fetch) -> AsyncIterator[Batch]:
        if self._always:
            raise SourceTimeout(dataset=fetch.dataset, operator=MARK)
        if any(column.source.type is FieldType.INTEGER for column in fetch.columns):
            raise SourceRubbish(dataset=fetch.dataset, operator=MARK)
        yield [(MARK,)]


def _sample(source: MemoryConnector, table: TableDescription = TABLE, **limits: Any) -> Sampled:
    return asyncio.run(sample_table(source, table, NOWHERE, Limits(**limits)))


def test_one_bounded_question_a_table() -> None:
    source = MemoryConnector(ROWS)
    sampled = _sample(source, rows=30, seconds=2.5)
    (asked,) = source.fetches
    assert (asked.limit, asked.time_limit_seconds, asked.offset) == (30, 2.5, 0)
    assert (sampled.rows, sampled.is_whole) == (30, False)
    assert source.open_streams == 0


def test_a_source_that_cannot_limit_is_left_after_enough_pages() -> None:
    source = MemoryConnector(ROWS, NONE)
    sampled = _sample(source, rows=10)
    assert sampled.rows < len(ROWS)
    assert source.fetches[0].limit is None
    assert source.open_streams == 0


def test_a_small_table_is_counted() -> None:
    sampled = _sample(MemoryConnector(ROWS))
    assert (sampled.rows, sampled.is_whole) == (50, True)


def test_a_wide_table_gives_fewer_rows() -> None:
    wide = TableDescription(table="w", columns=tuple((f"c{at}", FieldType.TEXT) for at in range(2000)), key=())
    source = MemoryConnector([])
    _sample(source, wide)
    assert source.fetches[0].limit == 20


def test_no_value_is_in_what_comes_back() -> None:
    for sampled in (
        _sample(MemoryConnector(ROWS)),
        _sample(_Failing(always=True)),
        _sample(_Failing(always=False)),
    ):
        assert MARK not in repr(sampled)


def test_cells_of_a_wrong_type_leave_the_texts() -> None:
    sampled = _sample(_Failing(always=False))
    assert list(sampled.columns) == ["a"]
    assert sampled.note is not None


def test_views_are_left_alone_unless_asked_for() -> None:
    view = TableDescription(table="v", columns=TABLE.columns, key=(), is_view=True)
    source = MemoryConnector(ROWS)
    assert _sample(source, view).note is not None
    assert source.fetches == []
    assert _sample(source, view, views=True).rows == 50


def test_when_time_is_over_the_rest_is_labelled_by_name() -> None:
    source, seconds = MemoryConnector(ROWS), iter([0.0, 1.0, 200.0])

    async def all_of() -> Sequence[Surveyed]:
        tables = [TABLE, TableDescription(table="u", columns=(("SFZH", FieldType.TEXT),), key=())]
        return [one async for one in survey(source, tables, NOWHERE, Limits(), lambda: next(seconds))]

    first, second = asyncio.run(all_of())
    assert first.note is None
    assert second.note is not None
    assert second.proposals["SFZH"].term == "person.id_number"
    assert len(source.fetches) == 1
