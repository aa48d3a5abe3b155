"""A person receives many more rows in a day than on their own days before."""

from dataclasses import dataclass
from typing import ClassVar

from gateway.audit.detectors._days import at_least, check_zone, day_of, usual
from gateway.audit.detectors._finding import Figures, Memory, is_released
from gateway.errors import Language
from gateway.model.audit import AuditEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """Once a person and day. Days on which nothing was received don't count."""

    name: ClassVar[str] = "volume"
    sentence: ClassVar[dict[Language, str]] = {
        "en": "{who} had received {rows} rows on {day} by entry {last}; on the {days} active days before it was"
        " {median} in the middle, and more than {limit} is unusual",
        "zh": "{who} 在 {day} 截至第 {last} 条日志共获得 {rows} 行；此前 {days} 个有访问的日子中位数为 {median} 行，"
        "超过 {limit} 行即为异常",
    }
    zone: str = "Asia/Shanghai"
    days: int = 28
    least_days: int = 5
    deviations: int = 6
    least_rows: int = 300

    def __post_init__(self) -> None:
        """Raises ValueError."""
        check_zone(self.zone)
        at_least(1, days=self.days, least_days=self.least_days, deviations=self.deviations, least_rows=self.least_rows)

    def key(self, entry: AuditEntry) -> str | None:
        """The person."""
        return entry.principal or None if is_released(entry) else None

    def step(self, memory: Memory, index: int, entry: AuditEntry) -> tuple[Memory, tuple[Figures, ...]]:
        """Keeps the rows of `days` days and of the present one."""
        days: list[list[str | int]] = memory.get("days", [])
        today = day_of(entry.at, self.zone)
        if not days or str(days[-1][0]) < today:
            days.append([today, index, 0])
        days = days[-(self.days + 1) :]
        # an entry that was late for its own day counts with the newest
        days[-1][2] = rows = int(days[-1][2]) + entry.rows
        memory = {"days": days, "flagged": memory.get("flagged", "")}
        newest, before = str(days[-1][0]), [int(day[2]) for day in days[:-1]]
        if memory["flagged"] == newest or len(before) < self.least_days:
            return memory, ()
        middle, limit = usual(before, deviations=self.deviations, least=self.least_rows)
        if rows <= limit:
            return memory, ()
        figures: Figures = {
            "first": int(days[0][1]), "day": newest, "rows": rows, "days": len(before), "median": middle,
            "limit": limit,
        }  # fmt: skip
        return memory | {"flagged": newest}, (figures,)
