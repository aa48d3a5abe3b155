"""The PDP: BoundQuery + Caller -> Decision. The only room with Casbin."""

from gateway.decision.cases import CaseFailure, CaseRun, run_cases
from gateway.decision.engine import PolicyEngine
from gateway.decision.identity_reading import rules_that_read_numbers

__all__ = ["CaseFailure", "CaseRun", "PolicyEngine", "rules_that_read_numbers", "run_cases"]
