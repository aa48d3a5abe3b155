"""An index over an ordinary Casbin enforcer: the rules that match a request, without walking every rule.

Only rules that provably can't match are skipped; Casbin's matcher, role managers and effector judge the others. The
enforcer must not change afterwards: build a new one beside it and swap.
"""

from array import array
from collections.abc import Iterable, Sequence
from typing import Any

import casbin

from gateway.decision.matcher import Matcher, NotIndexable, Served

__all__ = ["Inquiry", "NotIndexable", "RuleIndex"]


class RuleIndex:
    """One enforcer's rules by what they speak of. Safe to use from several threads."""

    def __init__(self, enforcer: casbin.Enforcer, *, varying: str | None = None) -> None:
        """`varying` is the request value in which the requests of one question differ most. Raises NotIndexable."""
        self.matcher = Matcher(enforcer)
        self.rows: list[Sequence[str]] = enforcer.model["p"]["p"].policy
        if not self.rows:
            raise NotIndexable("an empty policy is matched on empty texts")
        if any(len(row) != len(self.matcher.rule_columns) for row in self.rows):
            raise NotIndexable("a rule has more or fewer columns than the model")
        request_columns = self.matcher.request_columns
        # what varies comes first, so that a question shares the rest; then the columns that tell rules best apart
        self.served = tuple(
            sorted(
                self.matcher.served,
                key=lambda one: (request_columns[one.request] != varying, -len({row[one.column] for row in self.rows})),
            )
        )
        self._build()

    def _build(self) -> None:
        """Rules by their cells in the first two served columns; of the other cells, each combination has a number."""
        first, second = (self.served[place].column if place < len(self.served) else None for place in (0, 1))
        scope_columns = [one.column for one in self.served[2:]]
        scopes: dict[tuple[str, ...], int] = {}
        rests: dict[tuple[str, ...], int] = {}
        self.scope_of, self.rest_of = array("l"), array("l")
        shelves: dict[str, dict[str, tuple[int, ...] | list[int]]] = {}
        for position, row in enumerate(self.rows):
            scope = tuple([row[column] for column in scope_columns])
            rest = tuple([row[column] for column in self.matcher.rest_columns])
            self.scope_of.append(scopes.setdefault(scope, len(scopes)))
            self.rest_of.append(rests.setdefault(rest, len(rests)))
            shelf = shelves.setdefault(row[first] if first is not None else "", {})
            cell = row[second] if second is not None else ""
            there = shelf.get(cell)
            if there is None:
                shelf[cell] = (position,)  # most are alone; a tuple is smaller than a list
            elif isinstance(there, tuple):
                shelf[cell] = [*there, position]
            else:
                there.append(position)
        self.scopes, self.rests, self.shelves = tuple(scopes), tuple(rests), shelves

    def matched(self, *values: Any) -> tuple[int, ...]:  # noqa: ANN401 - whatever the model's requests hold
        """The places of the rules that match one request, in the policy's order."""
        return Inquiry(self).matched(values)

    def allows(self, *values: Any) -> bool:  # noqa: ANN401 - whatever the model's requests hold
        """What the plain enforcer's `enforce` gives."""
        return self.matcher.verdict(self.matcher.effect_of(self.rows[position]) for position in self.matched(*values))

    def speaking_of(self, cells: Iterable[str]) -> list[int]:
        """The rules with one of `cells` in the first served column, in the policy's order."""
        return sorted(
            position for cell in cells for positions in self.shelves.get(cell, {}).values() for position in positions
        )


