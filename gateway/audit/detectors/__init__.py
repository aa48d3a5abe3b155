"""Entries -> findings: what is unusual, with the entries and numbers that show it. One detector a file. Pure.

The folder is the registry. A detector sees one entry after another with what it kept of those before, which is bounded;
so a finding can be made again from its own entries and parameters alone.
"""

from collections.abc import Iterable

from gateway.audit.detectors._days import local as local_time
from gateway.audit.detectors._finding import Detector, Finding, Memory, is_released, look, sentence_of
from gateway.audit.detectors._registry import DETECTORS, build_detector, build_detectors
from gateway.errors import Language
from gateway.model.audit import AuditEntry

__all__ = [
    "DETECTORS",
    "Detector",
    "Finding",
    "Memory",
    "build_detector",
    "build_detectors",
    "explain_finding",
    "find_again",
    "is_released",
    "local_time",
    "look",
]

_NOBODY: dict[Language, str] = {"en": "somebody who could not be authenticated", "zh": "未通过身份认证者"}


def explain_finding(finding: Finding, language: Language) -> str:
    """The finding in one sentence; raises KeyError where its figures aren't those of its detector."""
    return sentence_of(finding, DETECTORS[finding.detector].sentence[language], _NOBODY[language])


def find_again(finding: Finding, entries: Iterable[tuple[int, AuditEntry]]) -> Finding | None:
    """The same finding, made anew from the entries of its range alone; None where they don't show it.

    Raises SettingsInvalid for parameters that the detector doesn't take.
    """
    detector = build_detector(finding.detector, finding.parameters)
    memory: Memory = {}
    for index, entry in entries:
        if finding.first <= index <= finding.last and detector.key(entry) == finding.key:
            memory, found = look(detector, memory, index, entry)
            if index == finding.last:
                return next((one for one in found if one.id == finding.id), None)
    return None
