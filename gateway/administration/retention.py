"""Retention: what falls due, what holds it back, and erasing it: a purpose's months, by destroying their keys.

Asked for by one person and made by another. The log's entry names keys, ranges and numbers before a key is destroyed;
then search columns are emptied step by step, and what a crash left undone is done at the next start.
"""

import asyncio
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from gateway.audit.erasure import ErasedKey, erasure_text
from gateway.errors import AuditUnavailable, ErasureRefused, FourEyesNeeded, Words
from gateway.keys import RetentionKeys
from gateway.model.caller import Caller
from gateway.model.catalog import Purpose
from gateway.model.change import Change
from gateway.model.ids import PurposeId
from gateway.model.retention import ErasureRequest, RetentionHold, SealedEntries
from gateway.model.retention_key import RetentionKey
from gateway.store import (
    STEP,
    State,
    StoreFailed,
    blank_entries,
    count_open_reviews,
    destroy_retention_keys,
    finish_blanking,
    forget_journal,
    insert_erasure,
    insert_hold,
    lift_hold,
    open_cases,
    read_erasure_request,
    read_erasure_requests,
    read_holds,
    read_retention_keys,
    survey_sealed,
)
from gateway.telemetry import operator_log

_SLACK: Final = timedelta(days=1)  # entries of a month stand together, but for clocks that differ
_MOST_MONTHS: Final = 120  # of one erasure: its entry names each