class Inquiry:
    """Requests that have most of their values in common; what they share is found once. For one thread."""

    def __init__(self, index: RuleIndex) -> None:
        self._index = index
        self._contexts: dict[tuple[Any, ...], _Context] = {}

    def matched(self, values: tuple[Any, ...]) -> tuple[int, ...]:
        """The places of the rules that match, in the policy's order.

        A value may be a frozenset of alternatives where one served conjunct alone reads it (`Matcher.lone`): a rule
        matches when it matches for any of them.
        """
        index = self._index
        if not index.served:
            return self._context(values, values).shelf("")
        place = index.served[0].request
        shared = values[:place] + values[place + 1 :] if place in index.matcher.lone else values
        context = self._context(shared, values)
        found = [
            positions
            for cell in _above(index.served[0], values, index.matcher.lone)
            if (positions := context.shelf(cell))
        ]
        if len(found) == 1:
            return found[0]
        # a rule has one cell in this column, so none is found twice
        return tuple(sorted([position for positions in found for position in positions]))

    def rests_met(self) -> set[int]:
        """The cells that the matcher's rest was asked about so far, by their number in `RuleIndex.rests`."""
        return {rest for context in self._contexts.values() for rest in context.rests}

    def _context(self, shared: tuple[Any, ...], values: tuple[Any, ...]) -> "_Context":
        found = self._contexts.get(shared)
        if found is None:
            found = self._contexts[shared] = _Context(self._index, values)
        return found


class _Context:
    """All request values but the one that varies, and what was found for them."""

    def __init__(self, index: RuleIndex, values: tuple[Any, ...]) -> None:
        self._index = index
        self._values = values
        self._accepted = [_above(one, values, index.matcher.lone) for one in index.served[1:]]
        self._scopes: dict[int, bool] = {}
        self.rests: dict[int, bool] = {}
        self._held: dict[tuple[int, tuple[str, ...]], bool] = {}
        self._found: dict[str, tuple[int, ...]] = {}

    def shelf(self, cell: str) -> tuple[int, ...]:
        """The matching rules with this cell in the first served column."""
        found = self._found.get(cell)
        if found is None:
            found = self._found[cell] = tuple(self._search(cell))
        return found

    def _search(self, cell: str) -> list[int]:
        index = self._index
        scope_of, rest_of, scopes, rests = index.scope_of, index.rest_of, self._scopes, self.rests
        found: list[int] = []
        for positions in self._places(cell):
            for position in positions:
                scope = scope_of[position]
                held = scopes.get(scope)
                if held is None:
                    held = scopes[scope] = self._in_scope(scope)
                if not held:
                    continue
                rest = rest_of[position]
                held = rests.get(rest)
                if held is None:
                    held = rests[rest] = self._holds_rest(rest)
                if held:
                    found.append(position)
        found.sort()
        return found

    def _places(self, cell: str) -> Iterable[Iterable[int]]:
        shelf = self._index.shelves.get(cell)
        if shelf is None:
            return ()
        if not self._accepted:
            return shelf.values()
        accepted = self._accepted[0]
        if len(shelf) < len(accepted):
            return [positions for second, positions in shelf.items() if second in accepted]
        return [positions for second in accepted if (positions := shelf.get(second)) is not None]

    def _in_scope(self, scope: int) -> bool:
        # a plain loop: this runs for every combination of cells that a question meets
        for cell, accepted in zip(self._index.scopes[scope], self._accepted[1:], strict=True):
            if cell not in accepted:
                return False
        return True

    def _holds_rest(self, rest: int) -> bool:
        matcher, cells = self._index.matcher, self._index.rests[rest]
        for number, conjunct in enumerate(matcher.rest):
            read = tuple([cells[place] for place in conjunct.cells])
            held = self._held.get((number, read))
            if held is None:
                held = self._held[number, read] = matcher.holds(conjunct, self._values, read)
            if not held:
                return False
        return True


def _above(one: Served, values: tuple[Any, ...], lone: frozenset[int]) -> frozenset[str]:
    value = values[one.request]
    if isinstance(value, frozenset):
        if one.request not in lone:
            msg = "several values where more than one conjunct reads them"
            raise TypeError(msg)
        return frozenset[str]().union(*map(one.above, value))
    return one.above(value)
