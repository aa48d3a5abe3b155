"""Contenders take turns: each question, each number of connections, round by round."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.serving.contender import Running
from benchmarks.serving.databases import Databases
from benchmarks.serving.processes import cpu_seconds
from benchmarks.serving.questions import QUESTIONS, Question
from benchmarks.serving.wrk import Load

_LEAST_SHARE = 0.7  # of the size of a checked answer, that the mean of the timed ones must have
_WARM_SECONDS = 3.0  # what is compiled as it runs needs some


@dataclass(slots=True)
class Cell:
    """What the rounds of one contender came to, for one question and number of connections."""

    loads: list[Load] = field(default_factory=list)
    server: list[float] = field(default_factory=list)  # µs of processor time a request
    database: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Requests a second: the median of the rounds."""
        return statistics.median(load.rate for load in self.loads)

    @property
    def slowest(self) -> float:
        """The round with the fewest requests a second."""
        return min(load.rate for load in self.loads)

    @property
    def fastest(self) -> float:
        """The round with the most."""
        return max(load.rate for load in self.loads)

    def middle(self, name: str) -> float:
        """The median of a figure of wrk's."""
        return statistics.median(float(getattr(load, name)) for load in self.loads)


Cells = dict[tuple[str, int, str], Cell]  # by case, connections, contender


def measure(
    running: Mapping[str, Running],
    databases: Databases,
    cases: Sequence[str],
    connections: Sequence[int],
    *,
    rounds: int,
    seconds: float,
) -> Cells:
    """Every answer's kind is checked before anything is timed."""
    cells: Cells = {}
    for case in cases:
        question = QUESTIONS[case]
        able = {name: one for name, one in running.items() if case in one.cases}
        sizes = {name: one.check(question, databases) for name, one in able.items()}
        for one in able.values():
            one.load(question, databases, 16, _WARM_SECONDS)
        for number in range(rounds):
            order = list(able)[number % len(able) :] + list(able)[: number % len(able)]
            for count in connections:
                for name in order:
                    if count < len(able[name].pids):
                        continue
                    cell = cells.setdefault((case, count, name), Cell())
                    _time(cell, able[name], question, databases, count, seconds, sizes[name])
        for one in able.values():
            one.check(question, databases)
    return cells


def _time(  # noqa: PLR0917 - one cell of a table
    cell: Cell,
    running: Running,
    question: Question,
    databases: Databases,
    count: int,
    seconds: float,
    size: float,
) -> None:
    servers = [pid for cluster in (databases.departments, databases.state) for pid in cluster.processes()[:1]]
    before = cpu_seconds(running.pids), cpu_seconds(servers)
    load = running.load(question, databases, count, seconds)
    after = cpu_seconds(running.pids), cpu_seconds(servers)
    if load.bytes / load.requests < size * _LEAST_SHARE:
        raise RuntimeError(f"case {question.case}: answers under load are shorter than those that were checked")
    cell.loads.append(load)
    cell.server.append((after[0] - before[0]) / load.requests * 1e6)
    cell.database.append((after[1] - before[1]) / load.requests * 1e6)
