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
        granted: [match id_number]     # optional: exactly these uses by name
        obligations: [max_rows=200]    # optional: at least these
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from gateway.catalog.condition import bind_condition, parse_condition
from gateway.decision._case_question import CaseMalformed, read_question
from gateway.decision.attributes import attributes_of
from gateway.decision.engine import PolicyEngine
from gateway.decision.row_filter import all_of, any_of
from gateway.model.condition import AttributeMissing, ConditionInvalid
from gateway.model.decision import Decision, FieldVerdict, Verdict
from gateway.model.predicate import EVERYTHING, NOTHING, AllOf, AnyOf, Not, Predicate

FOLDER = "cases"


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


def run_cases(bundle: Path, engine: PolicyEngine) -> list[CaseFailure]:
    """Every failure, by file and line; an empty list where all cases come out."""
    failures: list[CaseFailure] = []
    for path in sorted((bundle / FOLDER).glob("*.yaml")):
        name = f"{FOLDER}/{path.name}"
        try:
            text = path.read_text(encoding="utf-8")
            cases = yaml.safe_load(text) or []
            lines = _lines(text)
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            failures.append(CaseFailure(file=name, line=0, title="-", fault=f"can't be read: {type(error).__name__}"))
            continue
        if not isinstance(cases, list):
            failures.append(CaseFailure(file=name, line=1, title="-", fault="is no list of cases"))
            continue
        for line, case in zip(lines, cases, strict=True):
            title = _title(case)
            failures.extend(
                CaseFailure(file=name, line=line, title=title, fault=fault) for fault in _faults(case, engine)
            )
    return failures


def _lines(text: str) -> list[int]:
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    return [item.start_mark.line + 1 for item in node.value] if isinstance(node, yaml.SequenceNode) else []


def _title(case: Any) -> str:  # noqa: ANN401 - whatever the file says
    title = case.get("title") if isinstance(case, dict) else None
    return str(title.get("zh") or title.get("en")) if isinstance(title, dict) else str(title or "-")


def _faults(case: Any, engine: PolicyEngine) -> list[str]:  # noqa: ANN401 - whatever the file says
    try:
        question = read_question(case, engine.catalog)
        decision = engine.decide(question.bound, question.caller, question.case, question.now, explain=True)
        expect = question.expect
        faults = _field_faults(decision, expect.fields, expect.others)
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
                faults.append(f"rows are not `{expect.rows}`; rules that took part: {', '.join(decision.rows.rules)}")
    except CaseMalformed as malformed:
        return [str(malformed)]
    except ConditionInvalid as invalid:
        return [f"`rows` can't be taken: {invalid.fault} ({invalid.fix})"]
    except AttributeMissing as missing:
        return [f"`rows` reads {missing.attribute}, which `who` doesn't say"]
    if expect.granted is not None:
        came = {f"{use.value} {name}" for name, verdict in decision.fields.items() for use in verdict.granted}
        if came != set(expect.granted):
            faults.append(f"granted by name: expected {sorted(expect.granted)}, came {sorted(came)}")
    bound = {f"{each.spec.name}={each.spec.value}".rstrip("=") for each in decision.obligations}
    faults.extend(f"the obligation `{wanted}` does not bind" for wanted in expect.obligations if wanted not in bound)
    return faults


def _field_faults(decision: Decision, fields: dict[str, str], others: str | None) -> list[str]:
    faults = []
    for name, verdict in decision.fields.items():
        wanted = fields.get(name, others)
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
