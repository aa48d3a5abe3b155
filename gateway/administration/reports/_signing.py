"""The signed note over a report's bytes, and checking it with a public key alone.

A note says which bytes, what they cover and what they stand on: the log's name, size and root at the time, the range of
entries, time and parameters. It lies beside the file (`FILE.note`); an HTML page carries it at its end as well.
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson

from gateway.administration.reports._model import Standing
from gateway.errors import Language
from gateway.keys import LogSigner, NoteVerifier

FIRST_LINE = "langqiao-report/v1"
_BEGIN, _END = b"<!--langqiao-report-note\n", b"-->\n"
_FACT = re.compile(r"([a-z0-9]+) (.*)")
_FACTS = (
    "sha256",
    "kind",
    "format",
    "language",
    "zone",
    "from",
    "until",
    "entries",
    "parameters",
    "log",
    "root",
    "made",
)


def sign_report(content: bytes, standing: Standing, signer: LogSigner) -> str:
    """The note, ready to be kept beside the content."""
    told = {
        "sha256": hashlib.sha256(content).hexdigest(),
        "kind": standing.kind,
        "format": standing.format,
        "language": standing.language,
        "zone": standing.zone,
        "from": _written(standing.since),
        "until": _written(standing.until),
        "entries": f"{standing.begin} {standing.end}",
        "parameters": orjson.dumps(dict(standing.parameters), option=orjson.OPT_SORT_KEYS).decode(),
        "log": f"{standing.origin} {standing.size}",
        "root": standing.root,
        "made": _written(standing.made_at),
    }
    return signer.sign_note("".join([f"{FIRST_LINE}\n", *(f"{name} {told[name]}\n" for name in _FACTS)]))


def embed_note(page: bytes, note: str) -> bytes:
    """An HTML page with its note at its end."""
    return page + _BEGIN + note.encode() + _END


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportVerification:
    """What the signature says of a file."""

    fault: str  # "" where all is well
    facts: tuple[tuple[str, str], ...]  # of a good signature

    @property
    def is_sound(self) -> bool:
        """The file is what was signed."""
        return not self.fault

    def text(self, language: Language) -> str:
        """The result in one line."""
        if self.is_sound:
            told = dict(self.facts)
            stands = f"{told['kind']}, {told['from']} - {told['until']}, {told['log']}"
            return f"报表与签名相符：{stands}" if language == "zh" else f"the report is what was signed: {stands}"
        return f"报表与签名不符：{self.fault}" if language == "zh" else f"not what was signed: {self.fault}"


def verify_report(content: bytes, note: str | None, vkey: str) -> ReportVerification:
    """Hold a file against its note (of a page without one, the one that it carries) with nothing but a public key."""
    page, marker, rest = content.rpartition(_BEGIN)
    carried = rest.removesuffix(_END).decode("utf-8", "replace") if marker and rest.endswith(_END) else None
    if note is None and carried is None:
        return ReportVerification(fault="there is no note", facts=())
    try:
        text = NoteVerifier.from_vkey(vkey).verify(note if note is not None else carried or "")
    except ValueError as error:
        return ReportVerification(fault=str(error), facts=())
    lines = text.splitlines()
    found = [_FACT.fullmatch(line) for line in lines[1:]]
    facts = tuple((fact[1], fact[2]) for fact in found if fact is not None)
    if lines[:1] != [FIRST_LINE] or tuple(name for name, _ in facts) != _FACTS or len(facts) != len(lines) - 1:
        return ReportVerification(fault="the note is none of a report", facts=())
    wanted = dict(facts)["sha256"]
    # beside a page the note may lie as well: of the page with what it carries, or without
    candidates = [content] if carried is None else [page, content]
    if wanted not in {hashlib.sha256(each).hexdigest() for each in candidates}:
        return ReportVerification(fault="the file's SHA-256 is another", facts=())
    if carried is not None and note is not None and carried != note:
        return ReportVerification(fault="the page carries another note", facts=())
    return ReportVerification(fault="", facts=facts)


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="auto") + "Z"
