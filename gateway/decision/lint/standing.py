"""What stands no longer or on nothing: expired rules and purposes, purposes without a law, names that nobody uses."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from gateway.decision.lint.ground import Ground
from gateway.decision.lint.kinds import (
    EXPIRED,
    EXPIRES_SOON,
    NO_LAW,
    PURPOSE_ENDS_SOON,
    PURPOSE_EXPIRED,
    PURPOSE_UNUSED,
    ROLE_UNUSED,
)
from gateway.model.catalog import Purpose
from gateway.model.decision import Effect
from gateway.model.lint import Finding

SOON = timedelta(days=30)


def lapsed(ground: Ground, now: datetime) -> Iterator[Finding]:
    """Rules and purposes whose time is over, or is in thirty days."""
    for rule in ground.rules:
        if rule.exp == "":
            continue
        ends = datetime.fromisoformat(rule.exp)
        if ends <= now:
            yield EXPIRED.of_rule(rule, f"expired at {rule.exp}", f"已于 {rule.exp} 到期")
        elif ends <= now + SOON:
            yield EXPIRES_SOON.of_rule(rule, f"expires at {rule.exp}", f"将于 {rule.exp} 到期")
    for purpose in _usable(ground):
        place, day = ground.place(f"pur:{purpose.id}"), purpose.valid_until.date()
        if purpose.valid_until <= now:
            yield PURPOSE_EXPIRED.at(
                place, f"purpose `{purpose.id}` ended on {day}", f"用途 `{purpose.id}` 已于 {day} 失效"
            )
        elif purpose.valid_until <= now + SOON:
            yield PURPOSE_ENDS_SOON.at(
                place, f"purpose `{purpose.id}` ends on {day}", f"用途 `{purpose.id}` 将于 {day} 失效"
            )


def unfounded(ground: Ground) -> Iterator[Finding]:
    """Purposes without a law, purposes without a grant, roles without a use."""
    # what everybody may do whatever they are at (answer a review, register a device) makes no purpose useful
    granted = {
        rule.pur for rule in ground.rules if rule.eft is Effect.ALLOW and (rule.act, rule.pur) != ("write", "pur:any")
    }
    for purpose in _usable(ground):
        place = ground.place(f"pur:{purpose.id}")
        bases = [(basis.law, basis.article) for basis in purpose.legal_basis]
        if not bases or not all(text.strip() for pair in bases for title in pair for text in (title.zh, title.en)):
            yield NO_LAW.at(
                place, f"purpose `{purpose.id}` names no law or article", f"用途 `{purpose.id}` 没有写明法律或条款"
            )
        if not granted & ground.hierarchies.purposes.above[f"pur:{purpose.id}"]:
            yield PURPOSE_UNUSED.at(
                place,
                f"no rule grants anything for the purpose `{purpose.id}`",
                f"没有规则为用途 `{purpose.id}` 授予权限",
            )
    named = {rule.sub for rule in ground.rules}
    named |= {f"role:{role}" for purpose in ground.catalog.purposes.values() for role in purpose.roles}
    # a role that groups others is used with them
    used = set().union(*(ground.hierarchies.roles.above.get(name, frozenset()) for name in named))
    for role in ground.catalog.roles:
        if f"role:{role}" not in used:
            yield ROLE_UNUSED.at(
                ground.place(f"role:{role}"),
                f"no rule and no purpose names the role `{role}`",
                f"没有规则或用途使用角色 `{role}`",
            )


def _usable(ground: Ground) -> Iterator[Purpose]:
    return (purpose for purpose in ground.catalog.purposes.values() if not purpose.is_abstract)
