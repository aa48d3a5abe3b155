"""A connector that is open, and what came of its questions."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime

from gateway.model.plan import Fetch
from gateway.model.rows import Batch
from gateway.spi import Connector


@dataclass(slots=True, eq=False)
class Opened:
    """A connector and how many questions are with it."""

    connector: Connector
    questions: int = 0
    is_retired: bool = False
    at_once: Callable[[Fetch], Awaitable[Batch | None]] | None = field(init=False)
    ends_in_time: bool = field(init=False)

    def __post_init__(self) -> None:
        """What it can beside what every connector can."""
        self.at_once = getattr(self.connector, "fetch_at_once", None)
        self.ends_in_time = getattr(self.connector, "ends_in_time", False) is True


@dataclass(slots=True)
class Counts:
    """What came of the questions to one source, since the start of the process."""

    answered: int = 0
    failed: int = 0
    busy: int = 0
    rested: int = 0
    openings: int = 0
    reopened: int = 0
    seconds: float = 0.0
    last_code: str = ""
    last_failed_at: datetime | None = None
