"""A bundle's YAML files -> where each purpose, role, dataset and field is declared. For findings; judges nothing."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from gateway.catalog._faults import Faults
from gateway.catalog._files import read_bundle
from gateway.catalog._yaml import Branch, read_yaml


def declared_at(bundle: Path) -> Mapping[str, tuple[str, int]]:
    """(file, line) by the names that rules give them: `pur:x`, `role:x`, `ds:d.x`, `field:d.x.y`.

    What can't be read has no place; `load_catalog` tells why.
    """
    found: dict[str, tuple[str, int]] = {}
    for file, text in texts_of(bundle).items():
        branch = read_yaml(file, text, Faults()) if file.endswith(".yaml") else None
        if branch is None:
            continue
        prefix = {"purposes.yaml": "pur:", "roles.yaml": "role:"}.get(file)
        if prefix is not None:
            found |= {prefix + name: (file, line) for name, line in branch.lines.items()}
        elif file.startswith("catalog/"):
            found |= {name: (file, line) for name, line in _datasets(branch)}
    return found


def texts_of(bundle: Path) -> Mapping[str, str]:
    """The files of the bundle that people write rules and names in, by relative path; what isn't UTF-8 is left out."""
    found: dict[str, str] = {}
    for file, raw in read_bundle(bundle, Faults()).items():
        if file.endswith((".yaml", ".csv")) and file != "regions.csv":
            try:
                found[file] = raw.decode("utf-8-sig")
            except UnicodeDecodeError:
                continue
    return found


def _datasets(top: Branch) -> Iterator[tuple[str, int]]:
    department = getattr(top.entries.get("department"), "raw", "")
    datasets = top.entries.get("datasets")
    if not isinstance(datasets, Branch):
        return
    for name, dataset in datasets.entries.items():
        yield f"ds:{department}.{name}", datasets.lines[name]
        fields = dataset.entries.get("fields") if isinstance(dataset, Branch) else None
        if isinstance(fields, Branch):
            for field, line in fields.lines.items():
                yield f"field:{department}.{name}.{field}", line
