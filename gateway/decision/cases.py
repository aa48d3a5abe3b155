"""policies/cases/*.yaml -> the cases that don't come out as the officer wrote. Decides; touches no data.

A case says who asks, in which app, for which purpose, for which dataset, and what becomes of the fields and rows:

    - title: {zh: 网格员入户走访, en: Grid worker visits a home}
      who: {roles: [community/grid-worker], app: community-desk, regions: ["330102001002"]}
      purpose: home-visit
      dataset: public-security.resident
      expect:
        fields: {name: clear, phone: partial, ethnicity: denied}
        others: denied                 # optional: every field not named
        rows: community_code under subject.regions     # or all, none
        visible: [{community_code: "330102001002"}]   # example rows that pass, in SQL's three-valued logic
        hidden: [{community_code: "330106001001"}]     # and that don't; a row says what the filter reads
        granted: [match id_number]     # optional: exactly these uses by name
        obligations: [max_rows=200]    # optional: at least these
        actions: {approval: allowed}   # on a dataset of permissions: which of its fields may be written

A rule is exercised by a case that would notice: one that speaks of its field, its use, its rows or its action.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from gateway.catalog.condition import bind_condition, parse_condition
from gateway.decision._case_question import CaseMalformed, CaseQuestion, read_question
from gateway.decision._case_rows import unsaid
from gateway.decision.attributes import attributes_of
from gateway.decision.engine import PolicyEngine
from gateway.decision.row_filter import all_of, any_of
from gateway.model.condition import AttributeMissing, ConditionInvalid
from gateway.model.decision import Decision, FieldVerdict, Verdict
from gateway.model.ids import FieldName, RuleId
from gateway.model.predicate import EVERYTHING, NOTHING, AllOf, AnyOf, Not, Predicate
from gateway.model.query import FieldUse
from gateway.model.rows import Cell

FOLDER = "cases"

Passes = Callable[[Predicate, Mapping[FieldName, Cell]], bool]
"""Whether a row passes a filter; the gateway's own evaluation, which this room doesn't have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFailure:
    """A case that came out otherwise, or can't be read."""

    file: str  # relative to the bundle
    line: int
    title: str
    fault: str  # what was expected and what came

    def __str__(self) -> str:
        """`file:line: title: fault`."""
        return f"{self.file}:{self.line}: {self.title}: {self.fault}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseRun:
    """What became of all cases of a bundle."""

    passed: int
    failed: int  # cases with at least one failure, and files that can't be read
    failures: tuple[CaseFailure, ...]  # by file and line
    exercised: frozenset[RuleId]


def run_cases(bundle: Path, engine: PolicyEngine, passes: Passes) -> CaseRun:
    """Decide every case of `cases/*.yaml`."""
    failures: list[CaseFailure] = []
    exercised: set[RuleId] = set()
    passed = failed = 0
    for path in sorted((bundle / FOLDER).glob("*.yaml")):
        name = f"{FOLDER}/{path.name}"
        for line, case in _cases(path):
            faults = [case] if isinstance(case, str) else _faults(case, engine, passes, exercised)
            failures.extend(CaseFailure(file=name, line=line, title=_title(case), fault=fault) for fault in faults)
            passed, failed = (passed, failed + 1) if faults else (passed + 1, failed)
    return CaseRun(passed=passed, failed=failed, failures=tuple(failures), exercised=frozenset(exercised))


def _cases(path: Path) -> Iterator[tuple[int, Any]]:
    """Each case with its line; a text in place of a case says why there is none."""
    try:
        loader = yaml.SafeLoader(path.read_text(encoding="utf-8"))
        node = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        yield error.problem_mark.line + 1 if error.problem_mark is not None else 0, f"is no YAML: {error.problem}"
        return
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        yield 0, f"can't be read: {type(error).__name__}"
        return
    if node is None:
        return
    if not isinstance(node, yaml.SequenceNode):
        yield 1, "is no list of cases"
        return
    for item in node.value:
        line = item.start_mark.line + 1
        try:
            case = loader.construct_document(item)
        # YAML's own dates and numbers raise ValueError
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            yield line, f"holds a value that can't be read: {str(error).splitlines()[0]}"
        else:
            yield line, "is a text, no case" if isinstance(case, str) else case


def _title(case: Any) -> str:  # noqa: ANN401 - whatever the file says
    title = case.get("title") if isinstance(case, dict) else None
    return str(title.get("zh") or title.get("en")) if isinstance(title, dict) else str(title or "-")


