"""What the conformance kit shows of a connector, one function each: it returns, or raises NotConformant."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors._conformance import Check, NotConformant, Subject, assert_same, collect
from connectors._reference import DATASET, FIELDS, KNOWN, ROWS, make_fetch
from connectors._reference_questions import (
    aggregates,
    fields,
    forms,
    leaves,
    orders,
    patterns,
    predicates,
    shaped_texts,
    texts,
)
from gateway.errors import GatewayError, SourceFailed, SourceTimeout
from gateway.model.ids import FieldName
from gateway.model.plan import FetchColumn
from gateway.model.predicate import Comparator, Compare, Like, Not, OneOf, Predicate
from gateway.model.query import AggregateFunction
from gateway.model.rows import Batch
from gateway.model.sqlform import Column, Concat, Constant, Left

QUICK = settings(max_examples=20, deadline=None, database=None, suppress_health_check=list(HealthCheck))
FEW = settings(max_examples=10, deadline=None, database=None, suppress_health_check=list(HealthCheck))
HOSTILE = (
    "'; DROP TABLE x; --",
    '" OR 1=1 --',
    "%s ? :x $1 {0}",
    "\\",
    "\\'",
    "') UNION SELECT 1 --",
    "*)(uid=*",
    "\u2028",
)
PATIENCE_SECONDS = 5.0
MORE_THAN_CONNECTIONS = 3
T = TypeVar("T")
takings = st.integers(0, 6)


# ------------------------------------------------------------------ the checks
def every_predicate_chooses_the_reference_rows(subject: Subject) -> None:
    """NULL and unknown, text by code point, numbers beyond the type, patterns, regions; alone and combined."""
    subject.lay(ROWS)

    @QUICK
    @given(where=predicates, taken=takings)
    def holds(where: Predicate, taken: int) -> None:
        subject.check(make_fetch(where=where), taken=taken)

    holds()


def order_page_and_projection_are_the_reference(subject: Subject) -> None:
    """Every order, NULL first or last; every page; every choice of columns; batches of every size."""
    subject.lay(ROWS)

    @QUICK
    @given(
        where=leaves, order=orders, limit=st.none() | st.integers(0, 45), offset=st.integers(0, 45),
        columns=st.lists(fields, min_size=1, max_size=4), batch_rows=st.integers(1, 50), taken=takings,
    )  # fmt: skip
    def holds(  # noqa: PLR0917  # hypothesis gives them by name
        where: Predicate, order: list[tuple[str, bool, bool]], limit: int | None, offset: int, columns: list[str],
        batch_rows: int, taken: int,
    ) -> None:  # fmt: skip
        total = [term for term in order if term[0] != "id"] + [("id", False, False)]
        fetch = make_fetch(where=where, order=total, limit=limit, offset=offset, columns=columns, batch_rows=batch_rows)
        subject.check(fetch, ordered=True, taken=taken)

    holds()


def aggregates_are_exact(subject: Subject) -> None:
    """Count, least, most, sum and average, over groups and over everything; exact numbers; NULL left out."""
    subject.lay(ROWS)

    @QUICK
    @given(where=leaves, keys=st.lists(fields, max_size=2, unique=True), taken=takings)
    def holds(where: Predicate, keys: list[str], taken: int) -> None:
        order = [(key, True, False) for key in keys]
        fetch = make_fetch(where=where, columns=keys, aggregates=tuple(aggregates()), order=order)
        subject.check(fetch, ordered=True, taken=taken)

    holds()


def key_batches_find_every_row(subject: Subject) -> None:
    """Many keys in one question, as embeds across departments send them; most of them found nowhere."""
    subject.lay(ROWS)
    most = subject.connector.capabilities(subject.table).list_values or 1_500
    numbers = (*range(-5, most - 45), *range(10**9, 10**9 + 40))
    names = (*(str(row["name"]) for row in ROWS if row["name"]), *(f"nobody{at}" for at in range(most - 40)))
    for keys, field in ((numbers, "id"), (names, "name")):
        where = OneOf(FieldName(field), tuple(keys[:most]))
        subject.check(make_fetch(where=where, limit=1_000, order=[("id", False, False)]), ordered=True)
        subject.check(make_fetch(where=where, columns=["id", "name"]))


def text_is_text_in_every_script(subject: Subject) -> None:
    """Rows of any Unicode text: equal only where each code point is, sorted by code point, grouped by it."""

    @FEW
    @given(values=st.lists(texts | shaped_texts | st.none(), min_size=2, max_size=6), pattern=patterns)
    def holds(values: list[str | None], pattern: str) -> None:
        rows = _rows_named(values)
        subject.lay(rows)
        asked = next((value for value in values if value is not None), "x")
        name = FieldName("name")
        subject.check(make_fetch(columns=["id", "name"], order=[("name", False, True), ("id", False, False)]),
                      ordered=True, rows=rows)  # fmt: skip
        wheres: tuple[Predicate, ...] = (
            Compare(name, Comparator.EQ, asked), Compare(name, Comparator.LT, asked), OneOf(name, (asked, "b ")),
            Like(name, pattern, ignores_case=False),
            Not(Like(name, asked[:1].replace("%", "_") + "%", ignores_case=False)),
        )  # fmt: skip
        for where in wheres:
            subject.check(make_fetch(columns=["id"], where=where), rows=rows)
        subject.check(make_fetch(columns=["name"], aggregates=[(AggregateFunction.COUNT, None)]), rows=rows)

    holds()


def masks_are_the_same_at_the_source(subject: Subject) -> None:
    """A mask's SQL form gives what it says on any text, and NULL stays NULL; masked columns may be group keys."""
    name = KNOWN[FieldName("name")]

    @FEW
    @given(
        masks=st.lists(forms(3), min_size=1, max_size=4),
        values=st.lists(texts | shaped_texts | st.none(), min_size=1, max_size=8),
        taken=st.sampled_from([0, 4]),
    )
    def holds(masks: list[Any], values: list[str | None], taken: int) -> None:
        rows = _rows_named(values)
        subject.lay(rows)
        columns: list[str | FetchColumn] = ["id", *(FetchColumn(source=name, form=form) for form in masks)]
        subject.check(make_fetch(columns=columns, order=[("id", False, False)]), ordered=True, rows=rows, taken=taken)

    holds()
    subject.lay(ROWS)
    form = Concat((Left(1), Constant("**")))
    masked_name = FetchColumn(source=name, form=form)
    subject.check(make_fetch(columns=[masked_name], aggregates=[(AggregateFunction.COUNT, None)]))
    subject.check(make_fetch(columns=["name", FetchColumn(source=name, form=Column()), "name", "id"]))


