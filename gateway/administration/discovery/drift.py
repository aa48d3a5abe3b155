"""What a source is now, against what the catalogue says of it -> where the two have drifted apart. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Final

from gateway.administration.discovery.labelling import Notice, Proposal
from gateway.administration.discovery.survey import Surveyed
from gateway.catalog.storage import stored_type
from gateway.errors import Words
from gateway.model.catalog import Catalog, Classification, Dataset, Field, FieldType, Storage
from gateway.model.ids import DatasetName, DepartmentName, SourceName

_SURE_FROM: Final = 0.7
_RANKS: Final = tuple(Classification)


class DriftKind(StrEnum):
    """What has become different."""

    TABLE_NEW = "table-new"
    TABLE_GONE = "table-gone"
    COLUMN_NEW = "column-new"
    COLUMN_GONE = "column-gone"
    TYPE_CHANGED = "type-changed"
    KEY_CHANGED = "key-changed"
    CLASS_TOO_LOW = "class-too-low"


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """One difference. `dataset` and `field` are the catalogue's names, where it has them."""

    kind: DriftKind
    table: str
    column: str | None
    dataset: str | None
    field: str | None
    told: Words


def datasets_of(catalog: Catalog, department: str | None, source: str | None) -> tuple[Dataset, ...]:
    """The datasets that are read from a source: of a department, of a source by name, or of both."""
    return tuple(
        dataset
        for dataset in catalog.datasets.values()
        if dataset.source is not None
        and (department is None or dataset.department == DepartmentName(department))
        and (source is None or dataset.source == SourceName(source))
    )


def find_drift(
    surveyed: Iterable[Surveyed], datasets: Sequence[Dataset], *, is_typed: bool, ignored: Sequence[str] = ()
) -> tuple[Drift, ...]:
    """Every difference, tables in the source's order, then what is gone.

    is_typed: the source declares types; a service or a CSV file tells text for anything. ignored: patterns of
    `table` or `table.column` that are meant to stay outside the catalogue.
    """
    by_table: dict[str, list[Dataset]] = {}
    for dataset in datasets:
        by_table.setdefault(dataset.table, []).append(dataset)
    found: list[Drift] = []
    seen: set[str] = set()
    for table in surveyed:
        name = table.described.table
        served = [one for one in by_table if one == name or (not is_typed and _share_files(one, name))]
        seen.update(served)
        for one in served:
            for dataset in by_table[one]:
                found += _of_dataset(table, dataset, is_typed=is_typed)
        if not served:
            told = ("the catalogue does not have this table", "目录中没有此表")
            found.append(_drift(DriftKind.TABLE_NEW, name, None, told))
    for name, gone in by_table.items():
        if name not in seen:
            told = ("the source no longer shows this table to the account", "来源已不再向该账号提供此表")
            found += [_drift(DriftKind.TABLE_GONE, name, None, told, dataset.name) for dataset in gone]
    return tuple(one for one in found if not _is_ignored(one, ignored))


def _share_files(one: str, other: str) -> bool:
    """Of a folder, a table is a pattern of files: `archive/*.csv` and `archive/2024.csv` have files in common."""
    return fnmatchcase(one, other) or fnmatchcase(other, one)


def _of_dataset(table: Surveyed, dataset: Dataset, *, is_typed: bool) -> Iterator[Drift]:
    name, here = table.described.table, dict(table.described.columns)
    by_column = {field.column: field for field in dataset.fields.values()}
    for column, kind in here.items():
        field = by_column.get(column)
        if field is None:
            yield _drift(DriftKind.COLUMN_NEW, name, column, _new(table.proposals[column]), dataset.name)
            continue
        if not _is_still(field, kind, is_typed=is_typed):
            told = (
                f"the catalogue says {stored_type(field).value}, the source has {kind.value}",
                f"目录为 {stored_type(field).value}，来源为 {kind.value}",
            )
            yield _drift(DriftKind.TYPE_CHANGED, name, column, told, dataset.name, field=field)
        too_low = _too_low(field, table.proposals[column])
        if too_low is not None:
            yield _drift(DriftKind.CLASS_TOO_LOW, name, column, too_low, dataset.name, field=field)
    for column, field in by_column.items():
        if column not in here:
            told = ("the source no longer has this column", "来源已没有此列")
            yield _drift(DriftKind.COLUMN_GONE, name, column, told, dataset.name, field=field)
    key = frozenset(dataset.fields[part].column for part in dataset.key)
    keys = [frozenset(columns) for columns in (table.described.key, *table.described.unique) if columns]
    if keys and key not in keys and key <= here.keys():
        told = ("the catalogue's key is no key of the source any more", "目录中的主键已不是来源的主键或唯一键")
        yield _drift(DriftKind.KEY_CHANGED, name, None, told, dataset.name)


def _is_still(field: Field, kind: FieldType, *, is_typed: bool) -> bool:
    stored = stored_type(field)
    if kind is stored or (not is_typed and kind is FieldType.TEXT):
        return True
    if {kind, stored} <= {FieldType.INTEGER, FieldType.NUMERIC}:
        return not is_typed or field.storage is not Storage.FEN
    return False


def _new(proposal: Proposal) -> Words:
    if proposal.term is None:
        grade = proposal.classification.value
        return f"the catalogue does not have this column ({grade})", f"目录中没有此列（{grade}）"
    label = f"{proposal.term}, {proposal.classification.value}, {proposal.confidence:.2f}"
    return f"the catalogue does not have this column: {label}", f"目录中没有此列：{label}"


def _too_low(field: Field, proposal: Proposal) -> Words | None:
    if _RANKS.index(field.classification) >= _RANKS.index(Classification.SENSITIVE):
        return None
    if proposal.classification is not Classification.SENSITIVE:
        return None
    holds_persons = Notice.PERSONS_INSIDE in proposal.notices
    is_sure = proposal.term is not None and (proposal.is_checked or proposal.confidence >= _SURE_FROM)
    if not (holds_persons or is_sure):
        return None
    what = proposal.term or "text with ID or phone numbers"
    what_zh = proposal.term or "含身份号码或手机号的文本"
    grade = field.classification.value
    return f"now looks like {what}, but is classed {grade}", f"现疑为 {what_zh}，而目录分级为 {grade}"


def _is_ignored(drift: Drift, patterns: Sequence[str]) -> bool:
    names = [drift.table] if drift.column is None else [drift.table, f"{drift.table}.{drift.column}"]
    return any(fnmatchcase(name, pattern) for name in names for pattern in patterns)


def _drift(
    kind: DriftKind,
    table: str,
    column: str | None,
    told: Words,
    *dataset: DatasetName,
    field: Field | None = None,
) -> Drift:
    return Drift(
        kind=kind,
        table=table,
        column=column,
        dataset=dataset[0] if dataset else None,
        field=None if field is None else field.name,
        told=told,
    )
