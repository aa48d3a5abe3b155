"""The log's index: what is tampered with is found, one process builds, and a segment exists only when it is whole."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.audit import LogSearcher, rebuild_index
from gateway.audit.index_check import check_index
from gateway.audit.indexer import Indexer
from gateway.audit.postings import PositionSet, any_of, bitmap_of, both, decode, encode, is_empty, positions_of
from gateway.audit.replay import Unsound
from gateway.audit.segments import SIZES, Sizes
from gateway.errors import AuditUnavailable, IndexBehind
from gateway.model.log_search import Facet, LogSearch
from gateway.pace import Pace
from gateway.store import (
    State,
    change_index,
    claim_index,
    forget_journal,
    open_state,
    put_postings,
    put_segment,
    reading_log,
)
from tests.audit_logs import NOON, PEOPLE, House, entry, house, open_log

SMALL = Sizes(small=8, large=32)
SIZE = 70  # two large segments and a tail


def clock() -> datetime:
    return NOON


def filled(folder: Path, size: int = SIZE) -> tuple[House, State]:
    home = house(folder)
    state = open_state(home.url)

    async def fill() -> None:
        async with open_log(home, state=state) as log:
            await asyncio.gather(*(log.append(entry(number)) for number in range(size)))

    asyncio.run(fill())
    return home, state


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Iterator[State]:
    _, state = filled(tmp_path_factory.mktemp("log"))
    Indexer(state, clock, SMALL).catch_up()
    yield state
    state.close()


@contextmanager
def tampered(state: State, *statements: str) -> Iterator[State]:
    """The log with something changed, as long as the block runs."""
    assert state.file is not None
    copy = state.file.with_name("tampered.db")
    with closing(sqlite3.connect(state.file)) as live, closing(sqlite3.connect(copy)) as target:
        live.backup(target)
        for statement in statements:
            assert target.execute(statement).rowcount != 0, statement
        target.commit()
    opened = open_state(f"sqlite:///{copy}")
    try:
        yield opened
    finally:
        opened.close()
        copy.unlink()


def searcher(state: State) -> LogSearcher:
    assert state.file is not None
    return LogSearcher(state, house(state.file.parent).seals(state).open, SMALL)


def first_bad(state: State) -> int | None:
    with reading_log(state) as reader:
        try:
            check_index(reader.index, SMALL)
        except Unsound as found:
            return found.index
    return None


# `worker-3` looked at entries 3, 10, 17, …: one posting of the first large segment is taken apart below
STRAY = (
    "INSERT INTO audit_segment SELECT 145, 72, 32, earliest, latest, hours, at, who, names FROM audit_segment LIMIT 1"
)
SOMEBODY = "term = x'7300'"  # everybody, in segments so small: 32 times 18 bytes in the large ones
LAST = max(number for number in range(32) if PEOPLE[number % 3] == max(PEOPLE))
WORKER = "term = CAST('p' || x'00' || 'worker-3' AS BLOB)"


def test_a_sound_index_raises_no_alarm(sound: State) -> None:
    assert first_bad(sound) is None
    with tampered(sound, "UPDATE audit_index SET held_until = 0") as same:
        assert first_bad(same) is None


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        (f"DELETE FROM audit_posting WHERE segment = 1 AND {WORKER}", 3),
        (f"DELETE FROM audit_posting WHERE segment = 65 AND {WORKER}", 38),
        (f"UPDATE audit_posting SET positions = x'0004000a00' WHERE segment = 1 AND {WORKER}", 3),
        (f"UPDATE audit_posting SET positions = x'000300' WHERE segment = 1 AND {WORKER}", 10),
        (f"UPDATE audit_posting SET positions = x'77' WHERE segment = 1 AND {WORKER}", 3),
        ("INSERT INTO audit_posting VALUES (1, x'700041', x'000500')", 5),
        (f"DELETE FROM audit_posting WHERE segment = 65 AND {SOMEBODY}", 32),
        (f"UPDATE audit_posting SET positions = x'02' WHERE segment = 1 AND {SOMEBODY}", 0),
        (f"UPDATE audit_posting SET positions = x'77' WHERE segment = 1 AND {SOMEBODY}", 0),
        (f"UPDATE audit_posting SET positions = substr(positions, 1, 559) WHERE segment = 1 AND {SOMEBODY}", LAST),
        ("UPDATE audit_segment SET earliest = earliest + 1 WHERE id = 1", 0),
        ("UPDATE audit_segment SET latest = latest - 1 WHERE id = 65", 32),
        ("UPDATE audit_segment SET hours = x'00' WHERE id = 65", 32),
        ("UPDATE audit_segment SET at = zeroblob(256) WHERE id = 65", 32),
        ("UPDATE audit_segment SET who = zeroblob(64) WHERE id = 65", 32),
        ("UPDATE audit_segment SET names = CAST('[\"nobody\"]' AS BLOB) WHERE id = 65", 32),
        ("UPDATE audit_segment SET first = 8 WHERE id = 65", 8),
        ("UPDATE audit_segment SET size = 16 WHERE id = 65", 32),
        (STRAY, 70),
    ],
)
def test_whatever_is_changed_in_it_is_found(sound: State, statement: str, index: int) -> None:
    with tampered(sound, statement) as bad:
        assert first_bad(bad) == index


def test_a_segment_that_is_taken_away_hides_nothing(sound: State) -> None:
    wanted = [index for index in range(SIZE) if index % 7 == 3]
    asked = LogSearch(where={Facet.PRINCIPAL: ("worker-3",)})
    with tampered(sound, "DELETE FROM audit_segment WHERE id = 1") as bad:
        found = searcher(bad).page(asked, limit=100).entries
        assert [each.index for each in found] == wanted[::-1]
        Indexer(bad, clock, SMALL).catch_up()
        assert first_bad(bad) is None


def test_what_is_shown_is_held_against_the_entry_itself(sound: State) -> None:
    """A posting that names too much shows nothing that was not asked for."""
    asked = LogSearch(where={Facet.PRINCIPAL: ("worker-3",)})
    with tampered(
        sound, f"UPDATE audit_posting SET positions = x'00030004000a00' WHERE segment = 1 AND {WORKER}"
    ) as bad:
        assert 4 not in [each.index for each in searcher(bad).page(asked, limit=100).entries]


@pytest.mark.parametrize(
    "statement",
    [
        f"UPDATE audit_posting SET positions = x'77' WHERE segment = 1 AND {WORKER}",
        f"UPDATE audit_posting SET positions = x'00ffff' WHERE segment = 1 AND {WORKER}",
        "UPDATE audit_segment SET first = 'x' WHERE id = 1",
        "DELETE FROM audit_entry WHERE idx = 10",
    ],
)
def test_an_index_that_cannot_be_read_is_told_as_the_logs_failure(sound: State, statement: str) -> None:
    asked = LogSearch(where={Facet.PRINCIPAL: ("worker-3",)})
    with tampered(sound, statement) as bad, pytest.raises(AuditUnavailable):
        searcher(bad).page(asked, limit=100)


def test_a_person_is_found_in_segments_and_behind_them(sound: State) -> None:
    for number, person in enumerate(PEOPLE):
        wanted = [index for index in range(SIZE) if index % 3 == number][::-1]
        assert searcher(sound).entries_about(person, 100) == wanted
        assert searcher(sound).entries_about(person, 3, begin=40) == [index for index in wanted if index < 40][:3]
    taken_apart = f"UPDATE audit_posting SET positions = x'77' WHERE segment = 1 AND {SOMEBODY}"
    with tampered(sound, taken_apart) as bad, pytest.raises(AuditUnavailable):
        searcher(bad).entries_about(PEOPLE[0], 100)


@pytest.mark.parametrize("is_merged", [False, True])
def test_a_person_who_was_erased_is_in_no_byte_of_the_database(tmp_path: Path, is_merged: bool) -> None:
    """Neither in the postings that were made anew nor in the pages that these, or merged ones, left free."""
    _, state = filled(tmp_path, 31 if not is_merged else SIZE)
    indexer = Indexer(state, clock, SMALL)
    indexer.catch_up()
    about = [index for index in range(31 if not is_merged else SIZE) if index % 3 == 0]
    assert searcher(state).entries_about(PEOPLE[0], 100) == about[::-1]
    person = bytes.fromhex(PEOPLE[0])
    assert any(person in path.read_bytes() for path in tmp_path.glob("log.db*"))
    with state.writing() as connection:
        connection.exec_driver_sql("UPDATE audit_entry SET subjects = '', body = x'7b7d' WHERE idx % 3 = 0")
    rebuild_index(state, about, SMALL)
    forget_journal(state)
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("log.db*"))
    state.close()
    assert person not in kept
    assert PEOPLE[0].encode() not in kept
    assert bytes.fromhex(PEOPLE[1]) in kept


def test_verification_names_the_entry(tmp_path: Path) -> None:
    home, state = filled(tmp_path, SIZES.small + 3)
    Indexer(state, clock).catch_up()
    assert home.verify().is_sound
    with state.writing() as connection:
        connection.exec_driver_sql(f"DELETE FROM audit_posting WHERE {WORKER}")
    found = home.verify()
    assert (found.first_bad, found.is_sound) == (3, False)
    assert found.fault is not None
    assert "search index" in found.fault[0]
    state.close()


# ------------------------------------------------------------------ building
def test_one_process_builds_at_a_time_and_another_takes_over(tmp_path: Path) -> None:
    _, state = filled(tmp_path, 40)
    one, other = Indexer(state, clock, SMALL), Indexer(state, lambda: NOON + timedelta(minutes=2), SMALL)
    assert claim_index(state, "somebody", now=0, until=2**62) is not None
    assert not one.step()
    assert claim_index(state, "somebody", now=0, until=1) is not None
    assert other.step()
    other.catch_up()
    with reading_log(state) as reader:
        assert [(row.first, row.size) for row in reader.index.segments()] == [(0, 32), (32, 8)]
    state.close()


def test_small_segments_become_a_large_one_and_leave_nothing(tmp_path: Path) -> None:
    home, state = filled(tmp_path, 30)
    Indexer(state, clock, SMALL).catch_up()

    async def more() -> None:
        async with open_log(home, state=state) as log:
            await asyncio.gather(*(log.append(entry(number)) for number in range(30, 40)))

    asyncio.run(more())
    Indexer(state, clock, SMALL).catch_up()
    with reading_log(state) as reader:
        rows = reader.index.segments()
        assert [(row.first, row.size) for row in rows] == [(0, 32), (32, 8)]
        check_index(reader.index, SMALL)
    with state.reading() as connection:
        kept = {row[0] for row in connection.exec_driver_sql("SELECT DISTINCT segment FROM audit_posting")}
    assert kept == {row.id for row in rows}
    state.close()


def test_a_segment_that_was_being_built_while_something_was_erased_is_thrown_away(tmp_path: Path) -> None:
    _, state = filled(tmp_path, 40)
    Indexer(state, clock, SMALL).step()
    with reading_log(state) as reader:
        row = reader.index.segments()[0]
        generation = reader.index.generation()
        old = reader.index.all_postings(row.id)
    rebuild_index(state, [3], SMALL)
    assert not put_postings(state, row.id + 2, old, generation)
    assert not put_segment(state, replace(row, id=row.id + 2), {}, generation)
    with reading_log(state) as reader:
        assert len(reader.index.segments()) == 1
        check_index(reader.index, SMALL)
    state.close()


def test_what_was_put_together_while_something_was_erased_is_made_anew_as_well(tmp_path: Path) -> None:
    """A rebuilding that saw other segments than there are now changes nothing and begins again."""
    _, state = filled(tmp_path, 40)
    Indexer(state, clock, SMALL).catch_up()
    with reading_log(state) as reader:
        generation = reader.index.generation()
        rows = reader.index.segments()
    assert not change_index(state, [], strays=[rows[0].id], generation=generation)
    with reading_log(state) as reader:
        assert (reader.index.generation(), reader.index.segments()) == (generation, rows)
    assert change_index(state, [], strays=[4_000], generation=generation)
    assert not change_index(state, [], strays=[4_000], generation=generation)
    state.close()


def test_too_long_a_tail_is_refused_and_a_short_one_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, state = filled(tmp_path, 40)
    monkeypatch.setattr("gateway.audit.spans.MOST_WAITING", 39)
    with pytest.raises(IndexBehind) as refused:
        searcher(state).page(LogSearch(where={}))
    assert refused.value.waiting == 40
    Indexer(state, clock, SMALL).step()
    assert len(searcher(state).page(LogSearch(where={}), limit=100).entries) == 40
    state.close()


def test_it_builds_beside_the_writing(tmp_path: Path) -> None:
    _, state = filled(tmp_path, 40)
    built = threading.Event()

    def told() -> datetime:
        built.set()  # the clock is read when there is something to build
        return NOON

    with Indexer(state, told, SMALL).running():
        assert built.wait(10)
    Indexer(state, clock, SMALL).catch_up()
    assert first_bad(state) is None
    state.close()


# ------------------------------------------------------------------ sets of positions
sets = st.sets(st.integers(0, 255), max_size=256).map(lambda chosen: np.array(sorted(chosen), dtype=np.uint16))


@given(one=sets, other=sets, one_is_bitmap=st.booleans(), other_is_bitmap=st.booleans())
def test_sets_meet_and_join_in_either_form(
    one: PositionSet, other: PositionSet, one_is_bitmap: bool, other_is_bitmap: bool
) -> None:
    a = bitmap_of(one, 256) if one_is_bitmap else one
    b = bitmap_of(other, 256) if other_is_bitmap else other
    wanted = set(one.tolist()) & set(other.tolist())
    met = both(a, b, 256)
    assert positions_of(met).tolist() == sorted(wanted)
    assert is_empty(met) == (not wanted)
    assert positions_of(any_of([a, b], 256)).tolist() == sorted({*one.tolist(), *other.tolist()})
    assert positions_of(decode(encode(one, 256), 256)).tolist() == one.tolist()
    assert len(encode(one, 256)) <= 1 + 256 // 8


def test_it_rests_less_while_a_search_has_many_entries_to_read_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, state = filled(tmp_path, size=48)
    told: list[bool] = []

    class Told(Pace):
        def __init__(self, rest: Callable[[float], object], *, is_behind: bool) -> None:
            super().__init__(rest, is_behind=is_behind)
            told.append(is_behind)

    monkeypatch.setattr("gateway.audit.indexer.Pace", Told)
    Indexer(state, clock, SMALL).catch_up()
    state.close()
    assert told == [True, False, False]  # 48 and then 16 and 8 entries were not indexed yet; 32 are four small segments
