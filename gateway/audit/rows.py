"""Rows of the live log -> leaf hashes, each row held against the bytes that are hashed. A part of them at a time.

Nothing here is trusted: leaf, search columns and people are recomputed from the bytes. What the leaf hashes must add up
to is for the caller to check.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from itertools import groupby

import orjson

from gateway.audit.alike import Alike
from gateway.audit.batches import look_at
from gateway.audit.entry import (
    PRIVATE_COLUMNS,
    BodyMalformed,
    Opener,
    project,
    project_public,
    public_detail,
)
from gateway.audit.erasure import ErasureCheck
from gateway.audit.facts import FactColumns, nothing_of, put_together
from gateway.audit.forms import Forms
from gateway.audit.merkle import leaf_hash
from gateway.audit.replay import Unsound
from gateway.errors import GatewayError, Words
from gateway.model.audit import SearchColumns
from gateway.store import COLUMNS, LogReader, moment_of

Archived = Callable[[int], bytes | None]
"""The bytes of an entry that is in an archive; None where it isn't in this one."""
_MOMENT_LETTERS = len("2026-11-23T08:00:00.000000")
_BATCH = 1_024  # of twice as many the bytes come from the system anew each time, and stay in no cache
_ALIKE = Alike(Forms())  # of this process
_AT = 3  # of a row: index, leaf and body come before the search columns
_NEEDS_REVIEW = 3 + COLUMNS.index("needs_review")


@dataclass(frozen=True, slots=True)
class Part:
    """The leaf hashes of rows in order, as far as they are sound, and the first fault.

    erased: the entries whose key is gone, with its name; told: the entries that say what was erased or archived;
    archived: those whose bytes are in an archive; facts: what the index keeps of the rows, as far as it was seen.
    """

    leaves: list[bytes] = field(default_factory=list)
    erased: list[tuple[int, str]] = field(default_factory=list)
    told: list[tuple[int, str]] = field(default_factory=list)
    archived: list[int] = field(default_factory=list)
    facts: FactColumns = field(default_factory=partial(nothing_of, 0), compare=False)
    bad: int | None = None
    fault: Words | None = None

    def tell(self, erasures: ErasureCheck) -> None:
        """Hand on what was erased or archived, and what the log says of it."""
        for index in self.archived:
            erasures.archived(index)
        for index, key in self.erased:
            erasures.erased(index, key)
        for index, detail in self.told:
            erasures.told(index, detail)

    def check(self) -> None:
        """Raise Unsound for what was found."""
        if self.bad is not None and self.fault is not None:
            raise Unsound(self.bad, self.fault)


def check_rows(
    reader: LogReader, begin: int, end: int, opener: Opener | None, archived: Archived | None = None
) -> Part:
    """Hold the rows [begin, end) against their bytes, up to the first fault."""
    part = Part()
    looking = _Looking(reader, opener, archived, part, [])
    try:
        for first in range(begin, end, _BATCH):
            looking.at_batch(first, min(end, first + _BATCH))
    except Unsound as found:
        return replace(part, leaves=part.leaves[: max(0, found.index - begin)], bad=found.index, fault=found.fault)
    return replace(part, erased=sorted(part.erased), facts=put_together(looking.facts))


@dataclass(frozen=True, slots=True)
class _Looking:
    """At the rows of one part."""

    reader: LogReader
    opener: Opener | None
    archived: Archived | None
    part: Part
    facts: list[FactColumns]

    def at_batch(self, begin: int, end: int) -> None:
        """All at once, then row by row where that is not sure; raises Unsound at the first fault."""
        batch = self.reader.batch(begin, end) if self.opener is not None else None
        sure = None
        if batch is not None and self.opener is not None:
            sure = look_at(batch, begin, self.opener, _ALIKE)
        if sure is None:
            self.facts.append(nothing_of(end - begin))
            self.part.leaves.extend(self.at_each(begin, end))
            return
        self.facts.append(sure.facts)
        self.part.leaves.extend(sure.leaves)  # of the unsure rows too: their bytes have the hash kept beside them
        self.part.erased.extend(sure.erased)
        for _, run in groupby(enumerate(sure.unsure), lambda numbered: numbered[1] - numbered[0]):
            places = [place for _, place in run]
            deque(self.at_each(begin + places[0], begin + places[-1] + 1), maxlen=0)

    def at_each(self, begin: int, end: int) -> Iterator[bytes]:
        """The leaf hashes of rows [begin, end); raises Unsound at the first fault."""
        index = begin
        for row in self.reader.entries_between(begin, end):
            if self.archived is not None and row[2] == b"" and (body := self.archived(index)) is not None:
                row = (*row[:2], body, *row[3:])  # noqa: PLW2901 - the very row, with its bytes
            yield _check_row(index, row, self.opener, self.part)
            index += 1
        if index < end:
            raise Unsound(index, ("it is missing, or out of its place", "缺失或错位"))


