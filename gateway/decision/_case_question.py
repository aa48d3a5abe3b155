"""One case as an officer wrote it -> the question to decide and what is expected of it."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from typing import Any, TypeVar

from gateway.decision._case_rows import read_cell
from gateway.model.caller import Caller
from gateway.model.case import CaseFacts, CaseState
from gateway.model.catalog import Catalog, Dataset
from gateway.model.ids import AppId, CaseId, FieldName, PrincipalId, PurposeId
from gateway.model.predicate import EVERYTHING
from gateway.model.query import BoundQuery, FieldUse, MediaType, OutputColumn
from gateway.model.rows import Cell

Name = TypeVar("Name", bound=str)

_NOON = datetime(2026, 12, 1, 4, tzinfo=UTC)  # 12:00 in Hangzhou; a case may say another `at`
_KEYS = {
    "case": {"title", "who", "purpose", "case", "at", "dataset", "expect"},
    "who": {"roles", "app", "regions", "organisation", "assurance", "network", "id_number", "justification"},
    "bound case": {"subjects", "state", "app", "purpose", "expires", "approved_by"},
    "expect": {"fields", "others", "rows", "visible", "hidden", "granted", "obligations", "actions"},
}


class CaseMalformed(Exception):
    """The case can't be read; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What the officer expects."""

    fields: dict[FieldName, str]
    others: str | None
    rows: str | None
    visible: tuple[Mapping[FieldName, Cell], ...]
    hidden: tuple[Mapping[FieldName, Cell], ...]
    granted: tuple[str, ...] | None
    obligations: tuple[str, ...]
    actions: dict[FieldName, bool]

    @property
    def is_empty(self) -> bool:
        """Whether it expects nothing: such a case could not fail."""
        return not (self.fields or self.others or self.rows or self.visible or self.hidden or self.actions) and (
            self.granted is None and not self.obligations
        )


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class CaseQuestion:
    """A question ready for the engine."""

    bound: BoundQuery
    caller: Caller
    case: CaseFacts | None
    now: datetime
    expect: Expectation


def read_question(case: Any, catalog: Catalog) -> CaseQuestion:  # noqa: ANN401 - whatever the file says
    """Raises CaseMalformed, naming what is wrong."""
    told = _mapping(case, "case")
    who = _mapping(told.get("who"), "who")
    dataset = catalog.datasets[_known(told.get("dataset"), catalog.datasets, "dataset")]
    purpose = catalog.purposes[_known(told.get("purpose"), catalog.purposes, "purpose")]
    now = _instant(told.get("at"), _NOON)
    facts = _case_facts(told["case"], catalog, purpose.id, now) if "case" in told else None
    caller = Caller(
        principal=PrincipalId("case"),
        app=_known(who.get("app"), catalog.apps, "app"),
        roles=tuple(_known(role, catalog.roles, "role") for role in _texts(who.get("roles", []), "roles")),
        organisation=_text(who, "organisation") or "",
        regions=tuple(_known(code, catalog.regions, "region") for code in _texts(who.get("regions", []), "regions")),
        assurance=_assurance(who.get("assurance", 1)),
        network=_text(who, "network") or "",
        id_number=_text(who, "id_number"),
        purpose=purpose.id,
        case=facts.id if facts is not None else None,
        justification=_text(who, "justification"),
        token_id="case",  # noqa: S106 - not a secret
    )
    return CaseQuestion(
        bound=BoundQuery(
            catalog=catalog,
            dataset=dataset,
            purpose=purpose,
            case=caller.case,
            columns=tuple(OutputColumn(name=name, field=name, aggregate=None) for name in dataset.fields),
            starred=frozenset(dataset.fields),
            where=EVERYTHING,
            order=(),
            limit=None,
            offset=0,
            wants_count=False,
            media_type=MediaType.JSON,
            is_head=False,
            uses=frozenset((name, FieldUse.SHOW) for name in dataset.fields),
            filter_shape="",
        ),
        caller=caller,
        case=facts,
        now=now,
        expect=_expectation(_mapping(told.get("expect"), "expect"), dataset, catalog),
    )


