"""A gateway's database and its root -> its ring, and the keys that its log was written with."""

from collections.abc import Callable
from datetime import datetime
from functools import partial

from gateway.keys import KeyRing, RetentionKeys, RetentionOpener, open_root
from gateway.settings import Keys
from gateway.store import (
    State,
    destroyed_retention_keys,
    keep_retention_key,
    read_data_keys,
    read_retention_key,
    read_retention_keys,
)


def open_ring(
    settings: Keys, state: State, clock: Callable[[], datetime], *, stale_seconds: float | None = None
) -> KeyRing:
    """The ring of a database under the root that the settings name; raises SettingsInvalid, KeysUnreadable."""
    return KeyRing.open(lambda: read_data_keys(state), open_root(settings), clock, stale_seconds=stale_seconds)


def open_seals(
    settings: Keys,
    state: State,
    clock: Callable[[], datetime],
    *,
    is_known: Callable[[str], bool] = lambda _purpose: True,
) -> RetentionKeys:
    """The retention keys of a database under the root that the settings name; raises SettingsInvalid.

    `is_known`: which purposes have keys of their own.
    """
    return RetentionKeys(
        open_root(settings),
        settings.algorithms,
        clock,
        read=partial(read_retention_key, state),
        keep=partial(keep_retention_key, state),
        destroyed=partial(destroyed_retention_keys, state),
        is_known=is_known,
    )


def open_entries(settings: Keys, state: State, clock: Callable[[], datetime]) -> RetentionOpener:
    """What opens the entries of a database as they are now; raises SettingsInvalid, KeysUnreadable."""
    return open_seals(settings, state, clock).opener(read_retention_keys(state))
