"""The guard: BoundQuery + Decision -> what may be shown, or a refusal.

What you can't see you can't probe. The table below is the whole of it; nothing here looks at data, so a refusal never
depends on a value. Does not promise groups of k rows: obligations see to that, `check_groups` that there is one.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from types import MappingProxyType
from typing import Final, NamedTuple

from gateway.errors import DatasetUnavailable, Defect, FieldUnavailable, UseNotAllowed, Words
from gateway.model.decision import Decision, Verdict
from gateway.model.ids import FieldName
from gateway.model.parts import conjuncts, fields_of
from gateway.model.plan import ReadPlan
from gateway.model.query import BoundQuery, FieldUse, OutputColumn
from gateway.planning.conjuncts import matched_field, matched_values


class Ruling(Enum):
    """What the table says of one use."""

    YES = auto()
    BY_NAME = auto()  # only where a rule grants this use by name
    BY_MATCH = auto()  # only where a rule grants `match` by name: keys are whole values
    BY_NAME_IN_GROUPS = auto()  # and an obligation holds groups to a least size
    MASKED = auto()  # would tell more than the mask shows
    UNAVAILABLE = auto()  # as if the field didn't exist


class Line(NamedTuple):
    """One use: the ruling for each verdict, and the use in words (English, Chinese)."""

    clear: Ruling
    masked: Ruling
    denied: Ruling
    words: Words


_YES, _BY_NAME, _BY_MATCH, _GROUPS, _MASKED, _UNAVAILABLE = Ruling

TABLE: Final[Mapping[FieldUse, Line]] = MappingProxyType(
    {  #                       clear  masked    denied
        FieldUse.SHOW: Line(_YES, _YES, _UNAVAILABLE, ("show", "显示")),
        FieldUse.MATCH: Line(_YES, _BY_NAME, _UNAVAILABLE, ("match", "匹配")),
        FieldUse.FILTER: Line(_YES, _MASKED, _UNAVAILABLE, ("filter", "过滤")),
        FieldUse.SORT: Line(_YES, _MASKED, _UNAVAILABLE, ("sort", "排序")),
        FieldUse.GROUP: Line(_YES, _MASKED, _UNAVAILABLE, ("group", "分组")),
        FieldUse.JOIN: Line(_YES, _BY_MATCH, _UNAVAILABLE, ("join", "关联")),
        FieldUse.AGGREGATE: Line(_YES, _GROUPS, _UNAVAILABLE, ("aggregate", "聚合")),
        FieldUse.EXPORT: Line(_YES, _BY_NAME, _UNAVAILABLE, ("export", "导出")),
        FieldUse.WRITE: Line(_YES, _MASKED, _UNAVAILABLE, ("write", "写入")),
    }
)
"""The guard table of the design: each use, for each verdict."""

_COMPUTE: Final[Words] = ("be cast or taken apart", "转换类型或按路径取值")
_OF_A_STAR: Final = frozenset({FieldUse.SHOW, FieldUse.GROUP, FieldUse.EXPORT})
"""Uses that `*` itself makes; a denied field is left out of those."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """What passed: the columns of the answer, and how many literals are matched with masked fields."""

    columns: tuple[OutputColumn, ...]
    matches: int


def admit(bound: BoundQuery, decision: Decision) -> Admitted:
    """What may be shown; raises DatasetUnavailable, FieldUnavailable, UseNotAllowed, then the first literal's fault.

    In that order, and within each in the order of names: which one is raised tells nothing of what comes after it.
    """
    if (decision.dataset, decision.purpose) != (bound.dataset.name, bound.purpose.id):
        raise Defect(operator="the decision answers another question")
    if not decision.rows.is_allowed:
        # no row of it is the asker's: it answers as a dataset that doesn't exist, whatever terms its fields carry
        raise DatasetUnavailable(dataset=bound.dataset.name)
    rulings = {(field, use): _ruling(decision, field, use) for field, use in bound.uses | set(_uses_in(bound))}
    left_out = {
        (field, use)
        for (field, use), ruling in rulings.items()
        if ruling is Ruling.UNAVAILABLE and field in bound.starred and use in _OF_A_STAR
    }
    unavailable = {
        field
        for (field, use), ruling in rulings.items()
        if ruling is Ruling.UNAVAILABLE and (field, use) not in left_out
    }
    # an unknown name that was kept for here answers exactly as a denied one
    unavailable |= {FieldName(fault.field) for _, fault in bound.faults if isinstance(fault, FieldUnavailable)}
    if unavailable:
        raise FieldUnavailable(field=min(unavailable), offered=_offered(decision))
    for (field, use), ruling in sorted(rulings.items(), key=lambda item: item[0]):
        if ruling is Ruling.MASKED:
            raise UseNotAllowed(field=field, use=TABLE[use].words)
    for column in bound.columns:
        if _tells_more(column, decision):
            raise UseNotAllowed(field=column.field or "", use=_COMPUTE)
    columns = tuple(column for column in bound.columns if not _is_left_out(column, left_out))
    if not columns and bound.columns:
        raise DatasetUnavailable(dataset=bound.dataset.name)
    for _, fault in bound.faults:
        raise fault
    return Admitted(columns=columns, matches=_matches(bound, decision))


def _tells_more(column: OutputColumn, decision: Decision) -> bool:
    """Whether a masked value would be taken apart or turned into a type: a fault in that would tell of it."""
    if column.field is None or column.taken_from is not None or (not column.path and column.cast is None):
        return False
    return decision.fields[column.field].verdict is not Verdict.ALLOW


def _offered(decision: Decision) -> Words:
    """The fields that there are for this asker: all of which `*` would show them."""
    names = sorted(name for name, verdict in decision.fields.items() if verdict.verdict is not Verdict.DENY)
    if not names:
        return ("", "")
    listed = ", ".join(names)
    return (f"for you there are {listed}; ", f"您可用的字段有 {listed}；")


def check_groups(plan: ReadPlan) -> None:
    """A masked field is added up only where an obligation holds every group to a least size; raises UseNotAllowed."""
    for column in plan.columns:
        if column.aggregate is not None and column.verdict is not Verdict.ALLOW and plan.min_group is None:
            field = column.field.name if column.field is not None else column.name
            raise UseNotAllowed(field=field, use=TABLE[FieldUse.AGGREGATE].words)


def is_visible(decision: Decision) -> bool:
    """Whether the dataset exists for the asker: some of its rows, and something of them."""
    return decision.rows.is_allowed and any(verdict.verdict is not Verdict.DENY for verdict in decision.fields.values())


def may_join(decision: Decision, key: tuple[FieldName, ...]) -> bool | None:
    """Whether rows may be joined by the key; None where one of its fields doesn't exist for the asker."""
    rulings = {_ruling(decision, field, FieldUse.JOIN) for field in key}
    if Ruling.UNAVAILABLE in rulings:
        return None
    return rulings == {Ruling.YES}


