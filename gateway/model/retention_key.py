"""Retention keys: one a purpose and month. What an entry says of people opens only with it, and goes when it goes."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

DEFAULT_SCOPE = "*"
"""Of entries without a purpose that the policy knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionKey:
    """As the database keeps it: wrapped by the root key. `wrapped` is None where it is destroyed."""

    purpose: str  # or DEFAULT_SCOPE
    month: str  # of the entries, UTC: 2026-11
    algorithms: str  # international, national
    wrap: str  # aes-gcm, sm4-gcm
    wrapped: bytes | None = field(repr=False)
    created_at: datetime
    destroyed_at: datetime | None = None
    blanked_at: datetime | None = None  # when the search columns of its entries were empty as well

    @property
    def name(self) -> str:
        """As entries name it: `home-visit/2026-11`."""
        return f"{self.purpose}/{self.month}"


def month_of(at: datetime) -> str:
    """The month of a moment in UTC."""
    moment = at.astimezone(UTC)
    return f"{moment.year:04d}-{moment.month:02d}"
