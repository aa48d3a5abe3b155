"""Casbin: which rules match a request, and what their effects amount to.

An ordinary pycasbin enforcer, built once and never changed while it serves (pycasbin clears its role managers in place
when it reloads). `matched` does what its `enforce` does, with its own matcher expression, role managers and effector,
but tells every rule that matched instead of stopping at a verdict. Not promised: that the names asked about exist; ask
only about names of the hierarchies.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import casbin
from casbin.effect import Effector, effect_to_bool
from casbin.persist import Adapter
from casbin.util import SimpleEval, generate_g_function
from casbin.util.log import disabled_logging

from gateway.catalog.condition import evaluate_condition
from gateway.decision.hierarchy import Hierarchies
from gateway.decision.rule import Rule
from gateway.errors import Defect
from gateway.model.condition import AttributeMissing, AttributeValue, Condition
from gateway.model.decision import Effect

_EFFECTS = {Effect.ALLOW: Effector.ALLOW, Effect.DENY: Effector.DENY, Effect.OBLIGE: Effector.INDETERMINATE}
# SimpleEval's constructor changes the process's warning filters for a moment, which two threads must not do at once
_CONSTRUCTION = threading.Lock()


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Circumstances:
    """The request's `ctx`: attributes by name. Its repr holds none of them."""

    attributes: Mapping[str, AttributeValue]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What stays the same while one question is decided: the model's request columns but obj, act, reg and sub."""

    subs: tuple[str, ...]  # `role:x` for each role of the person; matches of all count together
    app: str
    case: str  # "" without a case
    pur: str
    now: datetime
    ctx: Circumstances = field(repr=False)


class _Rows(Adapter):  # type: ignore[misc]  # pycasbin has no types
    """The rules and links as pycasbin's adapter; read once, never written."""

    def __init__(self, rules: Iterable[Rule], hierarchies: Hierarchies) -> None:
        self._rules = rules
        self._hierarchies = hierarchies

    def load_policy(self, model: Any) -> None:  # noqa: ANN401 - pycasbin has no types
        """Put everything into pycasbin's model."""
        model["p"]["p"].policy.extend(list(rule.row) for rule in self._rules)
        for name, hierarchy in self._hierarchies.named().items():
            model["g"][name].policy.extend(list(link) for link in hierarchy.links)


class Judge:
    """One policy version. Safe to use from several threads: nothing in it changes."""

    def __init__(
        self, model: str, rules: tuple[Rule, ...], hierarchies: Hierarchies, conditions: Mapping[str, Condition]
    ) -> None:
        disabled_logging()  # pycasbin logs the policy while it loads and the request's values while it decides
        self.rules = rules
        self.enforcer = casbin.Enforcer(casbin.Enforcer.new_model(text=model), _Rows(rules, hierarchies))
        self.enforcer.add_function("within", _within(rules))
        self.enforcer.add_function("cond", _holds(conditions))
        self._hierarchies = hierarchies
        columns = self.enforcer.model["p"]["p"].tokens
        # the matcher's first conjunct is `r.act == p.act`: rules of another act can't match
        self._by_act: dict[str, list[tuple[Rule, dict[str, str]]]] = {}
        for rule in rules:
            cells = dict(zip(columns, rule.row, strict=True))
            self._by_act.setdefault(rule.act, []).append((rule, cells))
        # the object is read by g2 alone: objects below the same named objects match the same rules
        self._named_objects = frozenset(rule.obj for rule in rules)
        self.row_regions = tuple(sorted({rule.reg for rule in rules if rule.act == "rows"}))
        matcher = self.enforcer._get_expression(  # noqa: SLF001 - the expression that enforce evaluates
            self.enforcer.model["m"]["m"].value, {}
        )
        self._matcher = (matcher.expr, matcher.ast_parsed_value)
        for name, hierarchy in hierarchies.named().items():
            manager = self.enforcer.get_named_role_manager(name)
            for known in hierarchy.above:
                manager.get_roles(known)  # pycasbin adds names when it first meets them: not while it serves

    def sit(self, request: Request) -> "Sitting":
        """Begin one question."""
        return Sitting(self, request)

    def allows(self, matched: Iterable[Rule]) -> bool:
        """What Casbin's effector makes of the matched rules: some allow and no deny."""
        return bool(effect_to_bool(self.enforcer.eft.final_effect({_EFFECTS[rule.eft] for rule in matched})))

    def rules_for(self, act: str) -> list[tuple[Rule, dict[str, str]]]:
        """The rules of a use, with their columns as the matcher names them."""
        return self._by_act.get(act, [])

    def object_key(self, obj: str) -> frozenset[str]:
        """What of an object the rules can tell apart."""
        return self._hierarchies.objects.above[obj] & self._named_objects

    def expression(self) -> Any:  # noqa: ANN401 - pycasbin has no types
        """The matcher, ready to evaluate in one thread; its `g` functions remember what they found."""
        functions = dict(self.enforcer.fm.get_functions())
        for name, definition in self.enforcer.model["g"].items():
            functions[name] = _remembering(generate_g_function(definition.rm))
        with _CONSTRUCTION:
            expression = SimpleEval("", functions)
        expression.expr, expression.ast_parsed_value = self._matcher
        return expression


