"""Who asks: recalled from a moment ago, or authenticated now. App keys are read again beside the requests."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from gateway.audit import AuditLog
from gateway.authentication import Authenticator
from gateway.model.caller import Caller, InboundRequest


@dataclass(frozen=True, slots=True, repr=False)
class Identifying:
    """The callers of one pipeline, on one event loop."""

    authenticator: Authenticator
    audit: AuditLog
    _renewing: set["asyncio.Task[None]"] = field(init=False, default_factory=set)

    def recall(self, request: InboundRequest, now: datetime) -> Caller | None:
        """The caller, where nothing has to be asked; else they must be authenticated. Never waits."""
        if not self.audit.is_ready:
            return None  # a log that is down answers nobody, known or not
        caller = self.authenticator.recall(request, now)
        if self.authenticator.due:
            task = asyncio.get_running_loop().create_task(self._renew(self.authenticator.due.pop()))
            self._renewing.add(task)
            task.add_done_callback(self._renewing.discard)
        return caller

    async def authenticate(self, request: InboundRequest, now: datetime) -> Caller:
        """The caller; raises as the authenticator, and AuditUnavailable where the gateway's database can't be asked."""
        return await self.audit.ask(self.authenticator.authenticate, request, now)

    async def _renew(self, key_id: str) -> None:
        with suppress(Exception):  # whatever it is, the next asker reads the key, and is told
            await self.audit.ask(self.authenticator.renew, key_id)
