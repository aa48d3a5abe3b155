"""The short way of most questions against the long one: the same disclosure, or the same refusal."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.disclosure import disclose
from gateway.disclosure.plain import PlainAnswer, plain_answer
from gateway.errors import Defect, GatewayError
from gateway.masks.partial import Partial
from gateway.model.ids import FieldName
from gateway.model.plan import ReadPlan
from gateway.model.predicate import Comparator, Compare
from gateway.model.query import BoundQuery
from gateway.model.rows import Batch, Disclosure, RawRows
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


async def one_way(planned: ReadPlan, rows: Any, *, at_once: bool, width: int | None = None) -> object:
    source = MemoryConnector(rows)

    async def whole() -> Batch:
        return [row async for batch in source.fetch(planned.fetch) for row in batch]

    raw = RawRows(
        batches=source.fetch(planned.fetch),
        width=len(planned.fetch.columns) + len(planned.fetch.aggregates) if width is None else width,
        counts=source.fetch(planned.count_fetch) if planned.count_fetch is not None else None,
        at_once=whole if at_once else None,
    )
    try:
        return shown(await disclose(lambda _: raw, planned, partial(map, "h:{}".format), CONTEXT))
    except GatewayError as error:
        return type(error), error.operator


def shown(disclosure: Disclosure) -> tuple[object, ...]:
    rows = [[(type(cell).__name__, str(cell)) for cell in row] for row in disclosure.rows]
    rest = (disclosure.offset, disclosure.total, disclosure.subjects, disclosure.notices, disclosure.parts)
    return (disclosure.columns, rows, *rest)


async def both_ways(planned: ReadPlan, rows: Any = ROWS, width: int | None = None) -> Told:
    return Told(
        await one_way(planned, rows, at_once=True, width=width),
        await one_way(planned, rows, at_once=False, width=width),
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


@pytest.mark.parametrize("width", [1, 9])
async def test_rows_that_are_not_the_plans_are_refused_alike(width: int) -> None:
    told = await both_ways(plan(question("no", "level", limit=5)), width=width)
    assert told.at_once == told.in_batches == (Defect, "the raw rows are not those of the plan")


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


async def test_what_is_kept_counts_for_other_literals_and_for_no_other_plan() -> None:
    where = Compare(FieldName("street"), Comparator.EQ, "A")
    planned = plan(question("no", "street", where=where, limit=5), decision(MASKS))
    prepared = prepare(planned, (("street", "A"),))
    assert prepared is not None
    one, other = prepared.of((("street", "A"),)), prepared.of((("street", "B"),))
    kept = plain_answer(one)
    assert kept is not None
    assert plain_answer(other) is kept
    assert not kept.fits(replace(other, columns=other.columns[::-1]))
    assert not kept.fits(replace(other, residual=replace(other.residual, limit=1)))
    assert not kept.fits(replace(other, obligations=(*other.obligations, object())))  # type: ignore[arg-type]
