"""Counting entries by what they have in common, and following reviews through the log."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from gateway.administration.reports._model import Cell, Table, Titles
from gateway.audit.ranges import Logged
from gateway.model.audit import EntryKind

_STEP = re.compile(r"review of entry (\d{1,19})(?:: (justified|not-justified|follow-up)| (closed))", re.ASCII)
ENTRY: Titles = {"en": "Entry", "zh": "日志序号"}
AT: Titles = {"en": "Time", "zh": "时间"}
PERSON: Titles = {"en": "Person", "zh": "访问人"}
ORGANISATION: Titles = {"en": "Organisation", "zh": "所属机构"}
PURPOSE: Titles = {"en": "Purpose", "zh": "用途"}
DATASET: Titles = {"en": "Dataset", "zh": "数据集"}
ROWS: Titles = {"en": "Rows", "zh": "行数"}


@dataclass(slots=True)
class Sums:
    """Sums and different people under each heading."""

    counts: dict[str, list[int]] = field(default_factory=dict)
    people: dict[str, set[str]] = field(default_factory=dict)

    def add(self, heading: str, person: str, *amounts: int) -> None:
        """Add to each sum under the heading."""
        sums = self.counts.setdefault(heading, [0] * len(amounts))
        for place, amount in enumerate(amounts):
            sums[place] += amount
        self.people.setdefault(heading, set()).add(person)

    def table(self, title: Titles, columns: Iterable[Titles]) -> Table:
        """The headings, those with the largest first sum first; how many people, last."""
        order = sorted(self.counts, key=lambda heading: (-self.counts[heading][0], heading))
        rows: list[tuple[Cell, ...]] = [
            (heading or "-", *self.counts[heading], len(self.people[heading] - {""})) for heading in order
        ]
        return Table(title=title, columns=tuple(columns), rows=tuple(rows))


@dataclass(slots=True)
class Outcomes:
    """What the log says became of reviews. A step that was written down and not made is none."""

    _steps: dict[int, tuple[int, str, str, datetime]] = field(default_factory=dict)

    def see(self, one: Logged) -> None:
        """Take a review's step in."""
        entry = one.entry
        if entry.kind is EntryKind.NOT_MADE and entry.refers_to is not None:
            self._steps.pop(entry.refers_to, None)
        elif entry.kind is EntryKind.REVIEW and (step := _STEP.fullmatch(entry.detail)):
            self._steps[one.index] = (int(step[1]), step[2] or step[3], entry.principal, entry.at)

    def decided(self) -> dict[int, tuple[str, str, datetime]]:
        """Of each decided entry the verdict, by whom and when."""
        return {entry: (verdict, by, at) for entry, verdict, by, at in self._steps.values() if verdict != "closed"}

    def closed(self) -> set[int]:
        """Entries whose reviews are closed."""
        return {entry for entry, step, _, _ in self._steps.values() if step == "closed"}
