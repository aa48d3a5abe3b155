"""`# lint: L31 reason` in a file of the bundle -> the finding on the next line is meant, and says why.

Only a warning can be waived. A waiver that meets no finding, or gives no reason, is a finding itself: it would hide the
next fault that comes to stand there.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from gateway.decision.lint.kinds import WAIVER_IDLE
from gateway.model.lint import Finding, Severity

_WAIVER = re.compile(r"\s*#\s*lint:\s*(L\d\d)\b[\s:：,，-]*(.*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Waiver:
    file: str
    line: int  # of the comment
    below: int  # of the next line that says something
    id: str
    reason: str


def waive(findings: Iterable[Finding], texts: Mapping[str, str]) -> tuple[Finding, ...]:
    """The findings, those that are meant with their reason. `texts`: the files of the bundle by relative path."""
    waivers = [waiver for file, text in texts.items() for waiver in _read(file, text)]
    by_place = {(waiver.file, waiver.below, waiver.id): waiver for waiver in waivers if waiver.reason}
    met: set[tuple[str, int, str]] = set()
    told: list[Finding] = []
    for finding in findings:
        place = (finding.file, finding.line, finding.id)
        if place in by_place and finding.severity is Severity.WARNING:
            met.add(place)
            told.append(replace(finding, waived=by_place[place].reason))
        else:
            told.append(finding)
    for waiver in waivers:
        if (waiver.file, waiver.below, waiver.id) not in met:
            comment = (waiver.file, waiver.line)
            if waiver.reason:
                told.append(WAIVER_IDLE.at(comment, f"nothing here is {waiver.id}", f"此处没有 {waiver.id} 问题"))
            else:
                told.append(
                    WAIVER_IDLE.at(comment, f"{waiver.id} is waived without a reason", f"豁免 {waiver.id} 未写理由")
                )
    return tuple(told)


def _read(file: str, text: str) -> Iterable[_Waiver]:
    if "lint:" not in text:
        return
    lines = text.split("\n")
    for number, line in enumerate(lines, start=1):
        found = _WAIVER.fullmatch(line.rstrip("\r"))
        if found is None:
            continue
        following = (
            at
            for at, after in enumerate(lines[number:], start=number + 1)
            if after.strip() and not after.lstrip().startswith("#")
        )
        yield _Waiver(file=file, line=number, below=next(following, 0), id=found[1], reason=found[2].strip())
