"""The key desk: versions made, retired, reinstated and destroyed; and what is then lost, counted before it is.

Each step is prepared here; the pipeline writes it down and then makes it. Replicas follow within a second.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gateway.audit.entry import decode_remaining
from gateway.errors import (
    ConfirmationMissing,
    FourEyesNeeded,
    GatewayError,
    KeyFixed,
    KeyUnavailable,
    SettingsInvalid,
    Words,
)
from gateway.keys import (
    KeyRing,
    RetentionKeys,
    RootKey,
    make_ring,
    open_root,
    rewrap,
    rewrap_retention,
)
from gateway.meanwhile import meanwhile
from gateway.model.caller import Caller
from gateway.model.change import Change
from gateway.model.data_key import ROTATING, DataKey, KeyState, KeyUse
from gateway.settings import Keys
from gateway.store import (
    State,
    count_sealed,
    destroy_data_key,
    entries_with,
    insert_data_keys,
    read_data_keys,
    read_retention_keys,
    reinstate_data_key,
    replace_wrapped,
    retire_data_key,
)
from gateway.telemetry import operator_log

_EVERY_SECONDS: Final = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyView:
    """A version as people may see it: nothing of the key."""

    use: str
    version: int
    state: str
    algorithms: str
    wrap: str
    created_at: datetime
    active_at: datetime
    retired_at: datetime | None
    retired_by: str | None
    destroyed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyLoss:
    """What can never be read or made again once the version is destroyed. `count` is None where nothing is counted."""

    use: str
    version: int
    state: str
    count: int | None
    text: Words  # English, Chinese
    confirm: str  # what the destruction must repeat


def create_ring(settings: Keys, state: State, clock: Callable[[], datetime]) -> KeyRing:
    """Make the root file where it is missing, and version 1 of every use of a database that has none.

    Raises SettingsInvalid where some uses have keys and others don't, or the root is missing while keys are there:
    that is a loss, and never filled up. A ring that is whole is opened as it is.
    """
    is_new = not read_data_keys(state)
    root = open_root(settings, create=is_new)
    if is_new:
        insert_data_keys(state, make_ring(root, settings.algorithms, clock()))
    return KeyRing.open(lambda: read_data_keys(state), root, clock)


def rewrap_ring(state: State, old: RootKey, new: RootKey, algorithms: str) -> int:
    """Wrap every key under another root, all or none; how many. Raises SettingsInvalid."""
    wrap = "sm4-gcm" if algorithms == "national" else "aes-gcm"
    changed = rewrap(old, new, read_data_keys(state), wrap)
    months = rewrap_retention(old, new, read_retention_keys(state), wrap)
    if not replace_wrapped(state, changed, months):
        raise SettingsInvalid(fault="`keys`: changed while they were wrapped anew", fix="do it again")
    return len(changed) + len(months)


@asynccontextmanager
async def following(ring: KeyRing, seals: RetentionKeys) -> AsyncIterator[None]:
    """Read the tables anew every 0.3 s while the block runs."""
    async with meanwhile(_follow(ring, seals)):
        yield


async def _follow(ring: KeyRing, seals: RetentionKeys) -> None:
    def refresh() -> None:
        ring.refresh()
        seals.refresh()

    is_well = True
    while True:
        await asyncio.sleep(_EVERY_SECONDS)
        try:
            await asyncio.to_thread(refresh)
        except GatewayError as error:
            if is_well:
                operator_log().error("keys not read", code=error.code, detail=error.operator)
            is_well = False
        else:
            is_well = True


class KeyDesk:
    """What security officers do with keys."""

    def __init__(self, state: State, ring: KeyRing, seals: RetentionKeys, algorithms: str) -> None:
        self._state = state
        self._ring = ring
        self._seals = seals
        self._algorithms = algorithms

    def list(self) -> tuple[KeyView, ...]:
        """Every version of every use."""
        self._ring.refresh()
        return tuple(
            KeyView(
                use=record.use.value,
                version=record.version,
                state=state.value,
                algorithms=record.algorithms,
                wrap=record.wrap,
                created_at=record.created_at,
                active_at=record.active_at,
                retired_at=record.retired_at,
                retired_by=record.retired_by,
                destroyed_at=record.destroyed_at,
            )
            for record, state in self._ring.records()
        )

    async def rotate(self, use: KeyUse) -> Change:
        """A new version, in force a second after it is made; raises KeyFixed, KeyUnavailable."""
        _refuse_fixed(use)
        await asyncio.to_thread(self._ring.refresh)
        found = [(record, state) for record, state in self._ring.records() if record.use is use]
        pending = next((record for record, state in found if state is KeyState.PENDING), None)
        if pending is not None:
            raise KeyUnavailable(use=use.value, version=pending.version, state=KeyState.PENDING.value)
        version = max(record.version for record, _ in found) + 1

        def make() -> None:
            # made here and not before: its second of notice begins when the log has it
            key = self._ring.new_version(use, self._algorithms)
            if key.version != version or not insert_data_keys(self._state, (key,)):
                raise KeyUnavailable(use=use.value, version=version, state="there already")
            self._ring.refresh()

        return _change(f"key {use} {version} made", make)

    async def retire(self, use: KeyUse, version: int, caller: Caller, now: datetime) -> Change:
        """Let an old version serve for nothing; raises KeyFixed, KeyUnavailable (also for the one in force)."""
        await self._in(use, version, KeyState.OLD)

        def make() -> None:
            self._done(use, version, is_done=retire_data_key(self._state, use, version, by=caller.principal, now=now))

        return _change(f"key {use} {version} retired", make)

    async def reinstate(self, use: KeyUse, version: int) -> Change:
        """Let a retired version be read with again; raises KeyFixed, KeyUnavailable."""
        await self._in(use, version, KeyState.RETIRED)

        def make() -> None:
            self._done(use, version, is_done=reinstate_data_key(self._state, use, version))

        return _change(f"key {use} {version} reinstated", make)

    async def destroy(self, use: KeyUse, version: int, caller: Caller, *, confirm: str, now: datetime) -> Change:
        """Overwrite a retired version, for good; by somebody else than retired it.

        Raises KeyFixed, KeyUnavailable, FourEyesNeeded, ConfirmationMissing.
        """
        record = await self._in(use, version, KeyState.RETIRED)
        if record.retired_by == caller.principal:
            raise FourEyesNeeded
        if confirm != _confirmation(use, version):
            raise ConfirmationMissing(use=use.value, version=version)
        retired_at = record.retired_at or now

        def make() -> None:
            is_done = destroy_data_key(self._state, use, version, retired_at=retired_at, now=now)
            self._done(use, version, is_done=is_done)

        return _change(f"key {use} {version} destroyed", make)

    def loss(self, use: KeyUse, version: int) -> KeyLoss:
        """What goes with the version, counted now; raises KeyFixed, KeyUnavailable for one unknown or destroyed."""
        _refuse_fixed(use)
        self._ring.refresh()
        _, state = self._find(use, version)
        if state is KeyState.DESTROYED:
            raise KeyUnavailable(use=use.value, version=version, state=state.value)
        sealed = count_sealed(self._state, version) if use is KeyUse.SEAL else (0, 0)
        count = sum(sealed) if use is KeyUse.SEAL else self._count(use, version)
        return KeyLoss(
            use=use.value,
            version=version,
            state=state.value,
            count=count,
            text=_loss_text(use, version, count, sealed),
            confirm=_confirmation(use, version),
        )

    def _count(self, use: KeyUse, version: int) -> int | None:
        if use is KeyUse.TOKEN:
            # an answer has an entry for each dataset with tokens; those of one answer share trace and body
            words = f"token key {version}"
            entries = (decode_remaining(body, self._seals.open) for body in entries_with(self._state, words))
            return len(
                {
                    (one.trace_id, one.response_sha256)
                    for one, is_whole in entries
                    if is_whole and _names(one.detail, words)
                }
            )  # an erased answer's tokens can't be turned back in any case
        return None

    async def _in(self, use: KeyUse, version: int, wanted: KeyState) -> DataKey:
        _refuse_fixed(use)
        await asyncio.to_thread(self._ring.refresh)
        record, state = self._find(use, version)
        if state is not wanted:
            raise KeyUnavailable(use=use.value, version=version, state=state.value)
        return record

    def _find(self, use: KeyUse, version: int) -> tuple[DataKey, KeyState]:
        for record, state in self._ring.records():
            if (record.use, record.version) == (use, version):
                return record, state
        raise KeyUnavailable(use=use.value, version=version, state="unknown")

    def _done(self, use: KeyUse, version: int, *, is_done: bool) -> None:
        self._ring.refresh()
        if not is_done:
            raise KeyUnavailable(use=use.value, version=version, state="changed meanwhile")


def _refuse_fixed(use: KeyUse) -> None:
    if use not in ROTATING:
        raise KeyFixed(use=use.value)


def _change(detail: str, make: Callable[[], None]) -> Change:
    async def in_thread() -> None:
        await asyncio.to_thread(make)

    return Change(detail=detail, case="", subjects=(), make=in_thread)


def _confirmation(use: KeyUse, version: int) -> str:
    return f"{use.value} {version}"


def _names(detail: str, words: str) -> bool:
    """Whether an entry's detail says so: alone, or after what it says of an embed."""
    return detail == words or detail.endswith(f"; {words}")


def _loss_text(use: KeyUse, version: int, count: int | None, sealed: tuple[int, int]) -> Words:
    if use is KeyUse.SEAL:
        files, asked = sealed
        return (
            f"{files} case files and {asked} re-identification requests are sealed under seal {version}: lost for good",
            f"{files} 份案件卷宗及 {asked} 份还原申请以 seal 第 {version} 版封存：其当事人与申请内容将永远无法读出",
        )
    if use is KeyUse.TOKEN:
        return (
            f"{count} answers in the log hold tokens of version {version}: none can ever be turned back",
            f"日志中有 {count} 次应答含 token 第 {version} 版的令牌：均永远无法还原",
        )
    if use is KeyUse.PSEUDONYM:
        return (
            f"the pseudonyms that version {version} made, of every purpose, can never be made again",
            f"第 {version} 版为各用途生成的假名将永远无法再次生成：当时的数据不能再与个人对应",
        )
    return (
        f"the days by which version {version} shifted dates, of every purpose, can never be found again",
        f"第 {version} 版为各用途移动日期所用的天数将永远无法再次得出",
    )
