"""How a source stands: what readiness, metrics and the console tell of it. No address, no option, no secret."""

from dataclasses import dataclass
from datetime import datetime

from gateway.model.ids import SourceName
from gateway.sources.breaker import Circuit


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceStanding:
    """One source at one moment. The counts are since the start of the process."""

    name: SourceName
    kind: str
    circuit: Circuit
    retry_in: float  # seconds until an open circuit is probed; else 0
    last_code: str  # of the newest failure of the source; empty where there was none
    last_failed_at: datetime | None
    running: int
    waiting: int
    answered: int
    failed: int  # failures of the source
    busy: int  # questions that found no place
    rested: int  # questions that met an open circuit
    openings: int  # times that the circuit opened
    reopened: int  # times that a changed secret was taken up
    seconds: float  # that all answered questions took to their first batch, in sum
