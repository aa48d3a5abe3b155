"""What an officer has checked of a bundle before it serves: its form, its cases and their coverage, lint."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from gateway.administration.policy import build_engine
from gateway.catalog.places import declared_at, texts_of
from gateway.decision import CaseFailure, run_cases
from gateway.decision.lint import lint_rules
from gateway.disclosure.residual import compile_predicate
from gateway.model.ids import FieldName, PolicyVersion, RuleId
from gateway.model.lint import Finding
from gateway.model.predicate import Predicate
from gateway.model.rows import Cell


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleReport:
    """What a check found in a sound bundle."""

    version: str
    datasets: int
    fields: int
    rules: int
    purposes: int
    case_files: int
    cases: int
    failures: tuple[CaseFailure, ...]


def check_bundle(bundle: Path) -> BundleReport:
    """Load the bundle and run its decision cases; raises BundleInvalid where it can't be taken."""
    engine = build_engine(bundle)
    run = run_cases(bundle, engine, _passes)
    return BundleReport(
        version=engine.version,
        datasets=len(engine.catalog.datasets),
        fields=sum(len(dataset.fields) for dataset in engine.catalog.datasets.values()),
        rules=len(engine.judge.rules),
        purposes=sum(not purpose.is_abstract for purpose in engine.catalog.purposes.values()),
        case_files=len(list((bundle / "cases").glob("*.yaml"))),
        cases=run.passed + run.failed,
        failures=run.failures,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RulePlace:
    """A rule and where it stands."""

    id: RuleId
    file: str  # relative to the bundle
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseReport:
    """What the decision cases of a bundle came to, and which rules no case would notice the loss of."""

    version: PolicyVersion
    passed: int
    failed: int
    failures: tuple[CaseFailure, ...]
    exercised: int
    unexercised: tuple[RulePlace, ...]
    guards: tuple[RulePlace, ...]  # rules on a class or term that no field has yet: nothing to exercise

    @property
    def coverage(self) -> float:
        """Percent of the rules that speak of anything; 100 where there are none."""
        whole = self.exercised + len(self.unexercised)
        return 100 * self.exercised / whole if whole else 100.0


def try_cases(bundle: Path) -> CaseReport:
    """Load the bundle and decide its cases; raises BundleInvalid where it can't be taken."""
    engine = build_engine(bundle)
    run = run_cases(bundle, engine, _passes)
    above = engine.hierarchies.objects.above
    met = frozenset[str]().union(*(above[name] for name in above if name.startswith("field:")))
    rest = [rule for rule in engine.judge.rules if rule.id not in run.exercised]
    return CaseReport(
        version=engine.version,
        passed=run.passed,
        failed=run.failed,
        failures=run.failures,
        exercised=len(engine.judge.rules) - len(rest),
        unexercised=tuple(RulePlace(id=rule.id, file=rule.file, line=rule.line) for rule in rest if rule.obj in met),
        guards=tuple(RulePlace(id=rule.id, file=rule.file, line=rule.line) for rule in rest if rule.obj not in met),
    )


def _passes(predicate: Predicate, row: Mapping[FieldName, Cell]) -> bool:
    """As the gateway itself filters what a source can't: only true passes, unknown doesn't."""
    return compile_predicate(predicate, {name: at for at, name in enumerate(row)})(tuple(row.values())) is True


def lint_bundle(bundle: Path, now: datetime) -> tuple[Finding, ...]:
    """What is wrong with a bundle beyond its form, by file and line; raises BundleInvalid where its form is wrong."""
    engine = build_engine(bundle)
    return lint_rules(
        engine.judge.rules,
        engine.catalog,
        engine.hierarchies,
        now,
        places=declared_at(bundle),
        texts=texts_of(bundle),
    )
