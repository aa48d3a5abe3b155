"""Table descriptions -> the files of a bundle, checked as the gateway checks one before it serves, then written."""

import json
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import yaml

from gateway.administration.bundle_checks import check_bundle
from gateway.administration.discovery.datasets import ProposedDataset, ProposedField, propose
from gateway.catalog.spelling import fits_name, fits_role
from gateway.decision.model_conf import SUPPORTED
from gateway.errors import SettingsInvalid, Words
from gateway.spi import TableDescription

PURPOSE = "staging"
APP = "staging-desk"
_VALID_DAYS = 365
_LONGEST_TITLE = 500
_HAN = re.compile(r"[\u3400-\u9fff]")
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the bundle is to be called and who is to read it."""

    department: str
    source: str
    role: str
    now: datetime


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
    if not fits_role(wanted.role):
        raise SettingsInvalid(
            fault="--grant: the role's name is not allowed 角色名不可用",
            fix="use lower-case letters, digits, _ and -, in parts joined by / 请用小写字母、数字、_、- 与 /",
        )


def write_bundle(
    folder: Path, tables: Sequence[TableDescription], wanted: Wanted, *, is_forced: bool = False
) -> Discovered:
    """Write a bundle that serves every table to one role for one purpose.

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
    files = _files(wanted, datasets)
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
def _files(wanted: Wanted, datasets: Sequence[ProposedDataset]) -> dict[str, str]:
    department, role = wanted.department, wanted.role
    day, last = wanted.now.date(), (wanted.now + timedelta(days=_VALID_DAYS)).date()
    trial = "{zh: 试用, en: Staging}"
    named = _title("", department)
    first = f"{department}.{datasets[0].name}"
    head = f"p, %s, role:{role}, app:{APP}, dep:{department}, %s, pur:{PURPOSE}, cn, *, , , , allow,%s"
    return {
        "model.conf": SUPPORTED,
        f"catalog/{department}.yaml": _catalog(wanted, datasets),
        "terms.yaml": "{}  # the city's standard data elements: none yet\n",
        "regions.csv": "code,name,level,parent\n",
        "masks.yaml": "redact:\n  title: {zh: 遮盖, en: Hidden}\n  rank: 90\n  otherwise: {kind: redact}\n",
        "roles.yaml": f"{_quoted(role)}:\n  title: {_title('', role)}\n",
        "apps.yaml": f"{APP}:\n  title: {trial}\n  organisation: {_quoted(department)}\n  purposes: [{PURPOSE}]\n"
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
  roles: [{_quoted(role)}]
  valid: [{day}, {last}]
  retention_days: 30
""",
        f"rules/{department}.csv": "# One role reads it all, for trying out. 试用：一个角色可读全部\n"
        "# p, id, sub, app, obj, act, pur, reg, case, nbf, exp, cond, eft, obl\n\n"
        + head % ("S001", "show", " level=clear")
        + "\n"
        + head % ("S002", "rows", "")
        + "\n",
        f"cases/{department}.yaml": f"""\
- title: {{zh: 试用角色可读全部, en: The staging role reads all}}
  who: {{roles: [{_quoted(role)}], app: {APP}}}
  at: {day}T12:00:00Z
  purpose: {PURPOSE}
  dataset: {_quoted(first)}
  expect: {{others: clear, rows: all}}
- title: {{zh: 其他人看不到, en: Nobody else sees anything}}
  who: {{roles: [], app: {APP}}}
  at: {day}T12:00:00Z
  purpose: {PURPOSE}
  dataset: {_quoted(first)}
  expect: {{others: denied, rows: none}}
""",
    }


def _catalog(wanted: Wanted, datasets: Sequence[ProposedDataset]) -> str:
    lines = [
        "# Made from the source's own description. Classes are a guess: label what is personal before it serves.",
        f"department: {_quoted(wanted.department)}",
        f"title: {_title('', wanted.department)}",
        f"source: {_quoted(wanted.source)}",
        "datasets:",
    ]
    for dataset in datasets:
        lines += [
            f"  {_quoted(dataset.name)}:",
            f"    title: {_title(dataset.comment, dataset.table)}",
            f"    table: {_quoted(dataset.table)}",
            f"    key: [{', '.join(map(_quoted, dataset.key))}]",
            "    fields:",
            *(f"      {_quoted(field.name)}: {_field(field)}" for field in dataset.fields),
        ]
        if dataset.links:
            lines.append("    links:")
        for link in dataset.links:
            on = ", ".join(f"{_quoted(here)}: {_quoted(there)}" for here, there in link.on)
            one = ", one: true" if link.is_one else ""
            target = _quoted(f"{wanted.department}.{link.to}")
            lines.append(f"      {_quoted(link.name)}: {{to: {target}, on: {{{on}}}{one}}}")
    return "\n".join(lines) + "\n"


def _field(field: ProposedField) -> str:
    column = "" if field.column == field.name else f"column: {_quoted(field.column)}, "
    kind = _quoted(field.type.value)
    return f"{{{column}type: {kind}, class: internal, title: {_title(field.comment, field.column)}}}"


def _title(comment: str, name: str) -> str:
    """In both languages what the source says; a Chinese comment leaves the English title to the name."""
    told = " ".join("".join(character if character.isprintable() else " " for character in comment).split())
    told = told[:_LONGEST_TITLE] or name
    return f"{{zh: {_quoted(told)}, en: {_quoted(name if _HAN.search(told) else told)}}}"


def _quoted(text: str) -> str:
    """A text as YAML reads it back, in quotes where it must be."""
    if _PLAIN.fullmatch(text) and yaml.safe_load(text) == text:
        return text
    return json.dumps(text, ensure_ascii=False)
