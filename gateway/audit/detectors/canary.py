"""A canary was touched: a planted person of whom nobody has a reason to see anything."""

from dataclasses import dataclass
from typing import ClassVar

from gateway.audit.detectors._finding import Figures, Memory
from gateway.errors import Language
from gateway.model.audit import AuditEntry, EntryKind

_DESK = frozenset({EntryKind.REVIEW, EntryKind.FLAG})


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """Every entry about one, of whatever kind but the desk's own."""

    name: ClassVar[str] = "canary"
    sentence: ClassVar[dict[Language, str]] = {
        "en": "{who} touched a planted record in {dataset} (entry {last}); nobody has a reason to look at it",
        "zh": "{who} 触及 {dataset} 中的诱饵记录（第 {last} 条日志）；任何人都没有查看它的理由",
    }
    subjects: frozenset[str] = frozenset()  # keyed hashes

    def key(self, entry: AuditEntry) -> str | None:
        """The person who touched it."""
        is_of_interest = entry.kind not in _DESK and not self.subjects.isdisjoint(entry.subjects)
        return entry.principal if is_of_interest else None

    def step(self, memory: Memory, index: int, entry: AuditEntry) -> tuple[Memory, tuple[Figures, ...]]:
        """Keeps nothing; each canary is told."""
        touched = sorted(self.subjects.intersection(entry.subjects))
        place = entry.dataset or entry.kind.value
        return memory, tuple({"first": index, "subject": subject, "dataset": place} for subject in touched)
