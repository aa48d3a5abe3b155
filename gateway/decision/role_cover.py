"""A set of roles -> few words: "any role", "this role and the 12 below it"."""

from collections.abc import Iterable
from dataclasses import dataclass

from gateway.decision.hierarchy import Hierarchy
from gateway.model.ids import RoleName


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleGroup:
    """A role, and how many others below it are meant as well (`any`: all of the city)."""

    role: RoleName
    below: int


class RoleCover:
    """The roles of a city and what is below each."""

    def __init__(self, hierarchy: Hierarchy, roles: Iterable[RoleName]) -> None:
        self._all = frozenset(role for role in roles if role != "any")
        self._below: dict[RoleName, set[RoleName]] = {role: set() for role in self._all}
        for role in self._all:
            for up in hierarchy.above[f"role:{role}"]:
                name = RoleName(up.removeprefix("role:"))
                if name in self._below:
                    self._below[name].add(role)

    def groups(self, roles: frozenset[RoleName]) -> tuple[RoleGroup, ...]:
        """Groups that together mean exactly `roles`, the widest first."""
        if roles == self._all:
            return (RoleGroup(role=RoleName("any"), below=len(roles)),)
        whole = [role for role in roles if self._below[role] <= roles]
        covered: set[RoleName] = set()
        found: list[RoleGroup] = []
        for role in sorted(whole, key=lambda each: (-len(self._below[each]), each)):
            if role not in covered:
                covered |= self._below[role]
                found.append(RoleGroup(role=role, below=len(self._below[role]) - 1))
        found.extend(RoleGroup(role=role, below=0) for role in sorted(roles - covered))
        return tuple(sorted(found, key=lambda each: (-each.below, each.role)))
