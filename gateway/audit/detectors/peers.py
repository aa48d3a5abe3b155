"""A person receives many more rows in a day than people of the same organisation and roles on the days before."""

from dataclasses import dataclass
from typing import ClassVar

from gateway.audit.detectors._days import at_least, check_zone, day_of, usual
from gateway.audit.detectors._finding import Figures, Memory, is_released
from gateway.errors import Language
from gateway.model.audit import AuditEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Peers:
    """Once a person and day. Compared with whole days of others: in the morning nobody has done much yet."""

    name: ClassVar[str] = "peers"
    sentence: ClassVar[dict[Language, str]] = {
        "en": "{who} had received {rows} rows on {day} by entry {last}; {people} others of the same organisation and"
        " roles received {median} a day in the middle, and more than {limit} is unusual",
        "zh": "{who} 在 {day} 截至第 {last} 条日志共获得 {rows} 行；同机构同角色的其他 {people} 人"
        "此前每日中位数为 {median} 行，超过 {limit} 行即为异常",
    }
    zone: str = "Asia/Shanghai"
    days: int = 7
    least_people: int = 3
    most_people: int = 200
    deviations: int = 8
    least_rows: int = 300

    def __post_init__(self) -> None:
        """Raises ValueError."""
        check_zone(self.zone)
        at_least(1, days=self.days, least_people=self.least_people, most_people=self.most_people)
        at_least(1, deviations=self.deviations, least_rows=self.least_rows)

    def key(self, entry: AuditEntry) -> str | None:
        """The group; who has no organisation (a resident) has no peers."""
        if not is_released(entry) or not entry.principal or not entry.organisation:
            return None
        return " ".join([entry.organisation, *sorted(entry.roles)])

    def step(self, memory: Memory, index: int, entry: AuditEntry) -> tuple[Memory, tuple[Figures, ...]]:
        """Keeps the rows of at most `most_people` people on each of `days` days and the present one."""
        days: list[list[str | int]] = memory.get("days", [])
        rows: list[dict[str, int]] = memory.get("rows", [])
        flagged: list[str] = memory.get("flagged", [])
        today = day_of(entry.at, self.zone)
        if not days or str(days[-1][0]) < today:
            days, rows, flagged = [*days, [today, index]], [*rows, {}], []
        days, rows = days[-(self.days + 1) :], rows[-(self.days + 1) :]
        mine, who = rows[-1], entry.principal
        memory = {"days": days, "rows": rows, "flagged": flagged}
        if who not in mine and len(mine) >= self.most_people:
            return memory, ()
        mine[who] = mine.get(who, 0) + entry.rows
        others = [(name, count) for day in rows[:-1] for name, count in day.items() if name != who]
        people = len({name for name, _ in others})
        if who in flagged or people < self.least_people:
            return memory, ()
        middle, limit = usual([count for _, count in others], deviations=self.deviations, least=self.least_rows)
        if mine[who] <= limit:
            return memory, ()
        flagged.append(who)
        figures: Figures = {
            "first": int(days[0][1]), "day": str(days[-1][0]), "rows": mine[who], "people": people, "median": middle,
            "limit": limit,
        }  # fmt: skip
        return memory, (figures,)
