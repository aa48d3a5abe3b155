"""The policy as another process of the same database would change it."""

from datetime import timedelta

from gateway.app import utc_now
from gateway.store import change_serving, claim_change, open_state


def mark_serving(url: str, version: str) -> None:
    """Let a kept version serve, with no entry in the log."""
    state = open_state(url)
    try:
        now = utc_now()
        found = claim_change(state, "another", now=now, until=now + timedelta(seconds=5))
        assert found is not None
        assert change_serving(state, "another", found, version, now=now)
    finally:
        state.close()
