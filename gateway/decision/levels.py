"""Matched rules and ceilings -> how much of a field may be seen.

Final level = the least of (the best grant, the strictest ceiling of an oblige rule, the purpose's ceiling, the app's).
Levels are ordered by the rank of their mask; between two masks of one rank the name decides, so that the answer never
depends on the order of rules.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gateway.decision.rule import CLEAR, Rule
from gateway.model.catalog import App, Catalog, MaskDeclaration, Purpose
from gateway.model.decision import Effect
from gateway.model.ids import MaskName, PurposeId


@dataclass(frozen=True, slots=True, order=True)
class Level:
    """How much is hidden: rank 0 is clear (no mask), 100 hides all."""

    rank: int
    mask: MaskName | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceiling:
    """The most that a purpose or app may ever see, and where that stands (`purpose:x`, `app:y`)."""

    level: Level
    origin: str


def level_named(name: str, masks: Mapping[MaskName, MaskDeclaration]) -> Level:
    """The level that a rule or ceiling names."""
    if name == CLEAR:
        return Level(0, None)
    return Level(masks[MaskName(name)].rank, MaskName(name))


def _order(level: Level) -> tuple[int, str]:
    return level.rank, level.mask or ""


def granted_level(matched: Iterable[Rule], masks: Mapping[MaskName, MaskDeclaration]) -> Level | None:
    """The best grant under the strictest ceiling of the matched rules; None where no grant says a level."""
    grants: list[Level] = []
    limits: list[Level] = []
    # hundreds of rules may match a field, and they say few different things
    for effect, level in {(rule.eft, rule.level) for rule in matched}:
        if level is not None:
            (grants if effect is Effect.ALLOW else limits).append(level_named(level, masks))
    if not grants:
        return None
    return max([min(grants, key=_order), *limits], key=_order)


def under_ceilings(level: Level, ceilings: Iterable[Ceiling]) -> tuple[Level, str | None]:
    """The level that remains, and the ceiling that lowered it last."""
    origin: str | None = None
    for ceiling in ceilings:
        if _order(ceiling.level) > _order(level):
            level, origin = ceiling.level, ceiling.origin
    return level, origin


def ceilings_of(purpose: Purpose, app: App, above: Iterable[PurposeId], catalog: Catalog) -> tuple[Ceiling, ...]:
    """The ceilings of a purpose, of the purposes above it, and of the app."""
    found: list[Ceiling] = []
    for purpose_id in (purpose.id, *sorted(set(above) - {purpose.id})):
        declared = catalog.purposes.get(purpose_id)
        if declared is not None and declared.ceiling is not None:
            found.append(Ceiling(level=level_named(declared.ceiling, catalog.masks), origin=f"purpose:{purpose_id}"))
    if app.ceiling is not None:
        found.append(Ceiling(level=level_named(app.ceiling, catalog.masks), origin=f"app:{app.id}"))
    return tuple(found)
