"""Casbin: which rules match a request, and what their effects amount to.

An ordinary pycasbin enforcer, built once and never changed while it serves (pycasbin clears its role managers in place
when it reloads), behind an index. `matched` does what its `enforce` does, with its own matcher, role managers and
effector, but tells every rule that matched instead of stopping at a verdict. Not promised: that the names asked about
exist; ask only about names of the hierarchies.
"""

import threading
import weakref
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

import casbin
from casbin.persist import Adapter
from casbin.rbac.default_role_manager import RoleManager
from casbin.util.log import disabled_logging

from gateway.catalog.condition import evaluate_condition
from gateway.decision.attributes import COMMON
from gateway.decision.hierarchy import Hierarchies
from gateway.decision.rule import ROWS, Rule
from gateway.decision.rule_index import Inquiry, RuleIndex
from gateway.model.condition import AttributeMissing, AttributeValue, Condition
from gateway.model.decision import Effect

_MOST_TRUTHS = 1_024
_NOT_KEPT = "not kept"
_MANY, _SOME = 10_000, 500


class Demand(NamedTuple):
    """What a rule demands of a request beyond who, what, where and what for: the cells of the matcher's rest."""

    case: str
    nbf: str
    exp: str
    cond: str
    eft: str


class Circumstances:
    """The request's `ctx`: attributes by name. Its repr holds none of them."""

    __slots__ = ("attributes",)

    def __init__(self, *, attributes: Mapping[str, AttributeValue]) -> None:
        self.attributes = attributes


class Request(NamedTuple):
    """What stays the same while one question is decided: the model's request columns but obj, act, reg and sub."""

    subs: tuple[str, ...]  # `role:x` for each role of the person; matches of all count together
    app: str
    case: str  # "" without a case
    pur: str
    now: datetime
    ctx: Circumstances


class _Rows(Adapter):  # type: ignore[misc]  # pycasbin has no types
    """The rules and links as pycasbin's adapter; read once, never written."""

    def __init__(self, rules: Iterable[Rule], hierarchies: Hierarchies) -> None:
        self._rules = rules
        self._hierarchies = hierarchies

    def load_policy(self, model: Any) -> None:  # noqa: ANN401 - pycasbin has no types
        """Put everything into pycasbin's model."""
        model["p"]["p"].policy = _Quiet(rule.row for rule in self._rules)
        for name, hierarchy in self._hierarchies.named().items():
            model["g"][name].policy = _Quiet(hierarchy.links)


class _Quiet(list[tuple[str, ...]]):
    """Rows whose text is their count: pycasbin writes out the whole policy for its log, even when nobody listens."""

    def __repr__(self) -> str:
        return f"{len(self)} rows"


class Judge:
    """One policy version. Safe to use from several threads: nothing in it changes."""

    def __init__(
        self, model: str, rules: tuple[Rule, ...], hierarchies: Hierarchies, conditions: Mapping[str, Condition]
    ) -> None:
        disabled_logging()  # pycasbin logs the policy while it loads and the request's values while it decides
        self.rules = rules
        self.enforcer = casbin.Enforcer(casbin.Enforcer.new_model(text=model), _Rows(rules, hierarchies))
        self.within = _within(rules)
        self.cond = _holds(conditions)
        self.enforcer.add_function("within", self.within)
        self.enforcer.add_function("cond", self.cond)
        for name, hierarchy in hierarchies.named().items():
            manager = self.enforcer.get_named_role_manager(name)
            for known in hierarchy.above:
                manager.get_roles(known)  # pycasbin adds names when it first meets them: not while it serves
        self.index = RuleIndex(self.enforcer, varying="r_obj")
        regions: dict[str, set[str]] = {}
        for rule in rules:
            if rule.act == ROWS:
                regions.setdefault(rule.obj, set()).add(rule.reg)
        self._row_regions = regions
        self._demands = tuple(Demand(*cells) for cells in self.index.rests)
        self._objects_above = hierarchies.objects.above
        managers = tuple(self.enforcer.rm_map.values())
        weakref.finalize(self, _dismiss, managers, self.index.rows, self.index.shelves, list(rules)).atexit = False

    def sit(self, request: Request) -> "Sitting":
        """Begin one question."""
        return Sitting(self, request)

    def allows(self, matched: Iterable[Rule]) -> bool:
        """What Casbin's effector makes of the matched rules: some allow and no deny."""
        return self.index.matcher.verdict(effect.value for effect in {rule.eft for rule in matched})

    def rules_on(self, obj: str, act: str) -> list[Rule]:
        """The rules that speak of a use of an object, whoever asks; in the policy's order."""
        speaking = self.index.speaking_of(self._objects_above[obj])
        return [rule for rule in map(self.rules.__getitem__, speaking) if rule.act == act]

    def row_regions(self, dataset: str) -> frozenset[str]:
        """The regions that rules on the dataset's rows name."""
        return frozenset(region for obj in self._objects_above[dataset] for region in self._row_regions.get(obj, ()))

    def demands(self, rests: Iterable[int]) -> frozenset[Demand]:
        """By the numbers that the index gave them; those that every request meets are left out."""
        return frozenset(
            demand
            for demand in map(self._demands.__getitem__, rests)
            if demand.case != "*" or demand.nbf or demand.exp or demand.cond
        )

    def meets(self, request: Request, demand: Demand) -> bool:
        """Whether a request meets a demand: the matcher's own functions on the same cells."""
        case, nbf, exp, condition, effect = demand
        return (
            (case in {"*", request.case})
            and self.within(request.now, nbf, exp)
            and self.cond(request.ctx, condition, effect)
        )


