"""What takes part: a server that is started for the run, how it is loaded, and how its answers are checked."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from benchmarks.serving.databases import Databases
from benchmarks.serving.questions import Question
from benchmarks.serving.wrk import Load


class Running(Protocol):
    """A contender that serves."""

    @property
    def pids(self) -> tuple[int, ...]:
        """Its processes, without those that they have started; none where it is the database itself."""

    @property
    def cases(self) -> frozenset[str]:
        """The questions that it can be asked."""

    def check(self, question: Question, databases: Databases) -> float:
        """The usual size of an answer in bytes; raises RuntimeError where one is wrong."""

    def load(self, question: Question, databases: Databases, connections: int, seconds: float) -> Load:
        """One round; raises RuntimeError where a request was refused or not answered."""


Start = Callable[[Databases, Path], AbstractContextManager[Running]]


@dataclass(frozen=True, slots=True)
class Contender:
    """By the name that `--contenders` and the tables have."""

    name: str
    title: str
    start: Start
