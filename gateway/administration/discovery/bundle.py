"""Table descriptions -> the files of a bundle, checked as the gateway checks one before it serves, then written."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType

from gateway.administration.bundle_checks import check_bundle
from gateway.administration.discovery.datasets import ProposedDataset, propose
from gateway.administration.discovery.department import (
    Labels,
    Language,
    department_file,
    quoted,
    terms_file,
    terms_used,
    title_of,
)
from gateway.catalog.spelling import fits_name, fits_role
from gateway.decision.model_conf import SUPPORTED
from gateway.errors import SettingsInvalid, Words
from gateway.model.catalog import Classification
from gateway.spi import TableDescription

PURPOSE = "staging"
APP = "staging-desk"
_NOBODY = "staging/reader"  # a role that is declared, and granted nothing
_HIGH = frozenset({Classification.SENSITIVE, Classification.CORE})
_VALID_DAYS = 365
_NO_LABELS: Labels = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the bundle is to be called and who is to read it; `role` None: nobody."""

    department: str
    source: str
    role: str | None
    now: datetime
    language: Language = "zh"


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovered:
    """What was written, and in words what was left out."""

    datasets: int
    fields: int
    links: int
    notes: tuple[Words, ...]


def check_wanted(wanted: Wanted) -> None:
    """Raises SettingsInvalid naming the word that a bundle would not take."""
    for name, option in ((wanted.department, "--department"), (wanted.source, "--source")):
        if not fits_name(name) or name == "langqiao":
            raise SettingsInvalid(
                fault=f"{option}: the name is not allowed 名称不可用",
                fix="use lower-case letters, digits, _ and - 请用小写字母、数字、_ 与 -",
            )
    if wanted.role is not None and not fits_role(wanted.role):
        raise SettingsInvalid(
            fault="--grant: the role's name is not allowed 角色名不可用",
            fix="use lower-case letters, digits, _ and -, in parts joined by / 请用小写字母、数字、_、- 与 /",
        )


def write_bundle(
    folder: Path,
    tables: Sequence[TableDescription],
    wanted: Wanted,
    labels: Labels = _NO_LABELS,
    *,
    is_forced: bool = False,
) -> Discovered:
    """Write a bundle of every table, labelled; it serves it to one role for one purpose, or grants nothing.

    Raises SettingsInvalid where there is nothing to serve or the folder can't be used, BundleInvalid where the gateway
    would not take it; then nothing is written.
    """
    check_wanted(wanted)
    datasets, notes = propose(tables)
    if not datasets:
        raise SettingsInvalid(
            fault="the schema has no table or view that this account may read 模式中没有该账号可读的表或视图",
            fix="name another with --schema, or grant the account USAGE and SELECT 请指定 --schema 或授予读权限",
        )
    _check_folder(folder, is_forced=is_forced)
    files = _files(wanted, datasets, labels)
    with tempfile.TemporaryDirectory(prefix="langqiao-discover-") as draft:
        _write(Path(draft), files)
        check_bundle(Path(draft))
        try:
            _write(folder, files)
        except OSError as error:
            raise _unusable(folder, type(error).__name__) from None
    return Discovered(
        datasets=len(datasets),
        fields=sum(len(dataset.fields) for dataset in datasets),
        links=sum(len(dataset.links) for dataset in datasets),
        notes=notes,
    )


def _check_folder(folder: Path, *, is_forced: bool) -> None:
    try:
        is_empty = not folder.exists() or not any(folder.iterdir())
    except OSError as error:
        raise _unusable(folder, type(error).__name__) from None
    if not is_empty and not is_forced:
        raise SettingsInvalid(
            fault=f"the folder {folder} is not empty 文件夹非空",
            fix="name a new folder, or overwrite with --force 请换一个文件夹，或用 --force 覆盖",
        )


def _unusable(folder: Path, why: str) -> SettingsInvalid:
    return SettingsInvalid(fault=f"the folder {folder} can't be used ({why})", fix="name a new or empty folder")


