"""Field -> who can use it: roles, apps, purposes, levels, and the rules that say so. The PDP asked backwards; pure.

Begins with the rules that speak of the field and fans out to the purposes and roles below them, so that the work grows
with those rules and not with the city. A combination (one role, one app, one purpose) is listed where `decide` would
give the field in some circumstances, and is certain where it would in all in which the purpose stands. Dates are the
caller's moment: a rule outside its window doesn't count. Of people with several roles nothing is said.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from gateway.catalog.condition import evaluate_condition, parse_condition
from gateway.decision.engine import PolicyEngine
from gateway.decision.hierarchy import ROOT_REGION, field_object
from gateway.decision.levels import Ceiling, Level, ceilings_of, granted_level, under_ceilings
from gateway.decision.role_cover import RoleCover
from gateway.decision.row_filter import row_verdict
from gateway.decision.rule import CLEAR, ROWS, Rule
from gateway.decision.situations import Situation, situations
from gateway.model.catalog import Dataset, Field, Purpose
from gateway.model.condition import AttributeMissing, Condition
from gateway.model.decision import Effect
from gateway.model.ids import AppId, PurposeId, RoleName, RuleId
from gateway.model.query import FieldUse

USES = (FieldUse.SHOW, FieldUse.MATCH, FieldUse.AGGREGATE, FieldUse.EXPORT, FieldUse.WRITE)
"""What can be asked backwards."""
ALWAYS, SOMETIMES, NEVER = "always", "sometimes", "never"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entitlement:
    """What the same matched rules come to."""

    levels: tuple[str, ...]  # `clear` or masks, from the most shown to the least; empty for `write`
    is_certain: bool  # in all circumstances in which the purpose stands
    is_exact: bool  # False: too many circumstances to look through; then listed where it can't be ruled out
    rows: str  # always, sometimes, never: whether some row is there, where the field is; always for `write`
    needs: tuple[str, ...]  # `case`, `justification`: what the purpose demands
    rules: tuple[RuleId, ...]  # on the field: grants, ceilings and denies that take part in some circumstances
    row_rules: tuple[RuleId, ...]
    conditions: tuple[tuple[RuleId, str], ...]  # rules that don't always match, and on what that depends


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """The roles that, in one app for one purpose, come to one outcome."""

    purpose: PurposeId
    app: AppId
    roles: frozenset[RoleName]  # each of them alone suffices
    outcome: Entitlement


@dataclass(frozen=True, slots=True, kw_only=True)
class WhoCan:
    """Every grant of a field, and how to tell many roles in few words."""

    grants: tuple[Grant, ...]  # by purpose and app, the certain first
    cover: RoleCover


def who_can(
    engine: PolicyEngine,
    dataset: Dataset,
    field: Field,
    use: FieldUse,
    now: datetime,
    *,
    purpose: PurposeId | None = None,
) -> WhoCan:
    """Who can put the field to the use; `purpose` limits the answer to one."""
    return WhoCan(
        grants=_Search(engine, dataset, field, use, now).grants(purpose),
        cover=RoleCover(engine.hierarchies.roles, engine.catalog.roles),
    )


class _Search:
    def __init__(self, engine: PolicyEngine, dataset: Dataset, field: Field, use: FieldUse, now: datetime) -> None:
        self._engine = engine
        self._dataset = dataset
        self._use = use
        self._now = now
        self._opening = FieldUse.WRITE.value if use is FieldUse.WRITE else FieldUse.SHOW.value
        self._known: dict[object, Entitlement | None] = {}
        self._parsed: dict[str, Condition] = {}
        self._spaces: dict[object, tuple[_Told, ...] | None] = {}
        objects = engine.hierarchies.objects.above
        above, around = objects[field_object(dataset, field)], objects[f"ds:{dataset.name}"]
        acts = {self._opening, use.value}
        wants_rows = use is not FieldUse.WRITE
        self._rules = [
            rule
            for rule in engine.judge.rules
            if ((rule.act in acts and rule.obj in above) or (wants_rows and rule.act == ROWS and rule.obj in around))
            and _is_in_window(rule, now)
        ]

    def grants(self, only: PurposeId | None) -> tuple[Grant, ...]:
        catalog, hierarchies = self._engine.catalog, self._engine.hierarchies
        classes = self._role_classes()
        found: list[Grant] = []
        for name, purpose in sorted(catalog.purposes.items()):
            if only not in {None, name} or purpose.is_abstract:
                continue
            if not purpose.valid_from <= self._now < purpose.valid_until:
                continue
            up = hierarchies.purposes.above[f"pur:{name}"]
            spoken = [rule for rule in self._rules if rule.pur in up]
            if not any(self._opens(rule) for rule in spoken):
                continue
            for app in sorted(set(purpose.apps)):
                if app not in catalog.apps or name not in catalog.apps[app].purposes:
                    continue
                roles: dict[Entitlement, list[RoleName]] = {}
                for outcome, names in self._outcomes(purpose, app, spoken, classes):
                    roles.setdefault(outcome, []).extend(names)
                found.extend(
                    Grant(purpose=name, app=app, roles=frozenset(names), outcome=outcome)
                    for outcome, names in roles.items()
                )
        return tuple(
            sorted(found, key=lambda each: (each.purpose, each.app, not each.outcome.is_certain, min(each.roles)))
        )

    def _role_classes(self) -> Mapping[frozenset[str], list[RoleName]]:
        """Roles that no rule of the field and no purpose tells apart, by what tells them from others."""
        above = self._engine.hierarchies.roles.above
        told = {rule.sub for rule in self._rules}
        told |= {f"role:{role}" for purpose in self._engine.catalog.purposes.values() for role in purpose.roles}
        classes: dict[frozenset[str], list[RoleName]] = {}
        for name in self._engine.catalog.roles:
            if name != "any":
                classes.setdefault(above[f"role:{name}"] & told, []).append(name)
        return classes

    def _outcomes(
        self, purpose: Purpose, app: AppId, spoken: Iterable[Rule], classes: Mapping[frozenset[str], list[RoleName]]
    ) -> Iterable[tuple[Entitlement, list[RoleName]]]:
        apps = self._engine.hierarchies.apps.above[f"app:{app}"]
        by_role: dict[str, list[Rule]] = {}
        for rule in spoken:
            if rule.app in apps:
                by_role.setdefault(rule.sub, []).append(rule)
        openers = {sub for sub, rules in by_role.items() if any(self._opens(rule) for rule in rules)}
        admitted = {f"role:{role}" for role in purpose.roles}
        above = self._engine.hierarchies.purposes.above[f"pur:{purpose.id}"]
        ups = [PurposeId(name.removeprefix("pur:")) for name in above]
        ceilings = ceilings_of(purpose, self._engine.catalog.apps[app], ups, self._engine.catalog)
        for told, names in classes.items():
            if admitted.isdisjoint(told) or openers.isdisjoint(told):
                continue
            matched = tuple(rule for sub in sorted(told & by_role.keys()) for rule in by_role[sub])
            key = (
                purpose.needs_case,
                purpose.needs_justification,
                ceilings,
                frozenset(rule.id for rule in matched),
            )
            if key not in self._known:
                self._known[key] = self._outcome(purpose, matched, ceilings)
            outcome = self._known[key]
            if outcome is not None:
                yield outcome, names

    def _opens(self, rule: Rule) -> bool:
        return rule.act == self._opening and rule.eft is Effect.ALLOW

    # ------------------------------------------------------------------ one set of rules
    def _outcome(self, purpose: Purpose, rules: tuple[Rule, ...], ceilings: tuple[Ceiling, ...]) -> Entitlement | None:
        """What the rules come to over all circumstances; None where the field is never open."""
        is_action = self._use is FieldUse.WRITE
        space = self._space(purpose, rules)
        if space is None:
            return self._guess(purpose, rules, ceilings)
        levels: set[Level] = set()
        taken: dict[RuleId, int] = {}
        opened = with_rows = 0
        for situation, truths in space:
            matched = [rule for rule in rules if _holds(rule, situation, truths)]
            for rule in matched:
                taken[rule.id] = taken.get(rule.id, 0) + 1
            level = self._level(matched, ceilings)
            if level is None:
                continue
            opened += 1
            levels.add(level)
            with_rows += is_action or self._has_rows(matched, situation)
        if opened == 0:
            return None
        return self._told(
            purpose,
            [rule for rule in rules if rule.id in taken],
            levels,
            certain=opened == len(space),
            rows=ALWAYS if with_rows == opened else SOMETIMES if with_rows else NEVER,
            wavering={rule_id for rule_id, times in taken.items() if times < len(space)},
        )

    def _guess(self, purpose: Purpose, rules: tuple[Rule, ...], ceilings: tuple[Ceiling, ...]) -> Entitlement | None:
        """Conservative: open unless a rule without conditions closes it, never certain."""
        may = [rule for rule in rules if rule.eft is Effect.ALLOW or not _is_conditional(rule)]
        level = self._level(may, ceilings)
        if level is None:
            return None
        wavering = {rule.id for rule in rules if _is_conditional(rule)}
        return self._told(purpose, rules, {level}, certain=False, rows=SOMETIMES, wavering=wavering, exact=False)

    def _told(
        self,
        purpose: Purpose,
        rules: Iterable[Rule],
        levels: set[Level],
        *,
        certain: bool,
        rows: str,
        wavering: set[RuleId],
        exact: bool = True,
    ) -> Entitlement:
        listed = sorted(rules, key=lambda rule: rule.id)
        is_action = self._use is FieldUse.WRITE
        demanded = (("case", purpose.needs_case), ("justification", purpose.needs_justification))
        return Entitlement(
            levels=()
            if is_action
            else tuple(level.mask or CLEAR for level in sorted(levels, key=lambda each: (each.rank, each.mask or ""))),
            is_certain=certain,
            is_exact=exact,
            rows=rows,
            needs=() if is_action else tuple(name for name, is_needed in demanded if is_needed),
            rules=tuple(rule.id for rule in listed if rule.act != ROWS),
            row_rules=tuple(rule.id for rule in listed if rule.act == ROWS),
            conditions=tuple((rule.id, _on_what(rule)) for rule in listed if rule.id in wavering),
        )

    def _level(self, matched: list[Rule], ceilings: tuple[Ceiling, ...]) -> Level | None:
        """The level at which the use is open; None where it is closed."""
        opening = [rule for rule in matched if rule.act == self._opening]
        if not self._engine.judge.allows(opening):
            return None
        if self._use is FieldUse.WRITE:
            return Level(0, None)
        level = granted_level(opening, self._engine.catalog.masks)
        if level is None:
            return None
        level, _ = under_ceilings(level, ceilings)
        # what is clear may be put to every use; what is masked only where a rule grants the use by name
        if self._use is FieldUse.SHOW or level.mask is None:
            return level
        granted = self._engine.judge.allows(rule for rule in matched if rule.act == self._use.value)
        return level if granted else None

    def _has_rows(self, matched: Iterable[Rule], situation: Situation) -> bool:
        rules = [rule for rule in matched if rule.act == ROWS]
        above = self._engine.hierarchies.regions.above
        regions = {ROOT_REGION, *(rule.reg for rule in rules)}
        if not any(self._engine.judge.allows(rule for rule in rules if rule.reg in above[each]) for each in regions):
            return False
        subjects = situation.attributes.get("case.subjects", ("",)) if situation.case else None
        people = subjects if isinstance(subjects, tuple) else None
        return row_verdict(rules, self._dataset, situation.attributes, people).is_allowed

    def _space(self, purpose: Purpose, rules: tuple[Rule, ...]) -> "tuple[_Told, ...] | None":
        """Every situation that the rules tell apart, each with the truth of their conditions (None: unknown)."""
        texts = frozenset(rule.cond for rule in rules if rule.cond)
        wheres = {
            condition.text: condition for rule in rules if (condition := rule.where.get(self._dataset.name)) is not None
        }
        cases = frozenset(rule.case for rule in rules if rule.case != "*")
        key = (purpose.needs_case, purpose.needs_justification, texts, frozenset(wheres), cases)
        if key not in self._spaces:
            read = {text: self._condition(text) for text in sorted(texts)}
            found = situations(
                purpose,
                [*read.values(), *(wheres[text] for text in sorted(wheres))],
                cases,
                self._now,
                may_lack_all=self._use is FieldUse.WRITE,
            )
            self._spaces[key] = (
                None
                if found is None
                else tuple((each, {text: _truth(read[text], each) for text in read}) for each in found)
            )
        return self._spaces[key]

    def _condition(self, text: str) -> Condition:
        if text not in self._parsed:
            self._parsed[text] = parse_condition(text, dataset=None)
        return self._parsed[text]


_Told = tuple[Situation, Mapping[str, bool | None]]


def _truth(condition: Condition, situation: Situation) -> bool | None:
    try:
        return evaluate_condition(condition, situation.attributes)
    except AttributeMissing:
        return None


def _holds(rule: Rule, situation: Situation, truths: Mapping[str, bool | None]) -> bool:
    if rule.case not in {"*", situation.case}:
        return False
    truth = truths[rule.cond] if rule.cond else True
    return rule.eft is not Effect.ALLOW if truth is None else truth


def _is_in_window(rule: Rule, now: datetime) -> bool:
    return (not rule.nbf or datetime.fromisoformat(rule.nbf) <= now) and (
        not rule.exp or now < datetime.fromisoformat(rule.exp)
    )


def _is_conditional(rule: Rule) -> bool:
    return bool(rule.cond) or rule.case != "*"


def _on_what(rule: Rule) -> str:
    """The cells that let the rule match or not, in its own words."""
    parts = ([rule.cond] if rule.cond else []) + ([f"case {rule.case}"] if rule.case != "*" else [])
    return f"{rule.eft.value} if {' and '.join(parts)}"
