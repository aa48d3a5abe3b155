"""The policy that serves, and the desk checks of a bundle."""

import atexit
import gc
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from gateway.catalog import load_catalog
from gateway.decision import CaseFailure, PolicyEngine, run_cases
from gateway.model.caller import Caller, InboundRequest
from gateway.model.case import CaseFacts
from gateway.model.explanation import Explanation
from gateway.planning import explain_plan
from gateway.query import bind, parse
from gateway.settings import Limits
from gateway.spi import Capabilities

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


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleReport:
    """What a check found in a sound bundle."""

    version: str
    datasets: int
    fields: int
    rules: int
    purposes: int
    case_files: int
    failures: tuple[CaseFailure, ...]


def check_bundle(bundle: Path) -> BundleReport:
    """Load the bundle and run its decision cases; raises BundleInvalid where it can't be taken."""
    engine = build_engine(bundle)
    return BundleReport(
        version=engine.version,
        datasets=len(engine.catalog.datasets),
        fields=sum(len(dataset.fields) for dataset in engine.catalog.datasets.values()),
        rules=len(engine.judge.rules),
        purposes=sum(not purpose.is_abstract for purpose in engine.catalog.purposes.values()),
        case_files=len(list((bundle / "cases").glob("*.yaml"))),
        failures=tuple(run_cases(bundle, engine)),
    )


def simulate(
    engine: PolicyEngine, question: InboundRequest, caller: Caller, case: CaseFacts | None, now: datetime
) -> Explanation:
    """What `question` would meet if `caller` asked it; an officer's view, with the rules that nearly matched.

    Raises GatewayError where the question would be refused before it is decided.
    """
    if caller.purpose is None:
        msg = "a simulated caller names a purpose"
        raise ValueError(msg)
    limits = Limits()
    purpose = engine.admit(caller, now)
    engine.check_purpose(purpose, caller, case, now)
    bound = bind(parse(question, limits), engine.catalog, purpose, caller.case)
    decision = engine.decide(bound, caller, case, now, explain=True)
    return explain_plan(bound, decision, _ANY_SOURCE, limits, 10.0, for_officer=True)


_ANY_SOURCE = Capabilities(
    predicates=frozenset(), columns=None, can_order=True, can_limit=True, aggregates=frozenset(), can_mask=True
)
__all__ = ["BundleReport", "PolicyHolder", "build_engine", "check_bundle", "simulate"]