@dataclass(frozen=True, slots=True, kw_only=True)
class DueMonth:
    """What one retention key sealed, and what becomes of it."""

    key: str
    purpose: str
    month: str
    due_at: datetime
    is_due: bool
    entries: ErasedKey | None  # None: it sealed nothing that is in the log
    held_by: tuple[Words, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionReport:
    """What falls due, exactly counted; what can't be erased; what was asked for and what holds it back."""

    months: tuple[DueMonth, ...]
    unsealed: Mapping[str, int]  # by purpose: entries of versions 1 and 2, which can't be erased
    requests: tuple[ErasureRequest, ...]
    holds: tuple[RetentionHold, ...]


class RetentionDesk:
    """Blocking, but for what gives a Change.

    `forget(begin, end)` is called after the columns of the entries [begin, end) were emptied: whatever else is made
    from them (a search index) must forget them there.
    """

    def __init__(
        self,
        state: State,
        seals: RetentionKeys,
        purposes: Callable[[], Mapping[PurposeId, Purpose]],
        *,
        default_days: int,
        forget: Callable[[int, int], None] = lambda _begin, _end: None,
    ) -> None:
        self._state = state
        self._seals = seals
        self._purposes = purposes
        self._default = default_days
        self._forget = forget

    def report(self, now: datetime) -> RetentionReport:
        """As of now; raises AuditUnavailable, KeysUnreadable."""
        try:
            months, unsealed = self._months(now)
            return RetentionReport(
                months=months,
                unsealed=unsealed,
                requests=read_erasure_requests(self._state),
                holds=read_holds(self._state),
            )
        except StoreFailed as error:
            raise AuditUnavailable(operator=str(error)) from None

    async def request(self, purpose: str, through: str, caller: Caller, now: datetime) -> tuple[Change, str]:
        """Ask for all months of the purpose up to `through`: the change and the request's id.

        Raises ErasureRefused where none of them is due or one is held back.
        """
        months = await asyncio.to_thread(self._due, purpose, through, now)
        request = ErasureRequest(
            id=f"erasure-{secrets.token_hex(8)}",
            purpose=purpose,
            through=through,
            requested_by=caller.principal,
            requested_at=now,
        )
        detail = f"erasure of {purpose} through {through} asked for: {len(months)} months"
        return _change(detail, lambda: insert_erasure(self._state, request)), request.id

    async def erase(self, request: str, caller: Caller, *, confirm: str, now: datetime) -> Change:
        """Erase what was asked for, for good; by somebody else than asked. Raises ErasureRefused, FourEyesNeeded."""
        asked = await asyncio.to_thread(self._request, request)
        if asked.requested_by == caller.principal:
            raise FourEyesNeeded
        wanted = f"{asked.purpose} {asked.through}"
        if confirm != wanted:
            raise ErasureRefused(why=(f"`confirm` must be `{wanted}`", f"confirm 须为 `{wanted}`"))
        months = await asyncio.to_thread(self._due, asked.purpose, asked.through, now)
        cases = frozenset(case for month in months for case in month[1])
        erased = tuple(month[0].entries or ErasedKey(month[0].key, 0, 0, 0) for month in months)

        def make() -> None:
            keys = tuple((month.purpose, month.month) for month, _ in months)
            if not destroy_retention_keys(self._state, asked.id, keys, cases=cases, by=caller.principal, now=now):
                raise ErasureRefused(why=("it was held or done meanwhile", "期间已被冻结或已执行"))
            self._seals.refresh()
            self.finish(now)

        return _change(erasure_text(erased), make)

    async def hold(self, purpose: str, case: str, reason: str, caller: Caller, now: datetime) -> tuple[Change, str]:
        """Keep a purpose's entries, or those of one case of it, from being erased: the change and the hold's id."""
        hold = RetentionHold(
            id=f"hold-{secrets.token_hex(8)}",
            purpose=purpose,
            case_id=case,
            reason=reason,
            placed_by=caller.principal,
            placed_at=now,
        )
        detail = f"{hold.id} placed on {'a case of ' if case else ''}{purpose}"
        return _change(detail, lambda: insert_hold(self._state, hold), case=case), hold.id

    async def lift(self, hold: str, caller: Caller, now: datetime) -> Change:
        """Let it be erased again; raises ErasureRefused where there is no such hold in force."""
        known = await asyncio.to_thread(read_holds, self._state)
        found = next((one for one in known if one.id == hold), None)
        none_such = ErasureRefused(why=("there is no such hold in force", "没有此生效冻结"))
        if found is None:
            raise none_such

        def make() -> None:
            if not lift_hold(self._state, hold, by=caller.principal, now=now):
                raise none_such

        return _change(f"{hold} lifted", make, case=found.case_id)

    def finish(self, now: datetime) -> int:
        """Empty the search columns of every destroyed key that was not finished; how many. Raises AuditUnavailable."""
        try:
            left = [key for key in read_retention_keys(self._state) if key.destroyed_at and not key.blanked_at]
            if not left:
                return 0
            end = max(_end_of(key.month) for key in left)
            sealed = {one.key: one for one in survey_sealed(self._state, end + _SLACK)}
            for key in left:
                self._blank(key, sealed.get(key.name), now)
            forget_journal(self._state)
        except StoreFailed as error:
            raise AuditUnavailable(operator=f"an erasure is not finished: {error}") from None
        operator_log().info("erased", count=len(left))
        return len(left)

    def _blank(self, key: RetentionKey, sealed: SealedEntries | None, now: datetime) -> None:
        if sealed is not None:
            for begin in range(sealed.first, sealed.last + 1, STEP):
                end = min(begin + STEP, sealed.last + 1)
                blank_entries(self._state, key.name, begin, end)
                self._forget(begin, end)
        begin_at, end_at = datetime.fromisoformat(f"{key.month}-01").replace(tzinfo=UTC), _end_of(key.month)
        finish_blanking(self._state, key.purpose, key.month, begin=begin_at, end=end_at, now=now)

    def _request(self, request: str) -> ErasureRequest:
        try:
            found = read_erasure_request(self._state, request)
        except StoreFailed as error:
            raise AuditUnavailable(operator=str(error)) from None
        if found is None or found.erased_at is not None:
            raise ErasureRefused(why=("there is no such request that waits", "没有此待执行的申请"))
        return found

    def _due(self, purpose: str, through: str, now: datetime) -> tuple[tuple[DueMonth, frozenset[str]], ...]:
        """The months that an erasure takes, with the cases in them; raises ErasureRefused."""
        try:
            sealed: dict[str, SealedEntries] = {}
            months, _ = self._months(now, sealed)
        except StoreFailed as error:
            raise AuditUnavailable(operator=str(error)) from None
        wanted = [one for one in months if one.purpose == purpose and one.month <= through]
        early = next((one for one in wanted if not one.is_due), None)
        if not wanted or early is not None:
            why: Words = ("nothing of it is there", "没有此用途的月份")
            if early is not None:
                on = early.due_at.date().isoformat()
                why = (f"{early.key} is kept until {on}", f"{early.key} 须保留至 {on}")
            raise ErasureRefused(why=why)
        held = next((one for one in wanted if one.held_by), None)
        if held is not None:
            raise ErasureRefused(why=(f"{held.key}: {held.held_by[0][0]}", f"{held.key}：{held.held_by[0][1]}"))
        if len(wanted) > _MOST_MONTHS:
            raise ErasureRefused(why=(f"more than {_MOST_MONTHS} months at once", f"一次超过 {_MOST_MONTHS} 个月"))
        nothing: frozenset[str] = frozenset()
        return tuple((one, sealed[one.key].cases if one.key in sealed else nothing) for one in wanted)

    def _months(
        self, now: datetime, found: dict[str, SealedEntries] | None = None
    ) -> tuple[tuple[DueMonth, ...], dict[str, int]]:
        keys = [key for key in read_retention_keys(self._state) if key.destroyed_at is None]
        surveyed = survey_sealed(self._state, now)
        sealed = {one.key: one for one in surveyed if one.key}
        if found is not None:
            found.update(sealed)
        reviews, alive, holds = count_open_reviews(self._state), open_cases(self._state, now), read_holds(self._state)
        months = []
        for key in keys:
            due_at = _end_of(key.month) + timedelta(days=self._days(key.purpose))
            entries = sealed.get(key.name)
            cases = entries.cases if entries is not None else frozenset()
            months.append(
                DueMonth(
                    key=key.name,
                    purpose=key.purpose,
                    month=key.month,
                    due_at=due_at,
                    is_due=due_at <= now,
                    entries=None
                    if entries is None
                    else ErasedKey(key.name, entries.first, entries.last, entries.count),
                    held_by=_held_by(key.purpose, cases, reviews.get(key.name, 0), alive, holds),
                )
            )
        unsealed = {one.purpose: one.count for one in surveyed if not one.key}
        return tuple(months), unsealed

    def _days(self, purpose: str) -> int:
        known = self._purposes().get(PurposeId(purpose))
        # a purpose that the policy has no more of is kept as long as what has none
        return known.retention_days if known is not None else self._default


def _held_by(
    purpose: str, cases: frozenset[str], reviews: int, alive: frozenset[str], holds: tuple[RetentionHold, ...]
) -> tuple[Words, ...]:
    found: list[Words] = []
    if reviews:
        found.append((f"{reviews} reviews are not decided", f"{reviews} 项复核尚未裁定"))
    if cases & alive:
        count = len(cases & alive)
        found.append((f"{count} of its cases are open", f"其中 {count} 个案件尚未结案"))
    found += [
        (f"{hold.id} holds it", f"{hold.id} 冻结")
        for hold in holds
        if (hold.case_id in cases if hold.case_id else hold.purpose == purpose)
    ]
    return tuple(found)


def _end_of(month: str) -> datetime:
    year, number = int(month[:4]), int(month[5:])
    return datetime(year + number // 12, number % 12 + 1, 1, tzinfo=UTC)


def _change(detail: str, make: Callable[[], None], *, case: str = "") -> Change:
    async def in_thread() -> None:
        try:
            await asyncio.to_thread(make)
        except StoreFailed as error:
            raise AuditUnavailable(operator=str(error)) from None

    return Change(detail=detail, case=case, subjects=(), make=in_thread)


__all__ = ["DueMonth", "RetentionDesk", "RetentionReport"]
