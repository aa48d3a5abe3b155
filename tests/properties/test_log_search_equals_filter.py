"""A search of the log finds what a plain filter over its entries finds: segments, tail, paging, counts, erasures."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from gateway.audit.encoding import encode_entry
from gateway.audit.index_check import check_index
from gateway.audit.indexer import Indexer, rebuild_index
from gateway.audit.searching import LogSearcher
from gateway.audit.segments import Sizes
from gateway.model.audit import AuditEntry, EntryKind, FieldTrace
from gateway.model.log_search import Facet, FoundPage, HeatColumns, LogSearch
from gateway.store import State, open_state, reading_log
from tests.audit_logs import NOON, PEOPLE, House, entry, house, open_log
from tests.postgres_server import Server, postgres_server

SIZES = Sizes(small=8, large=32)
WHO = ("worker-1", "worker-2", "", "张三", "n" * 300, "a\x00b", "a=b.c")
LEVELS = ("clear", "partial", "denied")

entries = st.builds(
    lambda number, who, app, purpose, case, dataset, fields, outcome, code, kind, people, minutes: entry(
        number,
        principal=who,
        app=app,
        organisation=f"org of {app}",
        purpose=purpose,
        case=case,
        dataset=dataset,
        fields=tuple(FieldTrace(field=field, level=level, uses=("show",)) for field, level in fields),
        outcome=outcome,
        code=code,
        kind=kind,
        subjects=people,
        at=NOON + timedelta(minutes=minutes),
    ),
    number=st.integers(0, 10**6),
    who=st.sampled_from(WHO),
    app=st.sampled_from(("desk", "portal")),
    purpose=st.sampled_from(("home-visit", "own-data", "")),
    case=st.sampled_from(("", "c-1", "c-2")),
    dataset=st.sampled_from(("community.need", "health.vaccination", "")),
    fields=st.lists(st.tuples(st.sampled_from(("name", "phone")), st.sampled_from(LEVELS)), max_size=2).map(tuple),
    outcome=st.sampled_from(("released", "refused")),
    code=st.sampled_from(("", "GW401")),
    kind=st.sampled_from((EntryKind.READ, EntryKind.LOG_READ, EntryKind.REFUSAL)),
    people=st.lists(st.sampled_from(PEOPLE), max_size=2, unique=True).map(tuple),
    minutes=st.integers(-2_000, 2_000),
)

VALUES: dict[Facet, tuple[str, ...]] = {
    Facet.PRINCIPAL: (*WHO, "nobody"),
    Facet.APP: ("desk", "portal"),
    Facet.ORGANISATION: ("org of desk", "org of nowhere"),
    Facet.DATASET: ("community.need", ""),
    Facet.FIELD: ("community.need.name", "health.vaccination.phone=clear", "community.need.name=partial"),
    Facet.PURPOSE: ("home-visit", ""),
    Facet.CASE: ("c-1", ""),
    Facet.OUTCOME: ("released", "refused"),
    Facet.CODE: ("GW401", ""),
    Facet.KIND: ("read", "log-read"),
}
moments = st.none() | st.integers(-2_100, 2_100).map(lambda minutes: NOON + timedelta(minutes=minutes))
searches = st.builds(
    LogSearch,
    where=st.dictionaries(st.sampled_from(list(Facet)), st.none(), max_size=3).flatmap(
        lambda chosen: st.fixed_dictionaries(
            {facet: st.lists(st.sampled_from(VALUES[facet]), min_size=1, max_size=3).map(tuple) for facet in chosen}
        )
    ),
    subject=st.none() | st.sampled_from((*PEOPLE, "00" * 16)),
    since=moments,
    until=moments,
)


PLACES: dict[HeatColumns, Callable[[datetime], str]] = {
    HeatColumns.HOUR: lambda at: str(at.hour),
    HeatColumns.WEEKDAY: lambda at: str(at.weekday()),
    HeatColumns.DAY: lambda at: str(at.date()),
}


def naive(search: LogSearch, one: AuditEntry) -> bool:
    """The search, said plainly."""
    names = {f"{one.dataset}.{each.field}" for each in one.fields}
    names |= {f"{one.dataset}.{each.field}={each.level}" for each in one.fields}
    said = {
        Facet.PRINCIPAL: {one.principal},
        Facet.APP: {one.app},
        Facet.ORGANISATION: {one.organisation},
        Facet.DATASET: {one.dataset},
        Facet.FIELD: names,
        Facet.PURPOSE: {one.purpose},
        Facet.CASE: {one.case},
        Facet.OUTCOME: {one.outcome},
        Facet.CODE: {one.code},
        Facet.KIND: {one.kind.value},
    }
    return (
        all(set(values) & said[facet] for facet, values in search.where.items())
        and (search.subject is None or search.subject in one.subjects)
        and (search.since is None or one.at >= search.since)
        and (search.until is None or one.at < search.until)
    )


def fill(state: State, home: House, log: list[AuditEntry]) -> None:
    async def write() -> None:
        async with open_log(home, state=state) as opened:
            await opened.append_all(log)

    asyncio.run(write())


def clock() -> datetime:
    return NOON


def index_up_to(state: State, steps: int | None) -> None:
    indexer = Indexer(state, clock, SIZES)
    if steps is None:
        indexer.catch_up()
    for _ in range(steps or 0):
        indexer.step()


def erase(state: State, home: House, index: int, one: AuditEntry) -> None:
    """What retention does to an entry's columns of people, as far as the index is concerned: they are others now."""
    encoded = encode_entry(one, home.seals(state))
    at = "idx = :index"
    values = {"body": encoded.body, "index": index, "principal": one.principal, "case": one.case}
    changed = "body = :body, principal = :principal, case_id = :case, subjects = ''"
    with state.writing() as connection:
        connection.execute(text(f"UPDATE audit_entry SET {changed} WHERE {at}"), values)
    assert encoded.columns.subjects == ""


