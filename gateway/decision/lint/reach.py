"""What the rules together reach: sensitive fields through wildcards, datasets and fields that nobody gets."""

from collections.abc import Iterator

from gateway.decision.hierarchy import ANY_APP, ANY_PURPOSE, ANY_ROLE, field_object
from gateway.decision.levels import ceilings_of
from gateway.decision.lint.cover import Cover
from gateway.decision.lint.ground import Ground
from gateway.decision.lint.kinds import (
    DATASET_UNREAD,
    FIELD_UNSEEN,
    FIELDS_WITHOUT_ROWS,
    ROWS_WITHOUT_FIELDS,
    WILDCARD,
)
from gateway.decision.rule import CLEAR, ROWS, Rule
from gateway.model.catalog import Classification, Dataset
from gateway.model.decision import Effect
from gateway.model.ids import PurposeId, RuleId
from gateway.model.lint import Finding

_GRAVE = {Classification.SENSITIVE, Classification.CORE}
_SHOW, _WRITE = "show", "write"
_Meeting = tuple[int, int]
"""Doors and roles of a grant, as bits."""


def wildcards(ground: Ground, cover: Cover) -> Iterator[Finding]:
    """Clear grants on a dataset, department or class, or for everybody or every purpose, that reach grave fields."""
    capped = _capped_doors(ground)
    for rule in ground.rules:
        if rule.act != _SHOW or rule.eft is not Effect.ALLOW or rule.level != CLEAR:
            continue
        is_wide = rule.obj.partition(":")[0] in {"dep", "ds", "class"}
        if not is_wide and rule.sub != ANY_ROLE and rule.pur not in {ANY_PURPOSE, "pur:normal"}:
            continue
        if not ground.doors_of(rule.pur, rule.app) & ~capped:
            continue
        reached = [
            f"{dataset.name}.{field.name}"
            for dataset, field in ground.fields_below.get(rule.obj, ())
            if field.classification in _GRAVE and not _is_lowered(rule, field_object(dataset, field), cover)
        ]
        if reached:
            told = ", ".join(reached[:3]) + (f" (+{len(reached) - 3})" if len(reached) > 3 else "")
            yield WILDCARD.of_rule(
                rule,
                f"shows sensitive fields in the clear through a wildcard: {told}",
                f"通过通配授权明文显示敏感字段：{told}",
            )


def _capped_doors(ground: Ground) -> int:
    """The doors behind which the purpose or the app itself masks everything."""
    capped = 0
    for number, (purpose, app) in enumerate(ground.doors):
        above = [PurposeId(name.removeprefix("pur:")) for name in ground.hierarchies.purposes.above[f"pur:{purpose}"]]
        if ceilings_of(ground.catalog.purposes[purpose], ground.catalog.apps[app], above, ground.catalog):
            capped |= 1 << number
    return capped


def _is_lowered(rule: Rule, field: str, cover: Cover) -> bool:
    if next(cover.over(rule, Effect.DENY, obj=field), None) is not None:
        return True
    return any(other.level is not None for other in cover.over(rule, Effect.OBLIGE, obj=field))


class _Meetings:
    """The grants of one use by object: through which doors and for which roles."""

    def __init__(self, ground: Ground, act: str, idle: frozenset[RuleId]) -> None:
        self._ground = ground
        self._by_object: dict[str, set[_Meeting]] = {}
        for rule in ground.rules:
            if rule.act == act and rule.eft is Effect.ALLOW and rule.id not in idle:
                self._by_object.setdefault(rule.obj, set()).add(meeting(ground, rule))

    def on(self, objects: frozenset[str]) -> set[_Meeting]:
        """All on any of these objects."""
        return set[_Meeting]().union(*(self._by_object.get(obj, ()) for obj in objects))

    def doors(self, objects: frozenset[str]) -> int:
        """The doors of all of them together."""
        found = 0
        for doors, _ in self.on(objects):
            found |= doors
        return found


def meeting(ground: Ground, rule: Rule) -> _Meeting:
    """Where the rule can be met."""
    return ground.doors_of(rule.pur, rule.app), ground.roles_of(rule.sub)


