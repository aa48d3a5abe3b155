"""A contender that speaks HTTP: one server, or two that share the load."""

import http.client
import statistics
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from benchmarks.serving.databases import Databases
from benchmarks.serving.questions import Question, Row
from benchmarks.serving.wrk import Load, Request, drive

_SAMPLES = 5
Reader = Callable[[bytes], Sequence[Row]]


@dataclass(frozen=True, slots=True)
class HttpServer:
    """A process, its requests by case, and how rows are read out of a body."""

    pid: int
    requests: Mapping[str, Request]
    read: Reader
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def port(self) -> int:
        """Where it listens."""
        return self.requests["a"].port

    @property
    def pids(self) -> tuple[int, ...]:
        return (self.pid,)

    @property
    def cases(self) -> frozenset[str]:
        return frozenset(self.requests)

    def check(self, question: Question, databases: Databases) -> float:
        values = question.values(databases)
        sizes = []
        for value in values[:: max(1, len(values) // _SAMPLES)][:_SAMPLES]:
            body = ask(self.requests[question.case], value)
            question.check(databases, value, self.read(body))
            sizes.append(len(body))
        return statistics.mean(sizes)

    def load(self, question: Question, databases: Databases, connections: int, seconds: float) -> Load:
        return drive(self.requests[question.case], question.values(databases), connections, seconds)


@dataclass(frozen=True, slots=True)
class Two:
    """Two processes of one kind, each with half of the connections."""

    first: HttpServer
    second: HttpServer

    @property
    def pids(self) -> tuple[int, ...]:
        return (*self.first.pids, *self.second.pids)

    @property
    def cases(self) -> frozenset[str]:
        return self.first.cases

    def check(self, question: Question, databases: Databases) -> float:
        return statistics.mean(one.check(question, databases) for one in (self.first, self.second))

    def load(self, question: Question, databases: Databases, connections: int, seconds: float) -> Load:
        half = max(1, connections // 2)
        with ThreadPoolExecutor(2) as pool:
            one, other = pool.map(
                lambda server: server.load(question, databases, half, seconds), (self.first, self.second)
            )
        return Load(
            requests=one.requests + other.requests,
            seconds=max(one.seconds, other.seconds),
            p50=statistics.mean((one.p50, other.p50)),
            p99=max(one.p99, other.p99),
            bytes=one.bytes + other.bytes,
        )


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
