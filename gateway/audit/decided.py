"""Decision and what it rested on -> DecisionTrace: enough to make the decision again, and its digest. Pure.

No ID number is in a trace: a person is told by a stand-in, the keyed hash of their number. Stand-ins of two numbers are
equal exactly where the numbers are, also where they differ only in space or case, so that whoever compares them finds
what was found with the numbers.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Self

import orjson

from gateway.audit.entry import without_surrogates
from gateway.errors import Defect
from gateway.model.audit import CaseTrace, DecisionTrace
from gateway.model.caller import Caller
from gateway.model.case import CaseFacts
from gateway.model.decision import BoundObligation, Decision, FieldVerdict, Verdict
from gateway.model.ids import FieldName
from gateway.model.predicate import (
    AllOf,
    AnyOf,
    Compare,
    IsNull,
    IsTruth,
    Like,
    Not,
    OneOf,
    Predicate,
    Scalar,
    Under,
)
from gateway.model.query import BoundQuery, FieldUse
from gateway.model.remembered import Remembered

Replace = Callable[[str], str]


def trace_of(  # noqa: PLR0917 - all that a decision depends on
    decision: Decision,
    bound: BoundQuery,
    caller: Caller,
    case: CaseFacts | None,
    at: datetime,
    hash_subject: Callable[[str], str],
) -> DecisionTrace:
    """What the entry keeps of a decision; `at` is the very instant that it was made for."""
    told = _told.of(decision, (bound.uses, bound.starred), lambda: _Told.of(decision, bound))
    numbers = {*(case.subjects if case is not None else ()), *((caller.id_number,) if caller.id_number else ())}
    known = {number: stand_in(number, hash_subject) for number in numbers}
    return DecisionTrace(
        decided_at=at,
        regions=tuple(caller.regions),
        assurance=caller.assurance,
        network=caller.network,
        id_number=known.get(caller.id_number, "") if caller.id_number is not None else None,
        case=_case(case, known) if case is not None else None,
        starred=bool(bound.starred),
        not_shown=told.not_shown,
        row_rules=told.row_rules,
        obligations=told.obligations,
        sha256=digest_of(decision, lambda text: known.get(text, text)) if known else told.sha256,
    )


@dataclass(frozen=True, slots=True)
class _Told:
    """What hangs on a decision and a question's uses alone."""

    not_shown: tuple[str, ...]
    row_rules: tuple[str, ...]
    obligations: tuple[str, ...]
    sha256: str  # where no ID number has a part in it

    @classmethod
    def of(cls, decision: Decision, bound: BoundQuery) -> Self:
        shown = {field for field, use in bound.uses if use is FieldUse.SHOW}
        return cls(
            not_shown=tuple(sorted(set(bound.dataset.fields) - shown)) if bound.starred else (),
            row_rules=tuple(decision.rows.rules),
            obligations=tuple(obligation_text(one) for one in decision.obligations),
            sha256=digest_of(decision, lambda text: text),
        )


_told: Remembered[Decision, _Told] = Remembered()


def stand_in(id_number: str, hash_subject: Callable[[str], str]) -> str:
    """The keyed hash of a number as it was written; "" for none."""
    if not id_number:
        return ""
    # the hash itself takes spaces and small letters for nothing, comparisons of the PDP do not
    is_plain = id_number == id_number.strip().upper()
    exact = id_number if is_plain else f"AS WRITTEN {id_number.encode('utf-8', 'surrogatepass').hex()}"
    return hash_subject(exact)


def uses_of(trace: DecisionTrace, named: Iterable[tuple[str, str]], fields: Iterable[FieldName]) -> frozenset[Any]:
    """The question's uses: those of the fields that the entry names, and what `*` showed of the dataset's fields."""
    uses = {(FieldName(field), FieldUse(use)) for field, use in named}
    if trace.starred:
        uses |= {(field, FieldUse.SHOW) for field in fields if field not in trace.not_shown}
    return frozenset(uses)


