"""The closed list of findings. Ids and names are stable; docs/policy-guide.md tells each with example and fix."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from gateway.decision.rule import Rule
from gateway.errors import Words
from gateway.model.lint import Finding, Severity

_E, _W = Severity.ERROR, Severity.WARNING


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of finding. `is_idle`: the rule could be taken out and no decision would change, now or ever."""

    id: str
    name: str
    severity: Severity
    fix: Words
    is_idle: bool = False

    def of_rule(self, rule: Rule, en: str, zh: str) -> Finding:
        """The finding about a rule, at its line."""
        return self._finding(rule.file, rule.line, (f"rule {rule.id} {en}", f"规则 {rule.id} {zh}"), rule)

    def at(self, place: tuple[str, int], en: str, zh: str) -> Finding:
        """The finding about something that isn't a rule."""
        return self._finding(*place, (en, zh), None)

    def _finding(self, file: str, line: int, fault: Words, rule: Rule | None) -> Finding:
        return Finding(
            id=self.id,
            name=self.name,
            severity=self.severity,
            file=file,
            line=line,
            fault=fault,
            fix=self.fix,
            rule=rule.id if rule is not None else None,
        )


_GO: Words = ("take one of the two rules out", "请删除两条规则之一")
_OUT: Words = ("take the rule out", "请删除该规则")

