"""Parameters -> the tree of levels: filters, order and page of the root, and those that name an embed of `select`."""

from collections.abc import Mapping
from dataclasses import replace

from gateway.errors import Words
from gateway.model.query import Embed, FilterGroup, FilterTerm, JsonStep, Level
from gateway.query._cursor import Cursor
from gateway.query._faults import FILTER_EXAMPLES, malformed
from gateway.query._filters import GROUPS, FilterReader
from gateway.query._order import read_order
from gateway.query._paging import read_page
from gateway.query._paths import read_path
from gateway.query._select import Items
from gateway.settings import Limits

_ONCE = ("order", "limit", "offset")
_NO_EMBED: Words = ("it is no embed of this question", "本次查询没有该嵌入")
_NAME_IT: Words = (
    "name it in `select`: `select=*,resident(name)&resident.name=eq.x`",
    "请在 `select` 中写明：`select=*,resident(name)&resident.name=eq.x`",
)


class LevelReader:
    """Collects what is said of one level, and of those within it."""

    def __init__(self, items: Items, limits: Limits, filters: FilterReader) -> None:
        self._items = items
        self._limits = limits
        self._filters = filters
        self._where: list[FilterTerm | FilterGroup] = []
        self._once: dict[str, str] = {}
        self._within = {
            item.name: LevelReader(item.level.items, limits, filters) for item in items if isinstance(item, Embed)
        }
        self._longest_first = sorted((name.split(".") for name in self._within), key=len, reverse=True)

    def take(self, parameter: str, value: str) -> None:
        """One parameter but `select`; raises QueryMalformed, QueryTooComplex."""
        segments, path = _segments(parameter)
        self.take_within(segments, path, parameter, value)

    def take_within(self, segments: list[str], path: tuple[JsonStep, ...], parameter: str, value: str) -> None:
        """The parameter, of whose name `segments` are left here."""
        for name in self._longest_first:  # an embed's name may hold points itself
            if len(name) < len(segments) and segments[: len(name)] == name:
                self._within[".".join(name)].take_within(segments[len(name) :], path, parameter, value)
                return
        word = ".".join(segments)
        if word in GROUPS and not path:
            self._where.append(self._filters.read_group(parameter, word, value))
        elif len(segments) > 1:
            raise malformed(parameter, _NO_EMBED, _NAME_IT)
        elif word not in _ONCE or path:
            self._where.append(self._filters.read_term(parameter, word, path, value))
        elif word in self._once:
            raise malformed(parameter, ("it stands there twice", "参数重复"), ("write it once", "请只写一次"))
        else:
            self._once[word] = value

    def level(self, headers: Mapping[str, str] | None = None) -> Level:
        """The level and those within it; `headers` (of the root) may name a range. Raises QueryMalformed."""
        limit, offset = read_page(self._once.get("limit"), self._once.get("offset"), headers or {})
        return Level(
            items=tuple(
                replace(item, level=self._within[item.name].level()) if isinstance(item, Embed) else item
                for item in self._items
            ),
            where=tuple(self._where),
            order=read_order(self._once.get("order"), self._items, self._limits),
            limit=limit,
            offset=offset,
        )


def _segments(parameter: str) -> tuple[list[str], tuple[JsonStep, ...]]:
    """A parameter's name at its points, and the path at its end; raises QueryMalformed."""
    cursor = Cursor(parameter, parameter, FILTER_EXAMPLES)
    segments = [cursor.name()]
    while cursor.take("."):
        segments.append(cursor.name())
    path = read_path(cursor)
    if not cursor.is_done:
        raise malformed(parameter, ("this is no field's name", "这不是字段名"), FILTER_EXAMPLES)
    return segments, path
