"""Rules that can never match, or only by an accident: windows, ways in, objects, conditions, roles, cases."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from gateway.decision.lint.ground import Ground, where_text
from gateway.decision.lint.impossible import ALWAYS_KNOWN, never_holds
from gateway.decision.lint.kinds import (
    CASE_NOT_NEEDED,
    HOLDS_UNKNOWN,
    NEVER_HOLDS,
    NO_ROW_PASSES,
    NO_WAY_IN,
    OBJECT_EMPTY,
    ROLE_NOT_ADMITTED,
    WINDOW_OUTSIDE,
)
from gateway.decision.rule import ROWS, Rule
from gateway.model.catalog import Purpose
from gateway.model.condition import Condition
from gateway.model.decision import Effect
from gateway.model.lint import Finding


def unmatched(ground: Ground, conditions: Mapping[str, Condition]) -> Iterator[Finding]:
    """At most one finding a rule: the first column that fails."""
    impossible = {text: never_holds(condition) for text, condition in conditions.items()}
    for rule in ground.rules:
        found = _unmatched(rule, ground, conditions, impossible)
        if found is not None:
            yield found


def _unmatched(
    rule: Rule, ground: Ground, conditions: Mapping[str, Condition], impossible: Mapping[str, bool]
) -> Finding | None:
    # a deny or ceiling on a class waits for the day that a field is labelled so
    if rule.obj not in ground.fields_below and not (rule.eft is not Effect.ALLOW and rule.obj.startswith("class:")):
        return OBJECT_EMPTY.of_rule(
            rule, f"speaks of `{rule.obj}`, which covers no field", f"针对 `{rule.obj}`，但没有任何字段属于它"
        )
    if not ground.doors_of(rule.pur, rule.app):
        return NO_WAY_IN.of_rule(
            rule,
            f"never matches: `{rule.pur}` can't be declared in `{rule.app}`",
            f"永不匹配：`{rule.pur}` 不能在 `{rule.app}` 中使用",
        )
    purposes = ground.purposes_behind(ground.doors_of(rule.pur, rule.app))
    if not any(_meets(rule, purpose) for purpose in purposes):
        return WINDOW_OUTSIDE.of_rule(
            rule,
            f"never matches: its window {rule.nbf}..{rule.exp} is outside the validity of `{rule.pur}`",
            f"永不匹配：其时段 {rule.nbf}..{rule.exp} 不在 `{rule.pur}` 的有效期内",
        )
    if impossible.get(rule.cond):
        if rule.eft is Effect.ALLOW or conditions[rule.cond].attributes <= ALWAYS_KNOWN:
            return NEVER_HOLDS.of_rule(
                rule, f"never matches: `{rule.cond}` can't be true", f"永不匹配：`{rule.cond}` 不可能成立"
            )
        return HOLDS_UNKNOWN.of_rule(
            rule,
            f"matches only where an attribute is unknown: `{rule.cond}` can't be true",
            f"仅在属性缺失时匹配：`{rule.cond}` 不可能成立",
        )
    opens_rows = rule.eft is Effect.ALLOW and rule.act == ROWS and rule.where
    # its obligations bind whoever it matches, rows or none
    if opens_rows and not rule.obligations and all(never_holds(condition) for condition in rule.where.values()):
        return NO_ROW_PASSES.of_rule(
            rule,
            f"lets no row pass: `{where_text(rule)}` can't be true",
            f"不放行任何行：`{where_text(rule)}` 不可能成立",
        )
    return None


def _meets(rule: Rule, purpose: Purpose) -> bool:
    begins_in_time = rule.nbf == "" or datetime.fromisoformat(rule.nbf) < purpose.valid_until
    return begins_in_time and (rule.exp == "" or purpose.valid_from < datetime.fromisoformat(rule.exp))


def accidental(ground: Ground) -> Iterator[Finding]:
    """Rules that match, but not as they look: roles that no purpose admits, cases that nobody must name."""
    for rule in ground.rules:
        doors = ground.doors_of(rule.pur, rule.app)
        if rule.eft is Effect.ALLOW and not ground.roles_of(rule.sub) & ground.admitted(doors):
            yield ROLE_NOT_ADMITTED.of_rule(
                rule,
                f"speaks of `{rule.sub}`, whom `{rule.pur}` doesn't admit: it takes another role to meet it",
                f"针对 `{rule.sub}`，但 `{rule.pur}` 不接纳该角色：只有兼具其他角色的人才会匹配",
            )
        if rule.case != "*" and not any(purpose.needs_case for purpose in ground.purposes_behind(doors)):
            yield CASE_NOT_NEEDED.of_rule(
                rule,
                f"is bound to case {rule.case}, but `{rule.pur}` needs no case: whoever names none passes it by",
                f"限定案件 {rule.case}，但 `{rule.pur}` 不要求案件：不填写案件即可绕过",
            )