CONTRADICTION = Kind(id="L01", name="contradiction", severity=_E, is_idle=True, fix=_GO)
OVERRULED = Kind(
    id="L02",
    name="overruled",
    severity=_E,
    is_idle=True,
    fix=("take the grant out, or make the deny narrower", "请删除该授权，或缩小拒绝规则的范围"),
)
WINDOW_OUTSIDE = Kind(
    id="L03",
    name="window-outside-purpose",
    severity=_E,
    is_idle=True,
    fix=("move nbf and exp into the validity of the purpose", "请将 nbf、exp 调整到用途有效期之内"),
)
NO_WAY_IN = Kind(
    id="L04",
    name="purpose-not-in-app",
    severity=_E,
    is_idle=True,
    fix=(
        "name a purpose and an app that list each other in purposes.yaml and apps.yaml",
        "请填写在 purposes.yaml 与 apps.yaml 中互相登记的用途和应用",
    ),
)
OBJECT_EMPTY = Kind(
    id="L05",
    name="object-empty",
    severity=_E,
    is_idle=True,
    fix=("name an object that the catalogue has, or label the fields", "请填写目录中存在的对象，或为字段打上标签"),
)
NEVER_HOLDS = Kind(
    id="L06",
    name="condition-impossible",
    severity=_E,
    is_idle=True,
    fix=("mend `cond`: join alternatives with `or`", "请修改 cond：备选条件用 or 连接"),
)
NO_ROW_PASSES = Kind(
    id="L07",
    name="rows-impossible",
    severity=_E,
    is_idle=True,
    fix=("mend `where=`: join alternatives with `or`", "请修改 where=：备选条件用 or 连接"),
)
ROLE_NOT_ADMITTED = Kind(
    id="L11",
    name="role-not-admitted",
    severity=_W,
    fix=(
        "name the role in the purpose's `roles`, or another role here",
        "请在用途的 roles 中登记该角色，或改用其他角色",
    ),
)
CASE_NOT_NEEDED = Kind(
    id="L12",
    name="case-not-needed",
    severity=_W,
    fix=("write `*`, or a purpose with `needs_case: true`", "请填写 *，或改用 needs_case: true 的用途"),
)
HOLDS_UNKNOWN = Kind(
    id="L13",
    name="condition-only-unknown",
    severity=_W,
    fix=("mend `cond`: join alternatives with `or`", "请修改 cond：备选条件用 or 连接"),
)
DUPLICATE = Kind(id="L21", name="duplicate", severity=_W, is_idle=True, fix=_GO)
COVERED = Kind(id="L22", name="covered", severity=_W, is_idle=True, fix=_OUT)
CEILING_IDLE = Kind(
    id="L23",
    name="ceiling-idle",
    severity=_W,
    is_idle=True,
    fix=("take the ceiling out, or name a stricter mask", "请删除该上限，或指定更严格的脱敏方式"),
)
USE_WITHOUT_SHOW = Kind(
    id="L24",
    name="use-without-show",
    severity=_W,
    is_idle=True,
    fix=(
        "take it out; a use is granted on top of a `show` rule, masked or clear",
        "请删除；其他用法须以 show 授权（明文或脱敏）为前提",
    ),
)
OBLIGE_DENIED = Kind(id="L25", name="oblige-denied", severity=_W, is_idle=True, fix=_OUT)
WILDCARD = Kind(
    id="L31",
    name="wildcard-sensitive",
    severity=_W,
    fix=(
        "name the sensitive fields one by one, or give a mask; a grant that is meant so: `# lint: L31 reason` above it",
        "请逐一列出敏感字段，或指定脱敏；确属有意，请在规则上一行写 `# lint: L31 理由`",
    ),
)
EXPIRED = Kind(
    id="L41", name="expired", severity=_W, fix=("take the rule out, or move `exp`", "请删除该规则，或调整 exp")
)
EXPIRES_SOON = Kind(
    id="L42",
    name="expires-soon",
    severity=_W,
    fix=("decide whether it goes on, and move `exp` or take it out", "请确认是否延续，并调整 exp 或删除该规则"),
)
PURPOSE_EXPIRED = Kind(
    id="L43",
    name="purpose-expired",
    severity=_W,
    fix=(
        "renew `valid` after a new legal review, or take the purpose out",
        "请在重新法律审查后更新 valid，或删除该用途",
    ),
)
PURPOSE_ENDS_SOON = Kind(
    id="L44",
    name="purpose-ends-soon",
    severity=_W,
    fix=("renew `valid` after a new legal review", "请在重新法律审查后更新 valid"),
)
NO_LAW = Kind(
    id="L51",
    name="purpose-without-law",
    severity=_E,
    fix=("name the law and the article in both languages", "请以中英文写明法律名称与条款"),
)
PURPOSE_UNUSED = Kind(
    id="L52",
    name="purpose-unused",
    severity=_W,
    fix=("write rules for it, or take the purpose out", "请为其编写规则，或删除该用途"),
)
ROLE_UNUSED = Kind(
    id="L53",
    name="role-unused",
    severity=_W,
    fix=("name it in a purpose and in rules, or take the role out", "请在用途和规则中使用，或删除该角色"),
)
DATASET_UNREAD = Kind(
    id="L61",
    name="dataset-unreadable",
    severity=_W,
    fix=(
        "write a `show` and a `rows` rule for one purpose and app, or take the dataset out",
        "请为同一用途和应用编写 show 与 rows 规则，或删除该数据集",
    ),
)
FIELD_UNSEEN = Kind(
    id="L62",
    name="field-unseen",
    severity=_W,
    fix=(
        "write a rule on it, deny it by name where that is meant, or take the field out",
        "请为其编写规则；有意不开放的，请写明拒绝规则；或删除该字段",
    ),
)
FIELDS_WITHOUT_ROWS = Kind(
    id="L63",
    name="fields-without-rows",
    severity=_W,
    fix=("write a `rows` rule for the same role and purpose", "请为相同角色和用途编写 rows 规则"),
)
ROWS_WITHOUT_FIELDS = Kind(
    id="L64",
    name="rows-without-fields",
    severity=_W,
    fix=("write a `show` rule for the same role and purpose", "请为相同角色和用途编写 show 规则"),
)
WAIVER_IDLE = Kind(
    id="L71",
    name="waiver-idle",
    severity=_W,
    fix=("take the comment out, or give a reason after the id", "请删除该注释，或在编号后写明理由"),
)

KINDS: Final = MappingProxyType({kind.id: kind for kind in list(globals().values()) if isinstance(kind, Kind)})
"""Every kind by its id."""
