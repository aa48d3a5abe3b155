"""The policy that serves, and how another takes its place."""

import atexit
import gc
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from gateway.catalog import load_catalog
from gateway.decision import PolicyEngine
from gateway.errors import PolicyBehind
from gateway.model.ids import PolicyVersion

_BUILDING = threading.Lock()
_NEVER = 1_000_000_000
atexit.register(gc.unfreeze)  # what is set apart would else be reported as leaked when the process ends


class PolicyHolder:
    """Holds the one policy that serves. A new one is built beside it and swapped in one step; a broken one never.

    Where several processes share a policy it is trusted only until it must have been confirmed again: what was
    replaced elsewhere decides nothing here.
    """

    def __init__(
        self,
        bundle: Path,
        keep: Callable[[Path, PolicyEngine], None],
        engine: PolicyEngine | None = None,
        *,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        """`engine`: what serves already; without it the bundle's files are taken. Raises as `build`."""
        self._bundle = bundle
        self._keep = keep
        self._elapsed = elapsed
        self._trusted_until: float | None = None  # None: for ever
        self._built = engine if engine is not None else self.build()
        self._serving = self._built.version

    @property
    def current(self) -> PolicyEngine:
        """The policy that serves now; a request keeps the one it began with. One that refuses while this is behind."""
        return self._built if self.is_trusted else _Replaced(self._serving)

    @property
    def built(self) -> PolicyEngine:
        """The newest that there is here, for the names in it; it may have been replaced: nothing is decided by it."""
        return self._built

    @property
    def is_trusted(self) -> bool:
        """Whether what is here is what serves."""
        return self._trusted_until is None or self._elapsed() < self._trusted_until

    def build(self) -> PolicyEngine:
        """Read the bundle's files anew and keep them; raises BundleInvalid, PolicyNotKept: what serves is untouched."""
        engine = build_engine(self._bundle)
        self._keep(self._bundle, engine)
        return engine

    def swap(self, engine: PolicyEngine) -> None:
        """Let `engine` serve from the next request on."""
        self._built = engine
        self._serving = engine.version

    def trust(self, seconds: float) -> None:
        """What is here serves; believe it so long without another word."""
        self._trusted_until = self._elapsed() + seconds

    def replaced_by(self, version: str, *, within_seconds: float) -> None:
        """Another version serves, which is not here yet: what is here decides no longer than so."""
        self._serving = PolicyVersion(version)
        end = self._elapsed() + within_seconds
        self._trusted_until = end if self._trusted_until is None else min(self._trusted_until, end)


class _Replaced(PolicyEngine):
    """Stands where a policy should that is not here: has its name, and nothing to decide by."""

    def __init__(self, version: PolicyVersion) -> None:
        self._version = version  # and nothing of an engine: whatever is asked of it raises

    @property
    def version(self) -> PolicyVersion:
        """Of the policy that serves."""
        return self._version

    def __getattr__(self, name: str) -> NoReturn:
        """SECURITY: whatever reads the catalogue or the rules is refused, on every road. Raises PolicyBehind."""
        raise PolicyBehind


def build_engine(bundle: Path) -> PolicyEngine:
    """Catalogue and rules of a bundle, validated; raises BundleInvalid with every problem."""
    with without_full_collections():
        return PolicyEngine.load(bundle, load_catalog(bundle))


@contextmanager
def without_full_collections() -> Iterator[None]:
    """Keep the collector from walking a whole policy, now and later: that would stop every request for a while.

    What is built is set apart for ever; a policy that is replaced has no cycles and goes by itself.
    """
    with _BUILDING:
        young, middle, old = gc.get_threshold()
        gc.set_threshold(young, middle, _NEVER)
        try:
            yield
        finally:
            gc.freeze()
            gc.set_threshold(young, middle, old)