class Sitting:
    """One question before the judge; for one thread."""

    def __init__(self, judge: Judge, request: Request) -> None:
        self.request = request
        self._judge = judge
        self._expression = judge.expression()
        self._found: dict[tuple[frozenset[str], str, str], tuple[Rule, ...]] = {}

    def matched(self, obj: str, act: str, reg: str) -> tuple[Rule, ...]:
        """Every rule that matches for any of the person's roles, in the policy's order."""
        key = (self._judge.object_key(obj), act, reg)
        found = self._found.get(key)
        if found is None:
            taken = frozenset(
                rule_id for sub in self.request.subs for rule_id in self._matched_as(sub, obj=obj, act=act, reg=reg)
            )
            found = self._found[key] = tuple(rule for rule, _ in self._judge.rules_for(act) if rule.id in taken)
        return found

    def _matched_as(self, sub: str, *, obj: str, act: str, reg: str) -> Iterable[str]:
        asked = self.request
        wanted = {
            "r_sub": sub,
            "r_app": asked.app,
            "r_case": asked.case,
            "r_obj": obj,
            "r_act": act,
            "r_pur": asked.pur,
            "r_reg": reg,
            "r_now": asked.now,
            "r_ctx": asked.ctx,
        }
        evaluate = self._expression.eval
        for rule, cells in self._judge.rules_for(act):
            result = evaluate({**wanted, **cells})
            if result is True:
                yield rule.id
            elif result is not False:
                raise Defect(operator=f"the matcher gave {type(result).__name__} for rule {rule.id}")


def _remembering(linked: Callable[[str, str], bool]) -> Callable[[str, str], bool]:
    known: dict[tuple[str, str], bool] = {}

    def g(name: str, above: str) -> bool:
        pair = (name, above)
        found = known.get(pair)
        if found is None:
            found = known[pair] = linked(name, above)
        return found

    return g


def _within(rules: Iterable[Rule]) -> Callable[[datetime, str, str], bool]:
    """`within(now, nbf, exp)`: from nbf on, before exp; an empty bound is none."""
    instants = {text: datetime.fromisoformat(text) for rule in rules for text in (rule.nbf, rule.exp) if text}

    def within(now: datetime, nbf: str, exp: str) -> bool:
        return (nbf == "" or instants[nbf] <= now) and (exp == "" or now < instants[exp])

    return within


def _holds(conditions: Mapping[str, Condition]) -> Callable[[Circumstances, str, str], bool]:
    """`cond(ctx, cond, eft)`: whether the condition holds; unknown: an allow does not match, all else does."""

    def cond(circumstances: Circumstances, text: str, effect: str) -> bool:
        if text == "":
            return True
        try:
            return evaluate_condition(conditions[text], circumstances.attributes)
        except AttributeMissing:
            return effect != Effect.ALLOW.value

    return cond