class Sitting:
    """One question before the judge; for one thread."""

    def __init__(self, judge: Judge, request: Request) -> None:
        self.request = request
        self._judge = judge
        self._inquiry = Inquiry(judge.index)
        self._subs = frozenset(request.subs)

    def matched(self, obj: str, act: str, reg: str) -> tuple[Rule, ...]:
        """Every rule that matches for any of the person's roles, in the policy's order."""
        return self._matched(obj, act, reg)

    def _matched(self, obj: str, act: str, reg: str | frozenset[str]) -> tuple[Rule, ...]:
        asked = self.request
        values = (self._subs, asked.app, asked.case, obj, act, asked.pur, reg, asked.now, asked.ctx)
        return tuple(map(self._judge.rules.__getitem__, self._inquiry.matched(values)))

    def demands_asked(self) -> frozenset[Demand]:
        """All that the answers so far depended on beyond roles, app, purpose, objects, uses and regions."""
        return self._judge.demands(self._inquiry.rests_met())

    def row_rules(self, dataset: str) -> tuple[Rule, ...]:
        """All `rows` rules that speak of the dataset's rows in some region, in the policy's order."""
        regions = self._judge.row_regions(dataset)
        return self._matched(dataset, ROWS, regions) if regions else ()


def _dismiss(managers: tuple[RoleManager, ...], rows: list[Any], shelves: dict[str, Any], rules: list[Rule]) -> None:
    """Free a policy that nobody asks any more, bit by bit: all at once it would stop every request for a while."""
    if len(rows) < _MANY:
        _take_apart(managers, rows, shelves, rules)
    else:
        threading.Thread(target=_take_apart, args=(managers, rows, shelves, rules), daemon=True).start()


def _take_apart(managers: tuple[RoleManager, ...], rows: list[Any], shelves: dict[str, Any], rules: list[Rule]) -> None:
    for manager in managers:
        # roles and their users point at each other
        while manager.all_roles:
            _, role = manager.all_roles.popitem()
            role.roles.clear()
            role.users.clear()
    for each in (rows, rules, *(manager.all_links for manager in managers)):
        while each:
            del each[-_SOME:]
    while shelves:
        shelves.popitem()


def _within(rules: Iterable[Rule]) -> Callable[[datetime, str, str], bool]:
    """`within(now, nbf, exp)`: from nbf on, before exp; an empty bound is none."""
    instants = {text: datetime.fromisoformat(text) for rule in rules for text in (rule.nbf, rule.exp) if text}

    def within(now: datetime, nbf: str, exp: str) -> bool:
        return (nbf == "" or instants[nbf] <= now) and (exp == "" or now < instants[exp])

    return within


def _holds(conditions: Mapping[str, Condition]) -> Callable[[Circumstances, str, str], bool]:
    """`cond(ctx, cond, eft)`: whether the condition holds; unknown: an allow does not match, all else does."""
    truths = {text: _remembering(condition) for text, condition in conditions.items()}

    def cond(circumstances: Circumstances, text: str, effect: str) -> bool:
        if text == "":
            return True
        truth = truths[text](circumstances.attributes)
        return effect != Effect.ALLOW.value if truth is None else truth

    return cond


def _remembering(condition: Condition) -> Callable[[Mapping[str, AttributeValue]], bool | None]:
    """The truth of a condition, None where an attribute is missing; kept where it reads common attributes alone."""
    names = tuple(sorted(condition.attributes))
    known: dict[tuple[AttributeValue, ...], bool | None] = {}

    def evaluate(attributes: Mapping[str, AttributeValue]) -> bool | None:
        try:
            return evaluate_condition(condition, attributes)
        except AttributeMissing:
            return None

    def find(attributes: Mapping[str, AttributeValue]) -> bool | None:
        values = tuple([attributes.get(name) for name in names])
        # one look: between two, another thread may have emptied it, and a truth would be taken for unknown
        found = known.get(values, _NOT_KEPT)
        if not isinstance(found, str):
            return found
        if len(known) >= _MOST_TRUTHS:
            known.clear()
        truth = known[values] = evaluate(attributes)
        return truth

    return find if COMMON.issuperset(names) else evaluate
