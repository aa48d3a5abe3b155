"""The short way of most questions against the long one: the same disclosure, or the same refusal."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.disclosure import disclose
from gateway.disclosure.plain import PlainAnswer, plain_answer
from gateway.errors import Defect, GatewayError, SourceRubbish
from gateway.masks.partial import Partial
from gateway.model.ids import FieldName
from gateway.model.plan import Fetch, ReadPlan
from gateway.model.predicate import Comparator, Compare
from gateway.model.query import BoundQuery
from gateway.model.rows import Batch, ByColumns, Disclosure, RawRows
from gateway.planning.prepared import prepare
from gateway.spi import MaskContext
from tests.memory_connector import ALL, NONE, MemoryConnector
from tests.unit.planning.small_question import CONTEXT, FIELDS, ROWS, decision, plan, question

HERE = replace(ALL, can_mask=False)  # masks are the gateway's
MASKS = {"phone": "dim", "since": "coarse"}


@dataclass
class Told:
    """How an answer came, and that both ways were gone."""

    at_once: object
    in_batches: object
    is_plain: bool


async def one_way(planned: ReadPlan, source: MemoryConnector, *, at_once: bool) -> object:
    async def whole(asked: ReadPlan) -> Batch:
        return [row async for batch in source.fetch(asked.fetch) for row in batch]

    raw = RawRows(
        batches=source.fetch(planned.fetch),
        width=len(planned.fetch.columns) + len(planned.fetch.aggregates),
        counts=source.fetch(planned.count_fetch) if planned.count_fetch is not None else None,
    )
    hashed = partial(map, "h:{}".format)
    try:
        return shown(await disclose(lambda _: raw, planned, hashed, CONTEXT, whole if at_once else None))
    except GatewayError as error:
        return type(error), error.operator


def shown(disclosure: Disclosure) -> tuple[object, ...]:
    rows = [[(type(cell).__name__, str(cell)) for cell in row] for row in disclosure.rows]
    rest = (disclosure.offset, disclosure.total, disclosure.subjects, disclosure.notices, disclosure.parts)
    return (disclosure.columns, rows, *rest)


async def both_ways(planned: ReadPlan, rows: Any = ROWS, source: MemoryConnector | None = None) -> Told:
    source = source or MemoryConnector(rows)
    return Told(
        await one_way(planned, source, at_once=True),
        await one_way(planned, source, at_once=False),
        PlainAnswer.of(planned) is not None,
    )


ASKED = st.builds(
    question,
    *[st.sampled_from(sorted(FIELDS))],
    limit=st.none() | st.integers(0, 6),
    offset=st.integers(0, 3),
    wants_count=st.booleans(),
    order=st.sampled_from([(), (("no", True, False),), (("level", False, True),)]),
)
DECIDED = st.builds(
    decision,
    st.dictionaries(st.sampled_from(["phone", "since"]), st.just("clear")).map(lambda clear: {**MASKS, **clear}),
    obligations=st.lists(st.sampled_from(["max_rows=3", "watermark", "review"]), unique=True, max_size=2).map(tuple),
)


@given(asked=ASKED, decided=DECIDED, claims=st.sampled_from([ALL, HERE, NONE]))
async def test_both_ways_disclose_the_same(asked: BoundQuery, decided: Any, claims: Any) -> None:
    told = await both_ways(plan(asked, decided, claims))
    assert told.at_once == told.in_batches


@pytest.mark.parametrize(
    ("columns", "rows"),
    [
        (("no", "phone", "level", "monthly", "since", "alone", "seen"), ROWS),
        (("phone",), [{**row, "phone": None} for row in ROWS]),
        (("phone",), []),
        (("phone", "since"), ROWS[:1]),
    ],
)
async def test_most_questions_go_the_short_way(columns: Sequence[str], rows: Any) -> None:
    told = await both_ways(plan(question(*columns, limit=5), decision(MASKS), HERE), rows)
    assert told.is_plain
    assert told.at_once == told.in_batches


@pytest.mark.parametrize(
    ("columns", "asked"),
    [
        (("count()",), {}),
        (("no",), {"wants_count": True}),
        (("no", "monthly.sum()"), {}),
    ],
)
async def test_what_needs_more_goes_the_long_way(columns: Sequence[str], asked: Any) -> None:
    told = await both_ways(plan(question(*columns, **asked), decision(MASKS)))
    assert not told.is_plain
    assert told.at_once == told.in_batches


async def test_a_source_that_does_not_filter_is_filtered_here() -> None:
    where = Compare(FieldName("level"), Comparator.EQ, "甲")
    told = await both_ways(plan(question("no", "level", where=where), None, NONE))
    assert not told.is_plain
    assert told.at_once == told.in_batches


class Crooked(MemoryConnector):
    """Gives other rows than it was asked for."""

    def __init__(self, *rows: tuple[Any, ...]) -> None:
        super().__init__(ROWS)
        self._crooked = rows

    async def fetch(self, fetch: Fetch) -> AsyncIterator[Batch]:
        yield self._crooked


GOOD_ROWS = [(1, "1", "p"), (1, None, "p"), (None, "2", None), (1, "9", "p")]
BAD_ROWS = [
    (1, "1"),
    (1, "1", "p", "x"),
    ("1", "1", "p"),
    (1, 1, "p"),
    (True, "1", "p"),
    (1, "甲", "p"),
    (1.0, "1", "p"),
]


@pytest.mark.parametrize(("row", "is_good"), [*((one, True) for one in GOOD_ROWS), *((one, False) for one in BAD_ROWS)])
async def test_cells_that_the_catalogue_does_not_promise_are_refused_alike(row: tuple[Any, ...], is_good: bool) -> None:
    planned = plan(question("no", "level", limit=5))
    assert [one and one.name for one in planned.raw_fields] == ["no", "level", "person"]
    told = await both_ways(planned, source=Crooked((1, "1", "p"), row))
    assert told.is_plain
    assert told.at_once == told.in_batches
    assert (told.at_once[0] is SourceRubbish) is not is_good  # type: ignore[index]


async def test_what_a_source_says_that_it_masked_is_a_text_or_nothing() -> None:
    planned = plan(question("phone", limit=5), decision(MASKS))
    assert planned.fetch.columns[0].form is not None
    for cell, is_good in (("1**", True), (None, True), (1, False), (b"1", False)):
        told = await both_ways(planned, source=Crooked((cell, "p")))
        assert told.is_plain
        assert told.at_once == told.in_batches
        assert (told.at_once == (SourceRubbish, "a masked cell is no text")) is not is_good


async def test_a_source_that_has_batches_only_is_asked_for_those() -> None:
    async def none(_: ReadPlan) -> None:
        return None

    planned, source = plan(question("no", limit=5)), MemoryConnector(ROWS)
    raw = RawRows(batches=source.fetch(planned.fetch), width=2, counts=None)
    disclosure = await disclose(lambda _: raw, planned, partial(map, "h:{}".format), CONTEXT, none)
    assert len(disclosure.rows) == 5


async def test_a_source_that_says_too_much_is_refused_alike() -> None:
    planned = plan(question("no", "level", limit=5))
    few = replace(planned, fetch=replace(planned.fetch, limit=2))  # the memory gives two, the plan wants one
    told = await both_ways(replace(few, max_source_rows=1))
    assert told.is_plain
    assert told.at_once == told.in_batches


async def test_a_mask_that_fails_tells_nothing_of_the_value(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Partial, values: Sequence[object], context: MaskContext) -> list[str | None]:
        raise ValueError(values)

    planned = plan(question("phone", limit=5), decision(MASKS), HERE)
    monkeypatch.setattr(Partial, "apply", fail)
    told = await both_ways(planned)
    assert told.is_plain
    assert told.at_once == told.in_batches == (Defect, "the mask partial failed: ValueError")


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("claims", [ALL, HERE])
async def test_few_rows_are_what_many_are(count: int, claims: Any) -> None:
    columns = ("no", "phone", "level", "monthly", "since", "alone", "seen")
    of_nobody = [{**row, "person": None, "phone": None} for row in ROWS]
    for rows in (ROWS, ROWS[::-1], of_nobody, [ROWS[0], ROWS[0], ROWS[0]]):
        for asked in (columns, ("phone",), ("no",)):
            told = await both_ways(plan(question(*asked, limit=5), decision(MASKS), claims), rows[:count])
            assert told.is_plain
            assert told.at_once == told.in_batches


@pytest.mark.parametrize(("cells", "count"), [([1] * 50, 2), ([1] * 9, 1), ([1, 2], 0), ([1], 2)])
async def test_rows_by_columns_that_are_not_as_many_as_they_say_are_never_few(cells: list[Any], count: int) -> None:
    async def at_once(_: ReadPlan) -> Batch:
        return ByColumns([cells, ["1"] * len(cells), ["p"] * len(cells)], count)

    planned = plan(question("no", "level", limit=2))
    raw = RawRows(batches=MemoryConnector(ROWS).fetch(planned.fetch), width=3, counts=None)
    if count:
        with pytest.raises(SourceRubbish):
            await disclose(lambda _: raw, planned, partial(map, "h:{}".format), CONTEXT, at_once)
        return
    told = await disclose(lambda _: raw, planned, partial(map, "h:{}".format), CONTEXT, at_once)
    assert len(told.rows) == 0


@pytest.mark.parametrize("shown", [[1], [], ["a", "b"], [b"a"]])
async def test_a_mask_that_gives_no_text_for_one_cell_is_refused(
    monkeypatch: pytest.MonkeyPatch, shown: list[Any]
) -> None:
    planned = plan(question("phone", limit=5), decision(MASKS), HERE)
    monkeypatch.setattr(Partial, "apply", lambda *_: shown)
    told = await both_ways(planned, ROWS[:1])
    assert told.at_once == told.in_batches == (Defect, "the mask partial gave no column of text")


async def test_what_is_kept_counts_for_other_literals_and_for_no_other_plan() -> None:
    where = Compare(FieldName("street"), Comparator.EQ, "A")
    planned = plan(question("no", "street", where=where, limit=5), decision(MASKS))
    prepared = prepare(planned, ((FieldName("street"), "A"),))
    assert prepared is not None
    one, other = prepared.of(((FieldName("street"), "A"),)), prepared.of(((FieldName("street"), "B"),))
    kept = plain_answer(one)
    assert kept is not None
    assert plain_answer(other) is kept
    assert plain_answer(prepared.of(((FieldName("street"), "C"),))) is kept
    changed = replace(other, columns=other.columns[::-1])
    assert not kept.fits(changed)
    assert plain_answer(changed) is not kept
    assert not kept.fits(replace(other, residual=replace(other.residual, limit=1)))
    assert not kept.fits(replace(other, obligations=(*other.obligations, object())))  # type: ignore[arg-type]
