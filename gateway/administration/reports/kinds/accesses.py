"""How much left the gateway, by purpose, department and organisation."""

from typing import ClassVar

from gateway.administration.reports._model import Table, Titles, View
from gateway.administration.reports.kinds._counting import ORGANISATION, PURPOSE, ROWS, Sums
from gateway.audit.detectors import is_released
from gateway.audit.ranges import Logged

_SUMS: tuple[Titles, ...] = (
    {"en": "Answers", "zh": "答复次数"},
    ROWS,
    {"en": "Persons looked at (with repeats)", "zh": "涉及居民（人次）"},
    {"en": "Workers", "zh": "访问人数"},
)


class Accesses:
    """Released answers: of one question over several departments, one for each dataset."""

    name: ClassVar[str] = "accesses"
    title: ClassVar[Titles] = {"en": "Accesses", "zh": "访问统计"}

    def __init__(self, view: View) -> None:
        del view
        self._purposes, self._departments, self._organisations = Sums(), Sums(), Sums()

    def see(self, one: Logged) -> None:
        """Count an answer in."""
        entry = one.entry
        if not is_released(entry):
            return
        amounts = (1, entry.rows, len(entry.subjects))
        self._purposes.add(entry.purpose, entry.principal, *amounts)
        self._departments.add(entry.dataset.partition(".")[0], entry.principal, *amounts)
        self._organisations.add(entry.organisation, entry.principal, *amounts)

    def tables(self) -> tuple[Table, ...]:
        """Three, of the same answers."""
        return (
            self._purposes.table({"en": "By purpose", "zh": "按用途"}, (PURPOSE, *_SUMS)),
            self._departments.table(
                {"en": "By department", "zh": "按部门"}, ({"en": "Department", "zh": "部门"}, *_SUMS)
            ),
            self._organisations.table({"en": "By organisation", "zh": "按机构"}, (ORGANISATION, *_SUMS)),
        )
