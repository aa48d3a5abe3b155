"""What was refused, by error, purpose, organisation and person."""

from typing import ClassVar

from gateway.administration.reports._model import Table, Titles, View
from gateway.administration.reports.kinds._counting import ORGANISATION, PERSON, PURPOSE, Sums
from gateway.audit.ranges import Logged
from gateway.model.audit import EntryKind

_SUMS: tuple[Titles, ...] = (
    {"en": "Refused", "zh": "拒绝次数"},
    {"en": "Failed", "zh": "故障次数"},
    {"en": "People", "zh": "人数"},
)


class Refusals:
    """Refused by the gateway, or failed by a source's or the gateway's own fault."""

    name: ClassVar[str] = "refusals"
    title: ClassVar[Titles] = {"en": "Refusals", "zh": "拒绝统计"}

    def __init__(self, view: View) -> None:
        del view
        self._codes, self._purposes, self._organisations, self._people = Sums(), Sums(), Sums(), Sums()

    def see(self, one: Logged) -> None:
        """Count a refusal in."""
        entry = one.entry
        if entry.kind is not EntryKind.REFUSAL:
            return
        amounts = (int(entry.outcome == "refused"), int(entry.outcome != "refused"))
        self._codes.add(entry.code, entry.principal, *amounts)
        self._purposes.add(entry.purpose, entry.principal, *amounts)
        self._organisations.add(entry.organisation, entry.principal, *amounts)
        self._people.add(entry.principal, entry.principal, *amounts)

    def tables(self) -> tuple[Table, ...]:
        """Four, of the same refusals."""
        return (
            self._codes.table({"en": "By error", "zh": "按错误代码"}, ({"en": "Error", "zh": "代码"}, *_SUMS)),
            self._purposes.table({"en": "By purpose", "zh": "按用途"}, (PURPOSE, *_SUMS)),
            self._organisations.table({"en": "By organisation", "zh": "按机构"}, (ORGANISATION, *_SUMS)),
            self._people.table({"en": "By person", "zh": "按访问人"}, (PERSON, *_SUMS)),
        )
