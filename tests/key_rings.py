"""Key rings for tests: of a database and a root file of their own, or of what a gateway's settings name."""

from pathlib import Path

from gateway.administration import create_ring, open_ring, open_seals
from gateway.app import utc_now
from gateway.keys import KeyRing, RetentionKeys
from gateway.settings import Keys, Settings
from gateway.store import open_state, open_state_read_only


def ring_at(folder: Path) -> KeyRing:
    """The ring in a folder, made where there is none."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    state = open_state(f"sqlite:///{folder / 'ring.db'}")
    try:
        return create_ring(Keys(root_file=folder / "root.key"), state, utc_now)
    finally:
        state.close()


def seals_of(settings: Settings) -> RetentionKeys:
    """The retention keys of a gateway, as its commands open them."""
    return open_seals(settings.keys, open_state_read_only(settings.state_url), utc_now)


def ring_of(settings: Settings) -> KeyRing:
    """The ring of a gateway, as its commands open it."""
    state = open_state_read_only(settings.state_url)
    try:
        return open_ring(settings.keys, state, utc_now)
    finally:
        state.close()