def _write(folder: Path, files: Mapping[str, str]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")


# ---------------------------------------------------------------------- the files
def proposed_file(tables: Sequence[TableDescription], wanted: Wanted, labels: Labels) -> str:
    """The department's catalogue file alone, to be put into a bundle by hand."""
    check_wanted(wanted)
    datasets, _ = propose(tables)
    return department_file(wanted.department, wanted.source, datasets, labels, wanted.language)


def _files(wanted: Wanted, datasets: Sequence[ProposedDataset], labels: Labels) -> dict[str, str]:
    department = wanted.department
    terms = terms_used(datasets, labels)
    files = {
        "model.conf": SUPPORTED,
        f"catalog/{department}.yaml": department_file(department, wanted.source, datasets, labels, wanted.language),
        "terms.yaml": terms_file(terms),
        "regions.csv": "code,name,level,parent\n",
        "masks.yaml": "redact:\n  title: {zh: 遮盖, en: Hidden}\n  rank: 90\n  otherwise: {kind: redact}\n",
    }
    grades = {label.classification for columns in labels.values() for label in columns.values()}
    return files | _policy(wanted, datasets, is_sensitive=not _HIGH.isdisjoint(grades))


def _policy(wanted: Wanted, datasets: Sequence[ProposedDataset], *, is_sensitive: bool) -> dict[str, str]:
    department, role = wanted.department, wanted.role or _NOBODY
    day, last = wanted.now.date(), (wanted.now + timedelta(days=_VALID_DAYS)).date()
    trial = "{zh: 试用, en: Staging}"
    named = title_of("", department)
    first = f"{department}.{datasets[0].name}"
    head = f"p, %s, role:{role}, app:{APP}, dep:{department}, %s, pur:{PURPOSE}, cn, *, , , , allow,%s"
    columns = "# p, id, sub, app, obj, act, pur, reg, case, nbf, exp, cond, eft, obl\n\n"
    meant = "# lint: L31 for trying out, asked for with --grant 试用，经 --grant 指定\n" if is_sensitive else ""
    rules = f"# One role reads it all, for trying out. 试用：一个角色可读全部\n{columns}{meant}"
    rules += head % ("S001", "show", " level=clear") + "\n" + head % ("S002", "rows", "") + "\n"
    if wanted.role is None:
        rules = f"# Nothing is granted; what later is, leaves in no file. 尚未授权；日后授权亦不得导出\n{columns}"
        rules += f"p, G001, role:any, app:{APP}, dep:{department}, export, pur:{PURPOSE}, cn, *, , , , deny,\n"
    nobody = f"""\
- title: {{zh: 其他人看不到, en: Nobody else sees anything}}
  who: {{roles: [], app: {APP}}}
  at: {day}T12:00:00Z
  purpose: {PURPOSE}
  dataset: {quoted(first)}
  expect: {{others: denied, rows: none}}
"""
    somebody = f"""\
- title: {{zh: 试用角色可读全部, en: The staging role reads all}}
  who: {{roles: [{quoted(role)}], app: {APP}}}
  at: {day}T12:00:00Z
  purpose: {PURPOSE}
  dataset: {quoted(first)}
  expect: {{others: clear, rows: all}}
"""
    cases = nobody if wanted.role is None else somebody + nobody
    return {
        "roles.yaml": f"{quoted(role)}:\n  title: {title_of('', role)}\n",
        "apps.yaml": f"{APP}:\n  title: {trial}\n  organisation: {quoted(department)}\n  purposes: [{PURPOSE}]\n"
        "  ceiling: null\n",
        "purposes.yaml": f"""\
# For trying out. Before anybody's data is served: name the law, and give it to the roles and apps that need it.
any:
  title: {{zh: 任何用途, en: Any purpose}}
  abstract: true
normal:
  title: {{zh: 日常履职, en: Ordinary duty}}
  abstract: true
  parents: [any]
{PURPOSE}:
  title: {trial}
  parents: [normal]
  legal_basis:
    - law: {{zh: 待填写, en: to be named}}
      article: {{zh: 待填写, en: to be named}}
  controller: {named}
  apps: [{APP}]
  roles: [{quoted(role)}]
  valid: [{day}, {last}]
  retention_days: 30
""",
        f"rules/{department}.csv": rules,
        f"cases/{department}.yaml": cases,
    }
