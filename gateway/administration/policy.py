"""The policy that serves, and the desk checks of a bundle."""

from dataclasses import dataclass
from pathlib import Path

from gateway.catalog import load_catalog
from gateway.decision import CaseFailure, PolicyEngine, run_cases


class PolicyHolder:
    """Holds the one policy that serves. A new one is built beside it and swapped in one step; a broken one never."""

    def __init__(self, bundle: Path) -> None:
        self._bundle = bundle
        self._current = self.build()

    @property
    def current(self) -> PolicyEngine:
        """The policy that serves now; a request keeps the one it began with."""
        return self._current

    def build(self) -> PolicyEngine:
        """Read the bundle's files anew; raises BundleInvalid, and what serves is untouched."""
        return build_engine(self._bundle)

    def swap(self, engine: PolicyEngine) -> None:
        """Let `engine` serve from the next request on."""
        self._current = engine


def build_engine(bundle: Path) -> PolicyEngine:
    """Catalogue and rules of a bundle, validated; raises BundleInvalid with every problem."""
    return PolicyEngine.load(bundle, load_catalog(bundle))


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


__all__ = ["BundleReport", "PolicyHolder", "build_engine", "check_bundle"]