def hostile_values_are_values(subject: Subject) -> None:
    """What is asked for, and what a mask puts in its place, is never part of the question's own text."""
    name = FieldName("name")
    for hostile in HOSTILE:
        rows = _rows_named([hostile, "harmless", None])
        subject.lay(rows)
        wheres: tuple[Predicate, ...] = (
            Compare(name, Comparator.EQ, hostile), OneOf(name, (hostile,)), Like(name, hostile, ignores_case=False),
            Not(Compare(name, Comparator.EQ, hostile)),
        )  # fmt: skip
        for where in wheres:
            subject.check(make_fetch(columns=["id"], where=where), rows=rows)
        shown = FetchColumn(source=KNOWN[name], form=Constant(hostile))
        subject.check(make_fetch(columns=["id", shown]), rows=rows)
    subject.lay(ROWS)
    subject.check(make_fetch())


def leaving_half_way_gives_everything_back(subject: Subject) -> None:
    """Whoever closes the stream after the first batch holds nothing: many may, one after the other."""
    subject.lay(ROWS)

    async def leave() -> Batch:
        stream = subject.connector.fetch(replace(make_fetch(batch_rows=2), table=subject.table))
        batch = await anext(stream)
        await stream.aclose()  # type: ignore[attr-defined]  # the SPI says: an async generator
        return batch

    for _ in range(20):
        if len(subject.run(leave())) != 2:
            raise NotConformant("the first batch of a longer answer is not full")
    subject.check(make_fetch())


def time_limits_are_kept(subject: Subject) -> None:
    """An endless answer ends at the limit, and what it held is free for the next question."""
    if subject.endless is None:
        return
    subject.lay(ROWS)  # a source may be made with its first rows
    endless = replace(make_fetch(columns=["id"], seconds=0.4), table=subject.endless)

    async def exhaust() -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            async for _ in subject.connector.fetch(endless):
                pass

    for _ in range(MORE_THAN_CONNECTIONS):
        try:
            subject.run(exhaust())
        except SourceTimeout:
            continue
        except TimeoutError:
            raise NotConformant("an endless answer went on after its time limit") from None
        raise NotConformant("the answer was not endless")
    subject.lay(ROWS)
    subject.check(make_fetch())


