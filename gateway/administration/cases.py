"""Cases: one piece of work on named subjects, opened by one, approved by another, used, closed, expired.

The subjects' ID numbers are kept sealed; they are opened for the PDP alone.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.errors import BodyMalformed, CaseConflict, CaseUnavailable, FourEyesNeeded, KeyUnavailable
from gateway.keys import KeyRing
from gateway.model.caller import Caller
from gateway.model.case import CaseFacts, CaseState
from gateway.model.catalog import Purpose
from gateway.model.change import Change
from gateway.model.ids import AppId, CaseId, PrincipalId, PurposeId
from gateway.store import CaseRecord, State, extend_case, insert_case, move_case, read_case, read_cases

LONGEST_LIFE = timedelta(days=90)
"""From the opening of a case to its last possible end, whoever extends it."""
_MOST_LISTED = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseView:
    """A case as those involved may read it: who the subjects are is told by keyed hashes, if their key serves still."""

    id: CaseId
    purpose: PurposeId
    state: str  # opened, approved, closed, expired
    app: str
    opened_by: PrincipalId
    approved_by: PrincipalId | None
    opened_at: datetime
    expires_at: datetime
    subjects: tuple[str, ...]


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
            subjects=self._subjects(record),
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

    async def extend(self, case: CaseId, caller: Caller, purpose: Purpose, *, hours: int, now: datetime) -> Change:
        """Let an approved case live `hours` longer than it would; raises CaseUnavailable, CaseConflict, FourEyesNeeded.

        An expired case is over: it can't be extended, and neither can one past its longest life.
        """
        record = self._record(case, purpose)
        state = _state_of(record, now)
        if state != CaseState.APPROVED.value:
            raise CaseConflict(state=state)
        if record.opened_by == caller.principal:
            raise FourEyesNeeded
        until = record.expires_at + timedelta(hours=hours)
        if until - record.opened_at > LONGEST_LIFE:
            raise CaseConflict(state=f"limited to {LONGEST_LIFE.days} days in all")

        async def make() -> None:
            if not extend_case(
                self._state, case, state_name=CaseState.APPROVED.value, was=record.expires_at, until=until
            ):
                raise CaseConflict(state="changed meanwhile")

        return Change(detail=f"case extended by {hours} h", case=case, subjects=self._subjects(record), make=make)

    def view(self, case: CaseId, caller: Caller, purpose: Purpose, now: datetime) -> CaseView:
        """The case, for who opened or approved it and who uses it; raises CaseUnavailable for everybody else."""
        record = self._record(case, purpose)
        if caller.principal not in {record.opened_by, record.approved_by} and caller.app != record.app:
            raise CaseUnavailable(case=case[:100])
        return self._view(record, now)

    def own(self, caller: Caller, purpose: Purpose, now: datetime) -> tuple[CaseView, ...]:
        """The newest cases of the purpose that the caller opened or approved, at most 200."""
        records = read_cases(self._state, principal=caller.principal, purpose=purpose.id, limit=_MOST_LISTED)
        return tuple(self._view(record, now) for record in records)

    def _view(self, record: CaseRecord, now: datetime) -> CaseView:
        return CaseView(
            id=CaseId(record.id),
            purpose=PurposeId(record.purpose),
            state=_state_of(record, now),
            app=record.app,
            opened_by=PrincipalId(record.opened_by),
            approved_by=PrincipalId(record.approved_by) if record.approved_by is not None else None,
            opened_at=record.opened_at,
            expires_at=record.expires_at,
            subjects=self._hashes(record),
        )

    def _hashes(self, record: CaseRecord) -> tuple[str, ...]:
        try:
            subjects = self._subjects(record)
        except KeyUnavailable:
            return ()  # one case that can't be opened any more hides no other from its people
        return tuple(sorted(self._keys.subject_hash(subject) for subject in subjects))

    def _subjects(self, record: CaseRecord) -> tuple[str, ...]:
        return tuple(json.loads(self._keys.unseal(record.subjects, record.id.encode())))

    def _record(self, case: CaseId, purpose: Purpose) -> CaseRecord:
        record = read_case(self._state, case)
        if record is None or record.purpose != purpose.id:
            raise CaseUnavailable(case=case[:100])
        return record

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


def _state_of(record: CaseRecord, now: datetime) -> str:
    """What the state is by the clock."""
    over = record.state != CaseState.CLOSED.value and now >= record.expires_at
    return "expired" if over else record.state


def nothing_to_make(detail: str, case: str = "") -> Change:
    """An act that only reads: written down, and then there is nothing to do."""

    async def make() -> None:
        return

    return Change(detail=detail, case=case, subjects=(), make=make)
