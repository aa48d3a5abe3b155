"""Caller, case and clock -> the attributes that conditions read. What isn't known is missing, never empty."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from gateway.catalog.condition import time_attributes
from gateway.model.caller import Caller
from gateway.model.case import CaseFacts
from gateway.model.condition import AttributeValue

COMMON = frozenset({"subject.organisation", "subject.regions", "subject.assurance", "ctx.network", "ctx.assurance"})
"""Attributes of a post rather than of a person: what depends on these alone may be kept and found again."""

_READERS: Mapping[str, Callable[[Caller, CaseFacts | None, datetime], AttributeValue]] = {
    "now": lambda _caller, _case, now: now,
    "ctx.time": lambda _caller, _case, now: time_attributes(now)["ctx.time"],
    "subject.principal": lambda caller, _case, _now: caller.principal,
    "subject.organisation": lambda caller, _case, _now: caller.organisation or None,
    "subject.id_number": lambda caller, _case, _now: caller.id_number,
    "subject.regions": lambda caller, _case, _now: tuple(caller.regions),
    "subject.assurance": lambda caller, _case, _now: caller.assurance,
    "case.subjects": lambda _caller, case, _now: case.subjects if case is not None else None,
    "case.state": lambda _caller, case, _now: case.state.value if case is not None else None,
    "ctx.network": lambda caller, _case, _now: caller.network or None,
    "ctx.assurance": lambda caller, _case, _now: caller.assurance,
    "ctx.case_state": lambda _caller, case, _now: case.state.value if case is not None else None,
    "ctx.approved_by": lambda _caller, case, _now: case.approved_by if case is not None else None,
    "ctx.justification": lambda caller, _case, _now: caller.justification,
}


class _Attributes(Mapping[str, AttributeValue]):
    """Read when asked for: most decisions read none or two. Its repr holds no value."""

    __slots__ = ("_told",)

    def __init__(self, caller: Caller, case: CaseFacts | None, now: datetime) -> None:
        self._told = caller, case, now

    def __getitem__(self, name: str) -> AttributeValue:
        return _READERS[name](*self._told)

    def __iter__(self) -> Iterator[str]:
        return iter(_READERS)

    def __len__(self) -> int:
        return len(_READERS)

    def __repr__(self) -> str:
        return f"<{len(self)} attributes>"


def attributes_of(caller: Caller, case: CaseFacts | None, now: datetime) -> Mapping[str, AttributeValue]:
    """By the names of `gateway.catalog.condition.ATTRIBUTES`; None is a missing attribute."""
    return _Attributes(caller, case, now)