def cancelling_stops_the_work(subject: Subject) -> None:
    """Whoever is cancelled while waiting is gone at once, and what it held is free for the next question."""
    if subject.endless is None:
        return
    subject.lay(ROWS)  # a source may be made with its first rows
    endless = replace(make_fetch(columns=["id"], seconds=60), table=subject.endless)

    async def cancel() -> None:
        async def read() -> None:
            async for _ in subject.connector.fetch(endless):
                await asyncio.sleep(0)

        task = asyncio.create_task(read())
        await asyncio.wait([task], timeout=0.2)
        task.cancel()
        _, waiting = await asyncio.wait([task], timeout=PATIENCE_SECONDS)
        if waiting or not task.cancelled():
            raise NotConformant("a cancelled question went on, or ended in another way")

    for _ in range(MORE_THAN_CONNECTIONS):
        subject.run(cancel())
    subject.lay(ROWS)
    subject.check(make_fetch())


def nothing_is_written(subject: Subject) -> None:
    """No question changes the source, and neither does whoever gets hold of the connector's connections."""
    subject.lay(ROWS)
    before = subject.stored()
    for hostile in HOSTILE:
        where = Like(FieldName("note"), hostile, ignores_case=False)
        subject.check(make_fetch(where=where, columns=["id"]))
    for attempt in subject.writes:
        try:
            subject.run(_awaited(attempt))
        except Exception:  # noqa: BLE001, S112  # in whatever words it refuses
            continue
        raise NotConformant("the source took a write by the connector's connection")
    if subject.stored() != before:
        raise NotConformant("the source has changed")


def what_is_not_there_is_refused_in_silence(subject: Subject) -> None:
    """A missing table is a SourceFailed that names the dataset, and nothing of address, question or data."""
    missing = replace(
        make_fetch(where=Compare(FieldName("name"), Comparator.EQ, "s3cret-value")), table="no_such_table"
    )
    try:
        subject.run(collect(subject.connector, missing))
    except SourceFailed as refused:
        told = f"{refused} {refused!r} {refused.message()} {refused.operator} {refused.__cause__}"
        for secret in (*subject.secrets, "s3cret-value", "SELECT"):
            if secret in told:
                raise NotConformant("an error tells what is no business of its reader") from None
        if DATASET not in refused.message():
            raise NotConformant("an error does not name the dataset") from None
    except GatewayError as error:
        raise NotConformant(f"{type(error).__name__} instead of a SourceFailed") from None
    else:
        raise NotConformant("a table that is not there has rows")
    for secret in subject.secrets:
        if secret in repr(subject.connector):
            raise NotConformant("the connector's repr holds a secret")


def the_source_describes_itself(subject: Subject) -> None:
    """Healthy, and where it tells of the reference table, it tells its columns."""
    subject.lay(ROWS)
    subject.run(subject.connector.health())
    for table in subject.run(_awaited(subject.connector.describe)):
        if table.table == subject.table and {name for name, _ in table.columns} != {
            name for name, _ in FIELDS.values()
        }:
            raise NotConformant("the description of the table has other columns")


def an_answer_at_once_is_that_of_the_batches(subject: Subject) -> None:
    """Where the connector gives short answers as a whole, they are the same rows; long ones it leaves to `fetch`."""
    subject.lay(ROWS)
    ask = getattr(subject.connector, "fetch_at_once", None)
    if ask is None:
        return
    for limit in (None, 1, len(ROWS)):
        fetch = replace(make_fetch(limit=limit, order=[("id", False, False)]), table=subject.table)
        whole = subject.run(_awaited(partial(ask, fetch)))
        if whole is not None:
            assert_same(whole, subject.run(collect(subject.connector, fetch)), ordered=True)
        elif limit is not None:
            raise NotConformant(f"{limit} rows are a short answer")


async def _awaited(call: Callable[[], Awaitable[T]]) -> T:
    return await call()


def _rows_named(values: Sequence[str | None]) -> list[dict[str, Any]]:
    return [{**ROWS[0], "id": at, "name": value} for at, value in enumerate(values)]


CHECKS: tuple[Check, ...] = (
    every_predicate_chooses_the_reference_rows,
    order_page_and_projection_are_the_reference,
    aggregates_are_exact,
    key_batches_find_every_row,
    text_is_text_in_every_script,
    masks_are_the_same_at_the_source,
    hostile_values_are_values,
    leaving_half_way_gives_everything_back,
    time_limits_are_kept,
    cancelling_stops_the_work,
    nothing_is_written,
    what_is_not_there_is_refused_in_silence,
    the_source_describes_itself,
    an_answer_at_once_is_that_of_the_batches,
)
