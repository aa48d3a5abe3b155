"""What is done beside serving, in a process of its own: the log's index is built, and the log is looked at.

It writes no entry and answers nobody. What it finds is kept in the database, and whoever serves writes it down.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from gateway.administration.keys import following
from gateway.administration.lookout import Lookout
from gateway.administration.sampling import Sampling
from gateway.administration.versions import PolicyVersions
from gateway.administration.watch import Looks, watching
from gateway.audit import Indexer
from gateway.audit.detectors import build_detectors
from gateway.audit.opening import open_ring, open_seals
from gateway.errors import PolicyVersionUnknown
from gateway.keys import STALE_SECONDS
from gateway.model.catalog import Catalog
from gateway.settings import Settings
from gateway.store import State, open_state, read_serving


@asynccontextmanager
async def keeping_house(settings: Settings, clock: Callable[[], datetime]) -> AsyncIterator[None]:
    """Index and look while the block runs, over a database that a gateway serves from already.

    Of several such processes one at a time does each of both. Raises SettingsInvalid, KeysUnreadable.
    """
    state = open_state(settings.state_url)
    try:
        ring = open_ring(settings.keys, state, clock, stale_seconds=STALE_SECONDS)
        seals = open_seals(settings.keys, state, clock)  # it opens entries, and seals none
        serving = _Serving(state)
        lookout = Lookout(
            state,
            seals.open,
            Sampling(PolicyVersions(state), serving.kept, ring.draw),
            build_detectors(settings.time_zone, settings.flags),
            clock=clock,
        )
        with Indexer(state, clock).running():
            async with following(ring, seals), watching(_Alone(lookout, serving), settings.watch_seconds):
                yield
    finally:
        state.close()


@dataclass(frozen=True, slots=True)
class _Kept:
    version: str
    catalog: Catalog


class _Serving:
    """The policy that serves, as far as its catalogue goes."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._versions = PolicyVersions(state)
        self._kept: _Kept | None = None

    def read(self) -> None:
        """Take the one that serves now. Raises StoreFailed, PolicyVersionUnknown, BundleInvalid."""
        serving = read_serving(self._state)
        if serving is not None and (self._kept is None or self._kept.version != serving.version):
            self._kept = _Kept(serving.version, self._versions.catalog(serving.version))

    def kept(self) -> _Kept:
        """As it was read last; raises PolicyVersionUnknown where there was none."""
        if self._kept is None:
            raise PolicyVersionUnknown(version="")
        return self._kept


class _Alone(Looks):
    """A lookout that is watched with: nothing is written here."""

    def __init__(self, lookout: Lookout, serving: _Serving) -> None:
        self._lookout = lookout
        self._serving = serving

    async def take_turn(self) -> None:
        """As Looks says."""
        if await self._lookout.claim():
            await asyncio.to_thread(self._serving.read)
            await self._lookout.look()

    async def leave(self) -> None:
        """As Looks says."""
        await self._lookout.leave()
