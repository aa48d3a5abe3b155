"""`make soak`: the same faults, long; with `--mixed`, an hour of mixed load instead.

Kills and failing disks in turn, receipts by the million, one oracle. Three beds are taken in turn, a round each: a
gateway on SQLite and one on PostgreSQL, asked over HTTP, and the log's engine alone at full speed on either. A round
ends with both verifiers over its whole log; the next begins a new one. What was done is added up in a file, so that a
run that was broken off goes on. Exit status 1 where anything was lost.
"""

import argparse
import asyncio
import json
import random  # noqa: TID251 - moments of kills, not keys
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks import endurance
from tests.faults.faulty import IO_ERROR, NO_SPACE, Call, Faulty, Kind
from tests.faults.oracle import Verdict
from tests.faults.runs import Appender, GatewayRun, appending, engine_house, gateway_run
from tests.postgres_server import Cluster, postgres_cluster

_ENGINE_CALLERS = 64
_KILLS_A_ROUND = 10
_LONGER = 20
_ANSWERS_A_KILL = 100
_MOST_ENTRIES = 400_000  # of one log, so that the oracle keeps it in memory
_DISK = (
    (Kind.FAIL, Call.SYNC, IO_ERROR),
    (Kind.FAIL, Call.WRITE, IO_ERROR),
    (Kind.FAIL, Call.WRITE, NO_SPACE),
    (Kind.SHORT, Call.WRITE, 0),
)


