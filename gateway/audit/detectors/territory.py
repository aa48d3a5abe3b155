"""A person asks under a territory that none of their days before covers.

The log knows for which regions a person was vouched at each decision, and not which region a row was of: rows stay
with the department, and a filter's values are hidden. So this tells of a person whose territory moved or widened. That
somebody looked at rows outside their territory is for row rules to prevent.
"""

from dataclasses import dataclass
from typing import ClassVar

from gateway.audit.detectors._days import at_least, check_zone, day_of
from gateway.audit.detectors._finding import Figures, Memory, is_released
from gateway.errors import Language
from gateway.model.audit import AuditEntry

_MOST_REGIONS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Territory:
    """Once a person and day."""

    name: ClassVar[str] = "territory"
    sentence: ClassVar[dict[Language, str]] = {
        "en": "{who} received data on {day} (entry {last}) under the region {region}; on the {days} active days before"
        " it was {known}",
        "zh": "{who} 于 {day}（第 {last} 条日志）以区域 {region} 获得数据；此前 {days} 个有访问的日子均为 {known}",
    }
    zone: str = "Asia/Shanghai"
    days: int = 28
    least_days: int = 3

    def __post_init__(self) -> None:
        """Raises ValueError."""
        check_zone(self.zone)
        at_least(1, days=self.days, least_days=self.least_days)

    def key(self, entry: AuditEntry) -> str | None:
        """The person, where a decision names regions."""
        if not is_released(entry) or entry.decision is None or not entry.decision.regions:
            return None
        return entry.principal or None

    def step(self, memory: Memory, index: int, entry: AuditEntry) -> tuple[Memory, tuple[Figures, ...]]:
        """Keeps at most 16 regions of each of `days` days and the present one."""
        regions = tuple(sorted(set(entry.decision.regions))) if entry.decision is not None else ()
        days: list[list[str | int]] = memory.get("days", [])
        known: list[list[str]] = memory.get("regions", [])
        today = day_of(entry.at, self.zone)
        if not days or str(days[-1][0]) < today:
            days, known = [*days, [today, index]], [*known, []]
        days, known = days[-(self.days + 1) :], known[-(self.days + 1) :]
        known[-1] = sorted({*known[-1], *regions})[:_MOST_REGIONS]
        memory = {"days": days, "regions": known, "flagged": memory.get("flagged", "")}
        newest = str(days[-1][0])
        if memory["flagged"] == newest or len(days) - 1 < self.least_days:
            return memory, ()
        before = {region for day in known[:-1] for region in day}
        strange = [region for region in regions if not any(region.startswith(each) for each in before)]
        if not strange:
            return memory, ()
        figures: Figures = {
            "first": int(days[0][1]), "day": newest, "region": strange[0], "days": len(days) - 1,
            "known": ", ".join(sorted(before)[:_MOST_REGIONS]),
        }  # fmt: skip
        return memory | {"flagged": newest}, (figures,)
