"""Faults of a bundle, collected so that an officer sees all of them at once."""

from dataclasses import dataclass, field

from gateway.errors import BundleProblem


@dataclass(slots=True)
class Faults:
    """Grows while files are read."""

    found: list[BundleProblem] = field(default_factory=list)

    def add(self, file: str, line: int, fault: str, fix: str) -> None:
        """Note one; `line` counts from 1, 0 is the file as a whole."""
        self.found.append(BundleProblem(file=file, line=line, fault=fault, fix=fix))

    def blames(self, file: str) -> bool:
        """Whether anything is wrong with the file already."""
        return any(problem.file == file for problem in self.found)

    def sorted(self) -> tuple[BundleProblem, ...]:
        """By file and line, each once."""
        unique = dict.fromkeys(self.found)
        return tuple(sorted(unique, key=lambda problem: (problem.file, problem.line, problem.fault)))