def unreached(ground: Ground, cover: Cover, idle: frozenset[RuleId]) -> Iterator[Finding]:
    """Datasets nobody can read, fields nobody can see, grants without their other half; `idle` rules don't count."""
    shown, rows, written = (_Meetings(ground, act, idle) for act in (_SHOW, ROWS, _WRITE))
    above = ground.hierarchies.objects.above
    for dataset in ground.catalog.datasets.values():
        on_rows = above[f"ds:{dataset.name}"]
        readable = rows.doors(on_rows) & shown.doors(ground.related(f"ds:{dataset.name}"))
        if dataset.source is not None and not readable:
            yield DATASET_UNREAD.at(
                ground.place(f"ds:{dataset.name}"),
                f"nobody can read `{dataset.name}`: no purpose and app have both a field and a row of it",
                f"没有人能读取 `{dataset.name}`：没有任何用途和应用同时拥有其字段和行",
            )
            continue
        for field in dataset.fields.values():
            name = field_object(dataset, field)
            uses = shown if dataset.source is not None else written
            if not uses.doors(above[name]) and not _is_refused(name, dataset, cover):
                yield FIELD_UNSEEN.at(
                    ground.place(name),
                    f"no rule grants anybody `{dataset.name}.{field.name}`",
                    f"没有规则向任何人开放 `{dataset.name}.{field.name}`",
                )
    yield from _halves(ground, shown, rows, idle)


def _is_refused(name: str, dataset: Dataset, cover: Cover) -> bool:
    """Whether a deny for everybody says that nobody is meant to have it."""
    act = _SHOW if dataset.source is not None else _WRITE
    return next(cover.over(_everybody(name, act), Effect.DENY), None) is not None


def _everybody(obj: str, act: str) -> Rule:
    return _ASKED._replace(obj=obj, act=act)


_ASKED = Rule(
    id=RuleId(""),
    sub=ANY_ROLE,
    app=ANY_APP,
    obj="",
    act="",
    pur=ANY_PURPOSE,
    reg="cn",
    case="*",
    nbf="",
    exp="",
    cond="",
    eft=Effect.ALLOW,
    obl="",
    level=None,
    where={},
    obligations=(),
    file="",
    line=0,
)


def _halves(ground: Ground, shown: _Meetings, rows: _Meetings, idle: frozenset[RuleId]) -> Iterator[Finding]:
    """Fields without rows, rows without fields."""
    above = ground.hierarchies.objects.above
    on_rows = {
        dataset.name: rows.on(above[f"ds:{dataset.name}"])
        for dataset in ground.catalog.datasets.values()
        if dataset.source is not None
    }
    told: dict[tuple[str, str, str, str], bool] = {}
    for rule in ground.rules:
        if rule.eft is not Effect.ALLOW or rule.act not in {_SHOW, ROWS} or rule.id in idle:
            continue
        key = (rule.act, rule.obj, *meeting_names(rule))
        met = told.get(key)
        if met is None:
            doors, roles = meeting(ground, rule)
            if rule.act == ROWS:
                others = shown.on(ground.related(rule.obj))
            else:
                names = {dataset.name for dataset, _ in ground.fields_below.get(rule.obj, ())}
                others = set[_Meeting]().union(*(on_rows.get(name, ()) for name in names))
            met = told[key] = any(doors & way and roles & who for way, who in others)
        if not met and rule.act == ROWS:
            yield ROWS_WITHOUT_FIELDS.of_rule(
                rule,
                f"opens rows of `{rule.obj}`, but no rule shows `{rule.sub}` a field of them for `{rule.pur}`",
                f"开放了 `{rule.obj}` 的行，但没有规则在 `{rule.pur}` 下向 `{rule.sub}` 显示任何字段",
            )
        elif not met:
            yield FIELDS_WITHOUT_ROWS.of_rule(
                rule,
                f"shows `{rule.obj}`, but no `rows` rule opens a row of it to `{rule.sub}` for `{rule.pur}`",
                f"显示 `{rule.obj}`，但没有 rows 规则在 `{rule.pur}` 下向 `{rule.sub}` 开放任何行",
            )


def meeting_names(rule: Rule) -> tuple[str, str]:
    """What decides where a rule can be met, for remembering."""
    return rule.sub, f"{rule.pur} {rule.app}"
