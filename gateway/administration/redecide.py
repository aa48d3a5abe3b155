"""An entry of the log and the policy version that it names -> the decision, made again and held against the entry.

Nothing but the log, the kept version and the key of keyed hashes has a part in it: not the policy that serves, not the
clock, no source. ID numbers are told by stand-ins, and rules that would need the number itself are named.
"""

from collections.abc import Callable
from dataclasses import dataclass

from gateway.administration.versions import PolicyVersions
from gateway.audit import Opener, digest_of, entry_at, level_of, obligation_text, stand_in, uses_of
from gateway.decision import PolicyEngine, rules_that_read_numbers
from gateway.errors import Language, NotRedecidable, Words
from gateway.model.audit import AuditEntry, DecisionTrace
from gateway.model.caller import Caller
from gateway.model.case import CaseFacts, CaseState
from gateway.model.decision import Decision
from gateway.model.ids import (
    AppId,
    CaseId,
    DatasetName,
    FieldName,
    PrincipalId,
    PurposeId,
    RegionCode,
    RoleName,
    RuleId,
)
from gateway.model.predicate import EVERYTHING
from gateway.model.query import BoundQuery, MediaType
from gateway.store import State

_UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True, kw_only=True)
class Redecision:
    """What came of deciding an entry again."""

    index: int
    policy_version: str
    differences: tuple[Words, ...]
    untried: tuple[RuleId, ...]  # rules that need an ID number itself, which the log doesn't hold

    @property
    def is_same(self) -> bool:
        """Whether the decision is the one that was written down, and every rule could be tried."""
        return not self.differences and not self.untried

    def lines(self, language: Language = "en") -> tuple[str, ...]:
        """For people: the same, or each difference."""
        which = 0 if language == "en" else 1
        said = [difference[which] for difference in self.differences]
        if self.untried:
            rules = " ".join(self.untried)
            said.append(
                (f"not tried, for they read an ID number: {rules}", f"因须读取身份号码而无法重试：{rules}")[which]
            )
        if not said:
            same = ("the same", "结果一致")[which]
            said.append(same)
        head = (
            f"entry {self.index} under policy {self.policy_version}",
            f"第 {self.index} 条，策略 {self.policy_version}",
        )
        return (head[which], *said)


def redecide(state: State, index: int, hash_subject: Callable[[str], str], opener: Opener) -> Redecision:
    """Decide entry `index` again under the policy version that it names.

    Raises EntryUnknown, EntryErased, AuditUnavailable, PolicyVersionUnknown, SettingsInvalid, BundleInvalid where this
    gateway can't load that version, and NotRedecidable for an entry that doesn't hold what a decision depended on.
    """
    entry = entry_at(state, index, opener)
    trace = _trace(entry, index)
    return compare(PolicyVersions(state).engine(entry.policy_version), entry, trace, index, hash_subject)


def compare(
    engine: PolicyEngine, entry: AuditEntry, trace: DecisionTrace, index: int, hash_subject: Callable[[str], str]
) -> Redecision:
    """The entry against what `engine` decides now; raises NotRedecidable for names that the policy doesn't know."""
    try:
        bound, caller, case = _question(engine, entry, trace)
    except (KeyError, ValueError):
        raise NotRedecidable(index=index, why=("the policy doesn't know its names", "策略中没有其所用名称")) from None
    again = engine.decide(bound, caller, case, trace.decided_at)
    told = {"subject.id_number": caller.id_number, "case.subjects": case.subjects if case is not None else None}
    known = frozenset(name for name, value in told.items() if value)
    return Redecision(
        index=index,
        policy_version=entry.policy_version,
        differences=tuple(_differences(entry, trace, again, hash_subject)),
        untried=rules_that_read_numbers(engine, bound.dataset, known) if known else (),
    )


