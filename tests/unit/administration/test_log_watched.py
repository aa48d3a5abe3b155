"""Watching the log: each entry once, each finding once, whoever else watches and wherever a process ends."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from gateway.administration import PolicyVersions, Sampling, Watch, build_engine, check_sampling, reproduce_flag
from gateway.administration import lookout as lookout_module
from gateway.administration import watch as watching_module
from gateway.administration.lookout import Lookout
from gateway.audit import AuditLog, Opener
from gateway.audit.detectors import build_detectors
from gateway.audit.ranges import Logged, head_of, read_range
from gateway.decision import PolicyEngine
from gateway.demo.prepare import bundle_folder
from gateway.errors import AuditUnavailable
from gateway.keys import KeyRing
from gateway.model.audit import AuditEntry, EntryKind
from gateway.store import State, add_canary, open_review, open_state, read_memories, waiting_reviews
from tests.audit_logs import House, entry, house, open_log
from tests.key_rings import ring_at
from tests.postgres_server import Server, postgres_server
from tests.town import Clock

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
CANARY = "ab" * 16


@pytest.fixture(scope="module")
def engine() -> PolicyEngine:
    return build_engine(bundle_folder())


@pytest.fixture(scope="module")
def postgres() -> Iterator[Server]:
    with postgres_server() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> House:
    if request.param == "sqlite":
        return house(tmp_path)
    server: Server = request.getfixturevalue("postgres")
    return house(tmp_path, server.fresh_database())


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    state: State
    log: AuditLog
    ring: KeyRing
    sampling: Sampling
    lookout: Lookout
    watch: Watch
    clock: Clock
    opener: Opener

    def all(self) -> list[Logged]:
        return list(read_range(self.state, 0, head_of(self.state).size, self.opener))

    def of(self, kind: EntryKind) -> list[Logged]:
        return [one for one in self.all() if one.entry.kind is kind]

    async def write(self, *entries: AuditEntry) -> None:
        await asyncio.gather(*(self.log.append(one) for one in entries))


@asynccontextmanager
async def room(home: House, engine: PolicyEngine, clock: Clock | None = None) -> AsyncIterator[Room]:
    """A replica with its own watch."""
    state = open_state(home.url)
    try:
        async with open_log(home, state=state) as log:
            ring, opener = ring_at(home.folder / "keys"), home.seals(state).open
            sampling = Sampling(PolicyVersions(state), lambda: engine, ring.draw)
            clock = clock or Clock(NOW)
            lookout = Lookout(state, opener, sampling, build_detectors("Asia/Shanghai", {}), clock=clock)
            watch = Watch(state, opener, log, lookout, review_hours=72, clock=clock)
            yield Room(
                state=state, log=log, ring=ring, sampling=sampling, lookout=lookout, watch=watch, clock=clock,
                opener=opener,
            )  # fmt: skip
    finally:
        state.close()


def refusals(count: int, who: str = "prober") -> list[AuditEntry]:
    base = entry(principal=who, kind=EntryKind.REFUSAL, outcome="refused", code="GW401", at=NOW, subjects=())
    return [replace(base, at=NOW + timedelta(seconds=number)) for number in range(count)]


async def test_what_is_found_is_an_entry_of_the_log_and_opens_a_review(home: House, engine: PolicyEngine) -> None:
    async with room(home, engine) as here:
        add_canary(here.state, CANARY, by="officer", now=NOW)
        await here.write(*refusals(20), entry(principal="worker", subjects=(CANARY,), at=NOW))
        await here.watch.catch_up()
        await here.watch.catch_up()
        flags = here.of(EntryKind.FLAG)
        assert [(one.entry.principal, one.entry.detail.split(" ")[1]) for one in flags] == [
            ("prober", "refusals"),
            ("worker", "canary"),
        ]
        assert [one.entry.refers_to for one in flags] == [19, 20]
        assert all(not one.entry.subjects for one in flags), "who a canary is, is nobody's to find by a search"
        # (the answer itself may have been drawn by lot, by a key that is another in every house)
        waiting = [item.index for item in waiting_reviews(here.state, after=-1)]
        assert [index for index in waiting if index != 20] == [one.index for one in flags]
        details = [one.entry.detail for one in here.of(EntryKind.REVIEW) if one.entry.refers_to != 20]
        assert details == [f"review of entry {one.index} opened: flag" for one in flags]
        for one in flags:
            assert reproduce_flag(here.state, str(one.index), here.opener).is_same
    assert home.verify().is_sound


async def test_of_replicas_that_watch_at_once_each_thing_is_written_once(home: House, engine: PolicyEngine) -> None:
    async with room(home, engine) as here, room(home.replica(), engine) as there, room(home, engine) as third:
        for burst in range(3):
            await here.write(*refusals(20, f"prober-{burst}"), *refusals(20, f"again-{burst}"))
            await asyncio.gather(*(one.watch.catch_up() for one in (here, there, third)))
        for one in (here, there, third):
            await one.watch.catch_up()
        flags = here.of(EntryKind.FLAG)
        assert len(flags) == 6
        assert len({one.entry.detail for one in flags}) == 6
        assert len(here.of(EntryKind.REVIEW)) == 6


async def test_one_process_watches_and_another_takes_over_from_it(home: House, engine: PolicyEngine) -> None:
    clock = Clock(NOW)
    async with room(home, engine, clock) as here, room(home.replica(), engine, clock) as there:
        await here.watch.take_turn()
        await here.write(*refusals(20))
        await there.watch.take_turn()
        assert not here.of(EntryKind.FLAG), "it is another's turn"
        await here.watch.leave()
        await there.watch.take_turn()
        assert len(here.of(EntryKind.FLAG)) == 1
        await here.write(*refusals(20, "again"))
        await here.watch.take_turn()
        assert len(here.of(EntryKind.FLAG)) == 1
        clock.now += timedelta(minutes=1)  # that one has ended without a word
        await here.watch.take_turn()
        assert len(here.of(EntryKind.FLAG)) == 2


async def test_a_watch_goes_on_where_the_last_one_ended(
    home: House, engine: PolicyEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookout_module, "_CHUNK", 3)
    for begin in range(0, 20, 5):
        async with room(home, engine) as here:
            await here.write(*refusals(20)[begin : begin + 5])
            await here.watch.catch_up()
            flags = here.of(EntryKind.FLAG)
            assert len(flags) == (begin == 15)
            if begin < 15:
                (memory,) = _memories(here.state, "refusals")
                assert memory.count("+00:00") == begin + 5


async def test_who_is_told_to_end_looks_no_further(
    home: House, engine: PolicyEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A log that was left far behind keeps nobody from ending."""
    async with room(home, engine) as here:
        looks: list[int] = []
        begun = threading.Event()

        def endless(until: int) -> bool:
            looks.append(until)
            begun.set()
            time.sleep(0.02)
            return True

        monkeypatch.setattr(here.lookout, "_advance", endless)
        task = asyncio.create_task(here.watch.catch_up())
        assert await asyncio.to_thread(begun.wait, 30)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        seen = len(looks)
        await asyncio.sleep(0.2)
        assert len(looks) <= seen + 1  # the one that was under way


