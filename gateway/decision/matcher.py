"""Casbin's matcher taken apart into what an index can serve and what only Casbin's evaluator can tell.

A conjunct that compares one rule column with one request value by `==` or by a plain `g` can be served: from the value
follow the cells that satisfy it. The rest is evaluated as `enforce` does. A matcher, role manager or effect of which
that can't be proved is refused (`NotIndexable`).
"""

import ast
import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import casbin
from casbin.effect import Effector, effect_to_bool
from casbin.effect.default_effectors import PriorityEffector
from casbin.rbac.default_role_manager import RoleManager
from casbin.util import SimpleEval, generate_g_function

from gateway.errors import Defect

_EVAL = re.compile(r"\beval\s*\(")
_EFFECTS = {"allow": Effector.ALLOW, "deny": Effector.DENY}
# SimpleEval's constructor changes the process's warning filters for a moment, which two threads must not do at once
_CONSTRUCTION = threading.Lock()


class NotIndexable(ValueError):
    """The model can't be served by an index and give Casbin's answer; the text says why."""


@dataclass(frozen=True, slots=True)
class Served:
    """A conjunct that an index serves: `r.x == p.y`, or `g(r.x, p.y)`."""

    request: int  # place of the request value
    column: int  # place of the rule's cell
    above: Callable[[str], frozenset[str]]  # the cells that a request value satisfies


@dataclass(frozen=True, slots=True)
class Rest:
    """A conjunct that only Casbin's evaluator can tell."""

    conjunct: ast.expr
    cells: tuple[int, ...]  # those of `Matcher.rest_columns` that it reads


class Matcher:
    """The matcher of one enforcer, which must not change afterwards. Safe to use from several threads."""

    def __init__(self, enforcer: casbin.Enforcer) -> None:
        """Raises NotIndexable."""
        model = enforcer.model
        text = model["m"]["m"].value
        if isinstance(enforcer.eft, PriorityEffector):
            raise NotIndexable("the effect is a priority: it depends on the order of rules")
        if _EVAL.search(text):
            raise NotIndexable("`eval` in the matcher makes every rule a matcher of its own")
        self.request_columns: tuple[str, ...] = tuple(model["r"]["r"].tokens)
        self.rule_columns: tuple[str, ...] = tuple(model["p"]["p"].tokens)
        self._effector = enforcer.eft
        self._effect_column = self.rule_columns.index("p_eft") if "p_eft" in self.rule_columns else None
        self._functions = _functions(enforcer)
        self._threads = threading.local()
        # the expression that enforce evaluates
        self._whole = enforcer._get_expression(text, {}).ast_parsed_value  # noqa: SLF001
        is_and = isinstance(self._whole, ast.BoolOp) and isinstance(self._whole.op, ast.And)
        served: list[Served] = []
        rest: list[ast.expr] = []
        for conjunct in self._whole.values if is_and else [self._whole]:
            found = self._serve(conjunct, model)
            if found is None or any(found.column == other.column for other in served):
                rest.append(conjunct)
            else:
                served.append(found)
        self.served = tuple(served)
        read = {node.id for conjunct in rest for node in ast.walk(conjunct) if isinstance(node, ast.Name)}
        self.rest_columns = tuple(column for column, name in enumerate(self.rule_columns) if name in read)
        """The cells that the rest reads."""
        self.rest = tuple(Rest(conjunct, self._cells_of(conjunct)) for conjunct in rest)
        asked = [one.request for one in served]
        self.lone = frozenset(
            place for place in asked if self.request_columns[place] not in read and asked.count(place) == 1
        )
        """Request values that a single served conjunct reads and nothing else: for these a request may name several."""

    def _serve(self, conjunct: ast.expr, model: Any) -> Served | None:  # noqa: ANN401 - pycasbin has no types
        request = {name: place for place, name in enumerate(self.request_columns)}
        column = {name: place for place, name in enumerate(self.rule_columns)}
        match conjunct:
            case ast.Compare(left=ast.Name(id=left), ops=[ast.Eq()], comparators=[ast.Name(id=right)]):
                if right in request:
                    left, right = right, left
                if left in request and right in column:
                    return Served(request[left], column[right], lambda value: frozenset((value,)))
            case ast.Call(func=ast.Name(id=name), args=[ast.Name(id=left), ast.Name(id=right)], keywords=[]):
                manager = _links(model)[name].rm if name in _links(model) else None
                if type(manager) is RoleManager and left in request and right in column:
                    return Served(request[left], column[right], _closures(manager))
            case _:
                pass
        return None

    def _cells_of(self, conjunct: ast.expr) -> tuple[int, ...]:
        read = {node.id for node in ast.walk(conjunct) if isinstance(node, ast.Name)}
        return tuple(place for place, column in enumerate(self.rest_columns) if self.rule_columns[column] in read)

    def holds(self, rest: "Rest", values: Sequence[Any], cells: Sequence[str]) -> bool:
        """Whether a conjunct that isn't served holds for a request and the cells that it reads."""
        names = dict(zip(self.request_columns, values, strict=True))
        for place, cell in zip(rest.cells, cells, strict=True):
            names[self.rule_columns[self.rest_columns[place]]] = cell
        return self._evaluate(rest.conjunct, names)

    def matches(self, values: Sequence[Any], row: Sequence[str]) -> bool:
        """Whether a rule matches by the whole matcher, as `enforce` evaluates it: to try an index out."""
        cells = zip(self.rule_columns, row, strict=True)
        return self._evaluate(self._whole, dict([*zip(self.request_columns, values, strict=True), *cells]))

    def effect_of(self, row: Sequence[str]) -> str:
        """What a rule says; every rule allows in a model without effects."""
        return "allow" if self._effect_column is None else row[self._effect_column]

    def verdict(self, effects: Iterable[str]) -> bool:
        """What Casbin's effector makes of the effects of the rules that matched; texts it doesn't know are neutral."""
        found = {_EFFECTS.get(effect, Effector.INDETERMINATE) for effect in effects}
        return bool(effect_to_bool(self._effector.final_effect(found)))

    def _evaluate(self, expression: ast.expr, values: Mapping[str, Any]) -> bool:
        evaluator = getattr(self._threads, "evaluator", None)
        if evaluator is None:
            with _CONSTRUCTION:
                evaluator = self._threads.evaluator = SimpleEval("", dict(self._functions))
        evaluator.ast_parsed_value = expression
        try:
            result = evaluator.eval(values)
        finally:
            evaluator.names = {}  # nothing of a request stays behind
        if not isinstance(result, bool | float):
            raise Defect(operator=f"the matcher gave {type(result).__name__}")
        return bool(result)


