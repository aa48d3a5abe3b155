"""What is asked of the log, and what is found: the values that the desk, its pages and the search hand on."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from gateway.model.audit import AuditEntry


class Facet(StrEnum):
    """What an entry can be searched by, beside the person it is about and its time."""

    PRINCIPAL = "principal"
    APP = "app"
    ORGANISATION = "organisation"
    DATASET = "dataset"
    FIELD = "field"  # `dataset.field`, or `dataset.field=level`
    PURPOSE = "purpose"
    CASE = "case"
    OUTCOME = "outcome"
    CODE = "code"
    KIND = "kind"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSearch:
    """All of it must hold of an entry; of the values of one facet, any. Empty: every entry."""

    where: Mapping[Facet, tuple[str, ...]]
    subject: str | None = None  # keyed hash of the person that the entry is about
    since: datetime | None = None  # the first moment
    until: datetime | None = None  # the first moment after


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundEntry:
    """An entry and where it stands."""

    index: int
    receipt: str  # origin#index:leaf
    entry: AuditEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundPage:
    """Entries in the order that was asked for. `following`: where the next page begins, None after the last."""

    entries: tuple[FoundEntry, ...]
    following: int | None


class HourCount(NamedTuple):
    """How many entries fall into an hour; there may be thousands of them."""

    hour: datetime  # its first moment, UTC
    entries: int


class HeatColumns(StrEnum):
    """What the columns of a heat map are."""

    HOUR = "hour"  # of the day, 0 to 23
    WEEKDAY = "weekday"  # 0 Monday to 6 Sunday
    DAY = "day"  # each calendar day


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatMap:
    """Who, and when: the persons with most entries first."""

    columns: tuple[str, ...]  # `0` to `23`, `0` to `6`, or days as `2026-11-23`
    rows: tuple[tuple[str, tuple[int, ...]], ...]  # principal, entries in each column
    principals: int  # how many there are in all
    entries: int  # of all principals


class Looker(NamedTuple):
    """All entries of one person, app, purpose and case: when, how often, and what they were shown.

    There may be thousands of them.
    """

    principal: str
    app: str
    organisation: str
    purpose: str
    case: str
    first: datetime
    last: datetime
    entries: int
    rows: int
    outcomes: tuple[tuple[str, int], ...]
    fields: tuple[tuple[str, tuple[str, ...]], ...]  # `dataset.field`, its levels
    legal_basis: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookers:
    """Everyone who looked, the last first. `following`: where older entries begin that were not looked at."""

    lookers: tuple[Looker, ...]
    entries: int
    following: int | None
