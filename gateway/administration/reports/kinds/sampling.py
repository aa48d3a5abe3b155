"""Of the answers for each purpose: how many were to be reviewed, and how many were."""

import re
from typing import ClassVar

from gateway.administration.reports._model import Cell, Table, Titles, View
from gateway.administration.reports.kinds._counting import PURPOSE, Outcomes
from gateway.audit.detectors import is_released
from gateway.audit.ranges import Logged
from gateway.model.audit import EntryKind

_OPENED = re.compile(r"review of entry (\d{1,19}) opened: (sample, \d{1,3} in 100|by hand|flag)", re.ASCII)
_COLUMNS: tuple[Titles, ...] = (
    PURPOSE,
    {"en": "Answers", "zh": "答复次数"},
    {"en": "Break-glass", "zh": "紧急访问"},
    {"en": "…decided", "zh": "其中已复核"},
    {"en": "Drawn", "zh": "抽样"},
    {"en": "…decided", "zh": "其中已复核"},
    {"en": "By hand", "zh": "人工选取"},
    {"en": "…decided", "zh": "其中已复核"},
    {"en": "Drawn per hundred", "zh": "抽样率（%）"},
)


class SamplingCoverage:
    """Openings and verdicts of the time. The last answers may be drawn just after its end."""

    name: ClassVar[str] = "sampling"
    title: ClassVar[Titles] = {"en": "Sampling coverage", "zh": "抽样复核覆盖率"}

    def __init__(self, view: View) -> None:
        del view
        self._outcomes = Outcomes()
        self._answers: dict[int, tuple[str, bool]] = {}
        self._opened: dict[int, tuple[int, str]] = {}

    def see(self, one: Logged) -> None:
        """Take an answer, an opening or a verdict in."""
        entry = one.entry
        self._outcomes.see(one)
        if is_released(entry):
            self._answers[one.index] = (entry.purpose, entry.needs_review)
        elif entry.kind is EntryKind.NOT_MADE and entry.refers_to is not None:
            self._opened.pop(entry.refers_to, None)
        elif entry.kind is EntryKind.REVIEW and (opened := _OPENED.fullmatch(entry.detail)):
            self._opened[one.index] = (int(opened[1]), opened[2].partition(",")[0])

    def tables(self) -> tuple[Table, ...]:
        """One row a purpose."""
        decided = self._outcomes.decided()
        sums: dict[str, list[int]] = {}
        for index, (purpose, needs_review) in self._answers.items():
            row = sums.setdefault(purpose, [0] * 7)
            row[0] += 1
            row[1] += needs_review
            row[2] += needs_review and index in decided
        for index, how in self._opened.values():
            if index in self._answers and how in {"sample", "by hand"}:
                row, place = sums[self._answers[index][0]], 3 if how == "sample" else 5
                row[place] += 1
                row[place + 1] += index in decided
        rows: list[tuple[Cell, ...]] = [
            (purpose, *row, f"{row[3] * 100 / row[0]:.2f}") for purpose, row in sorted(sums.items())
        ]
        return (Table(title=self.title, columns=_COLUMNS, rows=tuple(rows)),)
