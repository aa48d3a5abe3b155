"""Stage 4: the PDP's answer. Total: every field of the dataset and every use has a verdict; no rule: deny."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from gateway.model.catalog import ObligationSpec
from gateway.model.ids import DatasetName, FieldName, MaskName, PolicyVersion, PurposeId, RuleId
from gateway.model.predicate import Predicate
from gateway.model.query import BoundEmbed, BoundQuery, FieldUse


class Verdict(StrEnum):
    """What becomes of one field use."""

    ALLOW = "allow"
    MASK = "mask"
    DENY = "deny"


class Effect(StrEnum):
    """The three effects a rule may have; `oblige` is neutral to Casbin and binds whoever is allowed by others."""

    ALLOW = "allow"
    OBLIGE = "oblige"
    DENY = "deny"


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldVerdict:
    """What the principal may see of one field: clear (ALLOW), a mask (MASK) or nothing (DENY)."""

    field: FieldName
    verdict: Verdict
    mask: MaskName | None  # set exactly where verdict is MASK
    rules: tuple[RuleId, ...]  # every matched rule that took part, sorted
    granted: frozenset[FieldUse]  # MATCH, AGGREGATE, EXPORT, WRITE where a rule grants them by name
    ceiling: str | None  # "purpose:home-visit" or "app:desk" where that lowered the level


@dataclass(frozen=True, slots=True, kw_only=True)
class NearMiss:
    """A rule that speaks of this question but did not match, and the first column that failed (for explain)."""

    rule: RuleId
    failed: str  # column name: sub, app, pur, reg, case, window, cond
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundObligation:
    """An obligation and where it came from (a rule id, or `purpose:<id>`)."""

    spec: ObligationSpec
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RowVerdict:
    """Which rows exist for the principal; NOTHING where no rule allows rows."""

    is_allowed: bool
    filter: Predicate
    rules: tuple[RuleId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The whole answer to one question. Acts on nothing."""

    policy_version: PolicyVersion
    dataset: DatasetName
    purpose: PurposeId
    fields: Mapping[FieldName, FieldVerdict]  # every field of the dataset
    rows: RowVerdict
    obligations: tuple[BoundObligation, ...]
    near_misses: Mapping[FieldName | None, tuple[NearMiss, ...]]  # filled for explain only; None: rows

    @property
    def rule_ids(self) -> tuple[RuleId, ...]:
        """All rules that took part, sorted."""
        taken = set(self.rows.rules)
        for verdict in self.fields.values():
            taken.update(verdict.rules)
        return tuple(sorted(taken))


@dataclass(frozen=True, slots=True, kw_only=True)
class DecidedQuery:
    """A question and the decision on each of its datasets, from the root down."""

    bound: BoundQuery
    decision: Decision
    embeds: tuple[tuple[BoundEmbed, "DecidedQuery"], ...] = ()  # in the order of bound.embeds

    @property
    def levels(self) -> tuple["DecidedQuery", ...]:
        """This one, then every one within it, depth first."""
        return (self, *(level for _, inner in self.embeds for level in inner.levels))
