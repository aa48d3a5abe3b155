"""Each break-glass answer and what its review came to."""

from typing import ClassVar

from gateway.administration.reports._model import Cell, Table, Titles, View
from gateway.administration.reports.kinds._counting import (
    AT,
    DATASET,
    ENTRY,
    ORGANISATION,
    PERSON,
    PURPOSE,
    ROWS,
    Outcomes,
)
from gateway.audit.detectors import is_released
from gateway.audit.ranges import Logged

_COLUMNS: tuple[Titles, ...] = (
    ENTRY, AT, PERSON, ORGANISATION, PURPOSE, DATASET, ROWS,
    {"en": "Verdict", "zh": "复核结论"},
    {"en": "Decided by", "zh": "复核人"},
    {"en": "Decided at", "zh": "复核时间"},
)  # fmt: skip


class BreakGlass:
    """Reviews as the log had them at the end of the time: what was decided later isn't in it."""

    name: ClassVar[str] = "break-glass"
    title: ClassVar[Titles] = {"en": "Break-glass and its reviews", "zh": "紧急访问及复核"}

    def __init__(self, view: View) -> None:
        self._view = view
        self._outcomes = Outcomes()
        self._rows: list[tuple[int, tuple[Cell, ...]]] = []

    def see(self, one: Logged) -> None:
        """Take an answer or a verdict in."""
        entry = one.entry
        self._outcomes.see(one)
        if entry.needs_review and is_released(entry):
            told = (
                one.index, self._view.moment(entry.at), entry.principal, entry.organisation, entry.purpose,
                entry.dataset, entry.rows,
            )  # fmt: skip
            self._rows.append((one.index, told))

    def tables(self) -> tuple[Table, ...]:
        """One row an answer."""
        decided, rows = self._outcomes.decided(), []
        for index, told in self._rows:
            verdict, by, at = decided.get(index, ("-", "-", None))
            rows.append((*told, verdict, by, self._view.moment(at) if at is not None else "-"))
        return (Table(title=self.title, columns=_COLUMNS, rows=tuple(rows)),)