def _ruling(decision: Decision, field: FieldName, use: FieldUse) -> Ruling:
    verdict = decision.fields.get(field)
    line = TABLE[use]
    if verdict is None or verdict.verdict is Verdict.DENY:
        return line.denied
    ruling = line.clear if verdict.verdict is Verdict.ALLOW else line.masked
    if ruling is Ruling.BY_MATCH:
        return Ruling.YES if FieldUse.MATCH in verdict.granted else Ruling.MASKED
    if ruling in {Ruling.BY_NAME, Ruling.BY_NAME_IN_GROUPS}:
        return Ruling.YES if use in verdict.granted else Ruling.MASKED
    return ruling


def _uses_in(bound: BoundQuery) -> Iterator[tuple[FieldName, FieldUse]]:
    """The uses that the question itself shows, whatever was written down of them: the second lock on the door."""
    for column in bound.columns:
        if column.field is None or column.taken_from is not None:
            continue  # what is taken from an embed is guarded there
        if column.aggregate is not None:
            yield column.field, FieldUse.AGGREGATE
        else:
            yield column.field, FieldUse.SHOW
            if bound.is_aggregate:
                yield column.field, FieldUse.GROUP
    for ordered in bound.order:
        if ordered.embed is None:
            yield ordered.field, FieldUse.SORT
    for term in conjuncts(bound.where):
        matched = matched_field(term)
        if matched is not None:
            yield matched, FieldUse.MATCH
        else:
            yield from ((field, FieldUse.FILTER) for field in fields_of(term))


def _is_left_out(column: OutputColumn, left_out: set[tuple[FieldName, FieldUse]]) -> bool:
    if column.field is None or column.taken_from is not None or column.aggregate is not None:
        return False
    return (column.field, FieldUse.SHOW) in left_out


def _matches(bound: BoundQuery, decision: Decision) -> int:
    return sum(
        len(matched_values(term))
        for term in conjuncts(bound.where)
        if (field := matched_field(term)) is not None and decision.fields[field].verdict is Verdict.MASK
    )
