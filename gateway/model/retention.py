"""What retention keeps beside the log: requests to erase, and holds that keep from it."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionHold:
    """Keeps what a purpose, or one case of it, has in the log from being erased, until it is lifted."""

    id: str
    purpose: str
    case_id: str  # empty: everything of the purpose
    reason: str
    placed_by: str
    placed_at: datetime
    lifted_by: str | None = None
    lifted_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureRequest:
    """Asked for by one person; made by another."""

    id: str
    purpose: str
    through: str  # the last month that is erased: 2025-11
    requested_by: str
    requested_at: datetime
    erased_by: str | None = None
    erased_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedEntries:
    """The entries that one retention key sealed (or, with an empty key, that were written before there were any)."""

    key: str
    purpose: str
    first: int
    last: int
    count: int
    cases: frozenset[str]
