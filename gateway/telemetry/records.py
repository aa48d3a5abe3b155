"""What is sent of a log entry to another system, in no particular format."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol


class ForwardFailed(Exception):
    """What was sent has not been taken, or isn't known to be. Holds no values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One entry, as it may be told."""

    at: datetime  # UTC
    severity: Literal["info", "notice", "warning"]
    name: str  # the entry's kind
    text: str  # one short sentence
    attributes: Mapping[str, str | int | bool]


class Sender(Protocol):
    """Sends records in order. Blocking; for one thread."""

    def send(self, records: Sequence[Record]) -> None:
        """Return when they were taken; raises ForwardFailed."""
        ...

    def close(self) -> None:
        """Let connections go."""
        ...
