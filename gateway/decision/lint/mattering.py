"""Rules that match and never matter: overruled, covered, ceilings that lower nothing, uses of what nobody sees.

Each of these is proved, not guessed: with all of them taken out every decision stays as it is.
Two people's roles may be one person's, so roles never keep two rules apart; purposes, apps and objects do.
"""

from collections.abc import Iterator

from gateway.decision.hierarchy import field_object
from gateway.decision.lint.cover import Cover
from gateway.decision.lint.ground import Ground
from gateway.decision.lint.kinds import (
    CEILING_IDLE,
    CONTRADICTION,
    COVERED,
    DUPLICATE,
    OBLIGE_DENIED,
    OVERRULED,
    USE_WITHOUT_SHOW,
)
from gateway.decision.rule import ROWS, Rule
from gateway.model.decision import Effect
from gateway.model.lint import Finding

_SAME = ("sub", "app", "obj", "act", "pur", "reg", "case", "nbf", "exp", "cond")
_SHOW = "show"
_ON_TOP = {"match", "aggregate", "export"}


def unmattering(ground: Ground, cover: Cover) -> Iterator[Finding]:
    """At most one finding a rule: the first reason that is found."""
    grants = _Grants(ground)
    for rule in ground.rules:
        found = _denied(rule, cover) or _covered(rule, cover) or grants.ceiling(rule) or grants.use(rule, cover)
        if found is not None:
            yield found


def _denied(rule: Rule, cover: Cover) -> Finding | None:
    """What a deny makes void. Obligations of a denied `show` bind nobody; those of other uses and rows still do."""
    if rule.eft is Effect.DENY or (rule.obligations and rule.act not in {_SHOW, "write"}):
        return None
    if rule.eft is Effect.OBLIGE and rule.act not in {_SHOW, ROWS}:
        return None
    deny = next(cover.over(rule, Effect.DENY), None)
    if deny is None:
        return None
    place = f"{deny.id} ({deny.file}:{deny.line})"
    if rule.eft is Effect.OBLIGE:
        return OBLIGE_DENIED.of_rule(
            rule, f"binds nobody: {place} denies all that it speaks of", f"不约束任何人：{place} 已拒绝其全部范围"
        )
    if all(getattr(rule, column) == getattr(deny, column) for column in _SAME):
        return CONTRADICTION.of_rule(
            rule, f"allows exactly what {place} denies; the deny wins", f"所授权的正是 {place} 所拒绝的；以拒绝为准"
        )
    return OVERRULED.of_rule(
        rule, f"grants nothing: {place} denies all of it", f"没有授予任何权限：{place} 拒绝了其全部范围"
    )


def _covered(rule: Rule, cover: Cover) -> Finding | None:
    first = cover.first_alike(rule)
    if first is not rule:
        place = f"{first.id} ({first.file}:{first.line})"
        return DUPLICATE.of_rule(rule, f"says what {place} says", f"与 {place} 内容相同")
    other = cover.stronger(rule)
    if other is None:
        return None
    place = f"{other.id} ({other.file}:{other.line})"
    return COVERED.of_rule(
        rule,
        f"never matters: {place} does at least as much, for at least as many",
        f"永不起作用：{place} 的范围与效力均不小于它",
    )


class _Grants:
    """The `show` grants by object, those that show most first."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        best: dict[str, dict[int, Rule]] = {}
        for rule in ground.rules:
            if rule.act == _SHOW and rule.eft is Effect.ALLOW and rule.level is not None:
                by_doors = best.setdefault(rule.obj, {})
                doors = ground.doors_of(rule.pur, rule.app)
                known = by_doors.get(doors)
                if known is None or ground.level(rule.level) < ground.level(known.level or rule.level):
                    by_doors[doors] = rule
        self._by_object = {
            obj: sorted(((ground.level(str(rule.level)), doors) for doors, rule in by_doors.items()))
            for obj, by_doors in best.items()
        }
        self._seen: dict[tuple[str, str, str], tuple[int, str] | None] = {}

    def _most_shown(self, rule: Rule) -> tuple[int, str] | None:
        """The level of the grant that shows most among those that the rule can meet; None: it meets none."""
        key = (rule.obj, rule.pur, rule.app)
        if key not in self._seen:
            doors = self._ground.doors_of(rule.pur, rule.app)
            first = (
                next((level for level, opened in self._by_object.get(obj, ()) if opened & doors), None)
                for obj in self._ground.related(rule.obj)
            )
            self._seen[key] = min((level for level in first if level is not None), default=None)
        return self._seen[key]

    def ceiling(self, rule: Rule) -> Finding | None:
        """A ceiling above which no grant goes. One that meets no grant at all waits for the day that there is one."""
        if rule.eft is not Effect.OBLIGE or rule.level is None or rule.obligations:
            return None
        most = self._most_shown(rule)
        if most is None or most < self._ground.level(rule.level):
            return None
        return CEILING_IDLE.of_rule(
            rule,
            f"lowers nothing: no grant that it meets shows more than `{most[1]}`",
            f"没有降低任何字段：它所遇到的授权最多只显示到 `{most[1]}`",
        )

    def use(self, rule: Rule, cover: Cover) -> Finding | None:
        """A rule on another use of fields that nobody is shown, masked or clear."""
        if rule.act not in _ON_TOP:
            return None
        below = self._ground.fields_below.get(rule.obj, ())
        if rule.eft is Effect.ALLOW and self._most_shown(rule) is None:
            return USE_WITHOUT_SHOW.of_rule(
                rule, f"grants `{rule.act}` of what nobody is shown", f"授予了 `{rule.act}`，但没有人能看到该字段"
            )
        if below and all(self._is_denied(rule, field_object(*pair), cover) for pair in below):
            return USE_WITHOUT_SHOW.of_rule(
                rule,
                f"speaks of `{rule.act}` where `show` is denied, and with it every other use",
                f"针对 `{rule.act}`，但 show 已被拒绝，其他用法随之无效",
            )
        return None

    @staticmethod
    def _is_denied(rule: Rule, field: str, cover: Cover) -> bool:
        return next(cover.over(rule, Effect.DENY, act=_SHOW, obj=field), None) is not None
