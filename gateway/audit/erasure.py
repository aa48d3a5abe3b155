"""What an erasure entry says, and whether everything that is erased was erased by one. Pure.

`erased home-visit/2026-01 entries 17-90211 count 812; home-visit/2026-02 entries 90212-93007 count 100`: retention
keys, and of each the first and last index and the number of the entries that it sealed.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from gateway.audit.replay import Unsound

_ERASED: Final = "erased "
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


class ErasureCheck:
    """Takes erased entries and erasure entries in the log's order."""

    def __init__(self) -> None:
        self._found: dict[str, ErasedKey] = {}
        self._told: set[ErasedKey] = set()

    @property
    def count(self) -> int:
        """How many erased entries were seen."""
        return sum(one.count for one in self._found.values())

    def erased(self, index: int, key: str) -> None:
        """The entry can't be opened: its key is destroyed."""
        before = self._found.get(key)
        self._found[key] = (
            ErasedKey(key, index, index, 1) if before is None else ErasedKey(key, before.first, index, before.count + 1)
        )

    def told(self, index: int, detail: str) -> None:
        """An erasure entry; what it says must lie before it."""
        self._told |= {one for one in read_erasure(detail) if one.last < index}

    def finish(self) -> None:
        """Raise Unsound where a key is gone and no erasure entry says so, or says it of other entries."""
        for one in sorted(self._found.values(), key=lambda found: found.first):
            if one not in self._told:
                where = f"{one.count} / {one.first}-{one.last}"
                fault = (
                    f"its key {one.key} is gone, and no entry says that those entries were erased ({where})",
                    f"其密钥 {one.key} 已不存在，而日志未记载销毁这些条目（{where}）",
                )
                raise Unsound(one.first, fault)
