"""RawRows -> Disclosure: what a source may not get past it, and that nothing leaves unmasked."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from importlib import import_module
from typing import Any, ClassVar, Self

import pytest

from gateway.disclosure import disclose
from gateway.errors import Defect, ObligationNotUnderstood, SourceRubbish, SourceTooBroad, SourceUnavailable
from gateway.masks.partial import Partial
from gateway.model.ids import FieldName
from gateway.model.plan import ReadPlan
from gateway.model.predicate import AnyOf, Comparator, Compare, IsNull
from gateway.model.query import FieldUse
from gateway.model.rows import Batch, Disclosure, RawRows
from gateway.spi import MaskContext, Obligation
from tests.memory_connector import ALL, NONE, MemoryConnector
from tests.unit.planning.small_question import CONTEXT, ROWS, answer, decision, plan, question

BOTH = pytest.mark.parametrize("claims", [ALL, NONE])


class Source:
    """Batches as told; knows whether it was closed."""

    def __init__(self, *batches: Sequence[Any], error: Exception | None = None) -> None:
        self._batches = batches
        self._error = error
        self.closed = False

    async def stream(self) -> AsyncIterator[Batch]:
        try:
            for batch in self._batches:
                yield batch
            if self._error is not None:
                raise self._error
        finally:
            self.closed = True


async def _disclose(planned: ReadPlan, *batches: Sequence[Any], counts: Sequence[Any] | None = None) -> Disclosure:
    raw = RawRows(
        batches=Source(*batches).stream(),
        width=len(planned.raw_fields),
        counts=None if counts is None else Source(counts).stream(),
    )
    return await disclose(lambda _: raw, planned, partial(map, str.upper), CONTEXT)


@BOTH
async def test_values_are_those_of_the_catalogue_and_masked_where_the_verdict_says(claims: Any) -> None:
    found = await answer(
        question("no", "phone", "level", "monthly", "since", "alone", "seen", limit=2),
        decision({"phone": "dim", "since": "coarse"}),
        claims,
    )
    assert found.columns == ("no", "phone", "level", "monthly", "since", "alone", "seen")
    assert found.rows == (
        (1, "138****5678", "甲", Decimal("650.00"), "2020", True, datetime(2026, 1, 1, tzinfo=UTC)),
        (2, "139****5678", "乙", Decimal("430.50"), "2021", False, datetime(2026, 1, 2, tzinfo=UTC)),
    )


@BOTH
async def test_null_stays_null_and_a_wrong_shape_is_hidden_whole(claims: Any) -> None:
    found = await answer(question("phone", limit=2, offset=2), decision({"phone": "dim"}), claims)
    assert found.rows == ((None,), ("***",))


@BOTH
async def test_subjects_are_those_of_the_page_hashed_sorted_and_once(claims: Any) -> None:
    found = await answer(question("no", limit=4), claims=claims)
    assert found.subjects == ("h:330102194910010010", "h:330102194910010029")
    assert (await answer(question("no", limit=1, offset=3), claims=claims)).subjects == ()
    assert (await answer(question("street", "count()"), claims=claims)).subjects == ()


@BOTH
async def test_the_total_counts_visible_rows_before_the_page(claims: Any) -> None:
    where = IsNull(FieldName("amount"))
    visible = decision(rows=Compare(FieldName("monthly"), Comparator.EQ, Decimal(650)))
    found = await answer(question("no", where=where, limit=0, wants_count=True), visible, claims)
    assert (found.rows, found.total) == ((), 1)
    groups = await answer(question("street", "count()", limit=1, wants_count=True), None, claims)
    assert (len(groups.rows), groups.total) == (1, 3)


@BOTH
async def test_order_places_nulls_where_asked_and_is_stable(claims: Any) -> None:
    async def numbers(*order: tuple[str, bool, bool]) -> list[object]:
        return [row[0] for row in (await answer(question("no", order=order), claims=claims)).rows]

    assert await numbers(("monthly", False, False)) == [5, 2, 1, 4, 3]
    assert await numbers(("monthly", True, True), ("no", True, False)) == [3, 4, 1, 2, 5]
    assert await numbers(("level", False, True)) == [5, 4, 2, 1, 3]


@BOTH
async def test_aggregates_are_exact_and_skip_null(claims: Any) -> None:
    found = await answer(
        question("count()", "monthly.count()", "monthly.sum()", "monthly.avg()", "amount.sum()", "since.min()"),
        claims=claims,
    )
    assert found.rows == ((5, 4, Decimal("1730.60"), Decimal("432.65"), Decimal("7.25"), date(1999, 12, 31)),)
    assert [str(cell) for cell in found.rows[0][2:5]] == ["1730.60", "432.65", "7.25"]


@BOTH
async def test_no_rows_make_one_group_without_keys_and_none_with_keys(claims: Any) -> None:
    nothing = decision(rows=AnyOf(()))
    assert (await answer(question("count()", "monthly.sum()"), nothing, claims)).rows == ((0, None),)
    assert (await answer(question("street", "count()"), nothing, claims)).rows == ()


async def test_hidden_counts_are_dropped_and_notices_kept() -> None:
    decided = decision(
        {"monthly": "dim"}, {"monthly": frozenset({FieldUse.AGGREGATE})}, obligations=("k=2", "watermark")
    )
    found = await answer(question("monthly.sum()"), decided)
    assert (found.columns, found.rows) == (("monthly.sum()",), ((Decimal("1730.60"),),))
    assert found.notices == ("watermark=visit",)


# ------------------------------------------------------------------ sources that don't keep their promise
NUMBERS = question("no", "level", "monthly", "since", "alone")
GOOD = (1, "1", 100, "20200101", "Y", "3301")


@pytest.mark.parametrize(
    "row",
    [
        ("1", *GOOD[1:]),
        (True, *GOOD[1:]),
        (1, "甲", *GOOD[2:]),
        (*GOOD[:2], Decimal(100), *GOOD[3:]),
        (*GOOD[:3], "2020-01-01", *GOOD[4:]),
        (*GOOD[:3], "20200230", *GOOD[4:]),
        (*GOOD[:4], "1", GOOD[5]),
        (*GOOD[:5], 3301),
        GOOD[:5],
        (*GOOD, None),
        (),
    ],
)
async def test_rubbish_is_refused_whole_without_its_value(row: tuple[Any, ...]) -> None:
    planned = plan(NUMBERS)
    assert len((await _disclose(planned, [GOOD])).rows) == 1
    with pytest.raises(SourceRubbish) as refused:
        await _disclose(planned, [GOOD], [row])
    assert "2020" not in refused.value.operator
    assert refused.value.__cause__ is None


@pytest.mark.parametrize("cell", [138, b"x", True])
async def test_a_cell_masked_at_the_source_must_be_text(cell: object) -> None:
    planned = plan(question("phone"), decision({"phone": "dim"}))
    with pytest.raises(SourceRubbish):
        await _disclose(planned, [(cell, None)])


@pytest.mark.parametrize("cell", [None, "3", -1, True, Decimal(3)])
async def test_a_count_must_be_a_number_of_rows(cell: object) -> None:
    with pytest.raises(SourceRubbish):
        await _disclose(plan(question("no", wants_count=True)), [], counts=[(cell,)])
    with pytest.raises(SourceRubbish):
        await _disclose(plan(question("count()")), [(cell,)])


@pytest.mark.parametrize("counts", [[], [(1,), (2,)], [(1, 2)]])
async def test_a_count_is_one_row_of_one_cell(counts: Sequence[Any]) -> None:
    with pytest.raises(SourceRubbish):
        await _disclose(plan(question("no", wants_count=True)), [], counts=counts)


@pytest.mark.parametrize("cell", ["1", True, Decimal("NaN"), Decimal("Infinity"), date(2020, 1, 1)])
async def test_a_sum_must_be_a_number(cell: object) -> None:
    with pytest.raises(SourceRubbish):
        await _disclose(plan(question("monthly.sum()")), [(cell,)])


async def test_more_rows_than_the_limit_that_was_pushed_are_not_passed_on() -> None:
    planned = plan(question("no"), decision(obligations=("max_rows=1",)))
    with pytest.raises(SourceRubbish):
        await _disclose(planned, [(1, "x"), (2, "y")])


async def test_more_rows_than_the_gateway_reads_are_too_broad() -> None:
    planned = plan(question("no"), claims=NONE)
    rows = [(number, None) for number in range(500)]
    assert len((await _disclose(planned, rows)).rows) == 50
    with pytest.raises(SourceTooBroad):
        await _disclose(planned, rows, [(500, None)])


async def test_a_plan_of_another_width_is_our_own_fault() -> None:
    planned = plan(question("no"))
    raw = RawRows(batches=Source([(1,)]).stream(), width=1, counts=None)
    with pytest.raises(Defect):
        await disclose(lambda _: raw, planned, partial(map, str), CONTEXT)


@pytest.mark.parametrize("error", [SourceUnavailable(dataset="d"), RuntimeError("x")])
async def test_both_streams_are_closed_when_one_breaks(error: Exception) -> None:
    planned = plan(question("no", wants_count=True))
    rows, counts = Source([(1, "x")], error=error), Source([(1,)])
    counting = counts.stream()
    await anext(counting)
    raw = RawRows(batches=rows.stream(), width=2, counts=counting)
    with pytest.raises(type(error)):
        await disclose(lambda _: raw, planned, partial(map, str), CONTEXT)
    assert (rows.closed, counts.closed) == (True, True)


async def test_streams_are_closed_when_the_rows_are_rubbish() -> None:
    source = Source([("x", "y")], [(1, "y")])
    raw = RawRows(batches=source.stream(), width=2, counts=None)
    with pytest.raises(SourceRubbish):
        await disclose(lambda _: raw, plan(question("no")), partial(map, str), CONTEXT)
    assert source.closed


# ------------------------------------------------------------------ masks and obligations that fail
@pytest.mark.parametrize(
    "apply",
    [
        lambda self, values, context: 1 / 0,
        lambda self, values, context: list(values)[1:],
        lambda self, values, context: [1 for _ in values],
    ],
)
async def test_a_mask_that_fails_lets_nothing_out(monkeypatch: pytest.MonkeyPatch, apply: Callable[..., Any]) -> None:
    monkeypatch.setattr(Partial, "apply", apply)
    with pytest.raises(Defect) as refused:
        await answer(question("phone"), decision({"phone": "dim"}), NONE)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__ or refused.value.__context__ is None
    assert "138" not in refused.value.operator


async def test_a_masked_column_without_its_mask_is_not_shown() -> None:
    planned = plan(question("phone"), decision({"phone": "dim"}), NONE)
    bare = replace(planned, columns=(replace(planned.columns[0], mask=None),))
    with pytest.raises(Defect):
        await _disclose(bare, [("13812345678", None)])


async def test_each_mask_is_built_once_a_column(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    whole = Partial.apply

    def counted(self: Partial, values: Sequence[object], context: MaskContext) -> list[str | None]:
        seen.append(len(values))
        return whole(self, values, context)

    monkeypatch.setattr(Partial, "apply", counted)
    await answer(question("phone"), decision({"phone": "dim"}), NONE)
    assert seen == [4]  # NULL never reaches a mask


@dataclass(frozen=True, slots=True, kw_only=True)
class Halved(Obligation):
    """Every second row."""

    remakes: ClassVar[bool] = False

    @classmethod
    def parse(cls, value: str) -> Self:
        return cls()

    def strictest(self, other: Self) -> Self:
        return self

    def treat(self, rows: Batch, plan: ReadPlan) -> Batch:
        kept = rows[::2]
        return [(*row,) for row in kept] if self.remakes else kept


@pytest.mark.parametrize(("remakes", "hashed"), [(False, ["010", "029", "053"]), (True, ["010", "029", "053"])])
async def test_an_obligation_treats_rows_before_the_page_and_subjects_follow(
    monkeypatch: pytest.MonkeyPatch, remakes: bool, hashed: list[str]
) -> None:
    monkeypatch.setattr(Halved, "remakes", remakes)
    room = import_module("gateway.disclosure.assembling")
    monkeypatch.setattr(room, "treating", lambda bound: (Halved(),))
    found = await answer(question("no", limit=2), claims=NONE)
    assert found.rows == ((1,), (3,))
    # rows that an obligation made anew may be about anybody that it saw
    assert [subject[-3:] for subject in found.subjects] == (hashed if remakes else hashed[:2])


async def test_an_obligation_that_is_not_understood_is_no_answer() -> None:
    planned = replace(plan(question("no")), obligations=decision(obligations=("levitate",)).obligations)
    with pytest.raises(ObligationNotUnderstood):
        await _disclose(planned, [(1, "x")])


async def test_a_disclosure_and_raw_rows_show_counts_only() -> None:
    found = await answer(question("phone"))
    raw = RawRows(batches=MemoryConnector(ROWS).fetch(plan(question("no")).fetch), width=2, counts=None)
    assert "138" not in repr(found) + repr(raw)


@BOTH
async def test_nothing_is_asked_of_a_source_in_vain(claims: Any) -> None:
    found = await answer(question("no", where=AnyOf(())), claims=claims)
    assert found.rows == ()
