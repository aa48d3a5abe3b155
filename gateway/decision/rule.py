"""One rule of the policy, validated: what Casbin gets of it, and what the PDP composes from it."""

from collections.abc import Mapping
from typing import NamedTuple

from gateway.model.catalog import ObligationSpec
from gateway.model.condition import Condition
from gateway.model.decision import Effect
from gateway.model.ids import DatasetName, RuleId

CLEAR = "clear"
"""The level that no mask lowers."""
ROWS = "rows"
"""The use of a dataset's rows; every other use is of a field."""


class Rule(NamedTuple):
    """One line of rules/*.csv. The texts are those of the line; `level` and `where` are read from its obligations.

    A tuple, because a city has a hundred thousand.
    """

    id: RuleId
    sub: str
    app: str
    obj: str
    act: str
    pur: str
    reg: str
    case: str
    nbf: str
    exp: str
    cond: str
    eft: Effect
    obl: str
    level: str | None  # CLEAR or a mask's name; None where the rule says nothing of it
    where: Mapping[DatasetName, Condition]  # row filter for each dataset that the rule speaks of; empty: none
    obligations: tuple[ObligationSpec, ...]
    file: str  # relative to the bundle
    line: int

    @property
    def row(self) -> tuple[str, ...]:
        """The thirteen columns as Casbin gets them."""
        return (*self[:11], self.eft.value, self.obl)
