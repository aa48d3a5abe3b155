"""A bundle's folder -> Catalog, validated and frozen; or every fault at once.

Rules and model.conf are not read here: they count for the version only. Nor are mask kinds and obligations known here:
the PDP builds them when it loads the rules.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from gateway.catalog._datasets import Described, check_links, read_department
from gateway.catalog._faults import Faults
from gateway.catalog._files import read_bundle, text_of, version_of
from gateway.catalog._purposes import Declared, read_purposes
from gateway.catalog._regions import FILE as REGIONS
from gateway.catalog._regions import read_regions
from gateway.catalog._section import Section
from gateway.catalog._suggestion import meant
from gateway.catalog._vocabulary import read_apps, read_masks, read_roles, read_terms
from gateway.catalog._yaml import read_yaml
from gateway.errors import BundleInvalid
from gateway.model.catalog import Catalog, Department, Title
from gateway.model.ids import DatasetName, DepartmentName, TermName

FILES = ("apps.yaml", "masks.yaml", "purposes.yaml", "roles.yaml", "terms.yaml")


def load_catalog(bundle: Path) -> Catalog:
    """The catalogue of a bundle; its version names the bytes that were read.

    Raises BundleInvalid with every problem found: file, line, fault and fix. Where a file is missing or can't be read
    at all, only such problems are told: names in the others could not be told from unknown ones.
    """
    faults = Faults()
    contents = read_bundle(bundle, faults)
    sections = {
        name: _section(name, contents, faults)
        for name in (*FILES, *(name for name in contents if name.startswith("catalog/")))
    }
    tops = {name: section for name, section in sections.items() if section is not None}
    text = text_of(REGIONS, contents, faults)
    if text is None or len(tops) < len(sections):
        raise BundleInvalid(problems=faults.sorted())
    for name in contents:
        if "/" not in name and name.endswith(".yaml") and name not in FILES:
            faults.add(name, 0, "no file of a bundle has this name", meant(name, FILES))
    regions = read_regions(text, faults)
    terms = read_terms(tops["terms.yaml"])
    masks = read_masks(tops["masks.yaml"], terms)
    roles = read_roles(tops["roles.yaml"])
    apps = read_apps(tops["apps.yaml"], tops["purposes.yaml"], masks)
    purposes = read_purposes(tops["purposes.yaml"], Declared(apps=apps, roles=roles, masks=masks))
    departments, described = _departments([top for name, top in tops.items() if name not in FILES], terms, faults)
    if faults.found:
        raise BundleInvalid(problems=faults.sorted())
    return Catalog(
        version=version_of(contents),
        departments=MappingProxyType(departments),
        datasets=MappingProxyType({name: entry.dataset for name, entry in described.items()}),
        terms=MappingProxyType(terms),
        regions=MappingProxyType(regions),
        purposes=MappingProxyType(purposes),
        masks=MappingProxyType(masks),
        roles=MappingProxyType(roles),
        apps=MappingProxyType(apps),
    )


def _section(name: str, contents: Mapping[str, bytes], faults: Faults) -> Section | None:
    text = text_of(name, contents, faults)
    branch = read_yaml(name, text, faults) if text is not None else None
    if branch is None:
        return None
    return Section(file=name, what=name, branch=branch, line=branch.line, faults=faults)


def _departments(
    tops: Iterable[Section], terms: Mapping[TermName, Title], faults: Faults
) -> tuple[dict[DepartmentName, Department], dict[DatasetName, Described]]:
    departments: dict[DepartmentName, Department] = {}
    described: dict[DatasetName, Described] = {}
    for top in tops:
        department, datasets = read_department(top, terms)
        departments[department.name] = department
        described |= datasets
    if not departments:
        faults.add("catalog", 0, "the bundle describes no department", "add catalog/<department>.yaml")
    check_links(described)
    return departments, described
