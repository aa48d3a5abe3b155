"""The policy that serves, and how another takes its place."""

import atexit
import gc
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.catalog import load_catalog
from gateway.decision import PolicyEngine

_BUILDING = threading.Lock()
_NEVER = 1_000_000_000
atexit.register(gc.unfreeze)  # what is set apart would else be reported as leaked when the process ends


class PolicyHolder:
    """Holds the one policy that serves. A new one is built beside it and swapped in one step; a broken one never."""

    def __init__(self, bundle: Path, keep: Callable[[Path, PolicyEngine], None]) -> None:
        self._bundle = bundle
        self._keep = keep
        self._current = self.build()

    @property
    def current(self) -> PolicyEngine:
        """The policy that serves now; a request keeps the one it began with."""
        return self._current

    def build(self) -> PolicyEngine:
        """Read the bundle's files anew and keep them; raises BundleInvalid, PolicyNotKept: what serves is untouched."""
        engine = build_engine(self._bundle)
        self._keep(self._bundle, engine)
        return engine

    def swap(self, engine: PolicyEngine) -> None:
        """Let `engine` serve from the next request on."""
        self._current = engine


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