async def test_a_log_that_never_rests_does_not_keep_a_look_from_its_end(
    home: House, engine: PolicyEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One more entry after each piece of work: a look is over at what was durable when it began."""
    async with room(home, engine) as here:
        await here.write(*refusals(19))
        loop, advance = asyncio.get_running_loop(), here.lookout._advance
        looks: list[int] = []

        def busy(until: int) -> bool:
            looks.append(until)
            is_more = advance(until)
            asyncio.run_coroutine_threadsafe(here.write(*refusals(1)), loop).result(30)
            return is_more

        monkeypatch.setattr(here.lookout, "_advance", busy)
        await asyncio.wait_for(here.watch.catch_up(), 60)
        assert looks == [19]
        assert not here.of(EntryKind.FLAG)
        await asyncio.wait_for(here.watch.catch_up(), 60)
        assert len(here.of(EntryKind.FLAG)) == 1, "the twentieth is in the next one"
        assert looks == sorted(looks)


def _memories(state: State, detector: str) -> list[str]:
    with state.reading() as connection:
        keys = connection.execute(text("SELECT key FROM watch_memory WHERE detector = :d"), {"d": detector}).scalars()
        places = [(detector, key) for key in keys]
    return list(read_memories(state, places).values())


async def test_a_flag_whose_writer_ended_before_it_was_settled_is_not_written_twice(
    home: House, engine: PolicyEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(NOW + timedelta(minutes=1))
    async with room(home, engine, clock) as here:
        await here.write(*refusals(20))

        class Ended(Exception):
            """The process, as it were."""

        def end(*_: object, **__: object) -> None:
            raise Ended

        with monkeypatch.context() as patched:
            patched.setattr(watching_module, "settle_task", end)
            with pytest.raises(Ended):
                await here.watch.catch_up()
        assert len(here.of(EntryKind.FLAG)) == 1
        await here.watch.catch_up()
        assert len(here.of(EntryKind.FLAG)) == 1, "it is claimed still"
        clock.now += timedelta(minutes=2)
        await here.watch.catch_up()
        assert len(here.of(EntryKind.FLAG)) == 1
        assert len(here.of(EntryKind.REVIEW)) == 1


async def test_a_flag_that_could_not_be_written_is_written_later(
    home: House, engine: PolicyEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(NOW + timedelta(minutes=1))
    async with room(home, engine, clock) as here:
        await here.write(*refusals(20))

        async def refuse(_: AuditEntry) -> None:
            raise AuditUnavailable

        with monkeypatch.context() as patched:
            patched.setattr(here.log, "append", refuse)
            with pytest.raises(AuditUnavailable):
                await here.watch.catch_up()
        assert here.of(EntryKind.FLAG) == []
        clock.now += timedelta(minutes=2)
        await here.watch.catch_up()
        assert len(here.of(EntryKind.FLAG)) == 1


async def test_a_review_that_was_opened_by_hand_is_not_opened_again(home: House, engine: PolicyEngine) -> None:
    plan = _every_answer(engine)
    async with room(home, plan) as here:
        await here.write(entry(purpose="home-visit", policy_version=plan.version, at=NOW))
        open_review(here.state, 0, origin="hand", opened_at=NOW, opened_by="reviewer")
        await here.watch.catch_up()
        assert here.of(EntryKind.REVIEW) == []
        (item,) = waiting_reviews(here.state, after=-1)
        assert item.origin == "hand"


def _every_answer(engine: PolicyEngine, per_hundred: int = 100) -> PolicyEngine:
    """The city's policy with one plan of another rate."""
    purposes = dict(engine.catalog.purposes)
    for name, purpose in purposes.items():
        purposes[name] = replace(purpose, sample_per_hundred=per_hundred if name == "home-visit" else 0)
    return PolicyEngine(replace(engine.catalog, purposes=purposes), engine.judge, engine.hierarchies)


async def test_the_sample_is_as_large_as_planned_and_drawn_anew_the_same(home: House, engine: PolicyEngine) -> None:
    plan = _every_answer(engine, 20)
    async with room(home, plan) as here:
        answer = entry(purpose="home-visit", policy_version=plan.version, at=NOW, rows=0, subjects=())
        glass = replace(answer, needs_review=True)
        other = replace(answer, purpose="statistics")
        await here.write(*(replace(answer, trace_id=f"{number:032x}") for number in range(500)), glass, other)
        await here.watch.catch_up()
        size = head_of(here.state).size
        check = check_sampling(here.sampling, here.all(), size)
        assert check.is_sound, check.text("en")
        assert check.answers == 500
        # twenty in a hundred, and five standard deviations
        assert 55 <= check.drawn <= 145
        # another ring draws others: without the key nobody can tell which
        other_ring = ring_at(home.folder / "other-keys")
        stranger = Sampling(PolicyVersions(here.state), lambda: plan, other_ring.draw)
        assert not check_sampling(stranger, here.all(), size).is_sound
        assert "条" in check.text("zh")
