"""What an examination of a policy bundle finds: each with its place, the fault and the fix, in both languages."""

from dataclasses import dataclass
from enum import StrEnum

from gateway.errors import Words
from gateway.model.ids import RuleId


class Severity(StrEnum):
    """How bad a finding is: an error is a fault of the policy, a warning may be meant."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One finding of `langqiao policy lint`. `id` and `name` are stable: docs/policy-guide.md tells each."""

    id: str  # e.g. L22
    name: str  # e.g. covered
    severity: Severity
    file: str  # relative to the bundle
    line: int  # counts from 1; 0: the file as a whole
    fault: Words
    fix: Words
    rule: RuleId | None  # the rule that it is about
    waived: str | None = None  # the reason that the bundle gives for leaving it so
