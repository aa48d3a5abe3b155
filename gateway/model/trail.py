"""How far a request has come: what its audit entry can tell, whatever becomes of it."""

from dataclasses import dataclass
from datetime import datetime

from gateway.model.caller import Caller
from gateway.model.case import CaseFacts
from gateway.model.catalog import Purpose
from gateway.model.decision import Decision
from gateway.model.ids import PolicyVersion
from gateway.model.plan import ReadPlan
from gateway.model.query import BoundQuery


@dataclass(slots=True, kw_only=True, repr=False)
class Trail:
    """One request's, filled stage by stage by its recorder alone; None: not reached."""

    trace_id: str
    started_at: datetime
    policy_version: PolicyVersion | None
    caller: Caller | None = None
    purpose: Purpose | None = None
    bound: BoundQuery | None = None
    facts: CaseFacts | None = None  # the declared case, as it stood when it was decided
    decision: Decision | None = None
    decided_at: datetime | None = None  # the instant that the decision was made for
    plan: ReadPlan | None = None
    token_version: int | None = None  # of the key that tokens in the answer are made with

    def below(self, plan: ReadPlan) -> "Trail":
        """That of a level below the root: the same request, with the level's own plan, question and decision."""
        return Trail(
            trace_id=self.trace_id,
            started_at=self.started_at,
            policy_version=self.policy_version,
            caller=self.caller,
            purpose=self.purpose,
            bound=plan.bound,
            facts=self.facts,
            decision=plan.decision,
            decided_at=self.decided_at,
            plan=plan,
            token_version=self.token_version,
        )

    def __repr__(self) -> str:
        """The trace only."""
        return f"<Trail {self.trace_id}>"
