"""A control-plane change that was checked and can be made."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What the log says of it, and the making."""

    detail: str
    case: str
    subjects: tuple[str, ...]  # raw ID numbers; only their keyed hashes are written
    make: Callable[[], Awaitable[None]]
