"""Everyone who looked at one resident."""

from typing import ClassVar

from gateway.administration.reports._model import Cell, Table, Titles, View
from gateway.administration.reports.kinds._counting import AT, DATASET, ENTRY, ORGANISATION, PERSON, PURPOSE
from gateway.audit.ranges import Logged
from gateway.model.audit import AuditEntry

_COLUMNS: tuple[Titles, ...] = (
    ENTRY, AT, PERSON, ORGANISATION,
    {"en": "App", "zh": "应用"},
    PURPOSE,
    {"en": "Legal basis", "zh": "法律依据"},
    DATASET,
    {"en": "Fields", "zh": "字段"},
    {"en": "Outcome", "zh": "结果"},
)  # fmt: skip


class Resident:
    """Sees the entries about the one person alone. The number itself is in no report: only its keyed hash."""

    name: ClassVar[str] = "resident"
    title: ClassVar[Titles] = {"en": "Everyone who looked at one resident", "zh": "某居民信息被访问情况"}

    def __init__(self, view: View) -> None:
        self._view = view
        self._rows: list[tuple[Cell, ...]] = []

    def see(self, one: Logged) -> None:
        """Take an entry about the person in."""
        entry = one.entry
        self._rows.append((
            one.index, self._view.moment(entry.at), entry.principal, entry.organisation, entry.app, entry.purpose,
            "; ".join(entry.legal_basis), entry.dataset, _fields(entry), f"{entry.kind.value} {entry.outcome}",
        ))  # fmt: skip

    def tables(self) -> tuple[Table, ...]:
        """One row an entry, in the log's order."""
        return (Table(title=self.title, columns=_COLUMNS, rows=tuple(sorted(self._rows, key=lambda row: row[0]))),)


def _fields(entry: AuditEntry) -> str:
    return ", ".join(f"{one.field} ({one.level})" for one in entry.fields if one.level != "denied")
