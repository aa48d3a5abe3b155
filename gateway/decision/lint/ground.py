"""Catalog and hierarchies -> what rules can meet on: the ways in (purpose and app), the roles, the fields.

Sets are kept as bits of an integer: a city has 100,000 rules, and two rules are asked whether they can meet far more
often than that.
"""

from collections.abc import Mapping
from functools import cache

from gateway.decision.hierarchy import Hierarchies, Hierarchy, field_object
from gateway.decision.levels import Level, level_named
from gateway.decision.rule import ROWS, Rule
from gateway.model.catalog import Catalog, Dataset, Field, Purpose
from gateway.model.ids import AppId, PurposeId

Places = Mapping[str, tuple[str, int]]
"""Where purposes, roles, datasets and fields are declared, by the names that rules give them: (file, line)."""

_FILES = {"pur": "purposes.yaml", "role": "roles.yaml", "ds": "catalog", "field": "catalog"}


class Ground:
    """One policy version, seen from its rules. `doors` are the pairs of purpose and app that somebody can declare."""

    def __init__(self, rules: tuple[Rule, ...], catalog: Catalog, hierarchies: Hierarchies, places: Places) -> None:
        self.rules = rules
        self.catalog = catalog
        self.hierarchies = hierarchies
        self._places = places
        self.doors: tuple[tuple[PurposeId, AppId], ...] = tuple(
            (purpose.id, app)
            for purpose in catalog.purposes.values()
            if not purpose.is_abstract and purpose.roles
            for app in purpose.apps
            if app in catalog.apps and purpose.id in catalog.apps[app].purposes
        )
        self.fields_below: dict[str, list[tuple[Dataset, Field]]] = {}
        for dataset in catalog.datasets.values():
            for field in dataset.fields.values():
                for name in hierarchies.objects.above[field_object(dataset, field)]:
                    self.fields_below.setdefault(name, []).append((dataset, field))
        self._below_purpose = self._door_bits(hierarchies.purposes, ["pur:" + purpose for purpose, _ in self.doors])
        self._below_app = self._door_bits(hierarchies.apps, ["app:" + app for _, app in self.doors])
        self._below_role = self._door_bits(hierarchies.roles, list(hierarchies.roles.above))
        # memos of this ground only: they die with it
        self.doors_of = cache(self._doors_of)
        self.related = cache(self._related)
        self.level = cache(self._level)
        self.purposes_behind = cache(self._purposes_behind)
        self.admitted = cache(self._admitted)

    @staticmethod
    def _door_bits(hierarchy: Hierarchy, names: list[str]) -> dict[str, int]:
        """For each name, the bits of those `names` that are at or below it."""
        below = dict.fromkeys(hierarchy.above, 0)
        for number, name in enumerate(names):
            for up in hierarchy.above[name]:
                below[up] |= 1 << number
        return below

    def _doors_of(self, pur: str, app: str) -> int:
        """The doors through which a rule on this purpose and app can be met, as bits."""
        return self._below_purpose[pur] & self._below_app[app]

    def _purposes_behind(self, doors: int) -> tuple[Purpose, ...]:
        """The purposes that the doors lead to, each once."""
        names = dict.fromkeys(purpose for number, (purpose, _) in enumerate(self.doors) if doors >> number & 1)
        return tuple(self.catalog.purposes[name] for name in names)

    def _admitted(self, doors: int) -> int:
        """The roles that may go through some of the doors, as bits."""
        found = 0
        for purpose in self._purposes_behind(doors):
            for role in purpose.roles:
                found |= self._below_role.get(f"role:{role}", 0)
        return found

    def roles_of(self, sub: str) -> int:
        """The roles at or below it, as bits."""
        return self._below_role[sub]

    def _related(self, obj: str) -> frozenset[str]:
        """Every object that shares a field with this one."""
        above = self.hierarchies.objects.above
        return frozenset().union(*(above[field_object(*pair)] for pair in self.fields_below.get(obj, ())))

    def _level(self, name: str) -> tuple[int, str]:
        """How much a level hides, comparable; the order of gateway.decision.levels."""
        level: Level = level_named(name, self.catalog.masks)
        return level.rank, level.mask or ""

    def place(self, name: str) -> tuple[str, int]:
        """Where it is declared; its file with line 0 where nobody said."""
        return self._places.get(name, (_FILES[name.partition(":")[0]], 0))


def where_text(rule: Rule) -> str:
    """The text of a rule's row filter; empty where it has none."""
    return next((condition.text for condition in rule.where.values()), "") if rule.act == ROWS else ""
