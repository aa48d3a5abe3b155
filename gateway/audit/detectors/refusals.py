"""Somebody is refused again and again within minutes: they try doors."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from gateway.audit.detectors._days import at_least
from gateway.audit.detectors._finding import Figures, Memory
from gateway.errors import Language
from gateway.model.audit import AuditEntry, EntryKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusals:
    """`most` refusals within `minutes`, then silence for `quiet_minutes`. What failed by a source's fault is none."""

    name: ClassVar[str] = "refusals"
    sentence: ClassVar[dict[Language, str]] = {
        "en": "{who} was refused {times} times within {minutes} minutes (entries {first} to {last}), the last time by"
        " {code}",
        "zh": "{who} 在 {minutes} 分钟内（第 {first} 至 {last} 条日志）被拒绝 {times} 次，最后一次为 {code}",
    }
    minutes: int = 10
    most: int = 20
    quiet_minutes: int = 60

    def __post_init__(self) -> None:
        """Raises ValueError."""
        at_least(1, minutes=self.minutes, most=self.most)
        at_least(0, quiet_minutes=self.quiet_minutes)
        if self.most > 1_000:
            msg = "`most` is over 1000"
            raise ValueError(msg)

    def key(self, entry: AuditEntry) -> str | None:
        """The person; where nobody could be authenticated, everybody unknown together."""
        return entry.principal if entry.kind is EntryKind.REFUSAL and entry.outcome == "refused" else None

    def step(self, memory: Memory, index: int, entry: AuditEntry) -> tuple[Memory, tuple[Figures, ...]]:
        """Keeps at most `most` moments; while it is silent, none."""
        quiet = memory.get("quiet_until")
        if quiet is not None and entry.at < datetime.fromisoformat(quiet):
            return memory, ()
        since = entry.at - timedelta(minutes=self.minutes)
        recent = [one for one in memory.get("recent", []) if datetime.fromisoformat(one[1]) > since]
        recent.append([index, entry.at.isoformat()])
        if len(recent) < self.most:
            return {"recent": recent}, ()
        figures: Figures = {
            "first": int(recent[0][0]), "times": len(recent), "minutes": self.minutes, "code": entry.code,
        }  # fmt: skip
        return {"quiet_until": (entry.at + timedelta(minutes=self.quiet_minutes)).isoformat()}, (figures,)
