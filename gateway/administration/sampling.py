"""Sampling: n answers of a hundred for each purpose, drawn by a keyed hash of the entry's leaf.

Who asks can't tell beforehand whether their answer will be drawn, and whoever has the key ring can draw again: the same
leaf, the same number, for ever. n is that of the policy version that the entry names.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from gateway.administration.versions import PolicyVersions
from gateway.audit.detectors import is_released
from gateway.audit.ranges import Logged
from gateway.errors import BundleInvalid, Language, PolicyVersionUnknown
from gateway.model.audit import AuditEntry, EntryKind
from gateway.model.catalog import Catalog

SAMPLED: Final = "sample"
_MOST_VERSIONS: Final = 64
_WHOLE: Final = 2**64


class Planned(Protocol):
    """A policy, as far as its sampling plans go."""

    @property
    def version(self) -> str:
        """As entries name it."""
        ...

    @property
    def catalog(self) -> Catalog:
        """With its purposes."""
        ...


class Sampling:
    """The plans of every kept policy version, and the draw. `serving`: the policy that serves now."""

    def __init__(self, versions: PolicyVersions, serving: Callable[[], Planned], draw: Callable[[bytes], int]) -> None:
        self._versions = versions
        self._serving = serving
        self._draw = draw
        self._plans: dict[str, Mapping[str, int] | None] = {}

    def per_hundred(self, entry: AuditEntry) -> int:
        """How many of a hundred answers like this are drawn; 0 for what is no answer, or is reviewed anyway."""
        if entry.needs_review or not is_released(entry):
            return 0
        return self._plan(entry.policy_version).get(entry.purpose, 0)

    def is_drawn(self, logged: Logged, per_hundred: int) -> bool:
        """Whether this very entry is one of them."""
        return self._draw(logged.leaf) * 100 < per_hundred * _WHOLE

    def _plan(self, version: str) -> Mapping[str, int]:
        current = self._serving()
        if version == current.version:
            return _plan_of(current.catalog)
        if version not in self._plans:
            if len(self._plans) >= _MOST_VERSIONS:
                self._plans.clear()
            try:
                self._plans[version] = _plan_of(self._versions.catalog(version))
            except (PolicyVersionUnknown, BundleInvalid):
                self._plans[version] = None
        kept = self._plans[version]
        return kept if kept is not None else _plan_of(current.catalog)  # rather by another plan than by none


def _plan_of(catalog: Catalog) -> Mapping[str, int]:
    return {
        str(purpose.id): purpose.sample_per_hundred
        for purpose in catalog.purposes.values()
        if purpose.sample_per_hundred
    }


def opening_detail(index: int, per_hundred: int) -> str:
    """What the log says of an answer that was drawn."""
    return f"review of entry {index} opened: sample, {per_hundred} in 100"


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingCheck:
    """Whether a stretch of the log was sampled as its plans say."""

    answers: int
    drawn: int
    missing: tuple[int, ...]  # drawn, and no review was opened
    extra: tuple[int, ...]  # opened as drawn, and not drawn

    @property
    def is_sound(self) -> bool:
        """Everything drawn was opened, and nothing else."""
        return not self.missing and not self.extra

    def text(self, language: Language) -> str:
        """The result in one line."""
        few = ", ".join(map(str, (*self.missing, *self.extra)[:10]))
        if language == "zh":
            told = f"应抽样答复 {self.answers} 条，抽中 {self.drawn} 条"
            return told + ("，均已立复核" if self.is_sound else f"；不符：{few}")
        told = f"{self.answers} answers under a sampling plan, {self.drawn} drawn"
        return told + (", each with its review" if self.is_sound else f"; not as drawn: {few}")


def check_sampling(sampling: Sampling, logged: Iterable[Logged], until: int) -> SamplingCheck:
    """Draw again for the entries below `until`, and hold it against the reviews that the log says were opened.

    Openings follow their entries: give entries beyond `until` for those of the last ones.
    """
    answers, drawn, opened = 0, set[int](), set[int]()
    for one in logged:
        entry = one.entry
        if entry.kind is EntryKind.REVIEW and not entry.principal and entry.refers_to is not None:
            if entry.refers_to < until and f"opened: {SAMPLED}," in entry.detail:
                opened.add(entry.refers_to)
        elif one.index < until and (per_hundred := sampling.per_hundred(entry)):
            answers += 1
            if sampling.is_drawn(one, per_hundred):
                drawn.add(one.index)
    return SamplingCheck(
        answers=answers,
        drawn=len(drawn),
        missing=tuple(sorted(drawn - opened)),
        extra=tuple(sorted(opened - drawn)),
    )
