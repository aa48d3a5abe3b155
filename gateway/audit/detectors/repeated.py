"""One worker looks up one and the same person again and again."""

from dataclasses import dataclass
from typing import ClassVar

from gateway.audit.detectors._days import at_least, check_zone, day_of, days_between
from gateway.audit.detectors._finding import Figures, Memory, is_released
from gateway.errors import Language
from gateway.model.audit import AuditEntry

_CLEARED = ""  # beside keyed hashes, none of which is empty


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeated:
    """Once a worker, person and stretch of `days` days from the first look-up on.

    A look-up is an answer about few people: a list that somebody happens to stand on is none. Of one question over
    several departments each answer counts.
    """

    name: ClassVar[str] = "repeated"
    sentence: ClassVar[dict[Language, str]] = {
        "en": "{who} looked up one and the same person {times} times in {days} days (entries {first} to {last}); more"
        " than {limit} times is unusual",
        "zh": "{who} 在 {days} 天内（第 {first} 至 {last} 条日志）查询同一居民 {times} 次，超过 {limit} 次即为异常",
    }
    zone: str = "Asia/Shanghai"
    days: int = 7
    most_times: int = 10
    few_people: int = 5
    most_kept: int = 1_000

    def __post_init__(self) -> None:
        """Raises ValueError."""
        check_zone(self.zone)
        at_least(1, days=self.days, most_times=self.most_times, few_people=self.few_people, most_kept=self.most_kept)

    def key(self, entry: AuditEntry) -> str | None:
        """The worker, where the answer is about few people."""
        if not is_released(entry) or not 1 <= len(entry.subjects) <= self.few_people:
            return None
        return entry.principal or None

    def step(self, memory: Memory, index: int, entry: AuditEntry) -> tuple[Memory, tuple[Figures, ...]]:
        """Keeps at most `most_kept` people; while it is full of those of the last days nobody new is counted."""
        today = day_of(entry.at, self.zone)
        seen: dict[str, list[int | str]] = memory  # whoever gives it away uses it no more
        cleared = seen.pop(_CLEARED, [""])[0]  # the day on which whoever was too long ago was last forgotten
        found: list[Figures] = []
        if len(seen) >= self.most_kept and cleared != today:
            seen = {who: one for who, one in seen.items() if days_between(str(one[0]), today) < self.days}
            cleared = today
        for subject in sorted(set(entry.subjects)):
            one = seen.get(subject)
            if one is None and len(seen) >= self.most_kept:
                continue
            if one is None or days_between(str(one[0]), today) >= self.days:
                one = seen[subject] = [today, index, 0]
            one[2] = int(one[2]) + 1
            if one[2] == self.most_times + 1:
                found.append({
                    "first": int(one[1]), "subject": subject, "times": one[2], "days": self.days,
                    "limit": self.most_times,
                })  # fmt: skip
        if cleared and len(seen) >= self.most_kept:
            seen[_CLEARED] = [cleared]
        return seen, tuple(found)
