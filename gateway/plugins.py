"""What installed packages add: connectors, masks, obligations, vaults and key services, by their entry points."""

from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any


def plugins(group: str) -> tuple[EntryPoint, ...]:
    """The entry points of a group, as they were when the first group was asked for."""
    return tuple(_installed().select(group=group))


@lru_cache
def _installed() -> Any:  # noqa: ANN401 - its class differs between Pythons; all have `select`
    # every package's metadata is read for it: once
    return entry_points()