def _question(
    engine: PolicyEngine, entry: AuditEntry, trace: DecisionTrace
) -> tuple[BoundQuery, Caller, CaseFacts | None]:
    """Question, caller and case as far as a decision depends on them, with stand-ins for ID numbers."""
    catalog = engine.catalog
    dataset, purpose = catalog.datasets[DatasetName(entry.dataset)], catalog.purposes[PurposeId(entry.purpose)]
    caller = Caller(
        principal=PrincipalId(entry.principal),
        app=AppId(entry.app),
        roles=tuple(RoleName(role) for role in entry.roles),
        organisation=entry.organisation,
        regions=tuple(RegionCode(region) for region in trace.regions),
        assurance=trace.assurance,
        network=trace.network,
        id_number=trace.id_number,
        purpose=purpose.id,
        case=CaseId(entry.case) if entry.case else None,
        justification=entry.justification or None,
        token_id="",
    )
    bound = BoundQuery(
        catalog=catalog,
        dataset=dataset,
        purpose=purpose,
        case=caller.case,
        columns=(),
        starred=frozenset(),
        where=EVERYTHING,  # no decision depends on the asker's own filters
        order=(),
        limit=None,
        offset=0,
        wants_count=False,
        media_type=MediaType.JSON,
        is_head=False,
        uses=uses_of(trace, ((one.field, use) for one in entry.fields for use in one.uses), dataset.fields),
        filter_shape="",
    )
    return bound, caller, _case(entry, trace)


def _case(entry: AuditEntry, trace: DecisionTrace) -> CaseFacts | None:
    told = trace.case
    if told is None:
        return None
    return CaseFacts(
        id=CaseId(entry.case),
        purpose=PurposeId(told.purpose),
        state=CaseState(told.state),
        subjects=told.subjects,
        assignee_app=AppId(told.app),
        opened_by=PrincipalId(told.opened_by),
        approved_by=PrincipalId(told.approved_by) if told.approved_by is not None else None,
        expires_at=told.expires_at,
    )


def _trace(entry: AuditEntry, index: int) -> DecisionTrace:
    if entry.decision is not None:
        return entry.decision
    if any(one.level != _UNDECIDED for one in entry.fields):
        raise NotRedecidable(
            index=index,
            why=(
                "it is of version 1, which doesn't hold what decisions depend on",
                "版本 1 的条目未记录决策所依据的情况",
            ),
        )
    raise NotRedecidable(index=index, why=("it tells of no decision about data", "该条目不含数据决策"))


def _differences(
    entry: AuditEntry, trace: DecisionTrace, again: Decision, hash_subject: Callable[[str], str]
) -> list[Words]:
    found: list[Words] = []

    def hold(what: Words, was: object, now: object) -> None:
        if was != now:
            found.append(
                (
                    f"{what[0]}: was {_shown(was)}, now {_shown(now)}",
                    f"{what[1]}：原为 {_shown(was)}，现为 {_shown(now)}",
                )
            )

    for one in entry.fields:
        verdict = again.fields.get(FieldName(one.field))
        now = level_of(verdict) if verdict is not None else ""
        hold((f"level of {one.field}", f"字段 {one.field} 的级别"), one.level, now)
        granted = tuple(sorted(use.value for use in verdict.granted)) if verdict is not None else ()
        hold((f"uses granted on {one.field}", f"字段 {one.field} 的许可用法"), one.granted, granted)
        ceiling = (verdict.ceiling or "") if verdict is not None else ""
        hold((f"ceiling on {one.field}", f"字段 {one.field} 的上限"), one.ceiling, ceiling)
    hold(("rules", "规则"), entry.rules, tuple(again.rule_ids))
    hold(("rules on rows", "行规则"), trace.row_rules, tuple(again.rows.rules))
    hold(("obligations", "义务"), trace.obligations, tuple(obligation_text(one) for one in again.obligations))
    people = {*(trace.case.subjects if trace.case is not None else ()), trace.id_number or ""} - {""}

    def replace(text: str) -> str:
        # a rule may name somebody by number: where that is a person of this entry, the stand-in stands for both
        if not people or text in people:
            return text
        blinded = stand_in(text, hash_subject)
        return blinded if blinded in people else text

    hold(("digest of the whole decision", "整个决策的摘要"), trace.sha256, digest_of(again, replace))
    return found


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return " ".join(map(str, value)) or "-"
    return str(value) or "-"
