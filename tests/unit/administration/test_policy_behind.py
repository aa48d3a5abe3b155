"""A policy that was replaced elsewhere decides nothing, and says which one serves."""

from pathlib import Path

import pytest

from gateway.administration import PolicyHolder
from gateway.errors import PolicyBehind

POLICIES = Path(__file__).parents[3] / "policies"


def test_what_was_replaced_refuses_and_what_is_taken_serves_again() -> None:
    now = [0.0]
    holder = PolicyHolder(POLICIES, keep=lambda *_: None, elapsed=lambda: now[0])
    engine = holder.current
    holder.trust(10)
    holder.replaced_by("another", within_seconds=5)
    now[0] = 4.9
    assert holder.current is engine
    now[0] = 5.0
    assert not holder.is_trusted
    assert holder.current.version == "another"
    with pytest.raises(PolicyBehind):
        _ = holder.current.catalog
    holder.swap(engine)
    holder.trust(10)
    assert holder.current is engine
    now[0] = 15.0
    with pytest.raises(PolicyBehind):
        _ = holder.current.catalog
