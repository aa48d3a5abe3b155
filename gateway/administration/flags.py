"""Flags: somebody ran into a limit that guards against guessing, or a detector found something unusual. An entry each.

The first once a person, purpose and UTC day, and here; the others are raised by gateway.administration.watch.

What is told of flags is read from the log's own entries. Where a flag's entry can't be written, the refusal that should
raise it is the log's failure instead, and the next one raises it.
"""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from gateway.audit import Opener, Recorder
from gateway.audit.detectors import Finding, explain_finding, find_again
from gateway.audit.entry import decode_remaining
from gateway.audit.ranges import read_range
from gateway.errors import AuditUnavailable, FlagUnknown, GatewayError, Language, LimitReached
from gateway.model.audit import AuditEntry, EntryKind
from gateway.model.caller import Caller
from gateway.store import FlagKey, State, StoreFailed, claim_flag, read_flags, settle_flag
from gateway.telemetry import operator_log

_MOST_LISTED = 200
_ABANDONED = timedelta(minutes=1)
"""A claim without an entry after this long is of a process that ended in between."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """Who was flagged for what, in a sentence; nothing that was asked for."""

    index: int
    at: datetime
    principal: str
    app: str
    organisation: str
    purpose: str
    dataset: str
    detail: str
    id: str  # `f-…` of a detector's finding, "" of a limit
    en: str
    zh: str


class FlagDesk:
    """Raises flags and lists them."""

    def __init__(self, state: State, clock: Callable[[], datetime], opener: Opener) -> None:
        self._state = state
        self._opener = opener
        self._clock = clock

    async def raise_flag(self, recorder: Recorder, error: GatewayError) -> None:
        """Raise the flag that a refusal carries, if it does and nobody did today; raises AuditFailed."""
        caller = recorder.caller
        if not isinstance(error, LimitReached) or not error.flag or caller is None:
            return
        # a caller who leaves takes no flag with them
        await asyncio.shield(self._raise(recorder, error, caller))

    async def _raise(self, recorder: Recorder, error: LimitReached, caller: Caller) -> None:
        now = self._clock()
        key = FlagKey(
            principal=caller.principal,
            purpose=caller.purpose or "",
            day=now.astimezone(UTC).date(),
            what=error.flag,
        )
        try:
            if not await asyncio.to_thread(claim_flag, self._state, key, now=now, abandoned=now - _ABANDONED):
                return
        except StoreFailed as failure:
            raise AuditUnavailable(operator=f"a flag can't be raised: {failure}") from None
        index: int | None = None
        try:
            detail = f"flag {error.flag} purpose {key.purpose} limit {error.limit}"
            index = (await recorder.record(EntryKind.FLAG, "done", detail=detail)).index
        finally:
            # where this fails the claim is abandoned in time: rather a flag twice than none
            with contextlib.suppress(StoreFailed):
                await asyncio.to_thread(settle_flag, self._state, key, index=index)
        operator_log().warning("flag", detail=error.flag, purpose=key.purpose, trace_id=recorder.trace_id)

    def listed(self, after: int) -> tuple[Flag, ...]:
        """Flags with an index over `after`, oldest first, at most 200; raises AuditUnavailable."""
        try:
            rows = read_flags(self._state, after=after, limit=_MOST_LISTED)
        except StoreFailed as failure:
            raise AuditUnavailable(operator=f"the log can't be read: {failure}") from None
        return tuple(_flag(index, decode_remaining(body, self._opener)[0]) for index, body in rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reproduction:
    """A flag, and whether the log's own entries show it still."""

    finding: Finding
    is_same: bool

    def text(self, language: Language) -> str:
        """The sentence and the result."""
        told = explain_finding(self.finding, language)
        first, last = self.finding.first, self.finding.last
        if language == "zh":
            result = "复现一致" if self.is_same else "无法由这些日志复现"
            return f"{told}\n{result}：检测器 {self.finding.detector}，日志 {first} 至 {last}"
        result = "the same again" if self.is_same else "these entries don't show it"
        return f"{told}\n{result}: detector {self.finding.detector}, entries {first} to {last}"


def reproduce_flag(state: State, name: str, opener: Opener) -> Reproduction:
    """Make a detector's flag again from the entries of its range; `name` is its id or its entry's index.

    Raises FlagUnknown, AuditUnavailable.
    """
    after, finding = int(name) - 1 if name.isascii() and name.isdigit() and len(name) < 19 else -1, None
    while finding is None:
        try:
            rows = read_flags(state, after=after, limit=_MOST_LISTED)
        except StoreFailed as failure:
            raise AuditUnavailable(operator=f"the log can't be read: {failure}") from None
        if not rows:
            raise FlagUnknown(flag=name[:40])
        for index, body in rows:
            told = Finding.read(decode_remaining(body, opener)[0].detail)
            if name in {str(index), told.id if told is not None else None}:
                finding = told
                if finding is None:
                    raise FlagUnknown(flag=name[:40])
        if name.isdigit():
            break
        after = rows[-1][0]
    if finding is None:
        raise FlagUnknown(flag=name[:40])
    entries = ((one.index, one.entry) for one in read_range(state, finding.first, finding.last + 1, opener))
    return Reproduction(finding=finding, is_same=find_again(finding, entries) is not None)


def _flag(index: int, entry: AuditEntry) -> Flag:
    finding = Finding.read(entry.detail)
    en, zh = flag_sentences(entry.detail, finding)
    return Flag(
        index=index,
        at=entry.at,
        principal=entry.principal,
        app=entry.app,
        organisation=entry.organisation,
        purpose=entry.purpose,
        dataset=entry.dataset,
        detail=entry.detail,
        id=finding.id if finding is not None else "",
        en=en,
        zh=zh,
    )


def flag_sentences(detail: str, finding: Finding | None) -> tuple[str, str]:
    """What a flag says, in English and Chinese."""
    if finding is not None:
        try:
            return explain_finding(finding, "en"), explain_finding(finding, "zh")
        except (KeyError, IndexError):
            # of a detector that this version doesn't have, or has otherwise
            return f"flagged by the detector {finding.detector}", f"由检测器 {finding.detector} 告警"
    words = detail.split(" ")
    told = dict(zip(words[2::2], words[3::2], strict=False))
    limit, purpose = told.get("limit", "?"), told.get("purpose", "?")
    return (
        f"ran into the daily limit of {limit} for the purpose {purpose} ({detail.removeprefix('flag ').split(' ')[0]})",
        f"用途 {purpose} 达到每日上限 {limit} 次（{detail.removeprefix('flag ').split(' ')[0]}）",
    )