def level_of(verdict: FieldVerdict) -> str:
    """`clear`, a mask's name, or `denied`."""
    if verdict.verdict is Verdict.MASK:
        return verdict.mask or ""
    return "clear" if verdict.verdict is Verdict.ALLOW else "denied"


def obligation_text(bound: BoundObligation) -> str:
    """`name=value @origin`; without a value `name @origin`."""
    name = f"{bound.spec.name}={bound.spec.value}" if bound.spec.value else bound.spec.name
    return f"{name} @{bound.origin}"


# ---------------------------------------------------------------------- the digest
def digest_of(decision: Decision, replace: Replace) -> str:
    """Hex SHA-256 of the whole decision in canonical form; `replace` puts stand-ins for ID numbers in the row filter.

    Near misses are no part of it: they explain a decision and decide nothing.
    """
    document = {
        "policy_version": decision.policy_version,
        "dataset": decision.dataset,
        "purpose": decision.purpose,
        "fields": [
            [name, level_of(one), sorted(one.granted), one.ceiling or "", list(one.rules)]
            for name, one in sorted(decision.fields.items())
        ],
        "rows": [decision.rows.is_allowed, canonical(decision.rows.filter, replace), list(decision.rows.rules)],
        "obligations": [[one.spec.name, one.spec.value, one.origin] for one in decision.obligations],
    }
    try:
        body = orjson.dumps(document, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        body = orjson.dumps(without_surrogates(document), option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(body).hexdigest()


def canonical(predicate: Predicate, replace: Replace) -> list[Any]:
    """One form for what says the same in the same order: AND and OR flattened, what is said twice stands once."""
    match predicate:
        case AllOf(terms):
            return _joined("and", [canonical(term, replace) for term in terms])
        case AnyOf(terms):
            return _joined("or", [canonical(term, replace) for term in terms])
        case Not(term):
            return ["not", canonical(term, replace)]
        case Compare(field, comparator, value):
            return [comparator.value, field, _scalar(value, replace)]
        case OneOf(field, values):
            return ["in", field, _once(_scalar(value, replace) for value in values)]
        case Like(field, pattern, ignores_case):
            return ["ilike" if ignores_case else "like", field, pattern]
        case IsNull(field):
            return ["null", field]
        case IsTruth(field, truth):
            return ["is", field, truth]
        case Under(field, prefixes):
            return ["under", field, list(prefixes)]
        case _:
            raise Defect(operator="a row filter of a kind that no condition can say")


def _joined(word: str, terms: Iterable[list[Any]]) -> list[Any]:
    flat = [inner for term in terms for inner in (term[1:] if term[0] == word else [term])]
    kept = _once(flat)
    return kept[0] if len(kept) == 1 else [word, *kept]


def _once(items: Iterable[Any]) -> list[Any]:
    kept: dict[str, Any] = {}
    for item in items:
        kept.setdefault(repr(item), item)
    return list(kept.values())


def _scalar(value: Scalar, replace: Replace) -> list[Any]:
    match value:
        case str():
            return ["text", replace(value)]
        case bool():
            return ["boolean", value]
        case int() | Decimal():
            return ["number", str(value)]
        case datetime():
            return ["timestamp", value.astimezone(UTC).isoformat(timespec="microseconds")]
        case date():
            return ["date", value.isoformat()]
        case _:
            raise Defect(operator="a row filter with a value that no condition can say")


def _case(case: CaseFacts, known: dict[str, str]) -> CaseTrace:
    return CaseTrace(
        purpose=case.purpose,
        state=case.state.value,
        app=case.assignee_app,
        opened_by=case.opened_by,
        approved_by=case.approved_by,
        expires_at=case.expires_at,
        subjects=tuple(known[subject] for subject in case.subjects),
    )


__all__ = ["digest_of", "level_of", "obligation_text", "stand_in", "trace_of", "uses_of"]