def _links(model: Any) -> Mapping[str, Any]:  # noqa: ANN401 - pycasbin has no types
    return model["g"] if "g" in model.keys() else {}  # noqa: SIM118 - a model is no mapping


def _functions(enforcer: casbin.Enforcer) -> dict[str, Callable[..., Any]]:
    """As `enforce` puts them together; raises NotIndexable where a `g` depends on more than its arguments."""
    functions = dict(enforcer.fm.get_functions())
    for name, definition in _links(enforcer.model).items():
        manager = definition.rm
        if definition.cond_rm is not None or manager is None:
            raise NotIndexable(f"the links of `{name}` depend on conditions")
        if type(manager) is not RoleManager:
            raise NotIndexable(f"`{name}` has a domain: its manager keeps every domain that it is asked about")
        if manager.matching_func is not None:
            raise NotIndexable(f"`{name}` has a matching function, whose answers depend on the order of calls")
        functions[name] = _known_only(generate_g_function(manager), manager)
    return functions


def _known_only(linked: Callable[[str, str], bool], manager: RoleManager) -> Callable[[str, str], bool]:
    """Casbin's `g`, not asked about names that nobody declared: it would keep them for ever."""

    def g(name: str, above: str) -> bool:
        if name in manager.all_roles and above in manager.all_roles:
            return linked(name, above)
        return name == above

    return g


def _closures(manager: RoleManager) -> Callable[[str], frozenset[str]]:
    """What `has_link` links a name to: itself, and what is fewer steps above it than Casbin walks."""
    known: dict[str, frozenset[str]] = {}

    def above(name: str) -> frozenset[str]:
        found = known.get(name)
        if found is not None:
            return found
        if name not in manager.all_roles:
            return frozenset((name,))  # not remembered: names that nobody declared would pile up
        reached, edge = {name}, {name}
        for _ in range(manager.max_hierarchy_level - 1):
            edge = {up.name for each in edge for up in manager.all_roles[each].roles} - reached
            if not edge:
                break
            reached |= edge
        found = known[name] = frozenset(reached)
        return found

    return above
