"""The PDP: BoundQuery + Caller -> Decision. The only room with Casbin."""

from gateway.decision.cases import CaseFailure, CaseRun, run_cases
from gateway.decision.engine import PolicyEngine

__all__ = ["CaseFailure", "CaseRun", "PolicyEngine", "run_cases"]
