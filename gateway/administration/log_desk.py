"""The desk's searches of the log: what is asked is checked and blinded, what was asked is told without its literals.

A person is asked for by ID number, which is hashed here at once and kept nowhere. Every reading of the log is an entry
itself; `shape_of` is what that entry says.
"""

import base64
import hashlib
import hmac
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import orjson

from gateway.audit import LogSearcher
from gateway.catalog.identifiers import is_gb11643
from gateway.errors import CursorInvalid, SearchInvalid, Words
from gateway.model.log_search import Facet, FoundEntry, HeatColumns, HeatMap, HourCount, LogSearch, Looker

MOST_VALUES = 50  # of one search, all facets together
LONGEST_VALUE = 1_000  # characters
MOST_ENTRIES = 200  # of a page
MOST_LOOKED_AT = 500  # entries that one answer to who-looked takes together
MOST_PERSONS = 50  # rows of a heat map
MOST_BUCKETS = 10_000  # of a timeline
_CURSOR_CHARACTERS = 32
_INDEX_BYTES = 8
_FIELD = re.compile(r"[\w-]+\.[\w-]+\.[^.=]+(=[\w-]+)?")
_ID_SOMEWHERE = re.compile(r"(?=([1-9][0-9]{16}[0-9X]))", re.ASCII)
_OLD_ID = re.compile(r"[1-9][0-9]{14}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class AskedSearch:
    """A search as it came; may hold an ID number."""

    where: Mapping[Facet, tuple[str, ...]]
    resident: str | None = None  # ID number of the person that the entries are about
    since: datetime | None = None
    until: datetime | None = None

    def __repr__(self) -> str:
        """Its shape only."""
        return f"<AskedSearch {shape_of(self)}>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Entries, and the cursor of the next page where there is one."""

    entries: tuple[FoundEntry, ...]
    cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WhoLooked:
    """Everyone who looked, the last first, and the cursor of what is older where there was too much."""

    lookers: tuple[Looker, ...]
    entries: int
    cursor: str | None


class LogDesk:
    """Searches, timelines, heat maps and who looked. Blocking; the pipeline decides who may ask."""

    def __init__(self, searcher: LogSearcher, hash_subject: Callable[[str], str]) -> None:
        self._searcher = searcher
        self._hash = hash_subject

    def search(
        self, asked: AskedSearch, *, newest_first: bool = True, limit: int = 50, cursor: str | None = None
    ) -> Page:
        """A page of entries. Raises SearchInvalid, CursorInvalid, IndexBehind, AuditUnavailable."""
        _within("limit", limit, 1, MOST_ENTRIES)
        search = self.blinded(asked)
        order = "newest" if newest_first else "oldest"
        begin = None if cursor is None else self._read(cursor, search, order)
        page = self._searcher.page(search, newest_first=newest_first, begin=begin, limit=limit)
        return Page(entries=page.entries, cursor=self._seal(page.following, search, order))

    def timeline(
        self, asked: AskedSearch, *, by: Literal["hour", "day"], offset_hours: int = 8
    ) -> tuple[HourCount, ...]:
        """How many in each hour, or each day of a clock `offset_hours` ahead of UTC; none where there are none."""
        _within("offset_hours", offset_hours, -12, 14)
        counts = self._searcher.hours(self.blinded(asked))
        if by == "day":
            counts = _by_day(counts, timedelta(hours=offset_hours))
        if len(counts) > MOST_BUCKETS:
            raise _invalid(
                (f"the timeline has more than {MOST_BUCKETS} parts", f"时间线超过 {MOST_BUCKETS} 段"),
                ("ask by day, or for a shorter time", "请按天统计，或缩短时间范围"),
            )
        return counts

    def heat_map(self, asked: AskedSearch, *, columns: HeatColumns, top: int = 20, offset_hours: int = 8) -> HeatMap:
        """Who and when, by a clock `offset_hours` ahead of UTC."""
        _within("top", top, 1, MOST_PERSONS)
        _within("offset_hours", offset_hours, -12, 14)
        return self._searcher.heat_map(self.blinded(asked), columns=columns, top=top, offset_hours=offset_hours)

    def who_looked(self, asked: AskedSearch, *, cursor: str | None = None) -> WhoLooked:
        """Everyone who looked at the resident; `asked` may narrow it."""
        if asked.resident is None:
            raise _invalid(
                ("no resident is named", "未指明居民"), ("give the ID number as `resident`", "请填写 resident")
            )
        search = self.blinded(asked)
        begin = None if cursor is None else self._read(cursor, search, "looked")
        found = self._searcher.lookers(search, begin=begin, limit=MOST_LOOKED_AT)
        return WhoLooked(
            lookers=found.lookers, entries=found.entries, cursor=self._seal(found.following, search, "looked")
        )

    def blinded(self, asked: AskedSearch) -> LogSearch:
        """The search with the person as a keyed hash; raises SearchInvalid."""
        _check_values(asked.where)
        for moment in (asked.since, asked.until):
            if moment is not None and moment.tzinfo is None:
                raise _invalid(("a time without a zone", "时间缺少时区"), ("give it as 2026-11-23T08:00:00+08:00",) * 2)
        if asked.since is not None and asked.until is not None and asked.since >= asked.until:
            raise _invalid(
                ("`since` is not before `until`", "since 不早于 until"),
                ("`since` is the first moment, `until` the first after", "since 为起始时刻，until 为其后第一刻"),
            )
        return LogSearch(
            where={facet: values for facet, values in asked.where.items() if values},
            subject=None if asked.resident is None else self._hash(_id_number(asked.resident)),
            since=asked.since,
            until=asked.until,
        )

    # ------------------------------------------------------------------ cursors
    def _seal(self, following: int | None, search: LogSearch, order: str) -> str | None:
        if following is None:
            return None
        index = following.to_bytes(_INDEX_BYTES, "big")
        return base64.urlsafe_b64encode(index + self._mark(index, search, order)).decode()

    def _read(self, cursor: str, search: LogSearch, order: str) -> int:
        if len(cursor) != _CURSOR_CHARACTERS or not cursor.isascii():
            raise CursorInvalid
        try:
            told = base64.b64decode(cursor, altchars=b"-_", validate=True)
        except ValueError:
            raise CursorInvalid from None
        index, mark = told[:_INDEX_BYTES], told[_INDEX_BYTES:]
        if not hmac.compare_digest(mark, self._mark(index, search, order)):
            raise CursorInvalid
        return int.from_bytes(index, "big")

    def _mark(self, index: bytes, search: LogSearch, order: str) -> bytes:
        """Keyed, over the search and the place: 16 bytes."""
        told = [
            sorted((facet.value, sorted(set(values))) for facet, values in search.where.items()),
            search.subject,
            search.since,
            search.until,
            order,
            index.hex(),
        ]
        digest = hashlib.sha256(orjson.dumps(told)).hexdigest()
        return bytes.fromhex(self._hash(f"LOG CURSOR {digest}"))


def shape_of(asked: AskedSearch) -> str:
    """What was asked with its literals hidden: `principal=? dataset=?,? resident=? since=?`."""
    parts = [
        f"{facet.value}={','.join('?' for _ in values)}" for facet, values in sorted(asked.where.items()) if values
    ]
    told = (("resident", asked.resident), ("since", asked.since), ("until", asked.until))
    return " ".join((*parts, *(f"{name}=?" for name, value in told if value is not None))) or "everything"


def _check_values(where: Mapping[Facet, tuple[str, ...]]) -> None:
    if sum(len(values) for values in where.values()) > MOST_VALUES:
        raise _invalid(
            (f"more than {MOST_VALUES} values", f"条件值超过 {MOST_VALUES} 个"),
            ("ask for fewer at a time", "请分次检索"),
        )
    for facet, values in where.items():
        for value in values:
            _check_value(facet, value)


def _check_value(facet: Facet, value: str) -> None:
    name = facet.value
    if len(value) > LONGEST_VALUE:
        raise _invalid(
            (f"a value of `{name}` is longer than {LONGEST_VALUE} characters", f"{name} 的值超过 {LONGEST_VALUE} 字"),
            ("give it as an entry has it", "请按日志中的写法填写"),
        )
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise _invalid(
            (f"a value of `{name}` is no text", f"{name} 的值不是有效文本"), ("give text in UTF-8", "请使用 UTF-8 文本")
        ) from None
    plain = unicodedata.normalize("NFKC", value).upper()
    if any(is_gb11643(found.group(1)) for found in _ID_SOMEWHERE.finditer(plain)):
        raise _invalid(
            (f"an ID number in `{name}`", f"{name} 中含有身份证号"),
            ("a person is asked for as `resident`, and nowhere else", "查询居民只能填写 resident"),
        )
    if facet is Facet.FIELD and _FIELD.fullmatch(value) is None:
        raise _invalid(
            ("a value of `field` is no field", "field 的值不是字段名"),
            ("write `dataset.field` or `dataset.field=level`", "请写作 数据集.字段 或 数据集.字段=级别"),
        )


def _id_number(resident: str) -> str:
    number = resident.strip().upper()
    if not (is_gb11643(number) or _OLD_ID.fullmatch(number)):
        raise _invalid(
            ("`resident` is no ID number", "resident 不是身份证号"),
            ("give its 18 characters (15 of an old one)", "请填写 18 位身份证号（旧号 15 位）"),
        )
    return number


def _within(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise _invalid(
            (f"`{name}` is not between {least} and {most}", f"{name} 不在 {least} 与 {most} 之间"),
            (f"give a number from {least} to {most}", f"请填写 {least} 至 {most} 的整数"),
        )


def _invalid(fault: Words, fix: Words) -> SearchInvalid:
    return SearchInvalid(fault=fault, fix=fix)


def _by_day(counts: tuple[HourCount, ...], offset: timedelta) -> tuple[HourCount, ...]:
    """Each day by the moment, in UTC, at which it begins on that clock."""
    days: dict[datetime, int] = {}
    for one in counts:
        begin = (one.hour + offset).replace(hour=0) - offset
        days[begin] = days.get(begin, 0) + one.entries
    return tuple(HourCount(hour=begin, entries=days[begin]) for begin in sorted(days))
