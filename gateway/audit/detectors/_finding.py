"""What a detector is, and what it finds."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Protocol, Self

import orjson

from gateway.errors import Language
from gateway.model.audit import AuditEntry, EntryKind

Memory = dict[str, Any]
"""What a detector keeps of the entries of one key: JSON, and bounded. Who gives it away uses it no more."""
Figures = Mapping[str, int | str]
_READ = frozenset({EntryKind.READ, EntryKind.LOG_READ})
_LONGEST_NAME = 100
_TOLD = re.compile(r"flag ([a-z-]{1,40}) (f-[0-9a-f]{16}) (\{.*\})", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something unusual in the entries `first` to `last` of one key, with the numbers that show it.

    The same detector with the same parameters over the same entries, from an empty memory, finds it again.
    """

    detector: str
    key: str  # what the detector counts by: a person, or a group of peers
    principal: str  # whom it is about; "" where nobody could be authenticated
    first: int
    last: int
    figures: Figures
    parameters: Mapping[str, Any]

    @property
    def id(self) -> str:
        """`f-` and 16 hex digits: one finding has one, wherever it is made."""
        return "f-" + hashlib.sha256(self._json()).hexdigest()[:16]

    def detail(self) -> str:
        """The sentence of the log: machine-written, and all that is needed to find it again."""
        return f"flag {self.detector} {self.id} {self._json().decode()}"

    def _json(self) -> bytes:
        return orjson.dumps(asdict(self), option=orjson.OPT_SORT_KEYS)

    @classmethod
    def read(cls, detail: str) -> Self | None:
        """The finding of a flag's detail; None for another flag, or one that doesn't agree with its own id."""
        told = _TOLD.fullmatch(detail)
        try:
            finding = cls(**orjson.loads(told[3])) if told is not None else None
        except (ValueError, TypeError):
            return None
        return finding if finding is not None and told is not None and finding.id == told[2] else None


class Detector(Protocol):
    """One kind of anomaly. Its parameters are its dataclass fields; what it says of an entry hangs on nothing else."""

    name: ClassVar[str]
    sentence: ClassVar[dict[Language, str]]  # formatted with the finding's figures, `who`, `first` and `last`

    def key(self, entry: AuditEntry) -> str | None:
        """What the entry is counted by; None where it is of no interest."""
        ...

    def step(self, memory: Memory, index: int, entry: AuditEntry) -> tuple[Memory, tuple[Figures, ...]]:
        """The memory after this entry, and the figures of whatever is unusual now; `first` is one of them.

        An empty memory is that of somebody never seen before.
        """
        ...


def look(detector: Detector, memory: Memory, index: int, entry: AuditEntry) -> tuple[Memory, tuple[Finding, ...]]:
    """One step, and what was found in full."""
    kept, found = detector.step(memory, index, entry)
    return kept, tuple(
        Finding(
            detector=detector.name,
            key=detector.key(entry) or "",
            principal=entry.principal,
            first=int(figures["first"]),
            last=index,
            figures={name: value for name, value in figures.items() if name != "first"},
            parameters=parameters_of(detector, figures),
        )
        for figures in found
    )


def parameters_of(detector: Detector, figures: Figures) -> Mapping[str, Any]:
    """The detector's fields; of a set of people only the one that the figures name."""
    fields: dict[str, Any] = asdict(detector)  # type: ignore[call-overload] # a detector is a dataclass
    return {
        name: [figures["subject"]] if isinstance(value, frozenset) else value for name, value in sorted(fields.items())
    }


def sentence_of(finding: Finding, template: str, nobody: str) -> str:
    """The finding in one sentence."""
    who = "".join(letter if letter.isprintable() else "\ufffd" for letter in finding.principal[:_LONGEST_NAME])
    return template.format(**{**finding.figures, "who": who or nobody, "first": finding.first, "last": finding.last})


def is_released(entry: AuditEntry) -> bool:
    """Data left with this entry."""
    return entry.kind in _READ and entry.outcome == "released"
