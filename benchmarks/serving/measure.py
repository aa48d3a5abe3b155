"""Contenders take turns: each question, each number of connections, round by round."""

import http.client
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.serving.contender import Running
from benchmarks.serving.databases import Databases
from benchmarks.serving.processes import cpu_seconds
from benchmarks.serving.questions import QUESTIONS, Question
from benchmarks.serving.wrk import Load, Request, drive

_SAMPLES = 5
_LEAST_SHARE = 0.7  # of the size of a checked answer, that the mean of the timed ones must have
_WARM_SECONDS = 1.0


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
        able = {name: one for name, one in running.items() if case in one.requests}
        sizes = {name: check(one, question, databases) for name, one in able.items()}
        for one in able.values():
            drive(one.requests[case], question.values(databases), 16, _WARM_SECONDS)
        for number in range(rounds):
            order = list(able)[number % len(able) :] + list(able)[: number % len(able)]
            for count in connections:
                for name in order:
                    cell = cells.setdefault((case, count, name), Cell())
                    _time(cell, able[name], question, databases, count, seconds, sizes[name])
        for one in able.values():
            check(one, question, databases)
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
    before = cpu_seconds([running.pid]), cpu_seconds(servers)
    load = drive(running.requests[question.case], question.values(databases), count, seconds)
    after = cpu_seconds([running.pid]), cpu_seconds(servers)
    if load.bytes / load.requests < size * _LEAST_SHARE:
        raise RuntimeError(f"case {question.case}: answers under load are shorter than those that were checked")
    cell.loads.append(load)
    cell.server.append((after[0] - before[0]) / load.requests * 1e6)
    cell.database.append((after[1] - before[1]) / load.requests * 1e6)


def check(running: Running, question: Question, databases: Databases) -> float:
    """The usual size of an answer; raises RuntimeError where one is wrong."""
    values = question.values(databases)
    sizes = []
    for value in values[:: max(1, len(values) // _SAMPLES)][:_SAMPLES]:
        body = ask(running.requests[question.case], value)
        question.check(databases, value, running.read(body))
        sizes.append(len(body))
    return statistics.mean(sizes)


def ask(request: Request, value: str) -> bytes:
    """One request as wrk sends it; raises RuntimeError unless it is answered with 200."""
    head, _, body = request.text.replace("{}", value).partition("\r\n\r\n")
    first, *lines = head.split("\r\n")
    method, target, _ = first.split(" ")
    headers = dict(line.split(": ", 1) for line in lines)
    connection = http.client.HTTPConnection("127.0.0.1", request.port, timeout=60)
    try:
        connection.request(method, target, body.encode() or None, headers)
        response = connection.getresponse()
        content = response.read()
    finally:
        connection.close()
    if response.status != 200:
        raise RuntimeError(f"{method} {target}: {response.status} {content[:500]!r}")
    return content
