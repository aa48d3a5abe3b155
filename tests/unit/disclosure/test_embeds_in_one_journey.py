"""The rows of an embed's keys: few of them come in one journey, many in batches, and always all of them."""

from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial

import pytest

from gateway.disclosure import disclose
from gateway.model.caller import InboundRequest
from gateway.model.plan import ReadPlan
from gateway.model.rows import Batch, Disclosure, RawRows
from gateway.planning import plan_question
from gateway.query import bind, parse
from tests.connectors.kit import expected
from tests.memory_connector import ALL
from tests.properties.prober_town import CATALOG, LIMITS, PLAIN, Switches, decided
from tests.unit.query.small_town import NOW, PURPOSE
from tests.unit.query.whole_road import CONTEXT

Asked = tuple[str, int | None, bool]


async def answer(question: str, batch_rows: int, *, tells_at_once: bool = True) -> tuple[Disclosure, list[Asked]]:
    """What is disclosed where a source's batches hold so many rows; and each fetch: table, limit, whether at once."""
    path, _, query_string = question.partition("?")
    request = InboundRequest(
        method="GET", path=f"/data/{path}", query_string=query_string, headers={}, client_address="",
        received_at=NOW, trace_id="0" * 32,
    )  # fmt: skip
    bound = bind(parse(request, LIMITS), CATALOG, PURPOSE, None, limits=LIMITS)
    plan = plan_question(decided(bound, Switches()), lambda _: ALL, LIMITS, 5.0)
    asked: list[Asked] = []

    def open_source(of: ReadPlan) -> RawRows:
        of = replace(of, fetch=replace(of.fetch, batch_rows=batch_rows))
        source_rows = PLAIN[of.fetch.table]

        async def at_once() -> Batch | None:
            if of.fetch.limit is None or of.fetch.limit > batch_rows:
                return None
            asked.append((of.fetch.table, of.fetch.limit, True))
            return expected(of.fetch, source_rows)

        async def batches() -> AsyncIterator[Batch]:
            asked.append((of.fetch.table, of.fetch.limit, False))
            yield expected(of.fetch, source_rows)

        return RawRows(
            batches=batches(),
            width=len(of.fetch.columns) + len(of.fetch.aggregates),
            counts=None,
            at_once=at_once if tells_at_once else None,
        )

    small = replace(
        plan,
        embeds=tuple(
            replace(one, plan=replace(one.plan, fetch=replace(one.plan.fetch, batch_rows=batch_rows)))
            for one in plan.embeds
        ),
    )
    return await disclose(open_source, small, partial(map, str.upper), CONTEXT), asked


QUESTION = "police.person?select=no,grants(no)&no=eq.1"
"""One person, of whom there are two grants."""


@pytest.mark.parametrize("batch_rows", [1, 2, 3, 50])
@pytest.mark.parametrize("tells_at_once", [True, False])
async def test_all_rows_of_the_keys_are_there(batch_rows: int, tells_at_once: bool) -> None:
    disclosure, _ = await answer(QUESTION, batch_rows, tells_at_once=tells_at_once)
    assert disclosure.rows == ((1, [{"no": 1}, {"no": 2}]),)


async def test_few_rows_come_in_one_journey() -> None:
    _, asked = await answer(QUESTION, 3)
    assert [one for one in asked if one[0] == "aid.grant"] == [("aid.grant", 3, True)]


@pytest.mark.parametrize("batch_rows", [1, 2])
async def test_where_there_may_be_more_all_are_read_in_batches(batch_rows: int) -> None:
    _, asked = await answer(QUESTION, batch_rows)
    first, second = [one for one in asked if one[0] == "aid.grant"]
    assert first == ("aid.grant", batch_rows, True)
    assert second[2] is False
    assert second[1] is not None
    assert second[1] > batch_rows


async def test_a_source_that_has_no_short_way_is_asked_once() -> None:
    _, asked = await answer(QUESTION, 1, tells_at_once=False)
    assert len([one for one in asked if one[0] == "aid.grant"]) == 1
