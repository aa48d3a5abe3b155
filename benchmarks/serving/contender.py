"""What takes part: a server that is started for the run, how it is asked, and how its answers read."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson

from benchmarks.serving.databases import Databases
from benchmarks.serving.passthrough import ADDRESS
from benchmarks.serving.processes import serving
from benchmarks.serving.questions import Row
from benchmarks.serving.wrk import Request
from gateway.demo.serving import free_port

Reader = Callable[[bytes], Sequence[Row]]


@dataclass(frozen=True, slots=True)
class Running:
    """A contender that serves: its process, its requests by case, and how the rows are read out of a body."""

    pid: int
    requests: Mapping[str, Request]
    read: Reader


Start = Callable[[Databases, Path], AbstractContextManager[Running]]


@dataclass(frozen=True, slots=True)
class Contender:
    """By the name that `--contenders` and the tables have."""

    name: str
    title: str
    start: Start


@contextmanager
def _passthrough(application: str, databases: Databases, folder: Path) -> Iterator[Running]:
    port = free_port()
    command = [
        sys.executable, "-m", "uvicorn", f"benchmarks.serving.passthrough:{application}", "--port", str(port),
        "--no-access-log", "--log-level", "warning",
    ]  # fmt: skip
    environment = {ADDRESS: databases.address("").rstrip("/")}
    with serving(command, port, log=folder / f"{application}.log", environment=environment) as pid:
        requests = {case: Request.get(port, f"/{case}/{{}}") for case in ("a", "b")}
        yield Running(pid, requests, orjson.loads)


def passthrough(application: str) -> Start:
    """One of the applications of `passthrough`."""
    return lambda databases, folder: _passthrough(application, databases, folder)