def _case_facts(told: object, catalog: Catalog, purpose: PurposeId, now: datetime) -> CaseFacts:
    said = _mapping(told, "bound case")
    return CaseFacts(
        id=CaseId("C-1"),
        purpose=_known(said.get("purpose", purpose), catalog.purposes, "purpose"),
        state=CaseState(_known(said.get("state", "approved"), [state.value for state in CaseState], "state")),
        subjects=tuple(_texts(said.get("subjects", []), "subjects")),
        assignee_app=AppId(_text(said, "app") or ""),
        opened_by=PrincipalId("opener"),
        approved_by=PrincipalId(_text(said, "approved_by") or "approver"),
        expires_at=_instant(said.get("expires"), now + timedelta(days=1)),
    )


def _expectation(said: dict[str, Any], dataset: Dataset, catalog: Catalog) -> Expectation:
    levels = ["clear", "denied", *catalog.masks]
    fields = said.get("fields", {})
    if not isinstance(fields, dict):
        raise CaseMalformed("`fields` is no mapping of field to level")
    actions = said.get("actions", {})
    if not isinstance(actions, dict):
        raise CaseMalformed("`actions` is no mapping of field to allowed or denied")
    expected = Expectation(
        fields={
            _known(name, dataset.fields, "field"): _known(level, levels, "level") for name, level in fields.items()
        },
        others=_known(said["others"], levels, "level") if "others" in said else None,
        rows=str(said["rows"]) if "rows" in said else None,
        granted=tuple(_texts(said["granted"], "granted")) if "granted" in said else None,
        obligations=tuple(_texts(said.get("obligations", []), "obligations")),
        visible=tuple(_rows(said.get("visible", []), "visible", dataset)),
        hidden=tuple(_rows(said.get("hidden", []), "hidden", dataset)),
        actions={
            _known(name, dataset.fields, "field"): _known(outcome, ("allowed", "denied"), "outcome") == "allowed"
            for name, outcome in actions.items()
        },
    )
    if expected.is_empty:
        raise CaseMalformed("`expect` expects nothing")
    return expected


def _rows(told: object, what: str, dataset: Dataset) -> Iterator[Mapping[FieldName, Cell]]:
    if not isinstance(told, list):
        raise CaseMalformed(f"`{what}` is no list of rows")
    for number, row in enumerate(told, start=1):
        if not isinstance(row, dict) or not row:
            raise CaseMalformed(f"`{what}` row {number} is no mapping of field to value")
        names = {_known(name, dataset.fields, "field"): value for name, value in row.items()}
        try:
            yield {name: read_cell(dataset.fields[name], value) for name, value in names.items()}
        except ValueError as wrong:
            raise CaseMalformed(f"`{what}` row {number}: {wrong}") from None


def _mapping(told: object, what: str) -> dict[str, Any]:
    if not isinstance(told, dict):
        raise CaseMalformed(f"`{what}` is missing or no mapping")
    for key in told:
        _known(key, _KEYS[what], f"key of {what}")
    return told


def _texts(told: object, what: str) -> list[str]:
    if not isinstance(told, list):
        raise CaseMalformed(f"`{what}` is no list")
    if not all(isinstance(each, str) for each in told):
        raise CaseMalformed(f"`{what}` holds something that is no text: put numbers in quotes")
    return list(told)


def _text(said: dict[str, Any], key: str) -> str | None:
    told = said.get(key)
    if told is not None and not isinstance(told, str):
        raise CaseMalformed(f"`{key}` is no text: put numbers in quotes")
    return told


def _assurance(told: object) -> int:
    if not isinstance(told, int) or isinstance(told, bool):
        raise CaseMalformed("`assurance` is no whole number")
    return told


def _known(told: object, names: Collection[Name], what: str) -> Name:
    for name in names:
        if name == told:
            return name
    close = get_close_matches(str(told)[:80], [str(name) for name in names], n=1)
    meant = f"; did you mean `{close[0]}`?" if close else ""
    raise CaseMalformed(f"unknown {what} `{str(told)[:80]}`{meant}")


def _instant(told: object, default: datetime) -> datetime:
    if told is None:
        return default
    try:
        found = told if isinstance(told, datetime) else datetime.fromisoformat(str(told))
    except ValueError:
        raise CaseMalformed("`at` or `expires` is no time like 2026-12-01T04:00:00Z") from None
    if not 2000 <= found.year < 2200:
        raise CaseMalformed("`at` or `expires` is a time in no century of ours")
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
