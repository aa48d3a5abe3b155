"""Terminals: the devices to whose keys the mask `seal` enciphers. Registered by their person, approved by another.

Whoever has somebody's token could register a key of their own and then read what is sealed: that is why a registered
terminal serves for nothing until a second person, who knows the device, approves it.
"""

import asyncio
import json
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gateway.errors import FourEyesNeeded, TerminalKeyInvalid, TerminalStepInvalid, TerminalUnavailable
from gateway.keys.jwe import TerminalPublicKey
from gateway.model.caller import Caller
from gateway.model.change import Change
from gateway.store import (
    State,
    TerminalRecord,
    approve_terminal,
    insert_terminal,
    read_terminal,
    read_terminals,
    revoke_terminal,
)

MOST_TERMINALS: Final = 5
"""Of one person, without those that are revoked."""
_MOST_LISTED: Final = 200
_PUBLIC: Final = ("crv", "kty", "x", "y")


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminalView:
    """A terminal as its person and the officers read it."""

    id: str
    principal: str
    app: str
    title: str
    thumbprint: str
    state: str
    registered_at: datetime
    approved_by: str | None
    revoked_at: datetime | None


class TerminalDesk:
    """Prepares each step of a terminal's life; finds the key that an answer is sealed to."""

    def __init__(self, state: State) -> None:
        self._state = state

    @staticmethod
    def new_id() -> str:
        """An id that nobody guesses."""
        return f"t-{secrets.token_hex(8)}"

    async def register(
        self, terminal: str, caller: Caller, *, jwk: Mapping[str, object], title: str, now: datetime
    ) -> Change:
        """Register the public key of the caller's own terminal, for this app; raises TerminalKeyInvalid."""
        try:
            key = TerminalPublicKey.read(jwk)
        except ValueError as error:
            raise TerminalKeyInvalid(fault=str(error)) from None
        record = TerminalRecord(
            id=terminal,
            principal=caller.principal,
            app=caller.app,
            title=title,
            jwk=json.dumps({name: jwk[name] for name in _PUBLIC if name in jwk}, sort_keys=True),
            thumbprint=key.thumbprint,
            state="registered",
            registered_at=now,
            approved_by=None,
            revoked_at=None,
        )

        async def make() -> None:
            if not await asyncio.to_thread(insert_terminal, self._state, record, most=MOST_TERMINALS):
                raise TerminalStepInvalid(terminal=terminal)

        return _change(f"terminal {terminal} registered, key {key.thumbprint}", make)

    async def approve(self, terminal: str, caller: Caller) -> Change:
        """By somebody else than its person; raises TerminalStepInvalid, FourEyesNeeded."""
        record = await self._known(terminal, "registered")
        if record.principal == caller.principal:
            raise FourEyesNeeded

        async def make() -> None:
            if not await asyncio.to_thread(approve_terminal, self._state, terminal, by=caller.principal):
                raise TerminalStepInvalid(terminal=terminal)

        return _change(f"terminal {terminal} approved, key {record.thumbprint}", make)

    async def revoke(self, terminal: str, caller: Caller, *, own: bool, now: datetime) -> Change:
        """For good. `own`: only where it is the caller's; somebody else's answers as an unknown one."""
        record = await self._known(terminal, "registered", "approved")
        if own and (record.principal, record.app) != (caller.principal, caller.app):
            raise TerminalStepInvalid(terminal=terminal)

        async def make() -> None:
            if not await asyncio.to_thread(revoke_terminal, self._state, terminal, at=now):
                raise TerminalStepInvalid(terminal=terminal)

        return _change(f"terminal {terminal} revoked", make)

    def list(self, caller: Caller, *, own: bool) -> tuple[TerminalView, ...]:
        """The newest 200: the caller's, or everybody's."""
        records = read_terminals(self._state, principal=caller.principal if own else None, limit=_MOST_LISTED)
        return tuple(
            TerminalView(**{name: getattr(record, name) for name in TerminalView.__slots__}) for record in records
        )

    def find(self, caller: Caller) -> TerminalPublicKey | None:
        """The key of the terminal that the caller names, None where none is named.

        Raises TerminalUnavailable, the same for one that is unknown, somebody else's, another app's, not approved or
        revoked.
        """
        if caller.terminal is None:
            return None
        record = read_terminal(self._state, caller.terminal)
        owner = (caller.principal, caller.app)
        if record is None or record.state != "approved" or (record.principal, record.app) != owner:
            raise TerminalUnavailable
        return TerminalPublicKey.read(json.loads(record.jwk))

    async def _known(self, terminal: str, *states: str) -> TerminalRecord:
        record = await asyncio.to_thread(read_terminal, self._state, terminal)
        if record is None or record.state not in states:
            raise TerminalStepInvalid(terminal=terminal)
        return record


def _change(detail: str, make: Callable[[], Awaitable[None]]) -> Change:
    return Change(detail=detail, case="", subjects=(), make=make)
