"""Data is received at an hour, or on a day of the week, at which nobody works for that purpose."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from gateway.audit.detectors._days import check_zone, local
from gateway.audit.detectors._finding import Figures, Memory, is_released
from gateway.errors import Language
from gateway.model.audit import AuditEntry

_HOURS = re.compile(r"([01][0-9]|2[0-4]):([0-5][0-9])-([01][0-9]|2[0-4]):([0-5][0-9])", re.ASCII)
_ALWAYS = "00:00-24:00"


@dataclass(frozen=True, slots=True, kw_only=True)
class OffHours:
    """Once a person, purpose and day. It knows the days of the week and no public holidays."""

    name: ClassVar[str] = "off-hours"
    sentence: ClassVar[dict[Language, str]] = {
        "en": "{who} received data for the purpose {purpose} at {time} on {day} (weekday {weekday}), outside {hours} on"
        " weekdays {weekdays}",
        "zh": "{who} 于 {day}（星期{weekday}）{time} 以用途 {purpose} 获得数据，不在星期 {weekdays} 的 {hours} 之内",
    }
    zone: str = "Asia/Shanghai"
    hours: str = "07:00-20:00"
    weekdays: tuple[int, ...] = (1, 2, 3, 4, 5)  # Monday is 1
    purposes: Mapping[str, str] = field(default_factory=lambda: {"break-glass": _ALWAYS, "own-data": _ALWAYS})

    def __post_init__(self) -> None:
        """Raises ValueError."""
        check_zone(self.zone)
        for hours in (self.hours, *self.purposes.values()):
            _minutes(hours)
        if not all(1 <= day <= 7 for day in self.weekdays):
            msg = "`weekdays` are 1 (Monday) to 7"
            raise ValueError(msg)

    def key(self, entry: AuditEntry) -> str | None:
        """The person, where it is out of hours."""
        if not is_released(entry) or not entry.principal or self._is_usual(entry.purpose, entry.at):
            return None
        return entry.principal

    def _is_usual(self, purpose: str, at: datetime) -> bool:
        moment = local(at, self.zone)
        if purpose not in self.purposes and moment.isoweekday() not in self.weekdays:
            return False
        begin, end = _minutes(self.purposes.get(purpose, self.hours))
        return begin <= moment.hour * 60 + moment.minute < end

    def step(self, memory: Memory, index: int, entry: AuditEntry) -> tuple[Memory, tuple[Figures, ...]]:
        """Keeps the purposes that were told of on the present day."""
        moment = local(entry.at, self.zone)
        day = moment.date().isoformat()
        told: list[str] = memory.get("purposes", []) if memory.get("day") == day else []
        if entry.purpose in told:
            return memory, ()
        weekdays = range(1, 8) if entry.purpose in self.purposes else self.weekdays
        figures: Figures = {
            "first": index, "day": day, "time": f"{moment:%H:%M}", "weekday": moment.isoweekday(),
            "purpose": entry.purpose, "hours": self.purposes.get(entry.purpose, self.hours),
            "weekdays": ",".join(map(str, weekdays)),
        }  # fmt: skip
        return {"day": day, "purposes": [*told, entry.purpose]}, (figures,)


def _minutes(hours: str) -> tuple[int, int]:
    found = _HOURS.fullmatch(hours)
    begin, end = (int(found[1]) * 60 + int(found[2]), int(found[3]) * 60 + int(found[4])) if found else (0, 0)
    if not begin < end <= 24 * 60:
        msg = f"`{hours[:20]}` are no hours: write 07:00-20:00"
        raise ValueError(msg)
    return begin, end
