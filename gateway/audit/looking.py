"""Entries about one person -> everyone who looked. Pure."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from gateway.model.audit import AuditEntry
from gateway.model.log_search import Looker

_Who = tuple[str, str, str, str, str]


@dataclass(slots=True)
class _Looks:
    first: datetime
    last: datetime
    entries: int = 0
    rows: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    fields: dict[str, set[str]] = field(default_factory=dict)
    legal_basis: dict[str, None] = field(default_factory=dict)


def lookers_of(entries: Iterable[AuditEntry]) -> tuple[Looker, ...]:
    """One for each person, app, organisation, purpose and case; who looked last comes first."""
    found: dict[_Who, _Looks] = {}
    for entry in entries:
        who = (entry.principal, entry.app, entry.organisation, entry.purpose, entry.case)
        if who not in found:
            found[who] = _Looks(first=entry.at, last=entry.at)
        looks = found[who]
        looks.first, looks.last = min(looks.first, entry.at), max(looks.last, entry.at)
        looks.entries += 1
        looks.rows += entry.rows
        looks.outcomes[entry.outcome] += 1
        for one in entry.fields:
            looks.fields.setdefault(f"{entry.dataset}.{one.field}", set()).add(one.level)
        looks.legal_basis.update(dict.fromkeys(entry.legal_basis))
    ordered = sorted(found.items(), key=lambda item: (item[1].last, item[0]), reverse=True)
    return tuple(_looker(who, looks) for who, looks in ordered)


def _looker(who: _Who, looks: _Looks) -> Looker:
    principal, app, organisation, purpose, case = who
    return Looker(
        principal=principal,
        app=app,
        organisation=organisation,
        purpose=purpose,
        case=case,
        first=looks.first,
        last=looks.last,
        entries=looks.entries,
        rows=looks.rows,
        outcomes=tuple(sorted(looks.outcomes.items())),
        fields=tuple((name, tuple(sorted(levels))) for name, levels in sorted(looks.fields.items())),
        legal_basis=tuple(looks.legal_basis),
    )