def _check_row(index: int, row: Sequence[object], opener: Opener | None, part: Part) -> bytes:
    if row[0] != index:
        raise Unsound(index, ("it is missing, or out of its place", "缺失或错位"))
    leaf, body = row[1], row[2]
    if not isinstance(body, bytes) or not isinstance(leaf, bytes):
        raise Unsound(index, ("its bytes are no bytes", "内容不是字节串"))
    if not body:
        _check_archived(index, dict(zip(COLUMNS, row[3:], strict=True)), opener, part)
        return leaf
    if leaf_hash(body) != leaf:
        raise Unsound(index, ("its bytes do not have the leaf hash kept beside them", "内容与其旁存的叶哈希不符"))
    columns, is_whole = _projected(index, body, opener, part)
    compares_people = opener is not None or not columns.sealed_by
    if not compares_people or not _is_plainly_same(row, columns):
        _compare(index, row, columns, compares_people=compares_people, is_whole=is_whole)
    return leaf


def _check_archived(index: int, columns: Mapping[str, object], opener: Opener | None, part: Part) -> None:
    """Its columns can't be held against bytes that are elsewhere; but what is erased must be gone here too."""
    part.archived.append(index)
    key = str(columns["sealed_by"])
    if opener is None or not key:
        return
    try:
        is_gone = opener(key, b"", b"") is None
    except ValueError:
        is_gone = False
    except GatewayError as error:
        fault = (f"its key can't be read ({error.code})", f"无法读取其密钥（{error.code}）")
        raise Unsound(index, fault) from None
    if is_gone:
        part.erased.append((index, key))
        if any(columns[name] != "" for name in PRIVATE_COLUMNS):
            raise Unsound(
                index, ("it is erased, and a search column is not empty", "其个人部分已销毁，而检索列仍有内容")
            )


def _projected(index: int, body: bytes, opener: Opener | None, part: Part) -> tuple[SearchColumns, bool]:
    """What the bytes say, and whether nothing of it is erased."""
    try:
        columns, is_whole = project(body, opener) if opener is not None else (project_public(body), True)
        if columns.kind in {"archive", "erasure"}:
            part.told.append((index, public_detail(body)))
    except BodyMalformed:
        raise Unsound(index, ("its bytes are no entry", "内容不是日志条目")) from None
    except GatewayError as error:
        fault = (f"its key can't be read ({error.code})", f"无法读取其密钥（{error.code}）")
        raise Unsound(index, fault) from None
    if not is_whole:
        part.erased.append((index, columns.sealed_by))
    return columns, is_whole


def _compare(
    index: int, row: Sequence[object], columns: SearchColumns, *, compares_people: bool, is_whole: bool
) -> None:
    for name, cell, wanted in zip(COLUMNS, row[3:], columns, strict=True):
        if (not compares_people and name in PRIVATE_COLUMNS) or _is_same(cell, wanted, name):
            continue
        if not is_whole and name in PRIVATE_COLUMNS:
            fault = (
                f"it is erased, and its search column `{name}` is not empty",
                f"其个人部分已销毁，而检索列 `{name}` 仍有内容",
            )
            raise Unsound(index, fault)
        raise Unsound(index, (f"its search column `{name}` is not what its bytes say", f"检索列 `{name}` 与内容不符"))


def _is_plainly_same(row: Sequence[object], columns: SearchColumns) -> bool:
    """The quick look, at cells that have the very types they are written with; False where it takes a closer one."""
    at = row[_AT]
    wanted = columns.at if at.__class__ is not str else _written(columns.at)
    # a text is equal to nothing but the same text
    return row[_AT + 1 :] == columns[1:] and at == wanted and row[_NEEDS_REVIEW].__class__ in {int, bool}


def _is_same(cell: object, wanted: object, name: str) -> bool:
    if name == "at":
        # a moment in another form sorts elsewhere: text must be exactly as it is written
        return moment_of(cell) == wanted and (not isinstance(cell, str) or cell == _written(wanted))
    if isinstance(wanted, bool):
        return isinstance(cell, int) and cell in {0, 1} and bool(cell) == wanted
    return type(cell) is type(wanted) and cell == wanted


def _written(moment: object) -> str:
    """As SQLite keeps it."""
    if not isinstance(moment, datetime):
        return ""
    utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    if utc.microsecond:  # orjson writes the very same, in a tenth of the time
        return orjson.dumps(utc)[1 : _MOMENT_LETTERS + 1].decode()
    return utc.replace(tzinfo=None).isoformat(timespec="microseconds")
