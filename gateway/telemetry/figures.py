"""What is counted of one source."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFigures:
    """Since the process began, or at this moment."""

    name: str
    circuit: str
    running: int
    waiting: int
    answered: int
    failed: int
    busy: int
    rested: int
    openings: int
    reopened: int
    seconds: float
