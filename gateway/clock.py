"""The one clock of the process. Every other place takes it as an argument."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """This moment."""
    return datetime.now(UTC)  # noqa: TID251 - here alone
