"""Rows of the live log -> leaf hashes, each row held against the bytes that are hashed. By parts, in processes beside.

Nothing here is trusted: leaf, search columns and people are recomputed from the bytes. What the leaf hashes must add up
to is for the caller to check.
"""

import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count

import orjson

from gateway.audit.entry import (
    PRIVATE_COLUMNS,
    BodyMalformed,
    Opener,
    Projection,
    project,
    project_public,
    public_detail,
)
from gateway.audit.erasure import ErasureCheck
from gateway.audit.merkle import leaf_hash
from gateway.audit.replay import Unsound
from gateway.errors import GatewayError, Words
from gateway.keys import RetentionOpener
from gateway.model.audit import SearchColumns
from gateway.store import COLUMNS, LogReader, StoreFailed, moment_of, open_state_read_only, reading_log

Archived = Callable[[int], bytes | None]
"""The bytes of an entry that is in an archive; None where it isn't in this one."""
PART = 16_384
_WORTH_PROCESSES = 4 * PART  # starting one takes as long as some ten thousand rows
_MOST_PROCESSES = 4
_MOMENT_LETTERS = len("2026-11-23T08:00:00.000000")
_AT = 3  # of a row: index, leaf and body come before the search columns
_NEEDS_REVIEW = 3 + COLUMNS.index("needs_review")


@dataclass(frozen=True, slots=True)
class Part:
    """The leaf hashes of rows in order, as far as they are sound, and the first fault.

    erased: the entries whose key is gone, with its name; told: the entries that say what was erased or archived;
    archived: those whose bytes are in an archive.
    """

    leaves: list[bytes] = field(default_factory=list)
    erased: list[tuple[int, str]] = field(default_factory=list)
    told: list[tuple[int, str]] = field(default_factory=list)
    archived: list[int] = field(default_factory=list)
    bad: int | None = None
    fault: Words | None = None
    failed: str = ""  # why the database could not be read on

    def tell(self, erasures: ErasureCheck) -> None:
        """Hand on what was erased or archived, and what the log says of it."""
        for index in self.archived:
            erasures.archived(index)
        for index, key in self.erased:
            erasures.erased(index, key)
        for index, detail in self.told:
            erasures.told(index, detail)

    def check(self) -> None:
        """Raise Unsound or StoreFailed for what was found."""
        if self.failed:
            raise StoreFailed(self.failed)
        if self.bad is not None and self.fault is not None:
            raise Unsound(self.bad, self.fault)


def check_parts(
    reader: LogReader, state_url: str, end: int, opener: Opener | None, archived: Archived | None = None
) -> Iterator[Part]:
    """The rows [0, end) part by part, in order; a long log in as many processes as there are processors.

    `opener` opens what is sealed; only one that can be handed to another process is. `archived` gives the bytes that
    are in an archive, and is asked in order.
    """
    parts = ((begin, min(end, begin + PART)) for begin in range(0, end, PART))
    processes = min(_MOST_PROCESSES, len(os.sched_getaffinity(0)))
    can_share = archived is None and (opener is None or isinstance(opener, RetentionOpener))
    if end < _WORTH_PROCESSES or processes < 2 or not can_share:
        yield from (check_rows(reader, *part, opener, archived) for part in parts)
        return
    spawning = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=spawning) as pool:
        under_way: deque[Future[Part]] = deque()
        try:
            for part in parts:
                under_way.append(pool.submit(_check_part, state_url, *part, opener))
                if len(under_way) > 2 * processes:
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


def _check_part(state_url: str, begin: int, end: int, opener: Opener | None) -> Part:
    """In a process beside: rows that are in the log don't change, so that any later moment shows the same ones."""
    state = open_state_read_only(state_url)
    try:
        with reading_log(state) as reader:
            return check_rows(reader, begin, end, opener)
    except StoreFailed as error:
        return Part(failed=str(error))
    finally:
        state.close()


def check_rows(
    reader: LogReader, begin: int, end: int, opener: Opener | None, archived: Archived | None = None
) -> Part:
    """Hold the rows [begin, end) against their bytes, up to the first fault."""
    part = Part()
    people: dict[object, tuple[object, ...]] = {}
    for index, subject in reader.subjects(begin, end - 1):
        people[index] = (*people[index], subject) if index in people else (subject,)
    try:
        for index, row in zip(count(begin), reader.entries_between(begin, end)):
            if archived is not None and row[2] == b"" and (body := archived(index)) is not None:
                row = (*row[:2], body, *row[3:])  # noqa: PLW2901 - the very row, with its bytes
            part.leaves.append(_check_row(index, row, people.get(index, ()), opener, part))
    except Unsound as found:
        return replace(part, bad=found.index, fault=found.fault)
    if len(part.leaves) < end - begin:
        return replace(part, bad=begin + len(part.leaves), fault=("it is missing, or out of its place", "缺失或错位"))
    return part


def _check_row(
    index: int, row: Sequence[object], people: tuple[object, ...], opener: Opener | None, part: Part
) -> bytes:
    if row[0] != index:
        raise Unsound(index, ("it is missing, or out of its place", "缺失或错位"))
    leaf, body = row[1], row[2]
    if not isinstance(body, bytes) or not isinstance(leaf, bytes):
        raise Unsound(index, ("its bytes are no bytes", "内容不是字节串"))
    if not body:
        _check_archived(index, dict(zip(COLUMNS, row[3:], strict=True)), people, opener, part)
        return leaf
    if leaf_hash(body) != leaf:
        raise Unsound(index, ("its bytes do not have the leaf hash kept beside them", "内容与其旁存的叶哈希不符"))
    projection, is_whole = _projected(index, body, opener, part)
    columns = projection.columns
    compares_people = opener is not None or not columns.sealed_by
    if not compares_people or not _is_plainly_same(row, columns):
        _compare(index, row, columns, compares_people=compares_people, is_whole=is_whole)
    if compares_people and people != projection.subjects and tuple(sorted(map(str, people))) != projection.subjects:
        raise Unsound(index, ("the person index is not what its bytes say", "人员索引与内容不符"))
    return leaf


def _check_archived(
    index: int, columns: Mapping[str, object], people: tuple[object, ...], opener: Opener | None, part: Part
) -> None:
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
        if people or any(columns[name] != "" for name in PRIVATE_COLUMNS):
            raise Unsound(
                index, ("it is erased, and a search column is not empty", "其个人部分已销毁，而检索列仍有内容")
            )


def _projected(index: int, body: bytes, opener: Opener | None, part: Part) -> tuple[Projection, bool]:
    """What the bytes say, and whether nothing of it is erased."""
    try:
        projection, is_whole = project(body, opener) if opener is not None else (project_public(body), True)
        if projection.columns.kind in {"archive", "erasure"}:
            part.told.append((index, public_detail(body)))
    except BodyMalformed:
        raise Unsound(index, ("its bytes are no entry", "内容不是日志条目")) from None
    except GatewayError as error:
        fault = (f"its key can't be read ({error.code})", f"无法读取其密钥（{error.code}）")
        raise Unsound(index, fault) from None
    if not is_whole:
        part.erased.append((index, projection.columns.sealed_by))
    return projection, is_whole


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
