"""Catalog -> the names that each column of a rule may hold, and what a wrong one probably meant."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from gateway.decision.hierarchy import Hierarchies, field_object
from gateway.decision.rule import CLEAR, ROWS
from gateway.model.catalog import Catalog, Dataset, Field
from gateway.model.query import FieldUse

ACTS = (
    FieldUse.SHOW.value,
    FieldUse.MATCH.value,
    FieldUse.AGGREGATE.value,
    FieldUse.EXPORT.value,
    FieldUse.WRITE.value,
    ROWS,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """All that rules may name."""

    catalog: Catalog
    columns: Mapping[str, frozenset[str]]  # sub, app, obj, pur, reg, act, and `level`
    fields_below: Mapping[str, tuple[tuple[Dataset, Field], ...]]  # object -> fields that a rule on it reaches


def build_vocabulary(catalog: Catalog, hierarchies: Hierarchies) -> Vocabulary:
    """The names of the catalog as rules write them."""
    below: dict[str, list[tuple[Dataset, Field]]] = {}
    for dataset in catalog.datasets.values():
        for field in dataset.fields.values():
            for name in hierarchies.objects.above[field_object(dataset, field)]:
                below.setdefault(name, []).append((dataset, field))
    return Vocabulary(
        catalog=catalog,
        columns={
            "sub": frozenset(hierarchies.roles.above),
            "app": frozenset(hierarchies.apps.above),
            "obj": frozenset(hierarchies.objects.above),
            "pur": frozenset(hierarchies.purposes.above),
            "reg": frozenset(hierarchies.regions.above),
            "act": frozenset(ACTS),
            "level": frozenset((CLEAR, *catalog.masks)),
        },
        fields_below={name: tuple(reached) for name, reached in below.items()},
    )


def unknown_name(name: str, names: frozenset[str], *, what: str) -> tuple[str, str]:
    """The fault and the fix of a name that is none of `names`."""
    if name == "":
        return f"the column `{what}` is empty", f"name one; {_any_of(names)}"
    if "*" in name:
        return f"the column `{what}` holds a wildcard", f"{_any_of(names)}"
    foreign = next((character for character in name if ord(character) > 126), None)
    if foreign is not None:
        plain = unicodedata.name(foreign, "an unnamed character").lower()
        return (
            f"the column `{what}` holds a character that names don't have: U+{ord(foreign):04X}, {plain}",
            "type the name again with plain letters",
        )
    return f"`{_short(name)}` is not known in the column `{what}`", _suggestion(name, names)


def _suggestion(name: str, names: frozenset[str]) -> str:
    # comparing a huge text with thousands of names would be slow
    name = name[:80]
    # officers forget the prefix more often than they misspell the name
    bare = sorted(known for known in names if known.partition(":")[2] == name)
    close = bare or get_close_matches(name, names, n=1, cutoff=0.6)
    if not close:
        close = get_close_matches(name.lower(), names, n=1, cutoff=0.5)
    if close:
        return f"did you mean `{close[0]}`?"
    return f"write one of {', '.join(sorted(names))}" if len(names) <= 8 else "write a name that the bundle declares"


def _any_of(names: frozenset[str]) -> str:
    widest = sorted(name for name in names if name.endswith(":any")) or (["cn"] if "cn" in names else sorted(names))
    return f"`{widest[0]}` covers all" if widest[0].endswith(":any") or widest[0] == "cn" else f"write {widest[0]}"


def _short(name: str) -> str:
    return name if len(name) <= 60 else name[:57] + "..."
