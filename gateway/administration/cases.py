"""Cases: one piece of work on named subjects, opened by one, approved by another, used, closed, expired.

The subjects' ID numbers are kept sealed; they are opened for the PDP alone.
"""

import json
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from gateway.errors import BodyMalformed, CaseConflict, CaseUnavailable, FourEyesNeeded
from gateway.keys import KeyRing
from gateway.model.caller import Caller
from gateway.model.case import CaseFacts, CaseState
from gateway.model.catalog import Purpose
from gateway.model.ids import AppId, CaseId, PrincipalId, PurposeId
from gateway.pipeline import Change
from gateway.store import CaseRecord, State, insert_case, move_case, read_case


class CaseDesk:
    """Prepares each step of a case; the pipeline writes it down and then makes it."""

    def __init__(self, state: State, keys: KeyRing) -> None:
        self._state = state
        self._keys = keys

    def find(self, case: CaseId) -> CaseFacts | None:
        """The case as the PDP needs it."""
        record = read_case(self._state, case)
        if record is None:
            return None
        return CaseFacts(
            id=case,
            purpose=PurposeId(record.purpose),
            state=CaseState(record.state),
            subjects=tuple(json.loads(self._keys.unseal(record.subjects, case.encode()))),
            assignee_app=record.app,
            opened_by=PrincipalId(record.opened_by),
            approved_by=PrincipalId(record.approved_by) if record.approved_by is not None else None,
            expires_at=record.expires_at,
        )

    async def open(
        self,
        case: CaseId,
        caller: Caller,
        purpose: Purpose,
        *,
        subjects: tuple[str, ...],
        app: AppId,
        hours: int,
        now: datetime,
    ) -> Change:
        """Apply for a case; raises BodyMalformed for an app that the purpose does not admit, or an ID number twice."""
        if app not in purpose.apps:
            raise BodyMalformed(fault="app: not one that the purpose admits")
        if len(set(subjects)) != len(subjects) or not all(
            subject.isascii() and subject.isalnum() for subject in subjects
        ):
            raise BodyMalformed(fault="subjects: each an ID number, once")
        record = CaseRecord(
            id=case,
            purpose=purpose.id,
            state=CaseState.OPENED.value,
            subjects=self._keys.seal(json.dumps(subjects).encode(), case.encode()),
            app=app,
            opened_by=caller.principal,
            approved_by=None,
            opened_at=now,
            expires_at=now + timedelta(hours=hours),
        )

        async def make() -> None:
            insert_case(self._state, record)

        return Change(detail=f"case opened for {purpose.id}, app {app}", case=case, subjects=subjects, make=make)

    async def approve(self, case: CaseId, caller: Caller, purpose: Purpose, now: datetime) -> Change:
        """Confirm a case that somebody else opened; raises CaseUnavailable, CaseConflict, FourEyesNeeded."""
        facts = self._own(case, purpose)
        if facts.state is not CaseState.OPENED or not now < facts.expires_at:
            raise CaseConflict(state="expired" if now >= facts.expires_at else facts.state.value)
        if facts.opened_by == caller.principal:
            raise FourEyesNeeded
        make = self._moving(case, CaseState.OPENED, CaseState.APPROVED, approved_by=caller.principal)
        return Change(detail="case approved", case=case, subjects=facts.subjects, make=make)

    async def close(self, case: CaseId, caller: Caller, purpose: Purpose, now: datetime) -> Change:
        """End a case; raises CaseUnavailable, CaseConflict."""
        del caller, now
        facts = self._own(case, purpose)
        if facts.state is CaseState.CLOSED:
            raise CaseConflict(state=facts.state.value)
        make = self._moving(case, facts.state, CaseState.CLOSED, approved_by=None)
        return Change(detail="case closed", case=case, subjects=facts.subjects, make=make)

    def _own(self, case: CaseId, purpose: Purpose) -> CaseFacts:
        facts = self.find(case)
        if facts is None or facts.purpose != purpose.id:
            raise CaseUnavailable(case=case[:100])
        return facts

    def _moving(
        self, case: CaseId, before: CaseState, after: CaseState, *, approved_by: PrincipalId | None
    ) -> Callable[[], Awaitable[None]]:
        async def make() -> None:
            # compare-and-set: of two who act at once, one finds the state changed
            if not move_case(self._state, case, before.value, after.value, approved_by=approved_by):
                raise CaseConflict(state="changed meanwhile")

        return make
