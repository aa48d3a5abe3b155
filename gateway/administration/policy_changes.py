"""One policy for all processes that share a database: a change is one fact there, and whoever did not make it follows.

Who takes a new bundle keeps it, writes it down, marks it as the one that serves, and swaps. The others look at the mark
several times a second and load the very bytes that were kept. What was replaced decides nothing for longer than it
takes to follow; what can't be loaded here turns this process red.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Self

from gateway.administration.policy import PolicyHolder
from gateway.administration.versions import PolicyVersions, keeping
from gateway.catalog import archive_bundle, version_of_archive
from gateway.decision import PolicyEngine
from gateway.errors import AuditFailed, BundleInvalid, GatewayError, PolicyContested, PolicyNotKept, SettingsInvalid
from gateway.meanwhile import meanwhile
from gateway.model.audit import EntryKind
from gateway.model.change import Change
from gateway.store import (
    ServingPolicy,
    State,
    StoreFailed,
    begin_serving,
    change_serving,
    claim_change,
    forget_process,
    has_other_processes,
    note_process,
    read_serving,
    release_change,
)
from gateway.telemetry import operator_log

Note = Callable[[EntryKind, str], Awaitable[object]]
"""Write an entry about what the operator did; raises AuditFailed."""

FOLLOW_SECONDS: Final = 0.3
TRUST_SECONDS: Final = 10.0
"""After so long without a word from the database nothing is decided: the policy may have been replaced."""
LOADING_SECONDS: Final = 5.0
"""So long a policy that was replaced serves on while the one that serves is being loaded."""
_AGAIN_SECONDS: Final = 2.0
_CLAIM: Final = timedelta(seconds=5)
_TRIES: Final = 60
_TRY_SECONDS: Final = 0.1
_SEEN_EVERY_SECONDS: Final = 10.0
_SEEN: Final = timedelta(seconds=30)


class PolicyChanges:
    """The policy of one process, held equal to that of all others."""

    def __init__(
        self,
        state: State,
        versions: PolicyVersions,
        holder: PolicyHolder,
        process: str,
        clock: Callable[[], datetime],
        *,
        is_from_disk: bool,
    ) -> None:
        self.holder = holder
        self._state = state
        self._versions = versions
        self._process = process
        self._clock = clock
        self._is_from_disk = is_from_disk
        self._taking = asyncio.Lock()  # a mark and its swap are one step to whoever follows

    @classmethod
    def open(cls, state: State, bundle: Path, clock: Callable[[], datetime], *, joins: bool) -> Self:
        """The bundle's files where this process begins a site; what serves already where it comes to one.

        `joins`: it is known to come to one (a worker beside others). Blocking. Raises BundleInvalid, PolicyNotKept,
        PolicyVersionUnknown, SettingsInvalid.
        """
        process, versions = secrets.token_hex(8), PolicyVersions(state)
        keep = keeping(versions, clock)
        try:
            serving = read_serving(state)
            is_joining = joins or has_other_processes(state, process, seen_since=clock() - _SEEN)
        except StoreFailed as error:
            raise SettingsInvalid(fault=f"`state_url`: {error}", fix="mend the gateway's database") from None
        if serving is None or not is_joining:
            return cls(state, versions, PolicyHolder(bundle, keep), process, clock, is_from_disk=True)
        holder = PolicyHolder(bundle, keep, versions.engine(serving.version))
        if not joins:
            _tell_of_disk(bundle, serving)
        return cls(state, versions, holder, process, clock, is_from_disk=False)

    # ------------------------------------------------------------------ changing
    async def begin(self, note: Note) -> None:
        """Write down that this process starts, and let its bundle serve where it begins a site.

        Raises AuditFailed, PolicyNotKept, PolicyContested.
        """
        holder = self.holder
        await note(EntryKind.START, f"policy {holder.built.version}")
        holder.trust(TRUST_SECONDS)
        if not self._is_from_disk:
            await self._see()
            return
        version = holder.built.version
        try:
            await asyncio.to_thread(begin_serving, self._state, version, now=self._clock())
        except StoreFailed as error:
            raise PolicyNotKept(version=version, operator=str(error)) from None
        await self._publish(holder.built, note)
        await self._see()

    async def reload(self, note: Note) -> None:
        """Take the bundle's files again; a broken bundle is told to the operator and the old one stays."""
        try:
            built = await asyncio.to_thread(self.holder.build)
            changed = await self._publish(built, note)
        except BundleInvalid as error:
            for problem in error.problems:
                operator_log().error("policy refused", file=problem.file, line=problem.line, detail=problem.fault)
        except (PolicyNotKept, PolicyContested, AuditFailed) as error:
            operator_log().error("policy not changed", code=error.code, detail=error.operator)
        else:
            operator_log().info("policy changed" if changed else "policy unchanged", version=built.version)

    async def prepare(self) -> Change:
        """The same as an act that somebody is allowed: checked, then written down by the pipeline, then made.

        Raises BundleInvalid, PolicyNotKept, PolicyContested.
        """
        built, changer = await asyncio.to_thread(self.holder.build), secrets.token_hex(8)
        replaces = await self._claim(built, changer)

        async def make() -> None:
            if built.version == replaces.version:
                await self._let_go(changer)
            else:
                await self._mark(built, changer, replaces)

        return Change(detail=f"policy {replaces.version} -> {built.version}", case="", subjects=(), make=make)

    async def _publish(self, built: PolicyEngine, note: Note) -> bool:
        """Let it serve everywhere; False where it does so already, and nothing is written down."""
        changer = secrets.token_hex(8)
        replaces = await self._claim(built, changer)
        if replaces.version == built.version:
            await self._let_go(changer)
            async with self._taking:
                self._take(built)
            return False
        try:
            await note(EntryKind.POLICY, f"policy {replaces.version} -> {built.version}")
        except AuditFailed:
            await self._let_go(changer)
            raise
        try:
            await self._mark(built, changer, replaces)
        except GatewayError:
            # the log has it: what it says must be true again
            with suppress(AuditFailed):
                await note(EntryKind.POLICY, f"policy {built.version} -> {replaces.version}")
            raise
        return True

    async def _claim(self, built: PolicyEngine, changer: str) -> ServingPolicy:
        """Be the only one who changes the policy for a while, and what is replaced."""
        for _ in range(_TRIES):
            now = self._clock()
            try:
                found = await asyncio.to_thread(claim_change, self._state, changer, now=now, until=now + _CLAIM)
            except StoreFailed as error:
                raise PolicyNotKept(version=built.version, operator=str(error)) from None
            if found is not None:
                return found
            await asyncio.sleep(_TRY_SECONDS)
        raise PolicyContested

    async def _mark(self, built: PolicyEngine, changer: str, replaces: ServingPolicy) -> None:
        async with self._taking:
            try:
                marked = await asyncio.to_thread(
                    change_serving, self._state, changer, replaces, built.version, now=self._clock()
                )
            except StoreFailed as error:
                raise PolicyNotKept(version=built.version, operator=str(error)) from None
            if not marked:
                raise PolicyContested
            self._take(built)

    async def _let_go(self, changer: str) -> None:
        with suppress(StoreFailed):  # it ends by itself
            await asyncio.to_thread(release_change, self._state, changer, now=self._clock())

    def _take(self, engine: PolicyEngine) -> None:
        self.holder.swap(engine)
        self.holder.trust(TRUST_SECONDS)

    # ------------------------------------------------------------------ following
    @asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        """Serve what all others serve while the block runs."""
        try:
            async with meanwhile(self._follow_on()):
                yield
        finally:
            with suppress(StoreFailed):
                since = self._clock() - 2 * _SEEN
                await asyncio.to_thread(forget_process, self._state, self._process, unseen_since=since)

    async def _follow_on(self) -> None:
        loop, told, seen_at = asyncio.get_running_loop(), "", asyncio.get_running_loop().time()
        while True:
            fault = await self.follow()
            if fault and fault != told:
                operator_log().error("policy not followed", version=self.holder.current.version, detail=fault)
            told = fault
            if loop.time() - seen_at >= _SEEN_EVERY_SECONDS:
                seen_at = loop.time()
                with suppress(StoreFailed):
                    await self._see()
            await asyncio.sleep(_AGAIN_SECONDS if fault and not self.holder.is_trusted else FOLLOW_SECONDS)

    async def follow(self) -> str:
        """Look once at what serves, and load it where it is not here; what is wrong, or ""."""
        async with self._taking:
            try:
                serving = await asyncio.to_thread(read_serving, self._state)
            except StoreFailed as error:
                return f"what serves can't be read: {error}"
            if serving is None:
                return "the database knows no policy that serves"
            if serving.version == self.holder.built.version:
                self._take(self.holder.built)
                return ""
            self.holder.replaced_by(serving.version, within_seconds=LOADING_SECONDS)
            try:
                engine = await asyncio.to_thread(self._versions.engine, serving.version)
            except Exception as error:  # noqa: BLE001 - whatever it is: this process must not go on with the old one
                self.holder.replaced_by(serving.version, within_seconds=0)
                return f"can't be loaded here: {type(error).__name__}"
            self._take(engine)
            operator_log().info("policy followed", version=serving.version)
            return ""

    async def _see(self) -> None:
        version = self.holder.built.version
        with suppress(StoreFailed):
            await asyncio.to_thread(note_process, self._state, self._process, version, now=self._clock())


def _tell_of_disk(bundle: Path, serving: ServingPolicy) -> None:
    """Whoever starts a process beside others learns that its files are not what serves."""
    try:
        found = version_of_archive(archive_bundle(bundle))
    except BundleInvalid:
        found = None
    if found != serving.version:
        operator_log().warning(
            "policy of the site taken, not this bundle", version=serving.version, detail=f"on disk: {found or 'broken'}"
        )
