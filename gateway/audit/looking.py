"""Entries about one person -> everyone who looked. Pure."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from gateway.model.audit import AuditEntry, EntryKind, FieldTrace
from gateway.model.log_search import Looker

_Who = tuple[str, str, str, str, str]


class Shown:
    """What many entries have the same: what was asked for, and what was done to it. Equal to itself alone."""

    __slots__ = ("app", "code", "dataset", "fields", "kind", "legal_basis", "outcome", "purpose", "told")

    def __init__(self, entry: AuditEntry) -> None:
        self.kind: EntryKind = entry.kind
        self.app: str = entry.app
        self.purpose: str = entry.purpose
        self.dataset: str = entry.dataset
        self.outcome: str = entry.outcome
        self.code: str = entry.code
        self.fields: tuple[FieldTrace, ...] = entry.fields
        self.legal_basis: tuple[str, ...] = tuple(dict.fromkeys(entry.legal_basis))
        self.told = _told((f"{entry.dataset}.{one.field}", one.level) for one in entry.fields)


class Look(NamedTuple):
    """As much of an entry as tells who looked; `place`: where it stands in the log."""

    place: int
    at: datetime
    principal: str
    organisation: str
    case: str
    rows: int
    subjects: tuple[str, ...]
    shown: Shown

    @property
    def kind(self) -> EntryKind:
        """Of the entry."""
        return self.shown.kind

    @property
    def app(self) -> str:
        """Of whom it looked for."""
        return self.shown.app

    @property
    def purpose(self) -> str:
        """What for."""
        return self.shown.purpose

    @property
    def dataset(self) -> str:
        """At what."""
        return self.shown.dataset

    @property
    def fields(self) -> tuple[FieldTrace, ...]:
        """At which parts of it."""
        return self.shown.fields

    @property
    def outcome(self) -> str:
        """Whether it was shown."""
        return self.shown.outcome

    @property
    def code(self) -> str:
        """Why it wasn't."""
        return self.shown.code


def look_of(index: int, entry: AuditEntry) -> Look:
    """The look that an entry is."""
    return Look(
        index, entry.at, entry.principal, entry.organisation, entry.case, entry.rows, entry.subjects, Shown(entry)
    )


class _Looks:
    __slots__ = ("entries", "first", "last", "rows", "shown")

    def __init__(self, at: datetime) -> None:
        self.first = self.last = at
        self.entries = self.rows = 0
        self.shown: dict[Shown, int] = {}


def lookers_of(looks: Iterable[Look]) -> tuple[Looker, ...]:
    """One for each person, app, organisation, purpose and case; who looked last comes first."""
    found: dict[_Who, _Looks] = {}
    for _, at, principal, organisation, case, rows, _, shown in looks:
        who = (principal, shown.app, organisation, shown.purpose, case)
        one = found.get(who)
        if one is None:
            one = found[who] = _Looks(at)
        elif at < one.first:
            one.first = at
        elif at > one.last:
            one.last = at
        one.entries += 1
        one.rows += rows
        one.shown[shown] = one.shown.get(shown, 0) + 1
    ordered = sorted(found.items(), key=lambda item: (item[1].last, item[0]), reverse=True)
    return tuple([_looker(who, one) for who, one in ordered])


def _looker(who: _Who, looks: _Looks) -> Looker:
    if len(looks.shown) == 1:
        ((shown, entries),) = looks.shown.items()
        outcomes: tuple[tuple[str, int], ...] = ((shown.outcome, entries),)
        fields, legal_basis = shown.told, shown.legal_basis
    else:
        counted = Counter[str]()
        for shown, entries in looks.shown.items():
            counted[shown.outcome] += entries
        outcomes = tuple(sorted(counted.items()))
        fields = _told((name, level) for shown in looks.shown for name, levels in shown.told for level in levels)
        legal_basis = tuple(dict.fromkeys(basis for shown in looks.shown for basis in shown.legal_basis))
    return Looker(*who, looks.first, looks.last, looks.entries, looks.rows, outcomes, fields, legal_basis)


def _told(pairs: Iterable[tuple[str, str]]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Fields and levels -> each field with its levels, in order."""
    fields: dict[str, set[str]] = {}
    for name, level in pairs:
        fields.setdefault(name, set()).add(level)
    return tuple((name, tuple(sorted(levels))) for name, levels in sorted(fields.items()))
