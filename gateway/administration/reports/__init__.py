"""Reports: a time of the log, counted and told as CSV, Excel, HTML or PDF, signed over its bytes. Blocking.

Kinds are the modules of `kinds`. A report names the range of entries and the checkpoint that it stands on, so that
whoever has the log can count again.
"""

import base64
import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

from gateway.administration.reports._csv import write_csv
from gateway.administration.reports._html import write_html
from gateway.administration.reports._model import Report, Standing, View
from gateway.administration.reports._pdf import write_pdf
from gateway.administration.reports._signing import ReportVerification, embed_note, sign_report, verify_report
from gateway.administration.reports._xlsx import write_xlsx
from gateway.administration.reports.kinds import KINDS
from gateway.audit import Opener
from gateway.audit.ranges import Logged, head_of, range_about, range_between, read_range
from gateway.errors import BodyMalformed, Language, ReportTooLarge, Words
from gateway.keys import KeyRing
from gateway.store import State

__all__ = ["FORMATS", "KINDS", "Document", "ReportAsked", "ReportDesk", "ReportVerification", "verify_report"]

_RESIDENT = "resident"
_ENTRIES: Words = ("entries of the log", "所涉日志条数")
_EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
FORMATS: Final[Mapping[str, tuple[str, Callable[[Report], bytes]]]] = MappingProxyType(
    {
        "csv": ("text/csv; charset=utf-8", write_csv),
        "html": ("text/html; charset=utf-8", write_html),
        "pdf": ("application/pdf", write_pdf),
        "xlsx": (_EXCEL, write_xlsx),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ReportAsked:
    """What is asked for; `resident` is a person's ID number, for the one kind that is about a person."""

    kind: str
    format: str
    language: Language
    since: datetime
    until: datetime
    resident: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A finished report with its note."""

    name: str
    media_type: str
    content: bytes
    note: str
    begin: int
    end: int

    @property
    def sha256(self) -> str:
        """Of the whole content, hex."""
        return hashlib.sha256(self.content).hexdigest()


class ReportDesk:
    """Makes reports of one gateway's log."""

    def __init__(
        self, state: State, keys: KeyRing, opener: Opener, *, origin: str, zone: str, most_entries: int
    ) -> None:
        self._state = state
        self._opener = opener
        self._keys = keys
        self._origin = origin
        self._zone = zone
        self._most = most_entries

    def make(self, asked: ReportAsked, now: datetime) -> Document:
        """Read the log and write the document.

        Raises BodyMalformed for what makes no sense, ReportTooLarge, ReportFormatMissing, AuditUnavailable.
        """
        if not asked.since < asked.until:
            raise BodyMalformed(fault="until: not after since")
        if (asked.resident is not None) != (asked.kind == _RESIDENT):
            raise BodyMalformed(fault="resident: an ID number for the kind `resident`, and for no other")
        head = head_of(self._state)
        kind = KINDS[asked.kind](View(language=asked.language, zone=self._zone))
        subject = self._keys.subject_hash(asked.resident) if asked.resident is not None else None
        begin, end, entries = self._entries(asked, head.size, subject)
        for one in entries:
            if asked.since <= one.entry.at < asked.until:
                kind.see(one)
        standing = Standing(
            kind=asked.kind,
            format=asked.format,
            language=asked.language,
            zone=self._zone,
            since=asked.since,
            until=asked.until,
            begin=begin,
            end=end,
            parameters={} if subject is None else {"subject": subject},
            origin=head.origin,
            size=head.size,
            root=base64.b64encode(head.root).decode(),
            made_at=now,
        )
        report = Report(title=kind.title[asked.language], standing=standing, tables=kind.tables())
        media_type, write = FORMATS[asked.format]
        content = write(report)
        note = sign_report(content, standing, self._keys.report_signer(self._origin))
        if asked.format == "html":
            content = embed_note(content, note)
        stem = f"{asked.kind}-{asked.since:%Y%m%d}-{asked.until:%Y%m%d}"
        return Document(
            name=f"{stem}.{asked.format}", media_type=media_type, content=content, note=note, begin=begin, end=end
        )

    def _entries(self, asked: ReportAsked, size: int, subject: str | None) -> tuple[int, int, Iterable[Logged]]:
        """The range and its entries; of one person, the whole log as far as its root covers it."""
        if subject is None:
            found = range_between(self._state, asked.since, asked.until, most=self._most)
            if found is None:
                raise ReportTooLarge(what=_ENTRIES, limit=self._most)
            # what became durable since the head was read isn't covered by its root
            begin, end = min(found[0], size), min(found[1], size)
            return begin, end, read_range(self._state, begin, end, self._opener)
        about = range_about(self._state, subject, size, self._opener, most=self._most + 1)
        if len(about) > self._most:
            raise ReportTooLarge(what=_ENTRIES, limit=self._most)
        return 0, size, about
