"""Re-identification: a token back into what it stands for; asked for by one, approved by another, opened once.

A request names the answer that showed the token, a case and a reason. The value itself is kept nowhere: at each step
the token is turned back anew, for the log to know whom the step is about, and only an opening gives it to anybody.
Token, reason and note are kept sealed beside the log, never in it.
"""

import asyncio
import json
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from gateway.administration.released_tokens import ReleasedTokens, TokenDesk, TokenKey
from gateway.audit import Opener
from gateway.decision import PolicyEngine
from gateway.errors import (
    ActionNotAllowed,
    CaseMissing,
    CaseUnavailable,
    FourEyesNeeded,
    KeyUnavailable,
    LimitReached,
    NotReversible,
    ReidentificationConflict,
    ReidentificationUnknown,
    Words,
)
from gateway.keys import KeyRing
from gateway.model.caller import Caller
from gateway.model.case import CaseFacts, CaseState
from gateway.model.catalog import Purpose
from gateway.model.change import Change
from gateway.model.ids import CaseId
from gateway.store import (
    ReidentificationRecord,
    State,
    charge,
    insert_reidentification,
    move_reidentification,
    read_reidentification,
    read_reidentifications,
)

PENDING, APPROVED, REFUSED, OPENED, LAPSED = "pending", "approved", "refused", "opened", "lapsed"
_STATES: dict[str, Words] = {
    PENDING: ("not approved yet", "尚未批准"),
    APPROVED: ("approved already", "已获批准"),
    REFUSED: ("refused", "已被驳回"),
    OPENED: ("opened already", "已开启过"),
    LAPSED: ("lapsed", "已失效"),
    "case": ("without an open case", "所依案件未获批准或已结束"),
}
_CHANGED: Words = ("changed meanwhile", "状态刚刚变更")
_WORDS: Words = ("re-identifications", "还原申请")
_MOST_LISTED = 200


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class TokenAsked:
    """Which token, where it was seen, and why it must be turned back."""

    entry: int
    dataset: str
    field: str
    token: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReidentificationView:
    """A request as those who decide and follow it read it: neither the token nor what it stands for."""

    id: str
    state: str  # pending, approved, refused, opened, lapsed
    case: str
    app: str
    requested_by: str
    requested_at: datetime
    entry: int
    dataset: str
    field: str
    seen_by: str
    reason: str
    decided_by: str | None
    decided_at: datetime | None
    note: str | None
    opened_at: datetime | None
    lapses_at: datetime | None  # set once it is approved