def pages(ask: Callable[[int | None], FoundPage]) -> Iterator[int]:
    begin: int | None = None
    while True:
        page = ask(begin)
        yield from (found.index for found in page.entries)
        if page.following is None:
            return
        begin = page.following


def kept(text: str) -> str:
    """As a search column has it: the heat map counts by those, and no database keeps NUL in a text."""
    return text.replace("\x00", "\ufffd")


def check(searcher: LogSearcher, search: LogSearch, log: list[AuditEntry], limit: int) -> None:
    wanted = [index for index, one in enumerate(log) if naive(search, one)]
    assert list(pages(lambda begin: searcher.page(search, begin=begin, limit=limit))) == wanted[::-1]
    oldest = pages(lambda begin: searcher.page(search, newest_first=False, begin=begin, limit=limit))
    assert list(oldest) == wanted
    found = searcher.page(search, limit=len(log) + 1).entries
    assert [each.entry for each in found] == [log[index] for index in wanted[::-1]]

    hours = Counter(log[index].at.replace(minute=0, second=0, microsecond=0) for index in wanted)
    assert {each.hour: each.entries for each in searcher.hours(search)} == dict(hours)

    ahead = timedelta(hours=8)
    for columns, place in PLACES.items():
        cells = Counter((kept(log[index].principal), place(log[index].at.astimezone(UTC) + ahead)) for index in wanted)
        people = Counter(kept(log[index].principal) for index in wanted)
        best = sorted(people, key=lambda who: (-people[who], who))[:3]
        heat = searcher.heat_map(search, columns=columns, top=3, offset_hours=8)
        assert [who for who, _ in heat.rows] == best
        assert (heat.principals, heat.entries) == (len(people), len(wanted))
        told = {(who, column): n for who, row in heat.rows for column, n in zip(heat.columns, row, strict=True) if n}
        assert told == {cell: n for cell, n in cells.items() if cell[0] in best}

    looked = searcher.lookers(search, limit=len(log) + 1)
    assert looked.entries == len(wanted)
    groups = Counter((log[i].principal, log[i].app, log[i].organisation, log[i].purpose, log[i].case) for i in wanted)
    assert {(x.principal, x.app, x.organisation, x.purpose, x.case): x.entries for x in looked.lookers} == dict(groups)
    assert [each.last for each in looked.lookers] == sorted((each.last for each in looked.lookers), reverse=True)


@contextmanager
def fresh_state(server: Server | None) -> Iterator[tuple[State, Path]]:
    with TemporaryDirectory() as folder:
        state = open_state(server.fresh_database() if server else f"sqlite:///{folder}/log.db")
        try:
            yield state, Path(folder)
        finally:
            state.close()


def run_one(
    server: Server | None, log: list[AuditEntry], asked: list[LogSearch], steps: int | None, gone: list[int], limit: int
) -> None:
    with fresh_state(server) as (state, folder):
        home = house(folder)  # making keys takes longest
        half = len(log) // 2
        fill(state, home, log[:half])
        searcher = LogSearcher(state, home.seals(state).open, SIZES)
        index_up_to(state, steps)
        for search in asked[:1]:
            check(searcher, search, log[:half], limit)
        fill(state, home, log[half:])
        index_up_to(state, steps)
        for search in asked:
            check(searcher, search, log, limit)
        erased = sorted({index % len(log) for index in gone})
        for index in erased:
            log[index] = replace(log[index], principal="erased", case="", subjects=())
            erase(state, home, index, log[index])
        rebuild_index(state, erased, SIZES)
        for search in (*asked, LogSearch(where={Facet.PRINCIPAL: ("erased",)})):
            check(searcher, search, log, limit)
        with reading_log(state) as reader:
            check_index(reader.index, SIZES)


@settings(max_examples=15, deadline=None)
@given(
    log=st.lists(entries, min_size=2, max_size=110),
    asked=st.lists(searches, min_size=1, max_size=5),
    steps=st.none() | st.integers(0, 6),
    gone=st.lists(st.integers(0, 1_000), max_size=4),
    limit=st.integers(1, 20),
)
def test_a_search_finds_what_a_filter_finds(
    log: list[AuditEntry], asked: list[LogSearch], steps: int | None, gone: list[int], limit: int
) -> None:
    run_one(None, log, asked, steps, gone, limit)


@pytest.fixture(scope="module")
def postgres() -> Iterator[Server]:
    with postgres_server() as server:
        yield server


@settings(max_examples=4, deadline=None)
@given(
    log=st.lists(entries, min_size=40, max_size=80),
    asked=st.lists(searches, min_size=3, max_size=5),
    steps=st.none() | st.integers(0, 6),
    gone=st.lists(st.integers(0, 1_000), min_size=1, max_size=4),
    limit=st.integers(1, 20),
)
def test_the_same_on_postgresql(
    postgres: Server, log: list[AuditEntry], asked: list[LogSearch], steps: int | None, gone: list[int], limit: int
) -> None:
    run_one(postgres, log, asked, steps, gone, limit)
