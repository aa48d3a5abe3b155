"""A case: one piece of work on named subjects, as the PDP needs to know it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gateway.model.ids import CaseId, PrincipalId, PurposeId


class CaseState(StrEnum):
    """Where a case stands; expiry is a matter of the clock, not a state."""

    OPENED = "opened"
    APPROVED = "approved"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class CaseFacts:
    """One case. `subjects` are raw ID numbers: they never reach a log (the repr hides them)."""

    id: CaseId
    purpose: PurposeId
    state: CaseState
    subjects: tuple[str, ...]
    assignee_app: str  # the app that may use it, "" for any that the purpose admits
    opened_by: PrincipalId
    approved_by: PrincipalId | None
    expires_at: datetime

    def __repr__(self) -> str:
        """Never the subjects."""
        return f"<CaseFacts {self.id} {self.state} of {len(self.subjects)} subjects>"