class ReidentificationDesk:
    """Prepares each step; the pipeline writes it down and then makes it."""

    def __init__(
        self,
        state: State,
        keys: KeyRing,
        token_key: TokenKey,
        find_case: Callable[[CaseId], CaseFacts | None],
        *,
        hours: int,
        opener: Opener,
    ) -> None:
        self._state = state
        self._keys = keys
        self._tokens = TokenDesk(state, token_key, keys.subject_hash, opener)
        self._find_case = find_case
        self._life = timedelta(hours=hours)

    async def request(
        self, engine: PolicyEngine, caller: Caller, purpose: Purpose, asked: TokenAsked, now: datetime
    ) -> tuple[Change, str]:
        """Apply for one token: the change and the request's id.

        It counts against the purpose's daily limit whatever comes of it, so that texts can't be tried out. Raises
        ActionNotAllowed, CaseMissing, CaseUnavailable, LimitReached, NotReversible, KeyUnavailable.
        """
        case = await self._check_case(engine, caller, purpose, now)
        await self._charge(caller, purpose, now)
        released, value = await asyncio.to_thread(self._turn_back, engine, asked)
        name = f"r-{secrets.token_hex(8)}"
        record = ReidentificationRecord(
            id=name,
            purpose=purpose.id,
            case_id=case,
            app=caller.app,
            state=PENDING,
            requested_by=caller.principal,
            requested_at=now,
            entry=asked.entry,
            dataset=asked.dataset,
            field=asked.field,
            seen_by=released.seen_by,
            content=self._seal(name, "content", [asked.token, asked.reason]),
        )

        async def make() -> None:
            await asyncio.to_thread(insert_reidentification, self._state, record)

        whose = "own answer" if released.seen_by == caller.principal else "answer of another"
        detail = f"re-identification {name} requested: entry {asked.entry} {asked.dataset}.{asked.field}, {whose}"
        return Change(detail=detail, case=case, subjects=(value,), make=make), name

    async def decide(
        self,
        engine: PolicyEngine,
        request: str,
        caller: Caller,
        purpose: Purpose,
        *,
        verdict: str,
        note: str,
        now: datetime,
    ) -> Change:
        """Approve or refuse (`approved`, `refused`) what somebody else asked for.

        Raises ReidentificationUnknown, ReidentificationConflict, FourEyesNeeded, and to approve what `request` raises.
        """
        record = await self._record(request, purpose)
        if record.requested_by == caller.principal:
            raise FourEyesNeeded
        if record.state != PENDING:
            raise ReidentificationConflict(state=_STATES[self._state_of(record, now)])
        subjects: tuple[str, ...] = ()
        try:
            _, value = await asyncio.to_thread(self._turn_back, engine, self._asked(record))
            subjects = (value,)
        except (NotReversible, KeyUnavailable):
            # what can't be opened any more can still be refused
            if verdict == APPROVED:
                raise
        if verdict == APPROVED:
            await self._check_stands(record, now)
        sealed = self._seal(record.id, "note", [note])
        make = self._moving(
            record.id,
            PENDING,
            {"state": verdict, "decided_by": caller.principal, "decided_at": now, "note": sealed},
        )
        detail = f"re-identification {record.id} {verdict}"
        return Change(detail=detail, case=record.case_id, subjects=subjects, make=make)

    async def open(
        self, engine: PolicyEngine, request: str, caller: Caller, purpose: Purpose, now: datetime
    ) -> tuple[Change, str]:
        """The change and what the token stands for: to who asked, once, in time, under the same case.

        The value may leave once the change is made. Raises ReidentificationUnknown, ReidentificationConflict,
        CaseMissing, CaseUnavailable, NotReversible, KeyUnavailable.
        """
        record = await self._record(request, purpose)
        if record.requested_by != caller.principal:
            raise ReidentificationUnknown(request=request[:100])
        state = self._state_of(record, now)
        if state != APPROVED:
            raise ReidentificationConflict(state=_STATES[state])
        if await self._check_case(engine, caller, purpose, now) != record.case_id:
            raise CaseUnavailable(case=(caller.case or "")[:100])
        _, value = await asyncio.to_thread(self._turn_back, engine, self._asked(record))
        make = self._moving(record.id, APPROVED, {"state": OPENED, "opened_at": now})
        detail = f"re-identification {record.id} opened"
        return Change(detail=detail, case=record.case_id, subjects=(value,), make=make), value

    def listed(self, purpose: Purpose, now: datetime) -> tuple[ReidentificationView, ...]:
        """Requests of the purpose, pending ones first, then the newest, at most 200."""
        records = read_reidentifications(self._state, purpose=purpose.id, first=PENDING, limit=_MOST_LISTED)
        return tuple(self._view(record, now) for record in records)

    # ------------------------------------------------------------------ what must hold
    async def _check_case(self, engine: PolicyEngine, caller: Caller, purpose: Purpose, now: datetime) -> CaseId:
        if caller.case is None:
            # whatever the purpose demands of other questions
            raise CaseMissing(purpose=purpose.id)
        engine.check_purpose(purpose, caller, await asyncio.to_thread(self._find_case, caller.case), now)
        return caller.case

    async def _check_stands(self, record: ReidentificationRecord, now: datetime) -> None:
        """The case is still open; who approves need not work under it."""
        case = await asyncio.to_thread(self._find_case, CaseId(record.case_id))
        if case is None or case.state is not CaseState.APPROVED or now >= case.expires_at:
            raise ReidentificationConflict(state=_STATES["case"])

    async def _charge(self, caller: Caller, purpose: Purpose, now: datetime) -> None:
        limit = purpose.reidentifications_per_day
        if limit is None:
            raise ActionNotAllowed
        if not await asyncio.to_thread(
            charge,
            self._state,
            principal=caller.principal,
            purpose=purpose.id,
            day=now.astimezone(UTC).date().isoformat(),
            what="reidentifications",
            amount=1,
            limit=limit,
        ):
            raise LimitReached(what=_WORDS, limit=limit, flag="reidentifications-limit")

    def _turn_back(self, engine: PolicyEngine, asked: TokenAsked) -> tuple[ReleasedTokens, str]:
        released = self._tokens.find(engine, asked.entry, asked.dataset, asked.field)
        return released, self._tokens.turn_back(released, asked.token)

    # ------------------------------------------------------------------ what is kept
    async def _record(self, request: str, purpose: Purpose) -> ReidentificationRecord:
        record = await asyncio.to_thread(read_reidentification, self._state, request)
        if record is None or record.purpose != purpose.id:
            raise ReidentificationUnknown(request=request[:100])
        return record

    def _asked(self, record: ReidentificationRecord) -> TokenAsked:
        token, reason = self._unseal(record.id, "content", record.content)
        return TokenAsked(entry=record.entry, dataset=record.dataset, field=record.field, token=token, reason=reason)

    def _seal(self, request: str, part: str, texts: list[str]) -> bytes:
        return self._keys.seal(json.dumps(texts).encode(), f"reidentification/{request}/{part}".encode())

    def _unseal(self, request: str, part: str, sealed: bytes) -> list[str]:
        texts: list[str] = json.loads(self._keys.unseal(sealed, f"reidentification/{request}/{part}".encode()))
        return texts

    def _readable(self, request: str, part: str, sealed: bytes, at: int) -> str:
        try:
            return self._unseal(request, part, sealed)[at]
        except KeyUnavailable:
            return ""  # one request that can't be opened any more hides no other from the list

    def _state_of(self, record: ReidentificationRecord, now: datetime) -> str:
        """What the state is by the clock."""
        lapses_at = self._lapses_at(record)
        return LAPSED if record.state == APPROVED and lapses_at is not None and now >= lapses_at else record.state

    def _lapses_at(self, record: ReidentificationRecord) -> datetime | None:
        if record.state not in {APPROVED, OPENED} or record.decided_at is None:
            return None
        return record.decided_at + self._life

    def _view(self, record: ReidentificationRecord, now: datetime) -> ReidentificationView:
        return ReidentificationView(
            id=record.id,
            state=self._state_of(record, now),
            case=record.case_id,
            app=record.app,
            requested_by=record.requested_by,
            requested_at=record.requested_at,
            entry=record.entry,
            dataset=record.dataset,
            field=record.field,
            seen_by=record.seen_by,
            reason=self._readable(record.id, "content", record.content, -1),
            decided_by=record.decided_by,
            decided_at=record.decided_at,
            note=self._readable(record.id, "note", record.note, 0) if record.note is not None else None,
            opened_at=record.opened_at,
            lapses_at=self._lapses_at(record),
        )

    def _moving(
        self, request: str, before: str, values: Mapping[str, str | bytes | datetime]
    ) -> Callable[[], Awaitable[None]]:
        async def make() -> None:
            # compare-and-set: of two who act at once, one finds the state changed
            if not await asyncio.to_thread(move_reidentification, self._state, request, before, values):
                raise ReidentificationConflict(state=_CHANGED)

        return make
