"""The PDP: BoundQuery + Caller -> Decision. The only room with Casbin."""

from gateway.decision.cases import CaseFailure, run_cases
from gateway.decision.engine import PolicyEngine

__all__ = ["CaseFailure", "PolicyEngine", "run_cases"]