@dataclass(slots=True)
class Line:
    """What one kind of fault showed, over all rounds."""

    trials: int = 0
    acknowledged: int = 0
    entries: int = 0
    lost: int = 0  # anything that the oracle found: lost, other bytes, an unsound log, a bad checkpoint
    checkpoints: int = 0
    unaccounted: int = 0  # logged as released, not received, and not followed; the most of a round, a kill
    found: list[str] = field(default_factory=list)

    def add(self, verdict: Verdict, trials: int, kills: int) -> None:
        self.trials += trials
        self.acknowledged += verdict.acknowledged
        self.entries += verdict.entries
        self.lost += len(verdict.faults)
        self.checkpoints += verdict.checkpoints
        self.unaccounted = max(self.unaccounted, -(-verdict.unaccounted // max(1, kills)))
        self.found += verdict.faults[:5]


class Tally:
    """All lines, kept in a file after every round."""

    def __init__(self, file: Path) -> None:
        self._file = file
        kept = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        self.lines = {name: Line(**line) for name, line in kept.items()}

    def add(self, name: str, verdict: Verdict, *, trials: int, kills: int, callers: int) -> None:
        if verdict.unaccounted > kills * callers:
            verdict.faults.append(f"{verdict.unaccounted} answers are unaccounted for after {kills} kills")
        line = self.lines.setdefault(name, Line())
        line.add(verdict, trials, kills)
        self._file.write_text(json.dumps({name: asdict(one) for name, one in self.lines.items()}), encoding="utf-8")
        print(
            f"{time.strftime('%H:%M:%S')} {name}: {trials} faults, {verdict.acknowledged:,} acknowledged,"
            f" {len(verdict.faults)} lost; so far {self.kills} kills, {self.acknowledged:,} acknowledged",
            flush=True,
        )
        for fault in verdict.faults[:5]:
            print(f"  LOST: {fault}", flush=True)

    @property
    def kills(self) -> int:
        return sum(line.trials for name, line in self.lines.items() if "kill" in name)

    @property
    def acknowledged(self) -> int:
        return sum(line.acknowledged for line in self.lines.values())

    @property
    def lost(self) -> int:
        return sum(line.lost for line in self.lines.values())

    def table(self) -> str:
        rows = [
            f"| {name} | {one.trials} | {one.acknowledged:,} | {one.lost} | {one.checkpoints:,} | {one.unaccounted} |"
            for name, one in sorted(self.lines.items())
        ]
        head = "| fault | trials | acknowledged | lost | checkpoints kept | logged, not received (a kill) |"
        return "\n".join([head, "| --- | --- | --- | --- | --- | --- |", *rows])


@dataclass(frozen=True, slots=True, kw_only=True)
class Soak:
    """What to do, and until when."""

    kills: int
    acknowledged: int
    ends: float
    tally: Tally
    cluster: Cluster
    chance: random.Random

    def is_over(self) -> bool:
        done = self.tally.kills >= self.kills and self.tally.acknowledged >= self.acknowledged
        return done or time.monotonic() >= self.ends or self.tally.lost > 0

    def moment(self) -> float:
        """Seconds until the next kill: at once, as often as not."""
        return self.chance.choice((0.0, self.chance.uniform(0, 0.3), self.chance.uniform(0, 1.5)))


# ---------------------------------------------------------------------- rounds
def engine_killed(soak: Soak, folder: Path, url: str | None = None) -> None:
    """The engine at full speed, killed."""
    home, oracle = engine_house(folder / "house", url)
    appender, kills = Appender(home, _ENGINE_CALLERS), 0
    while kills < _KILLS_A_ROUND and oracle.size < _MOST_ENTRIES and not soak.is_over():
        with appending(appender):
            appender.until_appended()
            time.sleep(soak.moment() * _LONGER)  # kills alone are quickly done: the rest makes receipts
        kills += 1
        oracle.received(appender.receipts())
        oracle.look()
    verdict = oracle.judge(folder / "judged")
    name = "kill the engine on " + ("SQLite" if url is None else "PostgreSQL")
    soak.tally.add(name, verdict, trials=kills, kills=kills, callers=_ENGINE_CALLERS)


def engine_loses_postgresql(soak: Soak, folder: Path) -> None:
    """The engine lives on while PostgreSQL is killed."""
    home, oracle = engine_house(folder / "house", soak.cluster.server.fresh_database())
    appender, kills = Appender(home, _ENGINE_CALLERS), 0
    with appending(appender):
        while kills < _KILLS_A_ROUND and oracle.size < _MOST_ENTRIES and not soak.is_over():
            appender.until_appended()
            time.sleep(soak.moment() * _LONGER)
            soak.cluster.kill()
            soak.cluster.start()
            kills += 1
            appender.until_appended()
            oracle.received(appender.receipts())
            oracle.look()
    oracle.received(appender.receipts())
    verdict = oracle.judge(folder / "judged")
    # the engine itself is killed once, at the end
    soak.tally.add("kill PostgreSQL under the engine", verdict, trials=kills, kills=1, callers=_ENGINE_CALLERS)


async def gateway_killed(soak: Soak, folder: Path, url: str | None = None) -> None:
    """A gateway with clients over HTTP, killed."""
    async with gateway_run(folder / "house", url) as run:
        while run.kills < _KILLS_A_ROUND and not soak.is_over():
            await run.clients.until_received(_ANSWERS_A_KILL)
            await asyncio.sleep(soak.moment())
            await asyncio.to_thread(run.kill_gateway)
            await asyncio.to_thread(run.gateway.start)
        await run.clients.until_received(5)
    _add(soak, "kill the gateway on " + ("SQLite" if url is None else "PostgreSQL"), run, run.kills)


async def gateway_loses_postgresql(soak: Soak, folder: Path) -> None:
    """The gateway lives on while PostgreSQL is killed."""
    kills = 0
    async with gateway_run(folder / "house", soak.cluster.server.fresh_database()) as run:
        while kills < _KILLS_A_ROUND and not soak.is_over():
            await run.clients.until_received(_ANSWERS_A_KILL)
            await asyncio.sleep(soak.moment())
            await asyncio.to_thread(soak.cluster.kill)
            await asyncio.to_thread(soak.cluster.start)
            kills += 1
            await asyncio.to_thread(run.gateway.until_ready)
        await run.clients.until_received(5)
    _add(soak, "kill PostgreSQL under the gateway", run, kills)


async def disk_fails(soak: Soak, folder: Path) -> None:
    """The disk under a gateway on SQLite fails on the n-th call, n up to 200."""
    faulty = Faulty.built_in(folder)
    trials = 0
    async with gateway_run(folder / "house", environment=faulty.environment) as run:
        while trials < 3 * _KILLS_A_ROUND and not soak.is_over():
            kind, call, error = _DISK[trials % len(_DISK)]
            faulty.order(kind, call, "langqiao.db", at=soak.chance.randint(1, 200), error=error)
            await asyncio.to_thread(faulty.until_met)
            await asyncio.sleep(soak.moment() / 5)
            faulty.cancel()
            await asyncio.to_thread(run.gateway.until_ready)
            await run.clients.until_received(5)
            trials += 1
    _add(soak, "EIO, ENOSPC, short writes under SQLite", run, trials)
    faulty.close()


def _add(soak: Soak, name: str, run: GatewayRun, trials: int) -> None:
    soak.tally.add(name, run.judge(), trials=trials, kills=run.kills, callers=run.callers)


@contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="soak-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _rounds(soak: Soak) -> list[Callable[[Path], None]]:
    fresh = soak.cluster.server.fresh_database
    return [
        lambda folder: engine_killed(soak, folder),
        lambda folder: asyncio.run(gateway_killed(soak, folder)),
        lambda folder: engine_loses_postgresql(soak, folder),
        lambda folder: engine_killed(soak, folder, fresh()),
        lambda folder: asyncio.run(gateway_loses_postgresql(soak, folder)),
        lambda folder: asyncio.run(gateway_killed(soak, folder, fresh())),
        lambda folder: asyncio.run(disk_fails(soak, folder)),
    ]


def _mixed(minutes: float) -> int:
    """Questions of all kinds, refusals, streams, changes of the policy: 1 where memory grew by over 150 MB."""
    options = argparse.ArgumentParser()
    endurance.arguments(options)
    lines, is_flat = endurance.endure(options.parse_args(["--minutes", str(minutes)]))
    print("\n".join(lines))
    return 0 if is_flat else 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=500, help="of gateways, engines and PostgreSQL, together")
    parser.add_argument("--acknowledged", type=int, default=5_000_000, help="receipts, together")
    parser.add_argument("--minutes", type=float, default=240, help="the longest that this run takes")
    parser.add_argument("--seed", type=int, default=2026, help="of the moments")
    parser.add_argument("--tally", type=Path, default=Path("soak.json"), help="what was done so far; taken up again")
    parser.add_argument("--mixed", type=float, default=0, help="minutes of mixed load instead: memory must stay flat")
    options = parser.parse_args()
    if options.mixed:
        return _mixed(options.mixed)
    began = time.monotonic()
    tally = Tally(options.tally)
    with postgres_cluster() as cluster:
        cluster.start()
        soak = Soak(
            kills=options.kills,
            acknowledged=options.acknowledged,
            ends=began + options.minutes * 60,
            tally=tally,
            cluster=cluster,
            chance=random.Random(options.seed + tally.kills),
        )
        turn = tally.kills // _KILLS_A_ROUND
        rounds = _rounds(soak)
        while not soak.is_over():
            with _folder() as folder:
                rounds[turn % len(rounds)](folder)
            turn += 1
    print(f"\n{(time.monotonic() - began) / 60:.1f} minutes, seed {options.seed}\n\n{tally.table()}")
    for name, line in tally.lines.items():
        for fault in line.found:
            print(f"LOST, {name}: {fault}")
    return 1 if tally.lost else 0


if __name__ == "__main__":
    sys.exit(main())
