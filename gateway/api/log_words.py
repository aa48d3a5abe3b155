"""Found entries -> the wire, with the words of the catalogue for what they name. Pure."""

from collections.abc import Mapping

from gateway.model.catalog import Catalog, Dataset, Purpose, Title
from gateway.model.ids import AppId, DatasetName, FieldName, MaskName, PurposeId
from gateway.model.log_search import FoundEntry, Looker

_LEVELS = {
    "clear": Title(zh="原值", en="as it is"),
    "denied": Title(zh="未提供", en="not shown"),
    "undecided": Title(zh="未决定", en="not decided"),
}


def write_entry(found: FoundEntry, *, with_subjects: bool) -> dict[str, object]:
    """An entry on the wire. People that it is about: how many, and their keyed hashes only where asked for."""
    entry = found.entry
    told: dict[str, object] = {
        "index": found.index,
        "at": entry.at.isoformat(),
        "kind": entry.kind.value,
        "principal": entry.principal,
        "app": entry.app,
        "organisation": entry.organisation,
        "purpose": entry.purpose,
        "legal_basis": list(entry.legal_basis),
        "case": entry.case,
        "dataset": entry.dataset,
        "fields": {one.field: one.level for one in entry.fields},
        "filter_shape": entry.filter_shape,
        "rows": entry.rows,
        "persons": len(entry.subjects),
        "outcome": entry.outcome,
        "code": entry.code,
        "detail": entry.detail,
        "policy_version": entry.policy_version,
        "receipt": found.receipt,
    }
    return told | {"same_person": list(entry.subjects)} if with_subjects else told


def write_looker(looker: Looker, catalog: Catalog) -> dict[str, object]:
    """One of those who looked."""
    return {
        "principal": looker.principal,
        "app": looker.app,
        "organisation": looker.organisation,
        "purpose": _purpose(looker.purpose, catalog),
        "case": looker.case,
        "first": looker.first.isoformat(),
        "last": looker.last.isoformat(),
        "entries": looker.entries,
        "rows": looker.rows,
        "outcomes": dict(looker.outcomes),
        "fields": [{"field": name, "levels": list(levels)} for name, levels in looker.fields],
        "legal_basis": list(looker.legal_basis),
    }


def write_own(row: Mapping[str, object], catalog: Catalog) -> dict[str, object]:
    """A row of `langqiao.access` as its resident reads it: which office, why, on what basis, what was seen of them.

    Holds what the policy let through and nothing beside it but titles.
    """
    at, dataset = row["at"], catalog.datasets.get(DatasetName(str(row["dataset"])))
    app = catalog.apps.get(AppId(str(row["app"])))
    return {
        "entry": row["entry"],
        "at": at.isoformat() if hasattr(at, "isoformat") else at,
        "organisation": row["organisation"],
        "app": {"id": row["app"], "title": _title(app.title) if app else None},
        "purpose": _purpose(str(row["purpose"]), catalog),
        "legal_basis": row["legal_basis"],
        "outcome": row["outcome"],
        "dataset": {
            "id": row["dataset"],
            "title": _title(dataset.title) if dataset else None,
            "department": _title(catalog.departments[dataset.department].title) if dataset else None,
        },
        "fields": [_field(told, dataset, catalog) for told in str(row["fields"]).split(", ") if told],
    }


def _purpose(name: str, catalog: Catalog) -> dict[str, object]:
    """A purpose by its words; one that is no longer in the catalogue by its name alone."""
    purpose: Purpose | None = catalog.purposes.get(PurposeId(name))
    if purpose is None:
        return {"id": name, "title": None, "controller": None, "legal_basis": []}
    return {
        "id": name,
        "title": _title(purpose.title),
        "controller": _title(purpose.controller),
        "legal_basis": [
            {"zh": f"{basis.law.zh} {basis.article.zh}", "en": f"{basis.law.en}, {basis.article.en}"}
            for basis in purpose.legal_basis
        ],
    }


def _field(told: str, dataset: Dataset | None, catalog: Catalog) -> dict[str, object]:
    name, _, level = told.rpartition(":")
    field = dataset.fields.get(FieldName(name)) if dataset else None
    mask = catalog.masks.get(MaskName(level))
    words = _LEVELS.get(level) or (mask.title if mask else None)
    return {
        "field": name,
        "title": _title(field.title) if field else None,
        "level": level,
        "level_title": _title(words) if words else None,
    }


def _title(title: Title) -> dict[str, str]:
    return {"zh": title.zh, "en": title.en}
