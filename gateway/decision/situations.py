"""Conditions -> every set of circumstances that they can tell apart. Finite, so that "always" and "never" can be said.

Of each attribute that is read stand: missing (where it may be), each literal it is compared with, and values between
and beside them. Two situations that no condition tells apart are represented by one. Of `like` patterns examples stand,
and their pairwise joins: enough for prefixes, suffixes and parts, not proven for every set of patterns. The moment is
the caller's; the time of day counts as a circumstance.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations, product
from math import prod

from gateway.catalog.condition import time_attributes
from gateway.decision.standing import JUSTIFICATION_LETTERS
from gateway.model.case import CaseState
from gateway.model.catalog import Purpose
from gateway.model.condition import (
    AttributeOperand,
    AttributeType,
    AttributeValue,
    Comparison,
    Condition,
    ConditionTerm,
    Conjunction,
    Disjunction,
    LiteralOperand,
    Matching,
    Membership,
    Negation,
)

MOST = 4_096
"""More situations than this are not looked through one by one."""

_OF_A_CASE = ("case.subjects", "case.state", "ctx.case_state", "ctx.approved_by")
_NEVER_MISSING = frozenset({"subject.principal", "subject.assurance", "ctx.assurance", "subject.regions"})
_OTHER_CASE = "~another-case"
_SOMEWHERE = "330102001002"
_OTHERS = ("~another value", "~a third value")  # long enough for a justification


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """One set of circumstances in which the purpose stands."""

    case: str  # "" without a case
    attributes: Mapping[str, AttributeValue]


def situations(
    purpose: Purpose,
    conditions: Sequence[Condition],
    cases: Iterable[str],
    now: datetime,
    *,
    may_lack_all: bool = False,
) -> tuple[Situation, ...] | None:
    """Every situation in which the purpose's own terms are met; None where they are more than MOST.

    `cases` are those that rules name. `may_lack_all`: neither a case nor a reason is demanded, and a case brings no
    facts (an action on a permission dataset).
    """
    read = sorted({name for condition in conditions for name in condition.attributes} - {"now"})
    values = {name: _values(name, conditions) for name in read}
    options = {name: _possible(name, found, purpose, may_lack_all=may_lack_all) for name, found in values.items()}
    needs_case = purpose.needs_case and not may_lack_all
    named = (*(() if needs_case else ("",)), *sorted(set(cases)), _OTHER_CASE)
    without = {name: ((None,) if name in _OF_A_CASE else found) for name, found in options.items()}
    spaces = [(case, without if case == "" or may_lack_all else options) for case in named]
    if sum(prod(len(found) for found in space.values()) for _, space in spaces) > MOST:
        return None
    return tuple(
        Situation(case=case, attributes=attributes) for case, space in spaces for attributes in _all_of(space, now)
    )


def _all_of(space: Mapping[str, tuple[AttributeValue, ...]], now: datetime) -> Iterator[Mapping[str, AttributeValue]]:
    names = [name for name in space if name != "ctx.assurance" or "subject.assurance" not in space]
    for chosen in product(*(space[name] for name in names)):
        attributes: dict[str, AttributeValue] = {**time_attributes(now), **dict(zip(names, chosen, strict=True))}
        if "ctx.assurance" in space and "subject.assurance" in space:
            attributes["ctx.assurance"] = attributes["subject.assurance"]  # one fact under two names
        yield attributes


def _possible(
    name: str, values: tuple[AttributeValue, ...], purpose: Purpose, *, may_lack_all: bool
) -> tuple[AttributeValue, ...]:
    if name == "ctx.justification" and purpose.needs_justification and not may_lack_all:
        return tuple(value for value in values if len(str(value).strip()) in JUSTIFICATION_LETTERS)
    if name in _NEVER_MISSING or name in _OF_A_CASE or name == "ctx.time":
        return values
    return (None, *values)


def _values(name: str, conditions: Sequence[Condition]) -> tuple[AttributeValue, ...]:
    """What the attribute may be, without its absence."""
    match name:
        case "subject.assurance" | "ctx.assurance":
            return (1, 2, 3)
        case "case.state" | "ctx.case_state":
            return (CaseState.APPROVED.value,)
        case "ctx.time":
            return _times(_literals(name, conditions))
        case _:
            pass
    pool = _pool(name, conditions)
    if name in {"subject.regions", "case.subjects"}:
        parts = (*pool, _SOMEWHERE)
        few: list[AttributeValue] = [(), *((part,) for part in parts), *combinations(parts, 2), parts]
        return tuple(dict.fromkeys(few[name == "case.subjects" :]))  # nobody opens a case on no one
    return tuple(dict.fromkeys((*pool, *_OTHERS[: 2 if _companions(name, conditions) else 1])))


def _pool(name: str, conditions: Sequence[Condition]) -> tuple[str, ...]:
    """Texts that the conditions compare with the attribute, or with one that it is compared with."""
    found: list[str] = []
    companions = _companions(name, conditions)
    for each in (name, *companions):
        found += _literals(each, conditions)
    below = ["\u0001"] if found else []
    beside = [text + "\u0001" for text in found] if _is_ordered(name, conditions) else []
    patterns = [atom.pattern for atom in _atoms(conditions) if isinstance(atom, Matching) and _reads(atom, name)]
    examples = [pattern.replace("_", "x").replace("%", fill) for pattern in patterns for fill in ("", "~" * 10)]
    examples += [left + right for left in examples for right in examples]
    others = list(_OTHERS) if companions else []
    return tuple(dict.fromkeys(text for text in (*found, *below, *beside, *examples, *others) if text))


def _literals(name: str, conditions: Sequence[Condition]) -> list[str]:
    found: list[str] = []
    for atom in _atoms(conditions):
        if not _reads(atom, name):
            continue
        if (
            isinstance(atom, Comparison)
            and isinstance(atom.right, LiteralOperand)
            and isinstance(atom.right.value, str)
        ):
            found.append(atom.right.value)
        elif isinstance(atom, Membership) and not isinstance(atom.among, AttributeOperand):
            found += [value for value in atom.among if isinstance(value, str)]
    return sorted(set(found))


def _companions(name: str, conditions: Sequence[Condition]) -> tuple[str, ...]:
    """Other text attributes that a condition sets beside this one, over any number of steps."""
    reached = {name}
    pairs = [pair for atom in _atoms(conditions) if (pair := _pair(atom)) is not None]
    while more := {each for pair in pairs if pair & reached for each in pair} - reached:
        reached |= more
    return tuple(sorted(reached - {name}))


def _pair(atom: ConditionTerm) -> frozenset[str] | None:
    sides: tuple[object, ...] = ()
    if isinstance(atom, Comparison):
        sides = (atom.left, atom.right)
    elif isinstance(atom, Membership):
        sides = (atom.operand, atom.among)
    names = [side.name for side in sides if isinstance(side, AttributeOperand) and side.type in _TEXTS]
    return frozenset(names) if len(names) > 1 else None


_TEXTS = frozenset({AttributeType.TEXT, AttributeType.TEXT_LIST})


def _is_ordered(name: str, conditions: Sequence[Condition]) -> bool:
    return any(
        isinstance(atom, Comparison) and _reads(atom, name) and atom.comparator.value not in {"eq", "neq"}
        for atom in _atoms(conditions)
    )


def _reads(atom: ConditionTerm, name: str) -> bool:
    sides: tuple[object, ...] = ()
    match atom:
        case Comparison():
            sides = (atom.left, atom.right)
        case Membership():
            sides = (atom.operand, atom.among)
        case Matching():
            sides = (atom.operand,)
        case _:
            pass
    return any(isinstance(side, AttributeOperand) and side.name == name for side in sides)


def _atoms(conditions: Iterable[Condition]) -> Iterator[ConditionTerm]:
    pending: list[ConditionTerm] = [condition.root for condition in conditions]
    while pending:
        term = pending.pop()
        match term:
            case Conjunction() | Disjunction():
                pending.extend(term.terms)
            case Negation():
                pending.append(term.term)
            case _:
                yield term


def _times(literals: Iterable[str]) -> tuple[str, ...]:
    """Each time of day that is named, the minutes beside it, and both ends of the day."""
    minutes = {0, 24 * 60 - 1}
    for text in literals:
        hour, _, minute = text.partition(":")
        at = int(hour) * 60 + int(minute)
        minutes |= {at - 1, at, at + 1}
    return tuple(f"{at // 60:02}:{at % 60:02}" for at in sorted(minutes) if 0 <= at < 24 * 60)