def _faults(case: Any, engine: PolicyEngine, passes: Passes, exercised: set[RuleId]) -> list[str]:  # noqa: ANN401
    try:
        question = read_question(case, engine.catalog)
        decision = engine.decide(question.bound, question.caller, question.case, question.now, explain=True)
        faults = _field_faults(decision, question)
        faults += _row_faults(decision, question, passes)
    except CaseMalformed as malformed:
        return [str(malformed)]
    except ConditionInvalid as invalid:
        return [f"`rows` can't be taken: {invalid.fault} ({invalid.fix})"]
    except AttributeMissing as missing:
        return [f"`rows` reads {missing.attribute}, which `who` doesn't say"]
    expect = question.expect
    exercised |= _noticed(decision, question, engine)
    for field, is_expected in expect.actions.items():
        bound = question.bound
        is_allowed, rules = engine.decide_action(
            bound.dataset, field, bound.purpose, question.caller, question.case, question.now
        )
        exercised.update(rules)
        if is_allowed is not is_expected:
            came = "allowed" if is_allowed else "denied"
            faults.append(f"write {field}: came {came} by {', '.join(rules) or 'no rule'}")
    if expect.granted is not None:
        uses = {f"{use.value} {name}" for name, verdict in decision.fields.items() for use in verdict.granted}
        if uses != set(expect.granted):
            faults.append(f"granted by name: expected {sorted(expect.granted)}, came {sorted(uses)}")
    binding = {f"{each.spec.name}={each.spec.value}".rstrip("=") for each in decision.obligations}
    faults.extend(f"the obligation `{wanted}` does not bind" for wanted in expect.obligations if wanted not in binding)
    return faults


def _noticed(decision: Decision, question: CaseQuestion, engine: PolicyEngine) -> set[RuleId]:
    """The rules that took part in something that the case speaks of."""
    expect = question.expect
    uses = {rule.id: rule.act for rule in engine.judge.rules}
    found: set[RuleId] = set()
    for name, verdict in decision.fields.items():
        is_shown = expect.others is not None or name in expect.fields
        for rule in verdict.rules:
            if is_shown if uses[rule] == FieldUse.SHOW.value else expect.granted is not None:
                found.add(rule)
    if expect.rows is not None or expect.visible or expect.hidden or expect.obligations:
        found.update(decision.rows.rules)
    return found


def _row_faults(decision: Decision, question: CaseQuestion, passes: Passes) -> list[str]:
    expect, faults = question.expect, []
    by = f"rules that took part: {', '.join(decision.rows.rules) or 'none'}"
    if expect.rows is not None:
        attributes = attributes_of(question.caller, question.case, question.now)
        if expect.rows == "all":
            wanted: Predicate = EVERYTHING
        elif expect.rows == "none":
            wanted = NOTHING
        else:
            wanted = bind_condition(parse_condition(expect.rows, dataset=question.bound.dataset), attributes)
        if _sorted(wanted) != _sorted(decision.rows.filter):
            # never the filter itself: it may hold a person's number
            faults.append(f"rows are not `{expect.rows}`; {by}")
    for what, rows in (("visible", expect.visible), ("hidden", expect.hidden)):
        for number, row in enumerate(rows, start=1):
            field = unsaid(decision.rows.filter, row)
            if field is not None:
                faults.append(
                    f"`{what}` row {number} says nothing of `{field}`, which the filter reads: add it, or null"
                )
            elif passes(decision.rows.filter, row) is not (what == "visible"):
                faults.append(f"`{what}` row {number} came out otherwise; {by}")
    return faults


def _field_faults(decision: Decision, question: CaseQuestion) -> list[str]:
    faults, expect = [], question.expect
    for name, verdict in decision.fields.items():
        wanted = expect.fields.get(name, expect.others)
        came = _level(verdict)
        if wanted is not None and came != wanted:
            rules = ", ".join(verdict.rules) or "no rule"
            faults.append(f"{name}: expected {wanted}, came {came} by {rules}")
    return faults


def _level(verdict: FieldVerdict) -> str:
    match verdict.verdict:
        case Verdict.ALLOW:
            return "clear"
        case Verdict.MASK:
            return str(verdict.mask)
        case Verdict.DENY:
            return "denied"


def _sorted(predicate: Predicate) -> Predicate:
    """The same predicate in one order of terms, so that equal filters compare equal."""
    match predicate:
        case AllOf(terms):
            whole = all_of(*(_sorted(term) for term in terms))
            return AllOf(tuple(sorted(whole.terms, key=repr))) if isinstance(whole, AllOf) else whole
        case AnyOf(terms):
            either = any_of(*(_sorted(term) for term in terms))
            return AnyOf(tuple(sorted(either.terms, key=repr))) if isinstance(either, AnyOf) else either
        case Not(term):
            return Not(_sorted(term))
        case _:
            return predicate
