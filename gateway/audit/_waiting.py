"""What stands in the queue of the log."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.audit.encoded import EncodedEntry
from gateway.model.audit import AuditEntry, AuditReceipt


@dataclass(slots=True, eq=False)
class Waiting:
    """What one caller waits for: all of it becomes durable together, or none."""

    entries: tuple[AuditEntry, ...]
    encoded: Sequence[EncodedEntry]
    receipts: "asyncio.Future[list[AuditReceipt]] | None"  # None: nobody waits, but it must be written all the same
    deadline: float

    @property
    def is_wanted(self) -> bool:
        return self.receipts is not None and not self.receipts.done()
