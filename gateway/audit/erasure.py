"""What entries of erasures and archives say, and whether everything that is gone was taken out by one. Pure.

`erased home-visit/2026-01 entries 17-90211 count 812; home-visit/2026-02 entries 90212-93007 count 100`: retention
keys, and of each the first and last index and the number of the entries that it sealed.
`archived entries 0-90211 in <name> sha256 <of its manifest>`: whose bytes are in an archive.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from gateway.audit.replay import Unsound

_ERASED: Final = "erased "
_ARCHIVED = re.compile(r"archived entries (\d{1,19})-(\d{1,19}) in [\w.-]{1,100} sha256 [0-9a-f]{64}", re.ASCII)
_PART = re.compile(r"([^;]{1,200}/[0-9]{4}-[0-9]{2}) entries (\d{1,19})-(\d{1,19}) count (\d{1,19})", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class ErasedKey:
    """One retention key and the entries that it sealed."""

    key: str
    first: int
    last: int
    count: int


def erasure_text(erased: Iterable[ErasedKey]) -> str:
    """The detail of an erasure entry."""
    return _ERASED + "; ".join(f"{one.key} entries {one.first}-{one.last} count {one.count}" for one in erased)


def read_erasure(detail: str) -> tuple[ErasedKey, ...]:
    """What was erased; nothing for a detail that says otherwise."""
    if not detail.startswith(_ERASED):
        return ()
    found = [_PART.fullmatch(part) for part in detail.removeprefix(_ERASED).split("; ")]
    return tuple(ErasedKey(one[1], int(one[2]), int(one[3]), int(one[4])) for one in found if one is not None)


def archive_text(first: int, end: int, name: str, sha256: str) -> str:
    """The detail of the entry that bytes [first, end) are in an archive."""
    return f"archived entries {first}-{end - 1} in {name} sha256 {sha256}"


def read_archive(detail: str) -> tuple[int, int] | None:
    """First and last; None for a detail that says otherwise."""
    found = _ARCHIVED.fullmatch(detail)
    return None if found is None else (int(found[1]), int(found[2]))


class ErasureCheck:
    """Takes erased and archived entries, and the entries that tell of them, in the log's order."""

    def __init__(self) -> None:
        self._runs: list[list[int]] = []  # first and last of archived entries that follow one another
        self._moved: list[tuple[int, int]] = []
        self._found: dict[str, ErasedKey] = {}
        self._told: set[ErasedKey] = set()

    @property
    def count(self) -> int:
        """How many erased entries were seen."""
        return sum(one.count for one in self._found.values())

    @property
    def archived_count(self) -> int:
        """How many archived entries were seen."""
        return sum(last - first + 1 for first, last in self._runs)

    def archived(self, index: int) -> None:
        """The entry has no bytes here."""
        if self._runs and self._runs[-1][1] == index - 1:
            self._runs[-1][1] = index
        else:
            self._runs.append([index, index])

    def erased(self, index: int, key: str) -> None:
        """The entry can't be opened: its key is destroyed."""
        before = self._found.get(key)
        self._found[key] = (
            ErasedKey(key, index, index, 1) if before is None else ErasedKey(key, before.first, index, before.count + 1)
        )

    def told(self, index: int, detail: str) -> None:
        """An erasure's or an archive's entry; what it says must lie before it."""
        moved = read_archive(detail)
        if moved is not None and moved[1] < index:
            self._moved.append(moved)
        self._told |= {one for one in read_erasure(detail) if one.last < index}

    def finish(self) -> None:
        """Raise Unsound where a key or bytes are gone and no entry says so, or says it of others."""
        self._check_archived()
        for one in sorted(self._found.values(), key=lambda found: found.first):
            if one not in self._told:
                where = f"{one.count} / {one.first}-{one.last}"
                fault = (
                    f"its key {one.key} is gone, and no entry says that those entries were erased ({where})",
                    f"其密钥 {one.key} 已不存在，而日志未记载销毁这些条目（{where}）",
                )
                raise Unsound(one.first, fault)

    def _check_archived(self) -> None:
        covered = _joined(self._moved)
        for first, last in self._runs:
            if not any(begin <= first and last <= end for begin, end in covered):
                at = next((end + 1 for begin, end in covered if begin <= first <= end), first)
                fault = (
                    "its bytes are gone, and no entry says that they were archived",
                    "内容缺失，而日志未记载其归档",
                )
                raise Unsound(at, fault)


def _joined(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for begin, end in sorted(ranges):
        if joined and begin <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((begin, end))
    return joined
