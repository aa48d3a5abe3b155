"""An embed's target and hint -> the ways that lead there: the dataset's own links, and many-to-many over a junction.

All that fit are found: which of them the asker has is for planning to say, since an ambiguity between a link and one
that isn't theirs would tell of the second.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from gateway.model.catalog import Catalog, Dataset, Link
from gateway.model.ids import FieldName

MOST_WAYS = 8
MOST_WAYS_IN_ALL = 64
"""Of one question: ways within ways multiply, and each is bound and decided."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A step from one dataset to another; `onward` set: over a junction, whose rows lead on."""

    name: str
    to: Dataset
    near: tuple[FieldName, ...]
    far: tuple[FieldName, ...]
    one: bool
    onward: "Way | None" = None


class WayFinder:
    """Finds the ways of one question. Beyond `MOST_WAYS_IN_ALL` there are none: a hint makes a name mean one."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._left = MOST_WAYS_IN_ALL

    def ways_to(self, dataset: Dataset, target: str, hint: str | None) -> tuple[Way, ...]:
        """As the function, as far as any are left."""
        ways = ways_to(dataset, target, hint, self._catalog)[: self._left]
        self._left -= len(ways)
        return ways


def ways_to(dataset: Dataset, target: str, hint: str | None, catalog: Catalog) -> tuple[Way, ...]:
    """What fits, best first, at most `MOST_WAYS`; a link of the very name leaves all others out."""
    links = [_way(link, catalog) for link in dataset.links.values()]
    exact = [way for way in links if way.name == target and (hint is None or _is_hinted(way, hint))]
    if exact:
        return tuple(exact)
    found = [way for way in links if _is_meant(way, target) and (hint is None or _is_hinted(way, hint))]
    # a key that is kept here means the way that it leads, before that which leads here by it
    found = [way for way in found if hint in way.near and way.one] or found
    junctions = [way for way in _over_junctions(dataset, target, catalog) if hint is None or _is_hinted(way, hint)]
    return tuple((found + junctions)[:MOST_WAYS])


def _way(link: Link, catalog: Catalog) -> Way:
    near, far = zip(*link.on, strict=True)
    return Way(name=link.name, to=catalog.datasets[link.to], near=near, far=far, one=link.one)


def short_name(dataset: Dataset) -> str:
    """The dataset's name within its department."""
    return dataset.name.partition(".")[2]


def _is_named(dataset: Dataset, name: str) -> bool:
    return name in {dataset.name, short_name(dataset)}


def _is_meant(way: Way, target: str) -> bool:
    return _is_named(way.to, target) or (len(way.near) == 1 and way.one and target == way.near[0])


def _is_hinted(way: Way, hint: str) -> bool:
    if way.onward is not None and (_is_named(way.to, hint) or _is_hinted(way.onward, hint)):
        return True
    return hint == way.name or hint in way.near or hint in way.far


def _over_junctions(dataset: Dataset, target: str, catalog: Catalog) -> Iterator[Way]:
    """Over every dataset whose key holds the keys of a link back here and of one on to the target."""
    for junction in catalog.datasets.values():
        ones = [link for link in junction.links.values() if link.one]
        for back in ones:
            if back.to != dataset.name:
                continue
            for onward in ones:
                there = catalog.datasets[onward.to]
                if onward is back or not _is_named(there, target):
                    continue
                held = {here for here, _ in (*back.on, *onward.on)}
                if held <= set(junction.key):
                    way = _way(back, catalog)
                    yield Way(
                        name=back.name,
                        to=junction,
                        near=way.far,
                        far=way.near,
                        one=False,
                        onward=_way(onward, catalog),
                    )
