"""The answer to "why": what a question would meet, without touching data."""

from dataclasses import dataclass

from gateway.errors import GatewayError
from gateway.model.decision import NearMiss
from gateway.model.ids import FieldName, PolicyVersion, RuleId


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldExplanation:
    """One field: its outcome and the rules that made it."""

    field: FieldName
    level: str  # clear, a mask's name, or denied
    rules: tuple[RuleId, ...]
    granted: tuple[str, ...]  # match, aggregate … where granted by name
    ceiling: str | None
    near_misses: tuple[NearMiss, ...]  # for officers only


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """One question. Holds no data."""

    policy_version: PolicyVersion
    dataset: str
    purpose: str
    fields: tuple[FieldExplanation, ...]
    rows: str  # the row filter in words; literals of sensitive fields hidden
    row_rules: tuple[RuleId, ...]
    row_near_misses: tuple[NearMiss, ...]
    obligations: tuple[str, ...]  # `k=10 (S03)`
    pushed_down: bool | None  # whether the source runs the whole filter; None where the question is refused
    refusal: GatewayError | None
    embeds: tuple[tuple[str, "Explanation"], ...] = ()  # by the link's name; none where the question is refused
