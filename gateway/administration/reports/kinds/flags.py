"""Each flag in a sentence, and what its review came to."""

from typing import ClassVar

from gateway.administration.flags import flag_sentences
from gateway.administration.reports._model import Cell, Table, Titles, View
from gateway.administration.reports.kinds._counting import AT, ENTRY, PERSON, Outcomes
from gateway.audit.detectors import Finding
from gateway.audit.ranges import Logged
from gateway.model.audit import EntryKind

_COLUMNS: tuple[Titles, ...] = (
    ENTRY, AT,
    {"en": "Kind", "zh": "类型"},
    PERSON,
    {"en": "What is unusual", "zh": "异常说明"},
    {"en": "Verdict", "zh": "复核结论"},
    {"en": "Decided by", "zh": "复核人"},
    {"en": "Closed", "zh": "已结案"},
)  # fmt: skip


class Flags:
    """Reviews as the log had them at the end of the time."""

    name: ClassVar[str] = "flags"
    title: ClassVar[Titles] = {"en": "Flags and their outcome", "zh": "告警及处理结果"}

    def __init__(self, view: View) -> None:
        self._view = view
        self._outcomes = Outcomes()
        self._rows: list[tuple[int, tuple[Cell, ...]]] = []

    def see(self, one: Logged) -> None:
        """Take a flag or a verdict in."""
        entry = one.entry
        self._outcomes.see(one)
        if entry.kind is EntryKind.FLAG:
            en, zh = flag_sentences(entry.detail, Finding.read(entry.detail))
            told = zh if self._view.language == "zh" else en
            kind = entry.detail.removeprefix("flag ").partition(" ")[0]
            self._rows.append((one.index, (one.index, self._view.moment(entry.at), kind, entry.principal, told)))

    def tables(self) -> tuple[Table, ...]:
        """One row a flag."""
        decided, closed, yes = self._outcomes.decided(), self._outcomes.closed(), {"en": "yes", "zh": "是"}
        rows = [
            (*told, *decided.get(index, ("-", "-"))[:2], yes[self._view.language] if index in closed else "-")
            for index, told in self._rows
        ]
        return (Table(title=self.title, columns=_COLUMNS, rows=tuple(rows)),)
