"""Which rules match whenever another one does: found by name, not by comparing every rule with every other.

Sound, not complete: a rule that is told here to be covered is; some that are (by several others together, or by one of
more than a hundred that differ in case, window, condition and region only) are not told.
"""

from collections.abc import Iterator

from gateway.decision.hierarchy import Hierarchy
from gateway.decision.lint.ground import Ground, where_text
from gateway.decision.rule import ROWS, Rule
from gateway.model.decision import Effect

_MOST_ALIKE = 100


class Cover:
    """The rules of a policy by what they cover."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self.position = {rule.id: number for number, rule in enumerate(ground.rules)}
        self._orders: dict[tuple[int, str], tuple[str, ...]] = {}
        self._found: dict[tuple[Effect, str, str], dict[str, dict[tuple[str, str], list[Rule]]]] = {}
        self._first: dict[tuple[str, ...], Rule] = {}
        for rule in ground.rules:
            self._first.setdefault(rule.row[1:], rule)
        # the widest first: they cover most
        for rule in sorted(
            ground.rules, key=lambda each: (each.case != "*", each.cond != "", each.nbf, each.exp != "")
        ):
            by_role = self._found.setdefault((rule.eft, rule.act, rule.obj), {})
            by_role.setdefault(rule.sub, {}).setdefault((rule.app, rule.pur), []).append(rule)

    def over(self, rule: Rule, effect: Effect, *, act: str | None = None, obj: str | None = None) -> Iterator[Rule]:
        """Rules of `effect` that match whenever `rule` does (or would, if it spoke of `act` and `obj`)."""
        named, widest_last = self._ground.hierarchies, self._widest_last
        apps, purposes = widest_last(named.apps, rule.app), widest_last(named.purposes, rule.pur)
        for name in widest_last(named.objects, obj or rule.obj):
            by_role = self._found.get((effect, act or rule.act, name))
            if by_role is None:
                continue
            for role in widest_last(named.roles, rule.sub):
                by_way = by_role.get(role)
                if by_way is None:
                    continue
                for app in apps:
                    for purpose in purposes:
                        for other in by_way.get((app, purpose), ())[:_MOST_ALIKE]:
                            if other is not rule and self._includes(other, rule):
                                yield other

    def _widest_last(self, hierarchy: Hierarchy, name: str) -> tuple[str, ...]:
        """All above a name, the name itself first: one order, so that a finding names the same rule every time."""
        key = (id(hierarchy), name)
        if key not in self._orders:
            above = hierarchy.above
            self._orders[key] = tuple(sorted(above[name], key=lambda up: (-len(above[up]), up)))
        return self._orders[key]

    def _includes(self, wide: Rule, narrow: Rule) -> bool:
        """What the names leave open: region, case, window, condition."""
        return (
            wide.case in {"*", narrow.case}
            # the texts are of one form, so they compare as the instants do
            and wide.nbf <= narrow.nbf
            and (wide.exp == "" or (narrow.exp != "" and narrow.exp <= wide.exp))
            # one text: whenever the narrow one's holds, so does the wide one's, also where an attribute is unknown
            and (wide.cond in {"", narrow.cond})
            and wide.reg in self._ground.hierarchies.regions.above[narrow.reg]
        )

    def first_alike(self, rule: Rule) -> Rule:
        """The first rule that says the same in every column but the id; the rule itself where it is that."""
        return self._first[rule.row[1:]]

    def stronger(self, rule: Rule) -> Rule | None:
        """A rule of the same effect that does at least as much whenever `rule` matches; of two alike, the earlier."""
        for other in self.over(rule, rule.eft):
            if not self._does_as_much(other, rule):
                continue
            is_alike = (
                self._does_as_much(rule, other)
                and self._includes(rule, other)
                and all(
                    getattr(other, column) == getattr(rule, column) for column in ("sub", "app", "obj", "pur", "reg")
                )
            )
            if not is_alike or self.position[other.id] < self.position[rule.id]:
                return other
        return None

    def _does_as_much(self, strong: Rule, weak: Rule) -> bool:
        if not set(weak.obligations) <= set(strong.obligations):
            return False
        if weak.eft is Effect.DENY:
            return True
        if weak.act == ROWS:
            passes = {where_text(strong), where_text(weak)}
            return len(passes) == 1 or (where_text(strong) if weak.eft is Effect.ALLOW else where_text(weak)) == ""
        if weak.level is None:
            return True
        if strong.level is None:
            return False
        level = self._ground.level
        if weak.eft is Effect.ALLOW:
            return level(strong.level) <= level(weak.level)
        return level(strong.level) >= level(weak.level)
