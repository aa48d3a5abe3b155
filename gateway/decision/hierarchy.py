"""Catalog -> the five hierarchies that rules are matched along (Casbin's g to g5).

Names carry the prefixes of rules (`role:`, `field:`, `ds:`, `dep:`, `term:`, `class:`, `pur:`, `app:`; regions are bare
codes under `cn`). Every role, app and purpose is below its `any`, whatever the files say, so that a rule on `any` can't
be escaped. Nothing here decides: Casbin's role managers are filled from `links`, and `above` only tells which names
may be asked about.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gateway.errors import BundleProblem
from gateway.model.catalog import Catalog, Dataset, Field

MOST_HOPS = 9
"""pycasbin cuts longer chains silently: a deny on a far ancestor would be lost."""
ANY_ROLE, ANY_APP, ANY_PURPOSE, ANY_CLASS, ROOT_REGION = "role:any", "app:any", "pur:any", "class:any", "cn"

Link = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hierarchy:
    """One `g` of the model: who is directly below whom, and all that is above each name (itself included)."""

    links: tuple[Link, ...]
    above: Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hierarchies:
    """All five, by the names that the model gives them."""

    roles: Hierarchy
    objects: Hierarchy
    purposes: Hierarchy
    regions: Hierarchy
    apps: Hierarchy

    def named(self) -> Mapping[str, Hierarchy]:
        """As Casbin names them."""
        return {
            "g": self.roles,
            "g2": self.objects,
            "g3": self.purposes,
            "g4": self.regions,
            "g5": self.apps,
        }


def field_object(dataset: Dataset, field: Field) -> str:
    """The object of a field use, e.g. `field:civil-affairs.assistance.monthly`."""
    return f"field:{dataset.name}.{field.name}"


def build_hierarchies(catalog: Catalog) -> tuple[Hierarchies, tuple[BundleProblem, ...]]:
    """The hierarchies, and what is wrong with them: cycles and chains of more than nine steps."""
    problems: list[BundleProblem] = []

    def build(file: str, names: Iterable[str], links: Iterable[Link]) -> Hierarchy:
        unique = tuple(dict.fromkeys(links))
        above, faults = _close(tuple(names), unique)
        problems.extend(
            BundleProblem(file=file, line=0, fault=fault, fix="take one parent out of the chain") for fault in faults
        )
        return Hierarchy(links=unique, above=above)

    roles = [f"role:{name}" for name in catalog.roles if name != "any"]
    apps = [f"app:{name}" for name in catalog.apps if name != "any"]
    purposes = [f"pur:{name}" for name in catalog.purposes if name != "any"]
    built = Hierarchies(
        roles=build(
            "roles.yaml",
            [ANY_ROLE, *roles],
            [
                *(
                    (f"role:{role.name}", f"role:{parent}")
                    for role in catalog.roles.values()
                    for parent in role.inherits
                ),
                *((role, ANY_ROLE) for role in roles),
            ],
        ),
        objects=build("catalog", _object_names(catalog), _object_links(catalog)),
        purposes=build(
            "purposes.yaml",
            [ANY_PURPOSE, *purposes],
            [
                *(
                    (f"pur:{purpose.id}", f"pur:{up}")
                    for purpose in catalog.purposes.values()
                    for up in purpose.parents
                ),
                *((purpose, ANY_PURPOSE) for purpose in purposes),
            ],
        ),
        regions=build(
            "regions.csv",
            [ROOT_REGION, *catalog.regions],
            [(region.code, region.parent or ROOT_REGION) for region in catalog.regions.values()],
        ),
        apps=build("apps.yaml", [ANY_APP, *apps], [(app, ANY_APP) for app in apps]),
    )
    return built, tuple(problems)


def _object_names(catalog: Catalog) -> list[str]:
    return [
        ANY_CLASS,
        "class:public",
        "class:internal",
        "class:sensitive",
        "class:core",
        *(f"dep:{name}" for name in catalog.departments),
        *(f"ds:{name}" for name in catalog.datasets),
        *(f"term:{name}" for name in catalog.terms),
        *(field_object(dataset, field) for dataset in catalog.datasets.values() for field in dataset.fields.values()),
    ]


def _object_links(catalog: Catalog) -> list[Link]:
    links: list[Link] = [(f"class:{grade}", ANY_CLASS) for grade in ("public", "internal", "sensitive", "core")]
    for dataset in catalog.datasets.values():
        links.append((f"ds:{dataset.name}", f"dep:{dataset.department}"))
        for field in dataset.fields.values():
            name = field_object(dataset, field)
            links.append((name, f"ds:{dataset.name}"))
            links.append((name, f"class:{field.classification.value}"))
            if field.term is not None:
                links.append((name, f"term:{field.term}"))
    return links


def _close(names: tuple[str, ...], links: tuple[Link, ...]) -> tuple[dict[str, frozenset[str]], list[str]]:
    """Everything above each name, and the faults; a name on a cycle has only itself above it."""
    parents: dict[str, list[str]] = {name: [] for name in names}
    for child, parent in links:
        parents.setdefault(child, []).append(parent)
        parents.setdefault(parent, [])
    above: dict[str, frozenset[str]] = {}
    height: dict[str, int] = {}
    faults: list[str] = []
    for start in parents:
        # depth first without recursion: a hostile file may hold a very long chain
        path: list[str] = []
        pending: list[tuple[str, bool]] = [(start, False)]
        while pending:
            name, is_done = pending.pop()
            if is_done:
                path.pop()
                ups = parents[name]
                above[name] = frozenset((name,)).union(*(above.get(up, frozenset()) for up in ups))
                height[name] = 1 + max((height.get(up, 0) for up in ups), default=-1)
                if height[name] == MOST_HOPS + 1:
                    faults.append(f"the chain above `{name}` has more than {MOST_HOPS} steps")
            elif name in path:
                faults.append(f"`{name}` is above itself")
            elif name not in above:
                path.append(name)
                pending.append((name, True))
                pending.extend((up, False) for up in parents[name])
    return above, faults
